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


def container(artifact: Artifact) -> str:
    """Return the name of the type of the direct parent, ``TOP`` without one."""
    return TOP if artifact.parent is None else _name(artifact.parent)


def stands_in(artifact: Artifact, description: "TargetDescription") -> bool:
    """Whether the layers above are those that a signature asks for."""
    if description.container is not None and description.container != container(artifact):
        return False
    layer = artifact.parent
    for wanted in reversed(description.intermediates):
        if wanted == TOP:
            continue
        if layer is None or _name(layer) != wanted:
            return False
        layer = layer.parent
    return True


def _name(artifact: Artifact) -> str:
    return "CL_TYPE_" + _NAMES.get(artifact.file_type, "BINARY_DATA")
