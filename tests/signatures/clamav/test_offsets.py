"""Offsets."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.model.body import Anchor, Offset
from freehold.model.errors import MalformedInput
from freehold.model.filetype import Target
from freehold.signatures.clamav.offsets import parse_offset


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("*", Offset()),
        ("0", Offset(Anchor.START, 0)),
        ("120,30", Offset(Anchor.START, 120, 30)),
        ("EOF-64", Offset(Anchor.END, -64)),
        ("EOF-64,8", Offset(Anchor.END, -64, 8)),
        ("EP+0", Offset(Anchor.ENTRY, 0)),
        ("EP-20,5", Offset(Anchor.ENTRY, -20, 5)),
        ("S2+16", Offset(Anchor.SECTION, 16, 0, 2)),
        ("S0+0,9", Offset(Anchor.SECTION, 0, 9, 0)),
        ("SE1", Offset(Anchor.SECTION_EXTENT, 0, 0, 1)),
        ("SL+8", Offset(Anchor.LAST_SECTION, 8)),
        ("VI", Offset(Anchor.VERSION_INFO)),
        ("$7$", Offset(Anchor.MACRO, number=7)),
        ("EP+", Offset(Anchor.ENTRY, 0)),
    ],
)
def test_meanings(text: str, meaning: Offset) -> None:
    assert parse_offset(text, Target.PE) == meaning


@pytest.mark.parametrize("text", ["EP", "EP*0", "EOF+1", "S+1", "SX+1", "-1", "1,x", "12x", "$32$", "9" * 11, "1" * 65])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(MalformedInput):
        parse_offset(text, Target.PE)


@pytest.mark.parametrize("text", ["EP+0", "S0+0", "SE0", "SL+0", "VI"])
def test_entry_points_and_sections_need_a_program(text: str) -> None:
    for target in (Target.PE, Target.ELF, Target.MACHO):
        parse_offset(text, target)
    with pytest.raises(MalformedInput, match="needs a program"):
        parse_offset(text, Target.ANY)


def test_ends_need_no_program() -> None:
    assert parse_offset("EOF-1", Target.TEXT).anchor is Anchor.END


@given(st.text("EPOFSVIL+-,*$0123456789", max_size=20), st.sampled_from(list(Target)))
def test_any_text_is_read_or_refused(text: str, target: Target) -> None:
    with suppress(MalformedInput):
        assert parse_offset(text, target).shift >= 0
