"""A slow and obviously right matcher: what a signature means, without any thought of speed.

The fast matcher is compared with this one, and this one with ``clamscan``. It takes the bytes that a target's root sees
(normalised, where that target is normalised) and the landmarks of the artifact. Whatever ``clamscan`` does only because
of its windows, its short memory for ends of parts or its crashes is left out.
"""

import ctypes
import ctypes.util
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from freehold.model.body import (
    Anchor,
    Body,
    Bytes,
    Choice,
    Edge,
    Element,
    Landmarks,
    Mark,
    Neighbour,
    Offset,
    Part,
)
from freehold.model.logical import (
    BodyMatch,
    ByteComparison,
    Comparison,
    Expression,
    ImageHash,
    Leaf,
    MacroMatch,
    Operator,
    Radix,
    Range,
    RegexMatch,
    Relation,
)
from freehold.model.signature import LogicalSignature

WORD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
LEFT_SEPARATORS = frozenset(b" -/_.<@")
RIGHT_SEPARATORS = frozenset(b"\n\r \"'=>-/_")
SPACE = b" \t\n\v\f\r"


NO_LANDMARKS = Landmarks()


@dataclass(frozen=True)
class Facts:
    """What the engine knows of an artifact beside its bytes.

    ``landmarks`` None: it looks like a program, but its header cannot be parsed. ``size`` None: that of the data.
    """

    landmarks: Landmarks | None = NO_LANDMARKS
    size: int | None = None
    containers: tuple[str, ...] = ()
    macros: dict[int, set[int]] = field(default_factory=dict)


def matches(signature: LogicalSignature, data: bytes, facts: Facts) -> bool:
    """Whether the signature matches data that its target's root looks at."""
    if not described(signature, data, facts):
        return False
    counts: list[int] = []
    starts: list[list[int]] = []
    for subsignature in signature.subsignatures:
        found = _count(subsignature, data, facts, counts, starts)
        counts.append(found[0])
        starts.append(found[1])
    for index, subsignature in enumerate(signature.subsignatures):
        if isinstance(subsignature, ByteComparison):
            counts[index] = int(_compare_bytes(subsignature, data, counts, starts))
    return evaluate(signature.expression, counts)[0]


def counts_of(signature: LogicalSignature, data: bytes, facts: Facts) -> list[int]:
    """Return the count of each subsignature, byte comparisons excepted."""
    counts: list[int] = []
    starts: list[list[int]] = []
    for subsignature in signature.subsignatures:
        found = _count(subsignature, data, facts, counts, starts)
        counts.append(found[0])
        starts.append(found[1])
    return counts


def described(signature: LogicalSignature, data: bytes, facts: Facts) -> bool:
    """Whether the artifact is one of those that the target description names."""
    description = signature.description
    if any(description.icon_groups):
        return False  # without icon signatures no icon belongs to a group
    if not _within(description.file_size, len(data) if facts.size is None else facts.size):
        return False
    if description.entry_point or description.sections:
        landmarks = facts.landmarks
        if landmarks is None or not _within(description.sections, len(landmarks.sections)):
            return False
        if not _within(description.entry_point, -1 if landmarks.entry_point is None else landmarks.entry_point):
            return False
    return _in_container(description.container, facts.containers)


def _within(allowed: Range | None, value: int) -> bool:
    return allowed is None or allowed.minimum <= value <= allowed.maximum


def _in_container(container: str | None, containers: tuple[str, ...]) -> bool:
    if container is None:
        return True
    return container == (containers[-1] if containers else "CL_TYPE_ANY")


# Expressions


def evaluate(expression: Expression, counts: Sequence[int]) -> tuple[bool, int, frozenset[int]]:
    """Return truth, total and the subsignatures that contributed."""
    if isinstance(expression, Leaf):
        count = counts[expression.index]
        if not (count > 0 if expression.comparison is None else _related(expression.comparison, count)):
            return False, 0, frozenset()
        return True, count, frozenset({expression.index})
    left, left_total, left_ids = evaluate(expression.left, counts)
    right, right_total, right_ids = evaluate(expression.right, counts)
    truth = (left and right) if expression.operator is Operator.AND else (left or right)
    total = left_total + right_total if truth else 0
    ids = left_ids | right_ids if truth else frozenset()
    if expression.comparison is None:
        return truth, total, ids
    if not _related(expression.comparison, total) or len(ids) < expression.distinct:
        return False, 0, frozenset()
    return True, total, frozenset()


