"""What content is, judged by its bytes alone, and the group of signatures that looks at it."""

from enum import IntEnum


class Target(IntEnum):
    """Groups of file types that signatures aim at; the numbers are ClamAV's."""

    ANY = 0
    PE = 1
    OLE2 = 2
    HTML = 3
    MAIL = 4
    GRAPHICS = 5
    ELF = 6
    TEXT = 7
    MACHO = 9
    PDF = 10
    FLASH = 11
    JAVA = 12
    OTHER = 14


TARGETS: dict[str, Target] = {
    "pe": Target.PE,
    "ole2": Target.OLE2,
    "html": Target.HTML,
    "mail": Target.MAIL,
    "mbox": Target.MAIL,
    "gif": Target.GRAPHICS,
    "png": Target.GRAPHICS,
    "jpeg": Target.GRAPHICS,
    "tiff": Target.GRAPHICS,
    "bmp": Target.GRAPHICS,
    "elf": Target.ELF,
    "text": Target.TEXT,
    "script": Target.TEXT,
    "xml": Target.TEXT,
    "utf16": Target.TEXT,
    "macho": Target.MACHO,
    "macho-fat": Target.MACHO,
    "pdf": Target.PDF,
    "swf": Target.FLASH,
    "java-class": Target.JAVA,
    "data": Target.OTHER,
}
"""The target of each file type that has one; all other types are looked at by ``Target.ANY`` alone."""
