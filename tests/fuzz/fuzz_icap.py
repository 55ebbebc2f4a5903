"""Fuzz target: the head of an ICAP request, the chunks behind it, and the HTTP headers that it encapsulates."""

from freehold.frontends.icap import http
from freehold.frontends.icap.chunks import Chunks, End
from freehold.frontends.icap.message import ENCAPSULATED, METHODS, BadRequest, parse


def target(data: bytes) -> None:
    head, _, rest = data.partition(b"\r\n\r\n")
    try:
        request = parse(head + b"\r\n\r\n")
        assert request.method in METHODS
        assert 0 <= request.headers_end <= ENCAPSULATED
        assert all(start < request.headers_end for _, start in request.parts)
    except BadRequest:
        pass
    message = http.read(head, rest)
    assert len(message.url) <= 300
    assert message.size >= 0
    assert message.preamble.count(b"\r\n\r\n") == bool(message.preamble)
    _read_chunks(data)


def _read_chunks(data: bytes) -> None:
    """What is read does not depend on how it arrives, and is never more than there is."""
    outcomes = []
    for step in (len(data) + 1, 1 + len(data) // 3, 7):
        chunks = Chunks()
        buffer = bytearray()
        taken = b""
        end: object = None
        try:
            for start in range(0, len(data), step):
                buffer += data[start : start + step]
                while isinstance(piece := chunks.take(buffer), bytes):
                    assert piece
                    taken += piece
                if isinstance(piece, End):
                    end = piece
                    break
        except BadRequest:
            end = BadRequest
        assert len(taken) <= len(data)
        outcomes.append((taken, end))
    assert len(set(outcomes)) == 1
