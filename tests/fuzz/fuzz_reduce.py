"""Fuzz target for the reducing of PKZIP 0.9: the first byte is the factor, the others are what is decoded."""

from freehold.formats import reduce
from freehold.formats.pulled import EndOfInput, Source
from freehold.model.errors import MalformedInput
from freehold.model.view import BytesView


def target(data: bytes) -> None:
    try:
        for _ in reduce.decode(Source(BytesView(data), 1, len(data)), sum(data[:1]) % 4 + 1, 100_000):
            pass
    except (EndOfInput, MalformedInput):
        pass
