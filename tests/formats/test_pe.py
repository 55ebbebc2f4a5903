"""Layouts of PE programs, by the format's specification and by what ClamAV's documentation says of offsets."""

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.programs import Pe, two_sections

from freehold.formats import pe
from freehold.formats.peimports import import_list
from freehold.formats.peversion import version_keys
from freehold.model.errors import MalformedInput
from freehold.model.layout import ProgramKind
from freehold.model.view import BytesView


def read(program):
    return pe.read(BytesView(program.build()))


@pytest.mark.parametrize("wide", [False, True])
def test_entry_and_sections(wide):
    layout = read(two_sections(wide=wide))
    assert (layout.kind, layout.entry, layout.is_64, layout.is_library) == (ProgramKind.PE, 0x410, wide, False)
    assert [(s.name, s.address, s.start, s.size) for s in layout.sections] == [
        (".text", 0x1000, 0x400, 0x400),
        (".data", 0x2000, 0x800, 0x200),
    ]


def test_starts_are_rounded_down_and_sizes_up():
    layout = read(Pe(sections=[(b"a", 0, 0x1234, 0x321, 0x4FF)], entry=0x1000))
    section = layout.sections[0]
    assert (section.address, section.virtual_size, section.start, section.size) == (0x1000, 0x1000, 0x400, 0x400)


def test_an_unaligned_start_makes_the_file_alignment_512():
    sections = [(b"a", 0, 0x1000, 0x200, 0x600), (b"b", 0, 0x2000, 0x300, 0x800)]
    layout = read(Pe(sections=sections, file_alignment=0x1000, size=0x2000))
    assert [(s.start, s.size) for s in layout.sections] == [(0x600, 0x200), (0x800, 0x400)]


def test_sections_end_with_the_file():
    sections = [(b"a", 0, 0x1000, 0x9000, 0x400), (b"b", 0, 0xA000, 0x200, 0x8000)]
    layout = read(Pe(sections=sections, size=0x1000))
    assert [(s.start, s.size) for s in layout.sections] == [(0x400, 0xC00), (0x8000, 0)]


def test_an_entry_within_the_header_is_its_own_offset():
    assert read(two_sections(entry=0x123)).entry == 0x123
    assert read(two_sections(entry=0, characteristics=0x2002)).is_library


@pytest.mark.parametrize(
    "program",
    [
        two_sections(entry=0x9000),
        two_sections(sections=[]),
        Pe(sections=[(b"a", 0, 0x80001000, 0x200, 0x400)]),
        Pe(sections=[(b"a", 0x80000000, 0x1000, 0x200, 0x400)]),
    ],
)
def test_refused(program):
    with pytest.raises(MalformedInput):
        read(program)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 70, 200, 0x138 + 0x27])
def test_cut_headers_are_refused(length):
    with pytest.raises(MalformedInput):
        pe.read(BytesView(two_sections().build()[:length]))


def block(key, body, value_length=0):
    """One structure of a version resource, padded to four bytes."""
    head = struct.pack("<HHH", 0, value_length, 1) + key.encode("utf-16-le") + b"\0\0"
    head += bytes(-len(head) % 4)
    whole = head + body
    return struct.pack("<H", len(whole)) + whole[2:] + bytes(-len(whole) % 4)


def version_program(strings):
    values = [(key, f"{value}\0".encode("utf-16-le") if value else b"") for key, value in strings]
    table = block("040904b0", b"".join(block(key, value) for key, value in values))
    fixed = struct.pack("<I", 0xFEEF04BD) + bytes(48)
    info = block("VS_VERSION_INFO", fixed + block("StringFileInfo", table), 52)
    tree = bytes(12) + struct.pack("<HHII", 0, 1, 16, 0x80000018)
    tree += bytes(12) + struct.pack("<HHII", 0, 1, 1, 0x80000030)
    tree += bytes(12) + struct.pack("<HHII", 0, 1, 1033, 0x48)
    tree += struct.pack("<IIII", 0x2058, len(info), 0, 0) + info
    return two_sections(
        sections=[(b".rsrc", 0x1000, 0x2000, 0x800, 0x400)],
        entry=0,
        directories={2: (0x2000, len(tree))},
        content={0x400: tree},
    )


def test_version_keys_are_where_the_strings_begin():
    data = version_program([("CompanyName", "Nobody"), ("Empty", ""), ("ProductName", "Thing")]).build()
    view = BytesView(data)
    keys = version_keys(view, pe.read(view))
    assert keys == {data.index(name.encode("utf-16-le")) for name in ("CompanyName", "ProductName")}


def test_a_program_without_resources_has_no_version_keys():
    view = BytesView(two_sections().build())
    assert version_keys(view, pe.read(view)) == frozenset()


def importing(libraries):
    """Libraries with functions, by name or number, in one section at 0x2000 (file offset 0x400)."""
    at = 20 * (len(libraries) + 1)
    table = b""
    rest = b""
    for library, functions in libraries:
        names = b""
        thunks = b""
        start = at + len(rest) + 4 * (len(functions) + 1)
        for function in functions:
            if isinstance(function, int):
                thunks += struct.pack("<I", 0x80000000 | function)
            else:
                thunks += struct.pack("<I", 0x2000 + start + len(names))
                names += b"\0\0" + function + b"\0"
        table += struct.pack("<IIIII", 0x2000 + at + len(rest), 0, 0, 0x2000 + start + len(names), 0)
        rest += thunks + bytes(4) + names + library + b"\0"
    content = table + bytes(20) + rest
    return two_sections(
        sections=[(b".idata", 0x1000, 0x2000, 0x800, 0x400)],
        entry=0,
        directories={1: (0x2000, 20 * (len(libraries) + 1))},
        content={0x400: content},
    )


def test_the_import_list_names_functions_in_order():
    program = importing([(b"KERNEL32.dll", [b"Sleep", b"ExitProcess"]), (b"WS2_32.dll", [1, 1000]), (b"x.y", [3])])
    view = BytesView(program.build())
    expected = b"kernel32.sleep,kernel32.exitprocess,ws2_32.accept,ws2_32.ord1000,x.y.ord3"
    assert import_list(view, pe.read(view)) == expected


def test_no_import_list_without_a_sound_table():
    view = BytesView(importing([(b"a.dll", [b"not a name"])]).build())
    assert import_list(view, pe.read(view)) is None
    view = BytesView(two_sections().build())
    assert import_list(view, pe.read(view)) is None


@given(st.binary(max_size=400), st.integers(0, 0x300))
def test_damage_is_refused_or_read(damage, at):
    data = bytearray(version_program([("CompanyName", "Nobody")]).build())
    data[at : at + len(damage)] = damage
    view = BytesView(bytes(data))
    try:
        layout = pe.read(view)
    except MalformedInput:
        return
    assert all(s.size >= 0 and (not s.size or s.start + s.size <= view.size) for s in layout.sections)
    assert all(0 <= key < view.size for key in version_keys(view, layout))
    names = import_list(view, layout)
    assert names is None or hashlib.md5(names, usedforsecurity=False).digest()
