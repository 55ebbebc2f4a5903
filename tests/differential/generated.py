"""Random small signatures, and data in which they have a fair chance to match."""

from random import Random

from freehold.model.body import Bytes, Choice, Mark
from freehold.model.logical import BodyMatch
from freehold.model.signature import LogicalSignature

ALPHABET = b"abAB01 \n\r.-_=<\x00\xff"
"""Few bytes, so that patterns meet data often; each kind of boundary is among them."""

NOT_TEXT = b"\x00\x00\x01\x00\x00\x01\x00\x00"
"""Makes ``clamscan`` take data for binary, wherever it lies in it."""


def data(rng: Random, size: int) -> bytes:
    """Return random data over the alphabet, some of it repetitive, that is never taken for text."""
    pieces = [NOT_TEXT]
    while sum(map(len, pieces)) < size:
        length = rng.randrange(1, 12)
        if rng.random() < 0.2:
            pieces.append(bytes([rng.choice(ALPHABET)]) * length)
        elif rng.random() < 0.2:
            pieces.append(b"".join(bytes([rng.choice(b"abAB"), 0]) for _ in range(length)))
        else:
            pieces.append(bytes(rng.choice(ALPHABET) for _ in range(length)))
    rng.shuffle(pieces)
    return b"".join(pieces)


PADDING = b"\xfe" * 16
"""Bytes of no pattern. Where they end a content, no match can run into its end."""


def may_run_over_the_end(signature: LogicalSignature) -> bool:
    """Whether clamscan takes the end of a content for the last bytes of one of its patterns.

    It does so when a part is longer than the least it reckons with: boundaries within a part count as nothing, and
    alternatives as their shortest.
    """
    return any(
        isinstance(element, Mark) or (isinstance(element, Choice) and not element.negated and not _one_length(element))
        for subsignature in signature.subsignatures
        if isinstance(subsignature, BodyMatch)
        for form in subsignature.forms
        for part in form.parts
        for element in part.elements
    )


def _one_length(choice: Choice) -> bool:
    lengths = {len(e.value) if isinstance(e, Bytes) else -1 for option in choice.options for e in option}
    return len(lengths) == 1 and -1 not in lengths


def literal(rng: Random, least: int = 2, most: int = 3, alphabet: bytes = ALPHABET) -> str:
    """Return a few bytes in hexadecimal."""
    return bytes(rng.choice(alphabet) for _ in range(rng.randrange(least, most + 1))).hex()


def _element(rng: Random, *, modified: bool) -> str:
    kind = rng.randrange(9)
    if kind == 0:
        return "??" * rng.randrange(1, 3)
    if kind == 1:
        nibbles = literal(rng, 1, 1)
        return f"{nibbles[0]}?" if rng.random() < 0.5 else f"?{nibbles[1]}"
    if kind == 2:
        return "(" + "|".join(literal(rng, 1, 1) for _ in range(rng.randrange(1, 4))) + ")"
    if kind == 3:
        length = rng.randrange(1, 3)
        negation = "!" if rng.random() < 0.4 and not modified else ""
        return negation + "(" + "|".join(literal(rng, length, length) for _ in range(rng.randrange(1, 4))) + ")"
    if kind == 4:
        return "(" + "|".join(literal(rng, 1, 3) for _ in range(rng.randrange(2, 4))) + ")"
    if kind == 5:
        return f"({literal(rng, 1, 2)}|{literal(rng, 1, 1)}({literal(rng, 1, 1)}|{literal(rng, 1, 2)}))"
    if kind == 6:
        return rng.choice(["", "", "!"]) + f"({rng.choice('BLW')})"
    if kind == 7:
        return f"{{{rng.randrange(1, 4)}}}"
    return literal(rng, 1, 2)


def part(rng: Random, *, modified: bool) -> str:
    """Return one part: two exact bytes at least, and whatever else."""
    before = "".join(_element(rng, modified=modified) for _ in range(rng.choice([0, 0, 0, 1])))
    if before.endswith(("B)", "L)", "W)")):
        # A consuming boundary before the exact bytes kills clamscan 1.4.6 at offset 0, and after a single byte its
        # prefilter refuses the database.
        before = literal(rng, 2, 2) + before
    after = "".join(_element(rng, modified=modified) for _ in range(rng.choice([0, 0, 1, 2])))
    core = before + literal(rng) + after
    roll = rng.random()
    if roll < 0.06:
        core = f"{literal(rng, 1, 1)}[{rng.randrange(3)}-{rng.randrange(3, 6)}]{core}"
    elif roll < 0.12:
        core = f"{core}[{rng.randrange(3)}-{rng.randrange(3, 6)}]{literal(rng, 1, 1)}"
    elif roll < 0.2 and not modified:
        core = f"({rng.choice('BLW')}){core}"
    elif roll < 0.3:
        core = f"{core}{rng.choice(['', '!'])}({rng.choice('BLW')})"
    return core


