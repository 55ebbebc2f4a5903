"""Programs that unpack themselves: which ones look like it, and what comes out of them.

UPX is undone by what is known of it. Anything else is run on an emulated processor, elsewhere, if it looks packed:
ordinary programs begin in a section that is not writable, whereas packers write to where they begin.
"""

import struct
from collections.abc import Iterator
from itertools import islice

from freehold.formats import upx
from freehold.formats.carve import carve
from freehold.model.errors import FreeholdError, LimitReached, MalformedInput
from freehold.model.interfaces import Child, Emulated, Unpacking
from freehold.model.layout import Layout
from freehold.model.report import ProblemKind
from freehold.model.view import View

_PACKERS = {
    **dict.fromkeys((b".aspack", b".adata", b"ASPack"), "ASPack"),
    **dict.fromkeys((b"FSG!", b".fsg"), "FSG"),
    **dict.fromkeys((b".nsp0", b".nsp1", b"nsp0", b"nsp1"), "NsPack"),
    **dict.fromkeys((b"pec1", b"pec2", b"PEC2", b"PEC2TO", b"PEC2MO"), "PECompact"),
    **dict.fromkeys((b".MPRESS1", b".MPRESS2"), "MPRESS"),
    **dict.fromkeys((b"UPX0", b"UPX1", b"UPX2"), "UPX"),
    **dict.fromkeys((b".Themida", b".themida", b".winlice"), "Themida"),
    **dict.fromkeys((b".vmp0", b".vmp1", b".vmp2"), "VMProtect"),
    b".petite": "Petite",
    b".Upack": "Upack",
    b".WWP32": "WWPack32",
    b"yC": "yC",
    b".yP": "yP",
    b".spack": "SPack",
    b".RLPack": "RLPack",
    b".packed": "RLPack",
    b"kkrunchy": "kkrunchy",
    b"BeRo": "BeRoEXEPacker",
}
"""Names of sections that packers give, without the NULs at their ends."""

_BEGINNINGS = {b"MEW": "MEW", b"PS\xff\xd5\xab\xeb\xe7\xc3": "Upack"}
_WRITABLE = 0x80000000
_ZIP_MEMBER = b"PK\3\4"
_SEARCHED = 1024
_HEAD = 512
_MOST_FINDINGS = 64
_MOST_SECTIONS = 96


def unpacked(view: View, layout: Layout, unpacking: Unpacking) -> Iterator[Child]:
    """Yield what a Windows program unpacks; nothing when it does not look packed."""
    packer, suspicious = _look(view)
    failure: FreeholdError | None = None
    if _has_upx_header(view, layout):
        from freehold.formats import upx_pe  # few programs need it

        try:
            program = upx_pe.restored(view, layout, unpacking)
        except (MalformedInput, LimitReached) as error:
            packer, failure = packer or "UPX", error
        else:
            if program is not None:
                unpacking.fact("packer", "UPX")
                yield Child("unpacked", program)
                return
    if packer:
        unpacking.fact("packer", packer)
    if packer or suspicious:
        yield from _emulated(view, packer, failure, unpacking, wide=layout.is_64)


def _emulated(
    view: View, packer: str, failure: FreeholdError | None, unpacking: Unpacking, *, wide: bool
) -> Iterator[Child]:
    """Yield what a program had in memory; ``failure``: why it could not be unpacked without being run."""
    outcome = unpacking.emulate(view, wide=wide)
    if outcome is None:
        return
    if outcome.end:
        unpacking.fact("emulation", outcome.end)
    for name, memory in outcome.regions:
        yield Child(name, memory, memory=True)
        archive = _archive(memory)
        if archive is not None:
            yield Child(f"{name}-archive", archive)
    kind = _kind(outcome, view, packer, unpacking)
    if kind is not None:
        if failure is not None and not outcome.regions:
            kind = ProblemKind.LIMIT if isinstance(failure, LimitReached) else ProblemKind.MALFORMED
        before = "" if failure is None else f"{failure}; "
        looks = f"packed with {packer}" if packer else "begins where it may write, as packed programs do"
        unpacking.problem(kind, f"{looks}, could not be unpacked: {before}{outcome.end}")


def _kind(outcome: Emulated, program: View, packer: str, unpacking: Unpacking) -> ProblemKind | None:
    """Return what kind of problem an outcome is, None when the program has unpacked itself, or was never packed."""
    if outcome.kind is None:
        return ProblemKind.UNSUPPORTED if packer and not outcome.regions else None
    if outcome.kind is ProblemKind.UNSUPPORTED:
        if not outcome.regions:  # it was not run
            return outcome.kind if packer else None  # otherwise nobody knows that there was anything to unpack
        if any(_reveals(memory, program, unpacking) for _, memory in outcome.regions):
            return None
    return outcome.kind


def _reveals(memory: View, program: View, unpacking: Unpacking) -> bool:
    """Tell whether there is a program or an archive in memory that is not in the file."""
    found = [child.content for child in islice(carve(memory, 1, memory.size, unpacking), _MOST_FINDINGS)]
    heads = [view.read(0, _HEAD) for view in (*found, _archive(memory)) if isinstance(view, View)]
    return any(not any(head in bytes(window) for _, window in program.windows(_HEAD)) for head in heads)


def _archive(memory: View) -> View | None:
    """Return a ZIP archive in memory from its first member on: its end may have been overwritten by what ran there."""
    for offset, window in memory.windows(len(_ZIP_MEMBER)):
        at = bytes(window).find(_ZIP_MEMBER)
        if at >= 0:
            return memory.slice(offset + at, memory.size)
    return None


def _has_upx_header(view: View, layout: Layout) -> bool:
    starts = [max(section.start - 64, 0) for section in layout.sections[1:3]]
    return any(upx.MAGIC in view.read(start, _SEARCHED) for start in starts)


def _look(view: View) -> tuple[str, bool]:
    """Return the packer that the names of sections tell of, and whether the program begins where it may write."""
    at = int.from_bytes(view.read(60, 4), "little")
    head = view.read(at, 44)
    count, optional = (int.from_bytes(head[n : n + 2], "little") for n in (6, 20))
    entry = int.from_bytes(head[40:44], "little")
    table = view.read(at + 24 + optional, 40 * min(count, _MOST_SECTIONS))
    packer = ""
    begins_writable = True  # in no section at all: in the header
    for name, size, address, raw, flags in struct.iter_unpack("<8sIII16xI", table[: len(table) // 40 * 40]):
        name = name.rstrip(b"\0")  # noqa: PLW2901 - as the tables have it
        packer = packer or _named(name)
        if address <= entry < address + max(size, raw):
            begins_writable = bool(flags & _WRITABLE)
    return packer, begins_writable and entry != 0


def _named(section: bytes) -> str:
    return _PACKERS.get(section) or next((_BEGINNINGS[start] for start in _BEGINNINGS if section.startswith(start)), "")
