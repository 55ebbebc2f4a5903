"""Every format that Freehold opens. To add one: a module with ``FORMAT``, and a line in ``MODULES``.

A module is imported when the first file of its types comes: most files need few of them, and to load all takes longer
than to scan a small file. (Workers import from memory, see ``freehold.sandbox.late``.)
"""

import importlib
from collections.abc import Iterator, Mapping

from freehold.model.interfaces import Format

MODULES: dict[str, str] = {
    "zip": "zip",
    "gzip": "gzip",
    "bzip2": "bzip2",
    "xz": "lzma xz",
    "zstd": "zstd",
    "tar": "tar",
    "ar": "ar deb",
    "cpio": "cpio",
    "mail": "mail",
    "mbox": "mbox",
    "http": "http",
    "pst": "pst",
    "iso": "iso",
    "partitions": "apm gpt mbr",
    "macho_fat": "macho-fat",
    "macho_inside": "macho",
    "lzip": "lzip",
    "lz4": "lz4",
    "lzop": "lzop",
    "compress": "compress",
    "szdd": "kwaj szdd",
    "alz": "alz",
    "egg": "egg",
    "sis": "sis",
    "asar": "asar",
    "swf": "swf",
    "pe_inside": "pe",
    "netresources": "netresources",
    "javaclass": "java-class",
    "elf_inside": "elf",
    "pyinstaller": "pyz",
    "nodesea": "nodesea",
    "pickled": "pickle",
    "autoit": "autoit",
    "installshield": "iscab",
    "issetup": "issetup",
    "inno": "inno",
    "carve": "data",
    "cryptff": "cryptff",
    "rar": "rar",
    "seven": "7z cab chm arj nsis rpm xar wim udf dmg hfs apfs vhd vhdx vmdk vdi qcow2 ext ntfs fat squashfs cramfs",
    "lha": "lha",
    "ole2": "ole2",
    "biff12": "biff12",
    "rtf": "rtf",
    "onenote": "onenote",
    "tnef": "tnef",
    "lnk": "lnk",
    "hwp3": "hwp3",
    "pdf": "pdf",
    "postscript": "postscript",
    "utf16": "utf16",
    "script": "script text",
    "html": "html",
    "xml": "xml",
    "uu": "uuencode",
    "yenc": "yenc",
    "binhex": "binhex",
    "pkcs7": "pkcs7",
    "activemime": "activemime",
    "unopened": "ace hfs-classic rar14 stuffit uharc zoo",
}
"""The modules of this package that open something, in the order in which the documentation lists them, and the file
types that each of them opens."""

_MODULE_OF = {file_type: module for module, types in MODULES.items() for file_type in types.split()}


class _ByType(Mapping[str, Format]):
    """Formats by the file types that they open; each is loaded when it is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Format] = {}

    def __getitem__(self, file_type: str) -> Format:
        form = self._loaded.get(file_type)
        if form is None:
            form = self._loaded[file_type] = _load(file_type)
        return form

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULE_OF)

    def __len__(self) -> int:
        return len(_MODULE_OF)


BY_TYPE: Mapping[str, Format] = _ByType()
"""The format that opens each file type."""


def every_format() -> tuple[Format, ...]:
    """Load and return all formats, in the order of ``MODULES``."""
    return tuple(form for module in MODULES for form in _formats(module))


def _load(file_type: str) -> Format:
    return next(form for form in _formats(_MODULE_OF[file_type]) if file_type in form.types)


def _formats(module: str) -> tuple[Format, ...]:
    loaded = importlib.import_module(f"freehold.formats.{module}")
    formats: tuple[Format, ...] = loaded.FORMATS if hasattr(loaded, "FORMATS") else (loaded.FORMAT,)
    return formats