def gap(rng: Random) -> str:
    """Return what separates two parts."""
    n = rng.randrange(6)
    return rng.choice(["*", f"{{-{n + 1}}}", f"{{{n}-}}", f"{{{n}-{n + 4}}}", "{0-0}", "{0}", f"{{{n + 128}}}"])


def body(rng: Random, *, modified: bool) -> str:
    """Return a pattern."""
    pattern = part(rng, modified=modified)
    while rng.random() < 0.3:
        pattern += gap(rng) + part(rng, modified=modified)
    return pattern


def offset(rng: Random, size: int) -> str:
    """Return an offset that any target takes."""
    n = rng.randrange(size)
    shift = rng.choice(["", f",{rng.randrange(size)}"])
    return rng.choice(["*", "*", f"{n}{shift}", f"EOF-{n}{shift}", f"0{shift}"])


def subsignature(rng: Random, size: int) -> str:
    """Return a body subsignature of a logical signature."""
    modifiers = "".join(sorted({rng.choice("iwfa") for _ in range(rng.randrange(1, 4))})) if rng.random() < 0.4 else ""
    text = body(rng, modified=bool(modifiers))
    if rng.random() < 0.3:
        text = f"{offset(rng, size)}:{text}"
    return f"{text}::{modifiers}" if modifiers else text


def expression(rng: Random, count: int) -> str:
    """Return an expression in which every subsignature stands at least once."""
    terms = [_leaf(rng, index) for index in range(count)]
    rng.shuffle(terms)
    while len(terms) > 1:
        take = min(len(terms), rng.randrange(2, 4))
        joined = terms[0] + "".join(rng.choice("&|") + term for term in terms[1:take])
        if rng.random() < 0.7:
            joined = f"({joined}){_comparison(rng, group=True) if rng.random() < 0.4 else ''}"
        terms = [*terms[take:], joined]
    return terms[0]


def _leaf(rng: Random, index: int) -> str:
    return f"{index}{_comparison(rng, group=False) if rng.random() < 0.3 else ''}"


def _comparison(rng: Random, *, group: bool) -> str:
    distinct = f",{rng.randrange(1, 3)}" if group and rng.random() < 0.4 else ""
    return f"{rng.choice('<>=')}{rng.randrange(4)}{distinct}"


def logical(rng: Random, name: str, size: int) -> str:
    """Return a logical signature for any target."""
    count = rng.randrange(1, 5)
    fields = [name, "Engine:51-255,Target:0", expression(rng, count), *(subsignature(rng, size) for _ in range(count))]
    return ";".join(fields)


def comparing(rng: Random, name: str) -> str:
    """Return a logical signature that compares the number behind ``6d61726b`` with another."""
    radix = rng.choice("hdai")
    length = rng.choice([1, 2, 4, 8]) if radix == "i" else rng.randrange(1, 9)
    order = "b" if radix == "d" else rng.choice("lb")
    exact = rng.choice(["", "", "e"])
    values = [rng.choice([0, 1, 5, 16, 18, 255, 0x3132, 0x31323334, 12, 1234]) for _ in range(rng.choice([1, 1, 2]))]
    comparisons = ",".join(f"{rng.choice('<>=')}{rng.choice([str(v), hex(v)])}" for v in values)
    shift = rng.choice([">>4", ">>0x4", ">>5", "<<2", "0", ""])
    return f"{name};Engine:81-255,Target:0;0&1;6d61726b;0({shift}#{radix}{order}{exact}{length}#{comparisons})"


def numbered(rng: Random) -> bytes:
    """Return data with numbers behind (and some before) the word ``mark``."""
    kinds = [
        b"12",
        b"1234",
        b" 12",
        b"0x12",
        b"0X1234",
        b"\x12\x00\x00\x00\x00\x00\x00\x00",
        b"ff",
        b"FFzz",
        b"-5",
        b"+12",
        b"q",
        b"",
    ]
    words = [rng.choice(kinds) + b"mark" + rng.choice(kinds) + rng.choice(kinds) for _ in range(rng.randrange(1, 4))]
    return NOT_TEXT + b"\xfe".join(words) + PADDING * rng.randrange(2)