def _related(comparison: Comparison, number: int) -> bool:
    if comparison.relation is Relation.EQUAL:
        return number == comparison.value
    if comparison.relation is Relation.LESS:
        return number < comparison.value
    return number > comparison.value


# Subsignatures


def _count(
    subsignature: object, data: bytes, facts: Facts, counts: Sequence[int], starts: Sequence[list[int]]
) -> tuple[int, list[int]]:
    """Return the count and the starts of a subsignature, given those of the subsignatures before."""
    if isinstance(subsignature, BodyMatch):
        return body_count(subsignature, data, facts.landmarks)
    if isinstance(subsignature, RegexMatch):
        if not evaluate(subsignature.trigger, counts)[0]:
            return 0, []
        found = list(_regex_matches(subsignature, data, facts.landmarks))
        return len(found), found
    if isinstance(subsignature, MacroMatch):
        near = [
            start
            for start in (starts[-1] if starts else [])
            if any(
                start + subsignature.minimum <= macro <= start + subsignature.maximum
                for macro in facts.macros.get(subsignature.group, ())
            )
        ]
        return len(near), near
    if isinstance(subsignature, ImageHash):
        raise NotImplementedError("image hashes")
    return 0, []  # byte comparisons come last


def body_count(subsignature: BodyMatch, data: bytes, landmarks: Landmarks | None) -> tuple[int, list[int]]:
    """Count a body's matches in all its forms; the starts are those of the first part."""
    single: set[int] = set()
    several = 0
    chained: list[int] = []
    for form in subsignature.forms:
        matched = list(_body_matches(form, subsignature.offset, data, landmarks))
        if len(form.parts) == 1:
            single.update(start for start, _ in matched)
        else:
            several += len({last for _, last in matched})
            chained += (first for first, _ in matched)
    return len(single) + several, sorted([*single, *chained])


def _body_matches(body: Body, offset: Offset, data: bytes, landmarks: Landmarks | None) -> Iterator[tuple[int, int]]:
    """Yield (start of the first part, start of the last part) for every last part that a chain leads to."""
    chains = [
        (start, start, end)
        for start, end in _part_matches(body.parts[0], body, data)
        if start_allowed(offset, start, len(data), landmarks)
    ]
    for gap, part in zip(body.gaps, body.parts[1:], strict=True):
        extended = []
        for start, end in _part_matches(part, body, data):
            for first, _, previous_end in chains:
                distance = start - previous_end
                if distance >= gap.minimum and distance >= 0 and (gap.maximum is None or distance <= gap.maximum):
                    extended.append((first, start, end))
                    break
        chains = extended
    for first, start, _ in chains:
        yield first, start


def start_allowed(offset: Offset, start: int, size: int, landmarks: Landmarks | None) -> bool:
    """Whether a body may start there."""
    if offset.anchor is Anchor.ANY:
        return True
    if offset.anchor is Anchor.MACRO:
        return False  # it counts for its group alone
    if offset.anchor is Anchor.VERSION_INFO:
        return landmarks is not None and start in landmarks.version_info
    span = offset_span(offset, size, landmarks)
    return span is not None and span[0] <= start <= span[1]


def offset_span(offset: Offset, size: int, landmarks: Landmarks | None) -> tuple[int, int] | None:
    """Return the first and the last start that an offset with a fixed place allows."""
    if offset.anchor is Anchor.START:
        return offset.value, offset.value + offset.shift
    if landmarks is None:
        return None
    base: int | None = None
    if offset.anchor is Anchor.END:
        base = size
    elif offset.anchor is Anchor.ENTRY:
        base = landmarks.entry_point
    elif offset.anchor is Anchor.LAST_SECTION:
        base = landmarks.sections[-1][0] if landmarks.sections else None
    elif offset.number < len(landmarks.sections):
        base, length = landmarks.sections[offset.number]
        if offset.anchor is Anchor.SECTION_EXTENT:
            return base, base + length + offset.shift
    if base is None or base + offset.value < 0:
        return None
    return base + offset.value, base + offset.value + offset.shift


