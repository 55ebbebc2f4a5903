"""Programs that unpack themselves: which ones look like it, and what comes out of them.

UPX is undone by what is known of it. Anything else is run on an emulated processor, elsewhere, if it looks packed:
ordinary programs begin in a section that is not writable, whereas packers write to where they begin.
"""

import struct
from collections.abc import Iterator

from freehold.formats import upx
from freehold.model.interfaces import Child, Unpacking
from freehold.model.layout import Layout
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
_MOST_SECTIONS = 96


def unpacked(view: View, layout: Layout, unpacking: Unpacking) -> Iterator[Child]:
    """Yield what a Windows program unpacks; nothing when it does not look packed."""
    if _has_upx_header(view, layout):
        from freehold.formats import upx_pe  # few programs need it

        restored = list(upx_pe.unpacked(view, layout, unpacking))
        yield from restored
        if restored:
            return
    packer, suspicious = _look(view)
    if packer:
        unpacking.fact("packer", packer)
    if packer or suspicious:
        yield from _emulated(view, packer, unpacking, wide=layout.is_64)


def _emulated(view: View, packer: str, unpacking: Unpacking, *, wide: bool) -> Iterator[Child]:
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
    if outcome.kind is not None and packer:  # otherwise nobody knows that there was anything to unpack
        unpacking.problem(outcome.kind, f"packed with {packer}: {outcome.end}")


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
        packer = (
            packer or _PACKERS.get(name, "") or next((_BEGINNINGS[b] for b in _BEGINNINGS if name.startswith(b)), "")
        )
        if address <= entry < address + max(size, raw):
            begins_writable = bool(flags & _WRITABLE)
    return packer, begins_writable and entry != 0


def _named(section: bytes) -> str:
    return _PACKERS.get(section) or next((_BEGINNINGS[start] for start in _BEGINNINGS if section.startswith(start)), "")
