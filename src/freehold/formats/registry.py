"""Every format that Freehold opens. To add one: a module with ``FORMAT``, and a place in this tuple."""

from freehold.formats import (
    ar,
    bzip2,
    cpio,
    gzip,
    iso,
    lnk,
    macho_fat,
    mail,
    mbox,
    ole2,
    onenote,
    partitions,
    pdf,
    rar,
    rtf,
    seven,
    tar,
    tnef,
    utf16,
    xz,
    zip,  # noqa: A004 - formats have their own names
    zstd,
)
from freehold.model.interfaces import Format

FORMATS: tuple[Format, ...] = (
    zip.FORMAT,
    gzip.FORMAT,
    bzip2.FORMAT,
    xz.FORMAT,
    zstd.FORMAT,
    tar.FORMAT,
    ar.FORMAT,
    cpio.FORMAT,
    mail.FORMAT,
    mbox.FORMAT,
    iso.FORMAT,
    partitions.FORMAT,
    macho_fat.FORMAT,
    rar.FORMAT,
    *seven.FORMATS,
    ole2.FORMAT,
    rtf.FORMAT,
    onenote.FORMAT,
    tnef.FORMAT,
    lnk.FORMAT,
    pdf.FORMAT,
    utf16.FORMAT,
)
"""In the order in which the documentation lists them."""

BY_TYPE: dict[str, Format] = {file_type: form for form in FORMATS for file_type in form.types}
"""The format that opens each file type."""
