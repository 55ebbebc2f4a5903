"""Layouts of ELF programs: generated ones, and this machine's against ``readelf``."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.programs import elf

from freehold.formats.elf import read
from freehold.model.errors import MalformedInput
from freehold.model.view import BytesView


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_entry_and_sections(wide, order):
    layout = read(BytesView(elf(wide=wide, order=order)))
    assert (layout.entry, layout.is_64) == (0x210, wide)
    assert [(s.start, s.size) for s in layout.sections] == [(0x200, 0x40), (0x240, 0x40), (0x280, 0x40)]


def test_no_entry_is_zero():
    assert read(BytesView(elf(entry=0))).entry == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x7fELF",
        elf()[:63],
        elf()[:200],
        elf()[:-1],
        elf(entry=0x999999),
        elf(sections=257),
        elf()[:4] + b"\3" + elf()[5:],
    ],
)
def test_refused(data):
    with pytest.raises(MalformedInput):
        read(BytesView(data))


@pytest.mark.skipif(shutil.which("readelf") is None, reason="needs readelf (binutils)")
def test_real_programs_as_readelf_shows_them():
    program = shutil.which("true") or sys.executable
    layout = read(BytesView(Path(program).read_bytes()))
    shown = subprocess.run(["readelf", "-SW", program], capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"\[ *\d+\] .*? ([0-9a-f]{8,16}) ([0-9a-f]{6,}) ([0-9a-f]{6,}) ", shown)
    assert [(s.address, s.start, s.size) for s in layout.sections] == [
        tuple(int(number, 16) for number in row) for row in rows
    ]


@given(st.binary(max_size=100), st.integers(0, 0x6C0))
def test_damage_is_refused_or_read(damage, at):
    data = bytearray(elf())
    data[at : at + len(damage)] = damage
    try:
        layout = read(BytesView(bytes(data)))
    except MalformedInput:
        return
    assert 0 <= layout.entry < 1 << 32
