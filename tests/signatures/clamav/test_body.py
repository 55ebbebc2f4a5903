"""Body patterns: what they mean, and which of ClamAV's rules decide it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.model.body import Body, Bytes, Choice, Edge, Gap, Mark, Neighbour, Part
from freehold.model.errors import MalformedInput
from freehold.signatures.clamav.body import parse_body


def only_form(text: str, modifiers: str = "") -> Body:
    (form,) = parse_body(text, modifiers)
    return form


def only_part(text: str, modifiers: str = "") -> Part:
    (part,) = only_form(text, modifiers).parts
    return part


def exact(text: str) -> Bytes:
    return Bytes(bytes.fromhex(text))


@given(st.binary(min_size=2, max_size=200), st.booleans())
def test_hexadecimal_in_either_case_is_its_bytes(value: bytes, upper: bool) -> None:
    text = value.hex().upper() if upper else value.hex()
    assert only_form(text) == Body((Part((Bytes(value),)),))


def test_nibbles_and_wildcards_become_masks() -> None:
    assert only_part("aabb?c??d?").elements == (Bytes(b"\xaa\xbb\x0c\x00\xd0", b"\xff\xff\x0f\x00\xf0"),)


def test_small_gaps_are_wildcards() -> None:
    assert only_part("aabb{3}cc") == only_part("aabb??????cc")
    assert only_part("aabb{127}cc").elements[0].value == b"\xaa\xbb" + bytes(127) + b"\xcc"


@pytest.mark.parametrize(
    ("gap", "meaning"),
    [
        ("*", Gap(0, None)),
        ("{128}", Gap(128, 128)),
        ("{0}", Gap(0, None)),
        ("{0-0}", Gap(0, None)),
        ("{3-0}", Gap(3, None)),
        ("{-7}", Gap(0, 7)),
        ("{7-}", Gap(7, None)),
        ("{2-5}", Gap(2, 5)),
    ],
)
def test_gaps_separate_parts_and_a_maximum_of_zero_is_none(gap: str, meaning: Gap) -> None:
    form = only_form(f"aabb{gap}ccdd")
    assert form.parts == (Part((exact("aabb"),)), Part((exact("ccdd"),)))
    assert form.gaps == (meaning,)


def test_a_small_gap_behind_a_large_one_separates_parts() -> None:
    assert only_form("aabb{2-5}ccdd{4}eeff").gaps == (Gap(2, 5), Gap(4, 4))
    assert only_form("aabb{4}ccdd{2-5}eeff").gaps == (Gap(2, 5),)


def test_alternatives() -> None:
    assert only_part("aabb(cc|dd)").elements[1] == Choice(((exact("cc"),), (exact("dd"),)))
    assert only_part("aabb!(cccc|dddd)").elements[1] == Choice(((exact("cccc"),), (exact("dddd"),)), negated=True)
    assert only_part("aabb(cc|dd??)").elements[1] == Choice(((exact("cc"),), (Bytes(b"\xdd\x00", b"\xff\x00"),)))
    nested = Choice(((exact("dd"),), (exact("eeee"),)))
    assert only_part("aabb(cc(dd|eeee)ff|11)").elements[1] == Choice(
        ((exact("cc"), nested, exact("ff")), (exact("11"),))
    )


def test_boundaries_have_no_width_at_the_edges_of_a_part_and_consume_within() -> None:
    part = only_part("(B)aabb(W)ccdd!(L)")
    assert part.left == Mark(Edge.SEPARATOR)
    assert part.elements == (exact("aabb"), Mark(Edge.WORD), exact("ccdd"))
    assert part.right == Mark(Edge.LINE, negated=True)


def test_a_negated_boundary_at_the_front_consumes_a_byte() -> None:
    part = only_part("!(W)aabb")
    assert part.left is None
    assert part.elements[0] == Mark(Edge.WORD, negated=True)


def test_neighbours() -> None:
    assert only_part("aa[2-5]bbcc").before == Neighbour(0xAA, 0xFF, 2, 5)
    assert only_part("bbcc[3]a?").after == Neighbour(0xA0, 0xF0, 3, 3)
    both = only_part("aa[0-32]bbcc[1-2]dd")
    assert (both.before, both.after) == (Neighbour(0xAA, 0xFF, 0, 32), Neighbour(0xDD, 0xFF, 1, 2))


def test_wide_puts_a_nul_behind_every_byte_but_counts_gaps_in_bytes() -> None:
    form = only_form("aabb{2}cc(dd|ee)*1122", "w")
    assert form.wide
    assert form.parts[0].elements == (
        Bytes(b"\xaa\0\xbb\0\0\0\xcc\0", b"\xff\xff\xff\xff\0\0\xff\xff"),
        Choice(((exact("dd00"),), (exact("ee00"),))),
    )
    assert form.parts[1].elements == (exact("11002200"),)


def test_ascii_with_wide_asks_for_both_forms_and_alone_for_nothing() -> None:
    wide, plain = parse_body("6162", "aw")
    assert (wide.wide, plain.wide) == (True, False)
    assert parse_body("6162", "a") == parse_body("6162")


def test_fullword_puts_a_boundary_on_both_sides() -> None:
    part = only_part("6162", "f")
    assert (part.left, part.right) == (Mark(Edge.WORD), Mark(Edge.WORD))


@pytest.mark.parametrize("modifiers", ["f", "w"])
def test_neighbours_become_gaps_with_fullword_and_wide(modifiers: str) -> None:
    assert only_form("6162[2-5]6364", modifiers).gaps == (Gap(2, 5),)


def test_nocase_is_kept_for_the_whole_form() -> None:
    assert only_form("6162*6364", "i").nocase


@pytest.mark.parametrize(
    ("text", "modifiers", "reason"),
    [
        ("aa", "", "two exact bytes"),
        ("", "", "two exact bytes"),
        ("aa??bb", "", "two exact bytes"),
        ("aabb*", "", "two exact bytes"),
        ("aabb*cc", "", "two exact bytes"),
        ("*aabb", "", "two exact bytes"),
        ("aa(bb|cc)dd", "", "two exact bytes"),
        ("aabbc", "", "cannot be read"),
        ("aabbxx", "", "cannot be read"),
        ("aabb(cc|dd", "", "not closed"),
        ("aabb)cc", "", "outside of alternatives"),
        ("aabb(cc*dd)", "", "not closed"),
        ("aabb(cc{2-3}dd|ee)", "", "not closed"),
        ("aabb(|cc)", "", "empty"),
        ("aabb(cc!(dd)|ee)", "", "within alternatives"),
        ("aabb!(cc|dddd)", "", "negated"),
        ("aabb!(c?|dd)", "", "negated"),
        ("aabb!(cc|dd)", "i", "negated"),
        ("aabb!(cc|dd)", "a", "negated"),
        ("aabb" + "(cc|" * 17 + "dd" + ")" * 17, "", "deeper"),
        ("aabb[1-33]cc", "", "within 0 to 32"),
        ("aabb[5-2]cc", "", "within 0 to 32"),
        ("aabb[1-2]ccdd", "", "single byte"),
        ("aabb{2-3-4}ccdd", "", "range of bytes"),
        ("aabb{x}ccdd", "", "range of bytes"),
        ("aabb", "x", "unknown modifier"),
    ],
)
def test_what_cannot_be_loaded_is_refused(text: str, modifiers: str, reason: str) -> None:
    with pytest.raises(MalformedInput, match=reason):
        parse_body(text, modifiers)


@given(st.text("0123456789abcdefABCDEFx?*{}[]()|!-BLW ", max_size=60), st.text("iwfaz", max_size=4))
def test_any_text_is_read_or_refused(text: str, modifiers: str) -> None:
    with suppress(MalformedInput):
        assert all(len(form.gaps) == len(form.parts) - 1 for form in parse_body(text, modifiers))
