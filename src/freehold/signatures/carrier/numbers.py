"""Numbers that byte comparisons ask for, put where they are read."""

from collections.abc import Iterator
from random import Random

from freehold.model.logical import ByteComparison, Radix
from freehold.signatures.carrier.errors import CannotCarry

_SIGNED = 8
"""Binary numbers of so many bytes are signed."""


def make_number(comparison: ByteComparison, rng: Random) -> bytes:
    """Return a number that passes all comparisons, as it is written; raises ``CannotCarry`` when none is found."""
    fitting = [
        written
        for value in sorted(set(_candidates(comparison)))
        if all(single.holds(value) for single in comparison.comparisons)
        and (written := _written(comparison, value)) is not None
    ]
    if not fitting:
        raise CannotCarry("no number is found that a byte comparison asks for")
    return rng.choice(fitting)


def _candidates(comparison: ByteComparison) -> Iterator[int]:
    for single in comparison.comparisons:
        yield from range(single.value - 1, single.value + 2)


def _written(comparison: ByteComparison, value: int) -> bytes | None:
    length = comparison.length
    if comparison.radix is Radix.BINARY:
        try:
            order = "little" if comparison.little_endian else "big"
            return value.to_bytes(length, order, signed=length == _SIGNED)  # type: ignore[arg-type]
        except OverflowError:
            return None
    hexadecimal = comparison.radix is Radix.HEXADECIMAL
    digits = (f"{value:x}" if hexadecimal else str(value)).encode().zfill(length)
    if value < 0 or len(digits) > length or (comparison.radix is Radix.AUTO and length < 3):
        return None
    if not comparison.little_endian:
        return digits
    if not hexadecimal or length % 2:
        return None
    return b"".join(digits[at : at + 2] for at in range(length - 2, -1, -2))
