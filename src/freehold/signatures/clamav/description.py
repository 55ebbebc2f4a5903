"""Target description blocks: ``Engine:51-255,Container:CL_TYPE_ZIP,FileSize:100-5000,Target:1``."""

from functools import lru_cache

from freehold.model.errors import MalformedInput
from freehold.model.filetype import Target
from freehold.model.logical import Range, TargetDescription
from freehold.signatures.clamav.lines import check_levels, number
from freehold.signatures.clamav.offsets import PROGRAMS

FIRST_LEVEL_WITH_ATTRIBUTES = 51
"""Signatures with attributes other than Target and Engine must ask for this functionality level at least."""

MOST_ATTRIBUTES = 10

_FILE_TYPE_NAMES = (
    "TEXT_ASCII TEXT_UTF8 TEXT_UTF16LE TEXT_UTF16BE BINARY_DATA IGNORED ANY MSEXE ELF MACHO MACHO_UNIBIN POSIX_TAR "
    "OLD_TAR CPIO_OLD CPIO_ODC CPIO_NEWC CPIO_CRC GZ ZIP BZ RAR ARJ MSSZDD MSOLE2 MSCAB MSCHM SIS SCRENC GRAPHICS "
    "GIF PNG JPEG TIFF RIFF BINHEX TNEF CRYPTFF PDF UUENCODED HTML_UTF16 SCRIPT RTF HTML MAIL SFX ZIPSFX RARSFX "
    "CABSFX ARJSFX NULSFT AUTOIT ISHIELD_MSI 7Z 7ZSFX SWF ISO9660 JAVA DMG MBR GPT APM XAR PART_ANY PART_HFSPLUS "
    "XZ OOXML_WORD OOXML_PPT OOXML_XL INTERNAL XDP XML_WORD XML_XL HWP3 XML_HWP HWPOLE2 OOXML_HWP PS MHTML LNK EGG "
    "EGGSFX UDF ALZ ONENOTE PYTHON_COMPILED LHA_LZH"
)

FILE_TYPES = frozenset("CL_TYPE_" + name for name in _FILE_TYPE_NAMES.split())
"""Names of file types that ClamAV 1.4 knows."""

_NAMED_GROUPS = frozenset({"IconGroup1", "IconGroup2"})
_NAMED_TYPES = frozenset({"Container", "HandlerType", "Intermediates"})
_RANGES = frozenset({"FileSize", "EntryPoint", "NumberOfSections"})
_ATTRIBUTES = frozenset({"Target", "Engine"}) | _RANGES | _NAMED_GROUPS | _NAMED_TYPES


@lru_cache(maxsize=4096)
def parse_description(text: str) -> TargetDescription:
    """Read a target description; raises ``MalformedInput`` when it is wrong or asks for what is not supported."""
    attributes = _attributes(text)
    _check_engine(attributes)
    if "Target" not in attributes:
        raise MalformedInput("the target description names no Target")
    target = parse_target(attributes["Target"])
    icons = (attributes.get("IconGroup1"), attributes.get("IconGroup2"))
    if any(icons) and target is not Target.PE:
        raise MalformedInput("IconGroup needs Target:1")
    if ("EntryPoint" in attributes or "NumberOfSections" in attributes) and target not in PROGRAMS:
        raise MalformedInput("EntryPoint and NumberOfSections need a program as target")
    return TargetDescription(
        target,
        _range(attributes, "FileSize"),
        _range(attributes, "EntryPoint"),
        _range(attributes, "NumberOfSections"),
        _file_type(attributes.get("Container")),
        _intermediates(attributes.get("Intermediates")),
        _file_type(attributes.get("HandlerType")),
        icons,
    )


def parse_target(text: str) -> Target:
    """Read the number of a target; raises ``MalformedInput`` for one that nothing is scanned as."""
    value = number(text, "the target")
    try:
        return Target(value)
    except ValueError as error:
        raise MalformedInput(f"target {value} is not supported") from error


def _attributes(text: str) -> dict[str, str]:
    fields = text.split(",")
    if len(fields) > MOST_ATTRIBUTES:
        raise MalformedInput(f"more than {MOST_ATTRIBUTES} attributes")
    attributes = {}
    for index, field in enumerate(fields):
        name, colon, value = field.partition(":")
        if not colon:
            raise MalformedInput(f"the attribute {field!r} has no value")
        if name not in _ATTRIBUTES:
            raise MalformedInput(f"the attribute {name!r} is not supported")
        if name == "Engine" and index:
            raise MalformedInput("Engine must be the first attribute")
        attributes[name] = value
    return attributes


def _check_engine(attributes: dict[str, str]) -> None:
    minimum, _, maximum = attributes.get("Engine", "0-").partition("-")
    if "Engine" in attributes and not maximum:
        raise MalformedInput(f"Engine:{minimum} is no range")
    check_levels(minimum, maximum)
    if attributes.keys() - {"Target", "Engine"} and int(minimum or 0) < FIRST_LEVEL_WITH_ATTRIBUTES:
        raise MalformedInput(f"its attributes need Engine:{FIRST_LEVEL_WITH_ATTRIBUTES} or above")


def _range(attributes: dict[str, str], name: str) -> Range | None:
    if name not in attributes:
        return None
    minimum, dash, maximum = attributes[name].partition("-")
    if not dash:
        raise MalformedInput(f"{name}:{minimum} is no range")
    return Range(number(minimum, name), number(maximum, name))


def _file_type(name: str | None) -> str | None:
    if name is not None and name not in FILE_TYPES:
        raise MalformedInput(f"the file type {name!r} is not known")
    return name


def _intermediates(names: str | None) -> tuple[str, ...]:
    return () if names is None else tuple(name for name in names.split(">") if _file_type(name))
