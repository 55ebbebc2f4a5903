"""A file of a package."""

from typing import NamedTuple


class Packaged(NamedTuple):
    """What a database says of one file.

    Attributes:
        path: where the package put it; absolute.
        package: its name.
        algorithm: as ``hashlib`` names it.
        digest: of the content that the package brought, hex.
    """

    path: bytes
    package: str
    algorithm: str
    digest: str
