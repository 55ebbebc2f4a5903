"""Offsets mean to ``clamscan`` the places that our layout readers find, on generated, damaged and real programs."""

import hashlib
import random
import struct
from pathlib import Path

import pytest
from tests.differential.clamscan import CLAMSCAN, is_followed, scan
from tests.formats.programs import elf, macho, two_sections
from tests.formats.test_pe import importing, version_program

from freehold.formats import elf as elf_reader
from freehold.formats import macho as macho_reader
from freehold.formats import pe as pe_reader
from freehold.formats.peimports import import_list
from freehold.formats.peversion import version_keys
from freehold.model.errors import MalformedInput
from freehold.model.view import BytesView

pytestmark = pytest.mark.skipif(CLAMSCAN is None, reason="needs clamscan (clamav)")

READERS = {1: pe_reader.read, 6: elf_reader.read, 9: macho_reader.read}
SEED = 20
WINE = Path("/usr/lib/x86_64-linux-gnu/wine")
NUMBERS = [0, 1, 2, 3, 0x10, 0x100, 0x200, 0x333, 0x400, 0x600, 0x1000, 5000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


def damaged(make, count, header, rng):
    """Programs with a few fields of the header overwritten, and some cut short."""
    for _ in range(count):
        data = bytearray(make())
        for _ in range(rng.randint(1, 3)):
            struct.pack_into("<I", data, rng.randrange(4, header, 2), rng.choice([*NUMBERS, rng.randrange(len(data))]))
        yield bytes(data[: rng.randrange(40, len(data))] if rng.random() < 0.2 else data)


def generated(target):
    """Damaged Mach-O needs the right ``clamscan``: 1.4.3 cuts 64-bit sizes and finds zero-filled sections in it."""
    rng = random.Random(SEED + target)
    makers = {
        1: [two_sections().build, two_sections(wide=True).build, version_program([("Company", "x")]).build],
        6: [elf, lambda: elf(wide=False), lambda: elf(order=">"), lambda: elf(wide=False, order=">")],
        9: [macho, lambda: macho(wide=False, processor=18, order=">", entry=0x1005)],
    }[target]
    for make in makers:
        yield make()
        if target != 9 or is_followed():
            yield from damaged(make, 40, {1: 0x1E0, 6: 0x80, 9: 0xE0}[target], rng)


def real(target):
    folders = {1: sorted(WINE.glob("*-windows/*.dll"))[::97], 6: sorted(Path("/usr/bin").iterdir())[::97], 9: []}
    for path in folders[target]:
        if path.is_file() and path.stat().st_size < 300_000:
            yield path.read_bytes()


def places(target, data):
    """Return the offsets that an offset expression allows a match to start at; None for a refused header."""
    view = BytesView(data)
    try:
        layout = READERS[target](view)
    except MalformedInput:
        return None
    found = {"EP+0": range(layout.entry, layout.entry + 1), "EOF-600": range(len(data) - 600, len(data) - 599)}
    for index, section in enumerate(layout.sections[:4]):
        found[f"S{index}+4"] = range(section.start + 4, section.start + 5)
        found[f"SE{index}"] = range(section.start, section.start + section.size + 1)
    if layout.sections:
        last = layout.sections[-1].start
        found["SL+0"] = range(last, last + 1)
    if target == 1:
        found["VI"] = tuple(sorted(version_keys(view, layout)))
    return found


EXPRESSIONS = ("EP+0", "EOF-600", "SL+0", "VI", *(f"S{i}+4" for i in range(4)), *(f"SE{i}" for i in range(4)))


def probe(target, programs):
    """Return signatures, each with its offset expression and bytes, that the found places make match."""
    signatures = {}
    for data in programs:
        for expression, offsets in (places(target, data) or {}).items():
            for offset in {*offsets[:1], *offsets[-3:-2]}:
                content = data[offset : offset + 12]
                if len(content) == 12 and len(set(content)) > 4:
                    signatures[f"T{len(signatures)}"] = (expression, content)
    return signatures


def _starts(data, content, offsets):
    at = data.find(content)
    while at >= 0:
        if at in offsets:
            return True
        at = data.find(content, at + 1)
    return False


def matches(target, data, expression, content):
    offsets = places(target, data)
    return offsets is not None and _starts(data, content, offsets.get(expression, ()))


@pytest.mark.parametrize("target", READERS)
def test_offsets(target, tmp_path):
    """Programs without sections are left out: an offset from the last section crashes ``clamscan`` on them."""
    programs = [data for data in (*generated(target), *real(target)) if "SL+0" in (places(target, data) or {"SL+0"})]
    signatures = probe(target, programs)
    assert {expression for expression, _ in signatures.values()} >= {"EP+0", "S1+4", "SE1", "SL+0", "EOF-600"}
    lines = [f"{name}:{target}:{where}:{content.hex()}" for name, (where, content) in signatures.items()]
    found = scan({"a.ndb": "\n".join(lines).encode() + b"\n"}, programs, tmp_path)
    for data, names in zip(programs, found, strict=True):
        expected = {name for name, (where, content) in signatures.items() if matches(target, data, where, content)}
        assert names == expected, [signatures[name] for name in names ^ expected]


def test_section_and_import_hashes(tmp_path):
    programs = [
        two_sections().build(),
        importing([(b"KERNEL32.dll", [b"Sleep", b"ExitProcess"]), (b"oleaut32.dll", [2, 6, 999])]).build(),
        importing([(b"ws2_32.DLL", [1, 23, 115]), (b"noext", [b"f"]), (b"x.ocx", [7])]).build(),
    ]
    sections, imports = [], []
    for index, data in enumerate(programs):
        view = BytesView(data)
        layout = pe_reader.read(view)
        for section in layout.sections:
            digest = hashlib.md5(view.read(section.start, section.size), usedforsecurity=False).hexdigest()
            sections.append(f"{section.size}:{digest}:Section{index}")
        names = import_list(view, layout)
        if names is not None:
            imports.append(f"{hashlib.md5(names, usedforsecurity=False).hexdigest()}:{len(names)}:Import{index}")
    databases = {"a.mdb": "\n".join(sections).encode() + b"\n", "a.imp": "\n".join(imports).encode() + b"\n"}
    assert scan(databases, programs, tmp_path) == [{"Section0"}, {"Section1", "Import1"}, {"Section2", "Import2"}]