# Parts


def _part_matches(part: Part, body: Body, data: bytes) -> Iterator[tuple[int, int]]:
    for start in _possible_starts(part.elements[0], body.nocase, data):
        if part.left is not None and not _at_left_edge(part.left, data, start, body.wide):
            continue
        if part.before is not None and not _neighbour_before(part.before, data, start, body.nocase):
            continue
        for end in sorted(set(_ends(part.elements, 0, body.nocase, data, start))):
            if part.right is not None and not _at_right_edge(part.right, data, end, body.wide):
                continue
            if part.after is not None and not _neighbour_after(part.after, data, end, body.nocase):
                continue
            yield start, end


def _possible_starts(element: Element, nocase: bool, data: bytes) -> Iterator[int]:
    """Yield every place where the exact bytes that the element begins with stand, at least."""
    exact = b""
    if isinstance(element, Bytes):
        exact = element.value[: _leading_exact(element.mask)] if element.mask else element.value
    if nocase:
        exact, data = exact.lower(), data.lower()
    start = data.find(exact)
    while start >= 0:
        yield start
        start = data.find(exact, start + 1)


def _leading_exact(mask: bytes) -> int:
    return len(mask) - len(mask.lstrip(b"\xff"))


def _ends(elements: Sequence[Element], index: int, nocase: bool, data: bytes, position: int) -> Iterator[int]:
    """Yield where the elements from ``index`` on can end when they start at ``position``."""
    if index == len(elements):
        yield position
        return
    for end in _element_ends(elements[index], nocase, data, position):
        yield from _ends(elements, index + 1, nocase, data, end)


def _element_ends(element: Element, nocase: bool, data: bytes, position: int) -> Iterator[int]:
    if isinstance(element, Bytes):
        if all(_one_byte(element, i, nocase, data, position + i) for i in range(len(element.value))):
            yield position + len(element.value)
    elif isinstance(element, Choice):
        if element.negated:
            yield from _negated_ends(element, data, position)
            return
        for option in element.options:
            yield from _ends(option, 0, nocase, data, position)
    else:
        yield from _mark_ends(element, data, position)


def _one_byte(run: Bytes, index: int, nocase: bool, data: bytes, position: int) -> bool:
    if position >= len(data):
        return False
    byte, wanted = data[position], run.value[index]
    mask = run.mask[index] if run.mask else 0xFF
    if mask == 0xFF and nocase:
        return bytes([byte]).lower() == bytes([wanted]).lower()
    return byte & mask == wanted


def _negated_ends(choice: Choice, data: bytes, position: int) -> Iterator[int]:
    unwanted = set()
    for option in choice.options:
        assert len(option) == 1
        assert isinstance(option[0], Bytes)
        unwanted.add(option[0].value)
    length = len(next(iter(unwanted)))
    if position + length <= len(data) and data[position : position + length] not in unwanted:
        yield position + length


def _mark_ends(mark: Mark, data: bytes, position: int) -> Iterator[int]:
    if position >= len(data):
        return
    byte = data[position]
    if mark.kind is Edge.LINE:
        width = 1 if byte == 10 else 2 if data[position : position + 2] == b"\r\n" else 0
    elif mark.kind is Edge.WORD:
        width = int(byte not in WORD)
    else:
        width = int(byte in LEFT_SEPARATORS | RIGHT_SEPARATORS)
    if mark.negated:
        width = 0 if width else 1
    if width:
        yield position + width


def _at_left_edge(mark: Mark, data: bytes, start: int, wide: bool) -> bool:
    return mark.negated != (start == 0 or _left_boundary(mark.kind, data, start, wide))


