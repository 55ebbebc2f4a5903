"""ClamAV's container metadata (.cdb, old: .zmd, .rmd), and its passwords for encrypted archives (.pwdb).

``.cdb``: ``Name:Container:ContainerSize:FileName:Compressed:Size:Encrypted:Position:Res1:Res2[:Level[:Level]]``, ``*``
for whatever it is. ClamAV documents a checksum in ``Res1``, but does not compare it; neither is it compared here.
``.zmd`` (ZIP) and ``.rmd`` (RAR): ``Name:Encrypted:FileName:Size:Compressed:Checksum:Method:Position:Depth``, of which
ClamAV looks at neither the method nor the depth.
``.pwdb``: ``Name;Attributes;Storage;Password``, storage 0 for plain text and 1 for hexadecimal.
"""

import re
from collections.abc import Iterator
from functools import partial

from freehold.model.errors import MalformedInput
from freehold.model.logical import Range
from freehold.model.signature import ArchivePassword, ContainerSignature, Rejected
from freehold.signatures.clamav.description import FILE_TYPES, parse_description
from freehold.signatures.clamav.extended import translate
from freehold.signatures.clamav.lines import LONGEST_LINE, about, check_levels, number, parse_lines

_CHECKSUM = re.compile(r"[0-9a-fA-F]{1,8}")
_OLD = {".rmd": "CL_TYPE_RAR", ".zmd": "CL_TYPE_ZIP"}
_PASSWORD_CONTAINERS = frozenset({None, "CL_TYPE_ANY", "CL_TYPE_ZIP", "CL_TYPE_RAR"})


class ClamavCdb:
    """The language of ``.cdb`` and ``.pwdb`` files."""

    name = "clamav-cdb"
    suffixes = frozenset({".cdb", ".pwdb", ".rmd", ".zmd"})

    def parse(self, text: bytes, source: str) -> Iterator[ContainerSignature | ArchivePassword | Rejected]:
        """See ``SignatureLanguage.parse``."""
        if source.lower().endswith(".pwdb"):
            return parse_lines(text, source, LONGEST_LINE, _parse_password)
        if (container := _OLD.get(source[-4:].lower())) is not None:
            return parse_lines(text, source, LONGEST_LINE, partial(_parse_old, container))
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
        None if file_name == "*" else translate(file_name),
        _range(compressed),
        _range(size),
        None if encrypted == "*" else encrypted == "1",
        _range(position),
    )


def _parse_old(container: str, line: str, place: str) -> ContainerSignature:
    fields = line.split(":")
    if len(fields) != 9:
        raise MalformedInput(f"{len(fields)} fields; metadata of this old kind has nine")
    name, encrypted, file_name, size, compressed, checksum, _, position, _ = fields
    if encrypted not in {"*", "0", "1"}:
        raise MalformedInput(f"encrypted is {encrypted!r}; 0, 1 or * is expected")
    if checksum != "*" and _CHECKSUM.fullmatch(checksum) is None:
        raise MalformedInput(f"the checksum {checksum[:20]!r} is not hexadecimal")
    return ContainerSignature(
        about(name, place),
        container,
        None,
        None if file_name == "*" else translate(file_name),
        _range(compressed),
        _range(size),
        None if encrypted == "*" else encrypted == "1",
        _range(position),
        None if checksum == "*" or not int(checksum, 16) else int(checksum, 16),
    )


def _range(text: str) -> Range | None:
    if text == "*":
        return None
    minimum, dash, maximum = text.partition("-")
    least = number(minimum, "a range's beginning")
    return Range(least, number(maximum, "a range's end") if dash else least)


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
