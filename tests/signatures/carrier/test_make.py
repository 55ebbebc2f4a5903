"""Carriers match their signatures, near misses do not, and both are the same for the same seed."""

import io
import re
import zipfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.differential import reference
from tests.differential.clamav import expected

from freehold.model.logical import evaluate
from freehold.model.signature import LogicalSignature
from freehold.signatures.carrier.counts import wanted_counts
from freehold.signatures.carrier.errors import CannotCarry
from freehold.signatures.carrier.make import Kind, carriers
from freehold.signatures.carrier.regexes import make_regex_piece
from freehold.signatures.languages.clamav_ldb import parse_line

OWN = [
    line
    for line in Path(__file__).parents[2].joinpath("differential", "own.ldb").read_text().splitlines()
    if not line.startswith("#")
]


def signature(line: str) -> LogicalSignature:
    return parse_line(line, "test")


@pytest.mark.parametrize("line", OWN, ids=lambda line: line.partition(";")[0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_first_carrier_matches(line: str, seed: int) -> None:
    if "/" in line and not reference.pcre_is_there():
        pytest.skip("libpcre2 is not installed")
    own = signature(line)
    first, *misses = carriers(own, seed)
    assert first.kind is Kind.MATCH
    assert expected(own, first)
    assert {miss.kind for miss in misses} <= set(Kind) - {Kind.MATCH}


@pytest.mark.parametrize("name", ["Any.Offsets", "Pe.Entry", "Pe.BeforeEntry", "Pe.Sections", "Pe.LastSection"])
def test_near_misses_miss_where_every_pattern_is_needed(name: str) -> None:
    own = signature(next(line for line in OWN if line.startswith(f"Own.{name};")))
    kinds = set()
    for seed in range(8):
        for carrier in carriers(own, seed):
            kinds.add(carrier.kind)
            assert expected(own, carrier) is (carrier.kind is Kind.MATCH)
    assert kinds == set(Kind)


@pytest.mark.parametrize("line", OWN[:5])
def test_the_same_seed_makes_the_same(line: str) -> None:
    assert list(carriers(signature(line), 9)) == list(carriers(signature(line), 9))
    assert next(carriers(signature(line), 9)).file != next(carriers(signature(line), 10)).file


@pytest.mark.parametrize(
    "comparison",
    [
        "0(>>4#il4#>16,<4096)",
        "0(<<9#ib2#=0x102)",
        "0(>>4#hbe6#<0xabc)",
        "0(>>3#hl4#=258)",
        "0(>>5#dbe5#>100)",
        "0(<<8#il8#>7)",
    ],
)
def test_numbers_are_what_byte_comparisons_ask_for(comparison: str) -> None:
    own = signature(f"A;Engine:81-255,Target:0;0&1&2;aabbcc;{comparison};ddeeff99")
    for seed in range(4):
        made = list(carriers(own, seed))
        assert made[0].expected
        assert all(expected(own, carrier) is carrier.expected for carrier in made)
    other = signature(f"A;Engine:81-255,Target:0;0&1&2;aabbcc;{comparison.partition('#')[0]}#ib1#=77);ddeeff99")
    assert not expected(other, made[0])


def test_a_container_holds_the_content() -> None:
    carrier = next(carriers(signature("A;Engine:51-255,Container:CL_TYPE_ZIP,Target:0;0;aabbccdd"), 1))
    with zipfile.ZipFile(io.BytesIO(carrier.file)) as archive:
        assert archive.read("q.bin") == carrier.content
    assert b"\xaa\xbb\xcc\xdd" in carrier.content


def test_sizes_are_kept() -> None:
    line = "A;Engine:51-255,FileSize:7000-7001,Target:1;0&1;EP+0:aabbccdd;EOF-4:11223344"
    for carrier in carriers(signature(line), 1):
        assert 7000 <= len(carrier.content) <= 7001


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A;Target:0;0&1;0:aabbcc;0:ddeeff", "no room"),
        ("A;Target:10;0;0:aabbcc", "type is told"),
        ("A;Engine:51-255,FileSize:0-100,Target:1;0;aabbcc", "does not fit"),
        ("A;Engine:51-255,IconGroup1:X,Target:1;0;aabbcc", "icons"),
        ("A;Engine:51-255,Container:CL_TYPE_RAR,Target:0;0;aabbcc", "CL_TYPE_RAR"),
        ("A;Target:7;0;41424344", "normalised text"),
        ("A;Target:0;0>5000;aabbcc", "too many"),
        ("A;Target:0;(0=0&0>1);aabbcc", "no counts"),
        ("A;Target:0;0;aa[2-3]bbcc(B)", ""),
        ("A;Engine:81-255,Target:0;0&1;aabbcc;0(>>1#il4#=1)", "something else"),
        ("A;Engine:81-255,Target:0;0&1;aabb;0(>>4#ib1#>1000)", "no number"),
        ("A;Engine:81-255,Target:0;0&1;aabb*ccdd;0(>>4#ib1#>1)", "single pieces"),
        ("A;Engine:81-255,Target:0;0&1;aabb;0/(?=x)y/", "assertions"),
    ],
)
def test_what_cannot_be_carried_is_said(line: str, reason: str) -> None:
    if not reason:
        assert next(carriers(signature(line), 1)).kind is Kind.MATCH
        return
    with pytest.raises(CannotCarry, match=reason):
        list(carriers(signature(line), 1))


@given(st.integers(0, 10_000), st.sampled_from(["0", "0=0", "0>3", "(0|1|2)>4,2", "(0&1)=3", "0&(1|2)>1", "(0|1)<3"]))
def test_wanted_counts_make_the_expression_true(seed: int, expression: str) -> None:
    used = 1 + max(int(digit) for digit in re.findall(r"(?<![<>=,])\d", expression))
    own = signature(f"A;Target:0;{expression};" + ";".join(["aabbcc"] * used))
    assert evaluate(own.expression, wanted_counts(own, Random(seed)))


@given(
    st.integers(0, 10_000),
    st.sampled_from(
        [
            r"abc",
            r"a|bc|d*",
            r"[a-f0-9]{4,8}\.exe",
            r"(?P<n>\w+)=(?P=n);(x)\2",
            r"\x41\x{42}\r?\n[^\s<>]+?",
            r"(?:q(?i:u)z|[[:digit:]]{3})$",
            r"x(?!y)[\d\-_\]]z",
        ]
    ),
)
def test_text_of_a_regular_expression_matches_it(seed: int, regex: str) -> None:
    piece = make_regex_piece(regex.encode(), "", Random(seed))
    python = regex.replace("x{42}", "x42").replace("[[:digit:]]", r"\d")
    assert re.fullmatch(python.encode(), piece.value)
    assert len(piece.care) == len(piece.value)


@pytest.mark.parametrize("regex", ["(", "a)", "[a", "(?R)", "a{5000}", "\\", "(?<=a)b", "\\p{L}", "(" * 60])
def test_regular_expressions_that_are_not_understood(regex: str) -> None:
    with pytest.raises(CannotCarry):
        make_regex_piece(regex.encode(), "", Random(1))