def _left_boundary(kind: Edge, data: bytes, start: int, wide: bool) -> bool:
    byte = data[start - 1]
    if kind is Edge.LINE:
        return byte == 10
    if kind is Edge.SEPARATOR:
        return byte in LEFT_SEPARATORS
    if wide:
        return start == 1 or not (data[start - 2] in WORD and byte == 0)
    return byte not in WORD


def _at_right_edge(mark: Mark, data: bytes, end: int, wide: bool) -> bool:
    return mark.negated != (end == len(data) or _right_boundary(mark.kind, data, end, wide))


def _right_boundary(kind: Edge, data: bytes, end: int, wide: bool) -> bool:
    byte = data[end]
    if kind is Edge.LINE:
        return byte == 10 or data[end : end + 2] == b"\r\n"
    if kind is Edge.SEPARATOR:
        return byte in RIGHT_SEPARATORS
    if wide and end + 1 < len(data):
        return not (byte in WORD and data[end + 1] == 0)
    return byte not in WORD


def _neighbour_before(neighbour: Neighbour, data: bytes, start: int, nocase: bool) -> bool:
    places = (start - 1 - distance for distance in range(neighbour.minimum, neighbour.maximum + 1))
    return any(place >= 0 and _is_neighbour(neighbour, data[place], nocase) for place in places)


def _neighbour_after(neighbour: Neighbour, data: bytes, end: int, nocase: bool) -> bool:
    places = (end + distance for distance in range(neighbour.minimum, neighbour.maximum + 1))
    return any(place < len(data) and _is_neighbour(neighbour, data[place], nocase) for place in places)


def _is_neighbour(neighbour: Neighbour, byte: int, nocase: bool) -> bool:
    if nocase and neighbour.mask == 0xFF:
        return bytes([byte]).lower() == bytes([neighbour.value]).lower()
    return byte & neighbour.mask == neighbour.value


# Byte comparisons


def _compare_bytes(comparison: ByteComparison, data: bytes, counts: Sequence[int], starts: Sequence[list[int]]) -> bool:
    if not counts[comparison.reference]:
        return False
    found = starts[comparison.reference]
    position = (found[-1] if found else 0) + comparison.offset
    if position <= 0 or position + comparison.length > len(data):
        return False
    value = _number_at(comparison, data[position : position + comparison.length])
    return value is not None and all(_related(c, value) for c in comparison.comparisons)


def _number_at(comparison: ByteComparison, raw: bytes) -> int | None:
    if comparison.radix is Radix.BINARY:
        order = "little" if comparison.little_endian else "big"
        return int.from_bytes(raw, order, signed=len(raw) == 8)
    text = raw.lstrip(SPACE)
    if (comparison.exact and text != raw) or (comparison.radix is Radix.AUTO and len(text) < 3):
        return None
    prefixed = len(text) >= 3 and text[:2] in {b"0x", b"0X"}
    base = 16 if comparison.radix is Radix.HEXADECIMAL or (comparison.radix is Radix.AUTO and prefixed) else 10
    if comparison.little_endian:
        if base == 10:
            return None
        value, length = _c_number(_reversed_pairs(text, prefixed), base)
    else:
        value, length = _c_number(text, base)
    if comparison.exact and length != len(text):
        return None
    return value if -(1 << 63) < value < (1 << 63) - 1 else None


def _reversed_pairs(text: bytes, prefixed: bool) -> bytes:
    """Turn the pairs of digits round; whatever is no digit makes all that was turned before it zero."""
    if len(text) < 2:
        return text
    digits = text[2:] if prefixed else text
    digits = digits.rjust(len(text) + len(text) % 2, b"0")
    if prefixed:
        digits = b"x" + digits[1:] if len(text) % 2 else b"xx" + digits[2:]
    turned = bytearray(b"0" * len(digits))
    for place in range(0, len(digits), 2):
        first, second = digits[len(digits) - place - 2], digits[len(digits) - place - 1]
        if first not in b"0123456789abcdefABCDEFxX":
            turned[:] = b"0" * len(digits)
            continue
        turned[place] = first
        if second in b"0123456789abcdefABCDEFxX":
            turned[place + 1] = second
        else:
            turned[:] = b"0" * len(digits)
    return bytes(turned)


