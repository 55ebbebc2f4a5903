"""Libraries of the system that some formats need: where they lie, and which package brings them.

Formats load them; ``freehold doctor``, which loads no format, looks whether they are there.
"""

import sys
from typing import NamedTuple

_MULTIARCH = getattr(sys.implementation, "_multiarch", "")


class NativeLibrary(NamedTuple):
    """A shared library that is installed by the system and not by Freehold.

    Attributes:
        name: for people.
        paths: where it may lie; the first that exists is loaded.
        package: what to install when it is missing.
        formats: what cannot be opened without it.
    """

    name: str
    paths: tuple[str, ...]
    package: str
    formats: str


SEVEN_ZIP = NativeLibrary(
    "7-Zip",
    ("/usr/lib/7zip/7z.so", "/usr/lib/p7zip/7z.so", "/usr/libexec/p7zip/7z.so", "/usr/local/lib/7zip/7z.so"),
    "Debian's p7zip-full (or 7zip)",
    "7z, cab, chm, arj, lha, nsis, rpm, xar, wim, disk images and their file systems",
)

LIBARCHIVE = NativeLibrary(
    "libarchive",
    (f"/usr/lib/{_MULTIARCH}/libarchive.so.13", "/usr/lib64/libarchive.so.13", "/usr/lib/libarchive.so.13"),
    "Debian's libarchive13",
    "rar",
)

LIBRARIES = (SEVEN_ZIP, LIBARCHIVE)
