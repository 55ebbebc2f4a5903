"""Logical signatures in words: which artifacts they look at, and each of their subsignatures."""

from collections.abc import Iterator

from freehold.model.body import ANYWHERE, Body
from freehold.model.filetype import Target
from freehold.model.logical import (
    BodyMatch,
    ByteComparison,
    ImageHash,
    MacroMatch,
    Radix,
    RegexMatch,
    Subsignature,
    TargetDescription,
)
from freehold.signatures.describe.bodies import body_pieces, exact_piece
from freehold.signatures.describe.conditions import expression_words
from freehold.signatures.describe.numbers import comparison_words, count, range_words
from freehold.signatures.describe.places import place
from freehold.signatures.describe.values import Part, Piece

TARGETS = {
    Target.ANY: "files of any kind (texts and pages also in normal form)",
    Target.PE: "Windows programs",
    Target.OLE2: "OLE2 documents and their macros",
    Target.HTML: "HTML pages in normal form",
    Target.MAIL: "mail",
    Target.GRAPHICS: "pictures",
    Target.ELF: "ELF programs",
    Target.TEXT: "texts in normal form (small letters, single spaces)",
    Target.MACHO: "Mach-O programs",
    Target.PDF: "PDF documents",
    Target.FLASH: "Flash films",
    Target.JAVA: "Java classes",
    Target.OTHER: "data of no known kind",
}

_FLAGS = {
    "i": "letters match in either case",
    "m": "^ and $ match at lines, too",
    "s": ". matches line ends, too",
    "x": "white space and comments in it do not count",
    "A": "it matches only where it begins to look",
    "E": "$ matches only at the very end",
    "U": "repetitions are lazy unless marked",
    "g": "every match counts, not only the first",
    "r": "it may match later than its offset",
    "e": "it sees only the bytes within its offset's range",
}
_RADIX = {
    Radix.HEXADECIMAL: "hexadecimal digits",
    Radix.DECIMAL: "decimal digits",
    Radix.AUTO: "digits, hexadecimal when they begin with 0x, else decimal",
    Radix.BINARY: "a binary number",
}
_NO_CONTAINER = "CL_TYPE_ANY"


def target_facts(description: TargetDescription) -> Iterator[tuple[str, str]]:
    """Yield what a target description asks for."""
    yield "looks at", f"{TARGETS[description.target]} (target {description.target.value})"
    if description.file_size:
        yield "size", f"{range_words(description.file_size)} bytes"
    if description.entry_point:
        yield "entry point", f"at byte {range_words(description.entry_point)} of the file"
    if description.sections:
        yield "sections", range_words(description.sections)
    if description.container == _NO_CONTAINER:
        yield "container", "none: files that were not unpacked from anything"
    elif description.container:
        yield "container", f"directly in a {description.container}"
    if description.intermediates:
        yield "layers above", " > ".join(_layer(name) for name in description.intermediates)
    for number, group in enumerate(description.icon_groups, 1):
        if group:
            yield f"icon group {number}", group
    if description.handler:
        yield "examined again", f"as {description.handler}, where it matches"


def _layer(name: str) -> str:
    return "any one layer" if name == _NO_CONTAINER else name


def subsignature_part(label: str, subsignature: Subsignature) -> Part:
    """Return one subsignature in words."""
    if isinstance(subsignature, BodyMatch):
        return _body(label, subsignature)
    if isinstance(subsignature, RegexMatch):
        return _regex(label, subsignature)
    if isinstance(subsignature, ByteComparison):
        return _byte_comparison(label, subsignature)
    if isinstance(subsignature, ImageHash):
        return _image(label, subsignature)
    return _macro(label, subsignature)


def _body(label: str, match: BodyMatch) -> Part:
    body = match.forms[-1]  # the plain form, when there are both
    return Part(label, "bytes", place(match.offset), tuple(_form_notes(match.forms, body)), tuple(body_pieces(body)))


def _form_notes(forms: tuple[Body, ...], shown: Body) -> Iterator[str]:
    if shown.nocase:
        yield "letters match in either case"
    if len(forms) > 1:
        yield "also as UTF-16: with a zero byte behind each byte"
    elif shown.wide:
        yield "as UTF-16: with a zero byte behind each byte"
    if len(shown.parts) > 1:
        yield "each occurrence of what stands behind the last gap counts"


def _regex(label: str, regex: RegexMatch) -> Part:
    notes = [f"it is run over the whole content when {expression_words(regex.trigger)}"]
    notes += [_FLAGS[flag] for flag in regex.flags]
    if regex.offset != ANYWHERE and not regex.offset.shift and "r" not in regex.flags:
        notes.append("it must match exactly there")
    source = Piece("/" + regex.regex.decode("utf-8", "surrogateescape") + "/")
    return Part(label, "regular expression", place(regex.offset), tuple(notes), (source,))


def _byte_comparison(label: str, comparison: ByteComparison) -> Part:
    side = "before" if comparison.offset < 0 else "after"
    start = f"the last place where {comparison.reference} starts"
    where = f"{count(abs(comparison.offset), 'byte')} {side} {start}" if comparison.offset else f"at {start}"
    wanted = " and ".join(comparison_words(single) for single in comparison.comparisons)
    return Part(label, "number", where, (*_number_notes(comparison), f"the number must be {wanted}"))


def _number_notes(comparison: ByteComparison) -> Iterator[str]:
    if comparison.radix is Radix.BINARY:
        order = "little" if comparison.little_endian else "big"
        sign = "signed" if comparison.length == 8 else "unsigned"
        yield f"{_RADIX[comparison.radix]} of {count(comparison.length, 'byte')}, {order}-endian, {sign}"
        return
    most = "exactly" if comparison.exact else "up to"
    reverse = ", its pairs in reverse order" if comparison.little_endian else ""
    yield f"{most} {comparison.length} {_RADIX[comparison.radix]}{reverse}"


def _image(label: str, image: ImageHash) -> Part:
    return Part(label, "hash of a picture", "", ("its perceptual hash is exactly this",), (exact_piece(image.digest),))


def _macro(label: str, macro: MacroMatch) -> Part:
    where = f"{macro.minimum:,} to {count(macro.maximum, 'byte')} behind {int(label) - 1}"
    return Part(label, "macro", where, (f"any pattern of macro group {macro.group}",))
