"""The layers above an artifact, by ClamAV's names, as signatures ask for them."""

from typing import TYPE_CHECKING

from freehold.model.artifact import Artifact

if TYPE_CHECKING:  # takes long to load
    from freehold.model.logical import TargetDescription

TOP = "CL_TYPE_ANY"
"""As a container: there is none. Among intermediates: whatever there is."""

_NAMES = {
    "7z": "7Z",
    "alz": "ALZ",
    "arj": "ARJ",
    "bzip2": "BZ",
    "cab": "MSCAB",
    "chm": "MSCHM",
    "egg": "EGG",
    "elf": "ELF",
    "gif": "GIF",
    "gzip": "GZ",
    "html": "HTML",
    "iso": "ISO9660",
    "java-class": "JAVA",
    "jpeg": "JPEG",
    "lha": "LHA_LZH",
    "lnk": "LNK",
    "macho": "MACHO",
    "macho-fat": "MACHO_UNIBIN",
    "mail": "MAIL",
    "mbox": "MAIL",
    "ole2": "MSOLE2",
    "onenote": "ONENOTE",
    "pdf": "PDF",
    "pe": "MSEXE",
    "png": "PNG",
    "postscript": "PS",
    "pyc": "PYTHON_COMPILED",
    "rar": "RAR",
    "riff": "RIFF",
    "rtf": "RTF",
    "script": "TEXT_ASCII",
    "swf": "SWF",
    "szdd": "MSSZDD",
    "tar": "POSIX_TAR",
    "text": "TEXT_ASCII",
    "tiff": "TIFF",
    "tnef": "TNEF",
    "xar": "XAR",
    "xml": "TEXT_ASCII",
    "xz": "XZ",
    "zip": "ZIP",
}

_TYPES = {"CL_TYPE_" + name: file_type for file_type, name in reversed(_NAMES.items())} | {
    "CL_TYPE_BINARY_DATA": "data",
    "CL_TYPE_GRAPHICS": "bmp",
    "CL_TYPE_MAIL": "mail",
    "CL_TYPE_TEXT_ASCII": "text",
}

_CPIO = {b"070701": "NEWC", b"070702": "CRC", b"070707": "ODC"}
"""Kinds of cpio archives, by their first bytes."""


def file_type_of(name: str) -> str | None:
    """Return the file type that ClamAV calls by this name, None when Freehold does not tell it apart."""
    return _TYPES.get(name)


def container(artifact: Artifact) -> str:
    """Return the name of the type of the direct parent, ``TOP`` without one."""
    return TOP if artifact.parent is None else name_of(artifact.parent)


def stands_in(artifact: Artifact, description: "TargetDescription") -> bool:
    """Whether the layers above are those that a signature asks for."""
    if description.container is not None and description.container != container(artifact):
        return False
    layer = artifact.parent
    for wanted in reversed(description.intermediates):
        if wanted == TOP:
            continue
        if layer is None or name_of(layer) != wanted:
            return False
        layer = layer.parent
    return True


def name_of(artifact: Artifact) -> str:
    """Return ClamAV's name for the type of an artifact."""
    if artifact.file_type == "cpio":
        return "CL_TYPE_CPIO_" + _CPIO.get(artifact.view.read(0, 6), "OLD")
    return "CL_TYPE_" + _NAMES.get(artifact.file_type, "BINARY_DATA")
