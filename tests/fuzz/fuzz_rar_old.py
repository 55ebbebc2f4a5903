"""Fuzz target for the decoders of RAR 1.5 and 2.0: the first byte chooses, the others are what is decoded."""

from freehold.formats import rar15, rar20
from freehold.formats.pulled import EndOfInput, Source
from freehold.model.errors import MalformedInput
from freehold.model.view import BytesView


def target(data: bytes) -> None:
    decoder = rar15.Decoder() if data[:1] < b"\x80" else rar20.Decoder()
    try:
        for _ in decoder.decode(Source(BytesView(data), 1, len(data)), 100_000):
            pass
    except (EndOfInput, MalformedInput):
        pass
