"""Body patterns: hex with wildcards, alternatives, boundaries, gaps and modifiers, as text -> ``model.body``.

What is one part and what is a gap follows ClamAV's own rules: ``{n}`` with n from 1 to 127 is n wildcards as long as
every brace before it is one, too; all other braces and ``*`` separate parts; a maximum of 0 is none.
"""

import re

from freehold.model.body import Body, Bytes, Choice, Edge, Element, Gap, Mark, Neighbour, Part
from freehold.model.errors import MalformedInput

DEEPEST_NESTING = 15
"""How deep alternatives may be nested."""

FARTHEST_NEIGHBOUR = 32
"""The largest number within ``[n-m]``."""

MODIFIERS = frozenset("iwfa")

_LITERAL = re.compile(r"(?:[0-9a-fA-F]{2}){2,}")
_SMALL_GAP = re.compile(r"\{0*([1-9]\d?|1[01]\d|12[0-7])\}")
_SEPARATOR = re.compile(r"(\*|\{[^}]*\})")
_GAP = re.compile(r"\{(\d{0,10})(?:(-)(\d{0,10}))?\}")
_BEFORE = re.compile(r"([0-9a-fA-F?]{2})\[(\d{1,4})(?:-(\d{1,4}))?\]")
_AFTER = re.compile(r"\[(\d{1,4})(?:-(\d{1,4}))?\]([0-9a-fA-F?]{2})\Z")
_TOKEN = re.compile(r"(?P<run>(?:[0-9a-fA-F?]{2})+)|(?P<mark>!?\([BLW]\))|(?P<open>!?\()|(?P<bar>\|)|(?P<close>\))")
_WIDENED = re.compile(r"(?P<pair>[0-9a-fA-F?]{2})|\[(?P<near>[^\]]*)\]|\{[^}]*\}|!?\([BLW]\)")
_MASK_OF = str.maketrans("0123456789abcdefABCDEF?", "f" * 22 + "0")


def parse_body(text: str, modifiers: str = "") -> tuple[Body, ...]:
    """Return the forms of a pattern: one, or with the modifiers ``w`` and ``a`` together the wide and the plain one.

    Raises:
        MalformedInput: for whatever ClamAV would not load.
    """
    if unknown := set(modifiers) - MODIFIERS:
        raise MalformedInput(f"unknown modifier {min(unknown)!r}")
    nocase = "i" in modifiers
    if "f" in modifiers:
        text = f"(W){text.replace('[', '{').replace(']', '}')}(W)"
    forms = []
    if "w" in modifiers:
        forms.append(_wide_form(text, nocase))
    if "w" not in modifiers or "a" in modifiers:
        forms.append(_form(text, nocase, wide=False, may_negate=not modifiers))
    return tuple(forms)


def _wide_form(text: str, nocase: bool) -> Body:
    if _LITERAL.fullmatch(text):
        narrow = bytes.fromhex(text)
        value = bytearray(2 * len(narrow))
        value[::2] = narrow
        return Body((Part((Bytes(bytes(value)),)),), (), nocase, wide=True)
    return _form(_WIDENED.sub(_widen, text), nocase, wide=True, may_negate=False)


def _widen(match: re.Match[str]) -> str:
    if match["pair"]:
        return match["pair"] + "00"
    return "{" + match["near"] + "}" if match["near"] is not None else match[0]


def _form(text: str, nocase: bool, *, wide: bool, may_negate: bool) -> Body:
    if _LITERAL.fullmatch(text):
        return Body((Part((Bytes(bytes.fromhex(text)),)),), (), nocase, wide)
    if "{" not in text and "*" not in text:
        return Body((_part(text, may_negate),), (), nocase, wide)
    pieces = _SEPARATOR.split(_expand_small_gaps(text))
    parts = tuple(_part(piece, may_negate) for piece in pieces[::2])
    return Body(parts, tuple(_gap(piece) for piece in pieces[1::2]), nocase, wide)


def _expand_small_gaps(text: str) -> str:
    pieces: list[str] = []
    position = 0
    while (brace := text.find("{", position)) >= 0 and (match := _SMALL_GAP.match(text, brace)):
        pieces += text[position:brace], "??" * int(match[1])
        position = match.end()
    return "".join(pieces) + text[position:]


def _gap(text: str) -> Gap:
    if text == "*":
        return Gap()
    match = _GAP.fullmatch(text)
    if match is None:
        raise MalformedInput(f"{text!r} is no range of bytes")
    minimum = int(match[1] or 0)
    maximum = int(match[3] or 0) if match[2] else minimum
    return Gap(minimum, maximum or None)


