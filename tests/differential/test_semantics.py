"""What decides beside the patterns: types that signatures ask for, sizes of texts, lists, classes of names.

Each expectation is written down, so that it holds without ``clamscan``, and compared with ``clamscan`` where it is.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from tests.differential import clamscan, engine
from tests.differential.generated import NOT_TEXT

HAS_CLAMSCAN = clamscan.is_followed()

Databases = Mapping[str, str | bytes]


def check(
    databases: Databases, contents: Sequence[bytes], expected: Iterable[str], folder: Path, *, cache: bool = False
) -> None:
    """Expect these names (in one text, with spaces) in each content, from Freehold and from ``clamscan``."""
    texts = {name: text.encode() if isinstance(text, str) else text for name, text in databases.items()}
    wanted = [set(names.split()) for names in expected]
    assert engine.scan(texts, contents, folder / "ours") == wanted
    if HAS_CLAMSCAN:
        assert clamscan.scan(texts, contents, folder / "theirs", cache=cache) == wanted


def body(text: str | bytes) -> str:
    return (text.encode() if isinstance(text, str) else text).hex()


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


# HandlerType

RETYPED = f"""A;Engine:51-255,HandlerType:{{}},Target:0;0;{body("trigger")}
Graphics;Target:5;0;{body("inside")}
Program;Target:1;0;{body("inside")}
Class;Target:12;0;{body("inside")}
Data;Target:14;0;{body("inside")}
"""


@pytest.mark.parametrize(
    ("handler", "names"),
    [
        ("CL_TYPE_GRAPHICS", "A Data Graphics"),
        ("CL_TYPE_MSEXE", "A Data Program"),
        ("CL_TYPE_JAVA", "A Data Class"),
        ("CL_TYPE_PDF", "A Data"),
        ("CL_TYPE_XDP", "A Data"),
        ("CL_TYPE_TEXT_ASCII", "A Data"),
    ],
)
def test_content_is_examined_once_more_as_the_type_that_a_signature_names(
    handler: str, names: str, tmp_path: Path
) -> None:
    contents = [NOT_TEXT + b"trigger inside", NOT_TEXT + b"inside"]
    check({"a.ldb": RETYPED.format(handler)}, contents, [names, "Data"], tmp_path, cache=True)


def test_what_is_inside_by_the_other_type_is_examined_too(tmp_path: Path) -> None:
    hidden = zipped({"member": NOT_TEXT + b"inside" * 9 + NOT_TEXT}, zipfile.ZIP_DEFLATED)
    content = NOT_TEXT + b"trigger" + hidden[: hidden.index(b"PK\1\2")] + NOT_TEXT * 20
    databases = {
        "a.ldb": f"A;Engine:51-255,HandlerType:CL_TYPE_ZIP,Target:0;0;{body('trigger')}\nIn;Target:0;0;{body('inside')}"
    }
    texts = {name: text.encode() for name, text in databases.items()}
    assert engine.scan(texts, [content], tmp_path) == [{"A", "In"}]


def test_a_zip_behind_something_else_is_the_container_of_its_members(tmp_path: Path) -> None:
    database = f"In;Engine:51-255,Container:CL_TYPE_ZIP,Target:0;0;{body('inside')}\n"
    content = NOT_TEXT + b"in front" + zipped({"member": NOT_TEXT + b"inside" + NOT_TEXT})
    check({"a.ldb": database}, [content, NOT_TEXT + b"inside"], ["In", ""], tmp_path)


# The size of a text

SIZED = f"""Ten;Engine:51-255,FileSize:10-20,Target:7;0;{body("marker")}
Forty;Engine:51-255,FileSize:30-60,Target:7;0;{body("marker")}
NoneInTen;Engine:51-255,FileSize:10-20,Target:7;0=0;{body("marker")}
NoneInForty;Engine:51-255,FileSize:30-60,Target:7;0=0;{body("marker")}
"""
TEXTS = [b"a         " * 3 + b"marker", b"MARKER  " + b"x" * 30, b"x" * 12 + b"marker", b"x" * 15, b"Z  " * 15]


@pytest.mark.parametrize("offset", ["*", "0", "EOF-6,9"])
def test_the_size_of_a_text_depends_on_what_is_loaded_beside_it(offset: str, tmp_path: Path) -> None:
    databases = {"a.ldb": SIZED, "b.ndb": f"Other:7:{offset}:{body('never there')}\n"}
    if offset.startswith("EOF"):
        expected = ["NoneInForty", "Forty NoneInForty", "Ten NoneInTen", "NoneInTen", "NoneInForty"]
        expected[0] += " Ten"
    else:
        expected = ["Forty", "Forty", "Ten", "NoneInTen", "NoneInForty"]
    check(databases, TEXTS, expected, tmp_path)


# Classes of names


def test_what_is_only_unwanted_is_reported_beside_the_rest(tmp_path: Path) -> None:
    database = "".join(
        f"{name};Target:0;0;{body('marker')}\n" for name in ("PUA.Win.A", "Heuristics.B", "Own.C", "PUAnot.D")
    )
    check({"a.ldb": database}, [NOT_TEXT + b"marker"], ["PUA.Win.A Heuristics.B Own.C PUAnot.D"], tmp_path)


# Lists


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


NAMES = ["Own.A", "Own.B", "Own.C", "Own.D"]
FOUR = "".join(f"{name}:0:*:{body('marker')}\n" for name in NAMES)
LINES = [line.encode() for line in FOUR.splitlines()]


@pytest.mark.parametrize(
    ("lists", "names"),
    [
        ({"x.ign2": "Own.A\n"}, "Own.B Own.C Own.D"),
        ({"x.ign2": "own.a\nOwn\nwn.A\n"}, "Own.A Own.B Own.C Own.D"),
        ({"x.ign2": "Own.A.UNOFFICIAL\n"}, "Own.A Own.B Own.C Own.D"),
        ({"x.ign2": f"Own.B:{md5(LINES[1])}\n"}, "Own.A Own.C Own.D"),
        ({"x.ign2": f"Own.B:{md5(LINES[1]).upper()}\n"}, "Own.A Own.C Own.D"),
        ({"x.ign2": f"Own.B:{md5(LINES[0])}\n"}, "Own.A Own.B Own.C Own.D"),
        ({"x.ign": "a.ndb:7:Own.C\n"}, "Own.A Own.B Own.D"),
        ({"x.ign": "a.ndb:7:Own.C\n", "y.ign2": f"# a comment\nOwn.A\nOwn.B\nOwn.D:{md5(LINES[3])}\n"}, ""),
    ],
)
def test_ignore_lists(lists: dict[str, str], names: str, tmp_path: Path) -> None:
    check({"a.ndb": FOUR, **lists}, [NOT_TEXT + b"marker"], [names], tmp_path)


def test_ignore_lists_apply_to_all_kinds_of_signatures(tmp_path: Path) -> None:
    content = NOT_TEXT + b"marker"
    sha256 = hashlib.sha256(content).hexdigest()
    databases = {
        "a.hdb": f"{md5(content)}:{len(content)}:A\n{md5(content[::-1])}:{len(content)}:B\n",
        "b.hsb": f"{sha256}:{len(content)}:C\n",
        "c.ldb": f"D;Target:0;0;{body('marker')}\nE;Target:0;0;{body('arke')}\n",
        "d.db": f"F={body('marker')}\n",
        "e.cdb": "G:CL_TYPE_ZIP:*:.*:*:*:*:*:*:*\nH:CL_TYPE_ZIP:*:.*:*:*:*:*:*:*\n",
        "x.ign2": "A\nC\nD\nF\nG\n",
    }
    check(databases, [content, zipped({"member": b"content"})], ["E", "H"], tmp_path)


INNER = NOT_TEXT + b"marker of the inner member"
OUTER = zipped({"inner": INNER}) + b""
ALLOWED_OUTER = f"{md5(OUTER)}:{len(OUTER)}:x\n"
ALLOWED_INNER = f"{hashlib.sha256(INNER).hexdigest()}:{len(INNER)}:x\n"
ALLOWED_ANY_SIZE = f"{hashlib.sha1(OUTER, usedforsecurity=False).hexdigest()}:*:x:73\n"


@pytest.mark.parametrize(
    ("lists", "in_outer", "in_inner"),
    [
        ({}, "Whole Inner", "Inner"),
        ({"x.fp": ALLOWED_OUTER}, "", "Inner"),
        ({"x.sfp": ALLOWED_INNER}, "Whole", ""),
        ({"x.sfp": ALLOWED_ANY_SIZE}, "", "Inner"),
        ({"x.fp": ALLOWED_OUTER.replace(f":{len(OUTER)}:", ":7:")}, "Whole Inner", "Inner"),
    ],
)
def test_allow_lists_cover_what_is_inside(lists: dict[str, str], in_outer: str, in_inner: str, tmp_path: Path) -> None:
    databases = {
        "a.hdb": f"{md5(OUTER)}:{len(OUTER)}:Whole\n",
        "b.ndb": f"Inner:14:*:{body('marker of the inner')}\n",
        **lists,
    }
    check(databases, [OUTER, INNER], [in_outer, in_inner], tmp_path)


# Other rules about loading and about what is hashed


def test_levels_decide_what_is_loaded(tmp_path: Path) -> None:
    content = NOT_TEXT + b"marker"
    digest = f"{md5(content)}:{len(content)}"
    databases = {
        "a.ldb": f"L1;Engine:51-216,Target:0;0;{body('marker')}\nL2;Engine:217-255,Target:0;0;{body('marker')}\n"
        f"L3;Engine:51-215,Target:0;0;{body('marker')}\n",
        "b.ndb": f"N1:0:*:{body('marker')}:216:216\nN2:0:*:{body('marker')}:217\nN3:0:*:{body('marker')}:1:215\n",
        "c.hdb": f"{digest}:H1:216\n{md5(content)}:*:H2:217\n",
        "d.cdb": "C1:*:*:.*:*:*:*:*:*:*:216:216\nC2:*:*:.*:*:*:*:*:*:*:217\nC3:*:*:.*:*:*:*:*:*:*:1:215\n",
    }
    check(databases, [content, zipped({"member": b"content"})], ["L1 N1 H1", "C1"], tmp_path)


def test_what_follows_clam_in_a_name_is_cut_off(tmp_path: Path) -> None:
    check({"a.ndb": f"Own.A (Clam)-7:0:*:{body('marker')}\n"}, [NOT_TEXT + b"marker"], ["Own.A"], tmp_path)


def test_content_that_clamscan_does_not_hash_is_hashed(tmp_path: Path) -> None:
    contents = [b"<html><body>A page</body></html> ", b"ID3" + NOT_TEXT, b"tiny", b"no page, but text"]
    lines = "".join(f"{md5(content)}:{len(content)}:H{number}\n" for number, content in enumerate(contents)).encode()
    assert engine.scan({"a.hdb": lines}, contents, tmp_path / "ours") == [{"H0"}, {"H1"}, {"H2"}, {"H3"}]
    if HAS_CLAMSCAN:
        assert clamscan.scan({"a.hdb": lines}, contents, tmp_path / "theirs") == [set(), set(), set(), {"H3"}]


def test_two_equal_hashes_are_both_reported(tmp_path: Path) -> None:
    content = NOT_TEXT + b"content"
    lines = "".join(f"{md5(content)}:{len(content)}:{name}\n" for name in ("One", "Two", "Three")).encode()
    assert engine.scan({"a.hdb": lines}, [content], tmp_path / "ours") == [{"One", "Two", "Three"}]
    if HAS_CLAMSCAN:
        (names,) = clamscan.scan({"a.hdb": lines}, [content], tmp_path / "theirs")
        assert len(names) == 1


RULES = b"""rule Text { strings: $a = "trigger" condition: $a }
private rule Hidden { strings: $a = "trigger" condition: $a }
rule Nested { strings: $a = "trigger" condition: $a and Hidden }
rule Small { strings: $a = "trigger" condition: $a and filesize < 1KB }
rule Expression { strings: $a = /trig+er/ condition: $a }
rule Absent { strings: $a = "never there" condition: not $a }
rule Placed : tag { meta: x = "y" strings: $a = "TRIGGER" nocase fullword condition: $a at 8 }
rule Elsewhere { strings: $a = "trigger" condition: $a at 9 }
"""
SKIPPED = b"""rule NoStrings { condition: filesize > 5 }
rule Short { strings: $a = "t" condition: $a }
rule Gaps { strings: $a = { 74 ?? 69 [1-3] 67 } condition: #a > 0 }
"""


def test_yara_rules_match_as_in_clamscan(tmp_path: Path) -> None:
    contents = [NOT_TEXT + b"trigger tail", NOT_TEXT + b"none"]
    both = [{"Text", "Nested", "Small", "Expression", "Absent", "Placed"}, {"Absent"}]
    assert engine.scan({"a.yar": RULES}, contents, tmp_path / "ours") == both
    more = engine.scan({"a.yara": RULES + SKIPPED}, contents, tmp_path / "more")
    assert more == [both[0] | {"NoStrings", "Short", "Gaps"}, both[1] | {"NoStrings"}]
    if HAS_CLAMSCAN:
        theirs = clamscan.scan({"a.yar": RULES}, contents, tmp_path / "theirs")
        assert [{name.removeprefix("YARA.") for name in names} for names in theirs] == both
