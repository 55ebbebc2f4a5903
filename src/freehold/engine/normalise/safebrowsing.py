"""Addresses in the form in which Google's Safe Browsing hashes them: hosts with parts of their paths."""

import re
from collections.abc import Iterator

_LONGEST = 1024
_COMPONENTS = 4
_PATHS = 6
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNSAFE = re.compile(rb"[\x00-\x20\x7f-\xff%#]")
_HOST_END = re.compile(rb"[:/?]")
_DOTS = re.compile(rb"/\.(?=/)|/[^/]*/\.\.(?=/|\Z)")
_ADDRESS = re.compile(rb"(?:https?|ftp):[^ \n\t]{0,1016}", re.IGNORECASE)


def addresses(text: bytes) -> list[bytes]:
    """Return the addresses that stand in a text."""
    return [found.group() for found in _ADDRESS.finditer(text)]


def hashed_forms(address: bytes) -> Iterator[bytes]:
    """Yield what is hashed of an address with a scheme, nothing for others: from the shortest path to the longest."""
    _, colon, rest = address[:_LONGEST].partition(b":")
    if not colon:
        return
    rest = rest.lstrip(b"/")
    found = _HOST_END.search(rest)
    user, at, host = rest[: found.start() if found else len(rest)].partition(b"@")
    if at:
        rest = rest[len(user) + 1 :]
    host, path = _split(_canonical(rest).lstrip(b"/").lstrip(b"."))
    hosts = _hosts(host.lower())
    for end in reversed(_path_ends(path)):
        for name in hosts:
            yield name + b"/" + path[:end]


def _canonical(rest: bytes) -> bytes:
    while (decoded := _ESCAPE.sub(lambda escape: bytes((int(escape[1], 16) or 1,)), rest)) != rest:
        rest = decoded
    return _UNSAFE.sub(lambda byte: b"%%%02X" % byte.group()[0], _DOTS.sub(b"", rest))


def _split(address: bytes) -> tuple[bytes, bytes]:
    found = _HOST_END.search(address)
    return (address, b"") if found is None else (address[: found.start()], address[found.end() :])


def _hosts(host: bytes) -> list[bytes]:
    """Return the last two to five labels of a host, and the whole of it."""
    labels = host.split(b".")
    ends = [b".".join(labels[-count:]) for count in range(2, min(len(labels), _COMPONENTS + 2))]
    return [*ends[:_COMPONENTS], host]


def _path_ends(path: bytes) -> list[int]:
    """Return where the parts of a path end: the whole, that without its query, nothing, and each folder."""
    query = path.find(b"?")
    ends = [len(path)] if query < 0 else [len(path), query]
    if not path:
        return [0]
    ends.append(0)
    at = path.find(b"/")
    while at >= 0 and len(ends) < _PATHS:
        ends.append(at + 1)
        at = path.find(b"/", at + 2)
    return ends
