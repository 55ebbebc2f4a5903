"""Layouts of Mach-O programs, by Apple's description of load commands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.programs import macho

from freehold.formats.macho import read
from freehold.model.errors import MalformedInput
from freehold.model.view import BytesView


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_sections_sizes_are_rounded_to_their_alignment(wide, order):
    layout = read(BytesView(macho(wide=wide, order=order)))
    assert (layout.entry, layout.is_64) == (0, wide)
    assert [(s.name, s.address, s.start, s.size) for s in layout.sections] == [
        ("__part0", 0x1000, 0x400, 0x30),
        ("__part1", 0x1040, 0x440, 0x30),
    ]


@pytest.mark.parametrize(("processor", "entry"), [(18, 0x405), (18 | 0x1000000, 0x405), (7, 0)])
def test_only_powerpc_has_an_entry(processor, entry):
    layout = read(BytesView(macho(wide=processor > 255, order=">", processor=processor, entry=0x1005)))
    assert layout.entry == entry


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xce\xfa\xed\xfe",
        macho()[:40],
        macho(order=">", processor=18, wide=False, entry=0x9999),
        macho(sections=300),
    ],
)
def test_refused(data):
    with pytest.raises(MalformedInput):
        read(BytesView(data))


@given(st.binary(max_size=100), st.integers(0, 0x200))
def test_damage_is_refused_or_read(damage, at):
    data = bytearray(macho())
    data[at : at + len(damage)] = damage
    try:
        layout = read(BytesView(bytes(data)))
    except MalformedInput:
        return
    assert 0 <= layout.entry < 1 << 32
