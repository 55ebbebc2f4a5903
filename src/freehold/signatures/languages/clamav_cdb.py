"""ClamAV's container metadata (.cdb), and its passwords for encrypted archives (.pwdb).

``.cdb``: ``Name:Container:ContainerSize:FileName:Compressed:Size:Encrypted:Position:Res1:Res2[:Level[:Level]]``, ``*``
for whatever it is. ClamAV documents a checksum in ``Res1``, but does not compare it; neither is it compared here.
``.pwdb``: ``Name;Attributes;Storage;Password``, storage 0 for plain text and 1 for hexadecimal.
"""

import re
import warnings
from collections.abc import Iterator

from freehold.model.errors import MalformedInput
from freehold.model.logical import Range
from freehold.model.signature import ArchivePassword, ContainerSignature, Rejected
from freehold.signatures.clamav.description import FILE_TYPES, parse_description
from freehold.signatures.clamav.lines import LONGEST_LINE, about, check_levels, number, parse_lines

_PASSWORD_CONTAINERS = frozenset({None, "CL_TYPE_ANY", "CL_TYPE_ZIP", "CL_TYPE_RAR"})


class ClamavCdb:
    """The language of ``.cdb`` and ``.pwdb`` files."""

    name = "clamav-cdb"
    suffixes = frozenset({".cdb", ".pwdb"})

    def parse(self, text: bytes, source: str) -> Iterator[ContainerSignature | ArchivePassword | Rejected]:
        """See ``SignatureLanguage.parse``."""
        if source.lower().endswith(".pwdb"):
            return parse_lines(text, source, LONGEST_LINE, _parse_password)
        return parse_lines(text, source, LONGEST_LINE, _parse_container)


LANGUAGE = ClamavCdb()


def _parse_container(line: str, place: str) -> ContainerSignature:
    fields = line.split(":")
    if not 10 <= len(fields) <= 12:
        raise MalformedInput(f"{len(fields)} fields; container metadata has ten to twelve")
    name, container, container_size, file_name, compressed, size, encrypted, position = fields[:8]
    if levels := fields[10:]:
        check_levels(*levels)
    if container != "*" and container not in FILE_TYPES:
        raise MalformedInput(f"the file type {container!r} is not known")
    if encrypted not in {"*", "0", "1"}:
        raise MalformedInput(f"encrypted is {encrypted!r}; 0, 1 or * is expected")
    return ContainerSignature(
        about(name, place),
        None if container in {"*", "CL_TYPE_ANY"} else container,
        _range(container_size),
        None if file_name == "*" else _checked_regex(file_name),
        _range(compressed),
        _range(size),
        None if encrypted == "*" else encrypted == "1",
        _range(position),
    )


def _range(text: str) -> Range | None:
    if text == "*":
        return None
    minimum, dash, maximum = text.partition("-")
    least = number(minimum, "a range's beginning")
    return Range(least, number(maximum, "a range's end") if dash else least)


def _checked_regex(text: str) -> str:
    try:
        with warnings.catch_warnings(action="ignore"):  # Python asks whether [[:alpha:]] is meant as it stands
            re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise MalformedInput(f"the file name {text[:80]!r} is no regular expression: {error}") from error
    return text


def _parse_password(line: str, place: str) -> ArchivePassword:
    fields = line.split(";", 3)
    if len(fields) != 4:
        raise MalformedInput(f"{len(fields)} fields; a password has four")
    name, attributes, storage, password = fields
    container = parse_description(attributes if "Target:" in attributes else f"{attributes},Target:0").container
    if container not in _PASSWORD_CONTAINERS:
        raise MalformedInput(f"passwords are not tried on {container}")
    if storage not in {"0", "1"}:
        raise MalformedInput(f"storage {storage!r} is not supported")
    found = password.encode("utf-8", "surrogateescape") if storage == "0" else _decoded(password)
    return ArchivePassword(about(name, place), found, None if container == "CL_TYPE_ANY" else container)


def _decoded(password: str) -> bytes:
    try:
        return bytes.fromhex(password)
    except ValueError as error:
        raise MalformedInput("the password is not hexadecimal") from error
