"""What ClamAV measures of an icon, and its signatures of icons.

The numbers describe an icon of 16, 24 or 32 pixels a side by its most and least colourful, bright and edged squares.
Their written form, 124 hexadecimal digits, is that of ``.idb`` files; a database holds the same digits as bytes.
"""

from typing import NamedTuple

DIGITS = 124
"""Hexadecimal digits of an icon's metrics."""

SIDES = (16, 24, 32)
"""Pixels of a side of the icons that signatures describe."""

_AVERAGE_DIGITS = (3, 3, 2, 2, 2, 2)
"""How long the averages of each kind of area are written; places have two digits."""


class Area(NamedTuple):
    """A square of the icon, a quarter of a side wide: the average within it, and its upper left corner in pixels."""

    average: int
    x: int
    y: int


Areas = tuple[Area, Area, Area]
"""The three most extreme squares of a kind."""


class IconMetrics(NamedTuple):
    """What is compared of two icons.

    Attributes:
        side: in pixels.
        color: most colourful squares (0 to 4,072); of icons without colours the fourth to sixth most edged ones.
        gray: least colourful squares; of icons without colours the fourth to sixth least edged ones.
        bright: brightest squares (0 to 255).
        dark: darkest squares.
        edge: squares with most edges (0 to 255).
        noedge: squares with fewest edges.
        red: how red the coloured pixels are, in percent; 0 for icons without colours.
        green: likewise.
        blue: likewise.
        colored: coloured pixels in percent.
    """

    side: int
    color: Areas
    gray: Areas
    bright: Areas
    dark: Areas
    edge: Areas
    noedge: Areas
    red: int
    green: int
    blue: int
    colored: int

    def digits(self) -> str:
        """Return the written form of metrics whose numbers fit; as ``clamscan --debug`` prints it."""
        areas = "".join(
            f"{area.average:0{width}x}{area.x:02x}{area.y:02x}"
            for width, three in zip(_AVERAGE_DIGITS, self[1:7], strict=True)
            for area in three
        )
        return f"{self.side:02x}{areas}{self.red:02x}{self.green:02x}{self.blue:02x}{self.colored:02x}"


def read_metrics(digits: str) -> IconMetrics:
    """Read the written form; raises ``ValueError`` when it is none, but does not judge the numbers."""
    if len(digits) != DIGITS:
        raise ValueError(f"{len(digits)} digits; {DIGITS} are expected")
    at = 0

    def number(width: int) -> int:
        nonlocal at
        at += width
        return int(digits[at - width : at], 16)

    def areas(width: int) -> Areas:
        first, second, third = (Area(number(width), number(2), number(2)) for _ in range(3))
        return first, second, third

    side = number(2)
    color, gray, bright, dark, edge, noedge = map(areas, _AVERAGE_DIGITS)
    return IconMetrics(side, color, gray, bright, dark, edge, noedge, number(2), number(2), number(2), number(2))