def _part(text: str, may_negate: bool) -> Part:
    before = after = None
    rest = text
    if "[" in text:
        before, after, rest = _neighbours(text)
    if _LITERAL.fullmatch(rest):
        return Part((Bytes(bytes.fromhex(rest)),), None, None, before, after)
    elements = _Elements(rest, may_negate).parse()
    left = right = None
    if elements and isinstance(last := elements[-1], Mark):
        right = last
        elements.pop()
    if elements and isinstance(first := elements[0], Mark) and not first.negated:
        left = first
        elements.pop(0)
    if not any(isinstance(e, Bytes) and _has_two_exact_bytes(e) for e in elements):
        raise MalformedInput(f"the part {text[:80]!r} has no two exact bytes side by side")
    return Part(tuple(elements), left, right, before, after)


def _has_two_exact_bytes(run: Bytes) -> bool:
    return b"\xff\xff" in run.mask if run.mask else len(run.value) >= 2


def _neighbours(text: str) -> tuple[Neighbour | None, Neighbour | None, str]:
    before = after = None
    if match := _BEFORE.match(text):
        before = _neighbour(match[1], match[2], match[3])
        text = text[match.end() :]
    if match := _AFTER.search(text):
        after = _neighbour(match[3], match[1], match[2])
        text = text[: match.start()]
    if "[" in text:
        raise MalformedInput("a range in square brackets needs a single byte before or behind it")
    return before, after, text


def _neighbour(byte: str, minimum: str, maximum: str | None) -> Neighbour | None:
    least, most = int(minimum), int(maximum or minimum)
    if least > most or most > FARTHEST_NEIGHBOUR:
        raise MalformedInput(f"[{least}-{most}] is not within 0 to {FARTHEST_NEIGHBOUR}")
    mask = int(byte.translate(_MASK_OF), 16)
    return Neighbour(int(byte.replace("?", "0"), 16), mask, least, most) if mask else None


def _run(text: str) -> Bytes:
    if "?" not in text:
        return Bytes(bytes.fromhex(text))
    return Bytes(bytes.fromhex(text.replace("?", "0")), bytes.fromhex(text.translate(_MASK_OF)))


class _Elements:
    """Reads one part's elements from left to right."""

    __slots__ = ("_may_negate", "_position", "_text")

    def __init__(self, text: str, may_negate: bool) -> None:
        self._text = text
        self._position = 0
        self._may_negate = may_negate

    def parse(self) -> list[Element]:
        elements: list[Element] = []
        while (token := self._next()) is not None:
            if token.lastgroup == "run":
                elements.append(_run(token[0]))
            elif token.lastgroup == "mark":
                elements.append(Mark(Edge(token[0][-2]), token[0][0] == "!"))
            elif token.lastgroup == "open":
                elements.append(self._choice(token[0], 0))
            else:
                raise MalformedInput(f"{token[0]!r} stands outside of alternatives")
        return elements

    def _next(self) -> re.Match[str] | None:
        if self._position == len(self._text):
            return None
        token = _TOKEN.match(self._text, self._position)
        if token is None:
            raise MalformedInput(f"{self._text[self._position : self._position + 16]!r} cannot be read as a pattern")
        self._position = token.end()
        return token

    def _choice(self, opening: str, depth: int) -> Choice:
        if depth > DEEPEST_NESTING:
            raise MalformedInput(f"alternatives are nested deeper than {DEEPEST_NESTING}")
        options: list[tuple[Element, ...]] = []
        current: list[Element] = []
        while (token := self._next()) is not None:
            if token.lastgroup == "run":
                current.append(_run(token[0]))
            elif token[0] == "(":
                current.append(self._choice(token[0], depth + 1))
            elif token.lastgroup in {"bar", "close"}:
                options.append(tuple(current))
                current = []
                if token.lastgroup == "close":
                    return self._checked(Choice(tuple(options), opening == "!("))
            else:
                raise MalformedInput(f"{token[0]!r} cannot stand within alternatives")
        raise MalformedInput("alternatives are not closed")

    def _checked(self, choice: Choice) -> Choice:
        if not choice.options[0]:
            raise MalformedInput("the first alternative is empty")
        if choice.negated and not (self._may_negate and _equally_long(choice)):
            raise MalformedInput("only exact alternatives of one length can be negated, and not with modifiers")
        return choice


def _equally_long(choice: Choice) -> bool:
    lengths = set()
    for option in choice.options:
        if len(option) != 1 or not isinstance(run := option[0], Bytes) or run.mask:
            return False
        lengths.add(len(run.value))
    return len(lengths) == 1