def _c_number(text: bytes, base: int) -> tuple[int, int]:
    """Return the number that a text begins with, and how many bytes of the text it takes (none: 0)."""
    start = 1 if text[:1] in {b"-", b"+"} else 0
    if base == 16 and text[:2] in {b"0x", b"0X"}:
        start = 2
    allowed = b"0123456789abcdefABCDEF" if base == 16 else b"0123456789"
    length = len(text[start:]) - len(text[start:].lstrip(allowed))
    value = int(text[start : start + length] or b"0", base)
    return -value if text[:1] == b"-" else value, start + length if length else 0


# Regular expressions

_FLAGS = {"i": 0x8, "s": 0x20, "m": 0x400, "x": 0x80, "A": 0x80000000, "E": 0x10, "U": 0x40000}
_ANCHORED = 0x80000000


class Pcre:
    """PCRE2 by way of its shared library: the same program that ClamAV uses."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("pcre2-8") or "libpcre2-8.so.0"
        library = ctypes.CDLL(name)
        self._compile = library.pcre2_compile_8
        self._compile.restype = ctypes.c_void_p
        self._compile.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint32, *[ctypes.c_void_p] * 3]
        self._data = library.pcre2_match_data_create_from_pattern_8
        self._data.restype = ctypes.c_void_p
        self._data.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._match = library.pcre2_match_8
        self._match.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_size_t,
            ctypes.c_uint32,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self._vector = library.pcre2_get_ovector_pointer_8
        self._vector.restype = ctypes.POINTER(ctypes.c_size_t)
        self._vector.argtypes = [ctypes.c_void_p]
        self._free_code = library.pcre2_code_free_8
        self._free_code.argtypes = [ctypes.c_void_p]
        self._free_data = library.pcre2_match_data_free_8
        self._free_data.argtypes = [ctypes.c_void_p]

    def search(
        self, regex: bytes, options: int, text: bytes, *, anchored: bool, repeat: bool
    ) -> Iterator[tuple[int, int]]:
        """Yield the spans of one match, or of all that follow one another; raises ``ValueError`` for a bad regex."""
        error, place = ctypes.c_int(), ctypes.c_size_t()
        code = self._compile(regex, len(regex), options, ctypes.byref(error), ctypes.byref(place), None)
        if not code:
            raise ValueError(f"PCRE error {error.value} at {place.value}")
        data = self._data(code, None)
        try:
            position = 0
            while self._match(code, text, len(text), position, _ANCHORED if anchored else 0, data, None) > 0:
                span = self._vector(data)[0], self._vector(data)[1]
                yield span
                if not repeat or span[1] >= len(text) or span[1] == position == span[0]:
                    return
                position = span[1]
        finally:
            self._free_data(data)
            self._free_code(code)


_pcre: list[Pcre] = []


def pcre_is_there() -> bool:
    """Whether regular expressions can be run."""
    if not _pcre:
        with suppress(OSError):
            _pcre.append(Pcre())
    return bool(_pcre)


def _regex_matches(regex: RegexMatch, data: bytes, landmarks: Landmarks | None) -> Iterator[int]:
    base, shift, floating = 0, 0, True
    if regex.offset.anchor not in {Anchor.ANY, Anchor.VERSION_INFO}:
        span = offset_span(regex.offset, len(data), landmarks)
        if span is None:
            return
        base, shift, floating = span[0], span[1] - span[0], False
    if not 0 <= base < len(data):
        return
    text = data[base : base + shift] if "e" in regex.flags and shift else data[base:]
    if not pcre_is_there():
        raise NotImplementedError("regular expressions need libpcre2")
    options = sum(_FLAGS[flag] for flag in regex.flags if flag in _FLAGS)
    anchored = not floating and not shift and "r" not in regex.flags
    previous = -1
    for start, _ in _pcre[0].search(regex.regex, options, text, anchored=anchored, repeat="g" in regex.flags):
        if "e" not in regex.flags and shift and start > shift:
            return
        if start > previous:  # a match where the last one began does not count again
            yield base + start
        previous = start
