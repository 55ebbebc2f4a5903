"""Signatures over what containers say of their members, as records of a bundle.

A record is ``[about, container, container size, name, packed, size, encrypted, position, checksum]``: null for
whatever it is, ``[least, most]`` for numbers, the name a regular expression over bytes (as Latin-1).
"""

from typing import Any, NamedTuple

from freehold.model.logical import Range


class MemberSignature(NamedTuple):
    """What a member must be said to be; see ``model.signature.ContainerSignature``.

    Attributes:
        about: number of its about-record.
    """

    about: int
    container: str | None
    container_size: Range | None
    name: str | None
    packed: Range | None
    size: Range | None
    encrypted: bool | None
    position: Range | None
    checksum: int | None

    def to_record(self) -> list[Any]:
        """Return the signature as JSON values."""
        return [[value.minimum, value.maximum] if isinstance(value, Range) else value for value in self]

    @classmethod
    def from_record(cls, record: list[Any]) -> "MemberSignature":
        """Rebuild a signature from a verified record."""
        values: list[Any] = [Range(*value) if isinstance(value, list) else value for value in record]
        return cls(*values)
