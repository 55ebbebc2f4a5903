"""Random damage to samples, repeatable from its seed: what is left of a fuzzer where Atheris is missing."""

import random
from collections.abc import Iterator

_EDGES = [0, 1, 0x7F, 0x80, 0xFF]
_NUMBERS = [0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]


def mutations(samples: list[bytes], seed: int) -> Iterator[bytes]:
    """Yield damaged samples without end."""
    source = random.Random(seed)
    while True:
        data = bytearray(source.choice(samples))
        for _ in range(source.randint(1, 6)):
            if data:
                source.choice(_DAMAGES)(source, data, samples)
        yield bytes(data)


def _set_byte(source: random.Random, data: bytearray, _samples: list[bytes]) -> None:
    data[source.randrange(len(data))] = source.choice([*_EDGES, source.randrange(256)])


def _set_number(source: random.Random, data: bytearray, _samples: list[bytes]) -> None:
    at = source.randrange(len(data))
    width = source.choice([2, 4, 8])
    data[at : at + width] = source.choice(_NUMBERS).to_bytes(8, source.choice(["little", "big"]))[:width]


def _cut(source: random.Random, data: bytearray, _samples: list[bytes]) -> None:
    del data[source.randrange(len(data)) :]


def _remove(source: random.Random, data: bytearray, _samples: list[bytes]) -> None:
    at = source.randrange(len(data))
    del data[at : at + source.randint(1, 64)]


def _repeat(source: random.Random, data: bytearray, _samples: list[bytes]) -> None:
    at = source.randrange(len(data))
    data[at:at] = data[at : at + source.randint(1, 256)]


def _splice(source: random.Random, data: bytearray, samples: list[bytes]) -> None:
    other = source.choice(samples)
    at, start = source.randrange(len(data)), source.randrange(len(other) + 1)
    data[at : at + 64] = other[start : start + source.randint(1, 512)]


_DAMAGES = [_set_byte, _set_byte, _set_number, _cut, _remove, _repeat, _splice]
