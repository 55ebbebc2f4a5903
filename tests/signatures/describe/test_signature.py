"""Signatures in words: what the words must say, and that they say what ``sigtool`` decodes."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.model.body import Anchor, Offset
from freehold.signatures.clamav.expression import parse_expression
from freehold.signatures.describe.conditions import condition_words, expression_words
from freehold.signatures.describe.places import place
from freehold.signatures.describe.signature import describe
from freehold.signatures.describe.values import Described, Piece
from freehold.signatures.find import by_text
from freehold.signatures.registry import BY_SUFFIX

OWN = Path(__file__).parents[2] / "differential" / "own.ldb"

BODIES = [
    "B1:1:EP+0,10:41424344*4546474849{5}4a4b4c{-4}4d4e4f{3-}505152",
    "B2:0:*:414243(6162|6364)44454647{7-9}484950",
    "B3:3:EOF-20:3c73637269707420{2-4}2f73637269",
    "B4:6:120:71777a!(61|62)71777a71",
]


ICON = (
    "10"
    + ("0ff0102" * 3)
    + ("0000304" * 3)
    + ("800506" * 3)
    + ("100708" * 3)
    + ("ff090a" * 3)
    + ("010b0c" * 3)
    + "0a141e28"
)


def described(text: str) -> Described:
    [found] = by_text(text)
    [words] = describe(found.signature)
    return words


def facts(text: str) -> dict[str, str]:
    return dict(described(text).facts)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0", "0 occurs"),
        ("0&1", "both 0 and 1 occur"),
        ("0|1|2", "any of 0, 1 or 2 occurs"),
        ("0=0", "0 does not occur"),
        ("0>2&1<3", "0 occurs more than twice and 1 occurs fewer than 3 times"),
        ("0&1|2", "0 occurs and (either 1 or 2 occurs)"),
        ("(0&1|2)", "(both 0 and 1 occur) or 2 occurs"),
        ("(0|1|2)>4,2", "any of 0, 1 or 2 occurs, with more than 4 occurrences in all, of at least 2 different ones"),
        ("(0|1)=0", "none of 0 and 1 occurs"),
        ("(0&1)<3", "it is not so that both 0 and 1 occur, or it is with fewer than 3 occurrences in all"),
    ],
)
def test_expressions(expression: str, words: str) -> None:
    assert expression_words(parse_expression(expression)[0]) == words


def test_conditions_of_packs() -> None:
    from freehold.signatures.condition import parse_condition

    names = ["a", "b", "c", "d"]
    assert condition_words(parse_condition("2 of them", names)) == "at least 2 of 1, 2, 3 and 4 occur"
    words = condition_words(parse_condition("a and not b and any of (c, d)", names))
    assert words == "1 occurs and (not (2 occurs)) and (either 3 or 4 occurs)"


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (Offset(), "anywhere"),
        (Offset(Anchor.START), "at the start"),
        (Offset(Anchor.START, 10, 5), "10 to 15 bytes after the start"),
        (Offset(Anchor.END, -1), "1 byte before the end"),
        (Offset(Anchor.END, -20, 5), "15 to 20 bytes before the end"),
        (Offset(Anchor.ENTRY, -4, 8), "from 4 bytes before to 4 bytes after the entry point"),
        (Offset(Anchor.SECTION, 8, number=2), "8 bytes after the start of section 2 (counted from 0)"),
        (Offset(Anchor.LAST_SECTION), "at the start of the last section"),
    ],
)
def test_places(offset: Offset, words: str) -> None:
    assert place(offset) == words


def test_everything_that_a_target_description_asks_for() -> None:
    said = facts(
        "A;Engine:51-255,Target:1,FileSize:100-5000,EntryPoint:64-80,NumberOfSections:3-3,Container:CL_TYPE_ZIP,"
        "Intermediates:CL_TYPE_MAIL>CL_TYPE_ZIP;0;aabbcc"
    )
    assert said["looks at"] == "Windows programs (target 1)"
    assert said["size"] == "100 to 5,000 bytes"
    assert said["entry point"] == "at byte 64 to 80 of the file"
    assert said["sections"] == "3"
    assert said["container"] == "directly in a CL_TYPE_ZIP"
    assert said["layers above"] == "CL_TYPE_MAIL > CL_TYPE_ZIP"


def test_pieces_of_a_pattern() -> None:
    [part] = described("A;Target:0;0;4d5a??a?(61|6263)4e4f!(00|ff){4-8}5051").parts
    words = [piece.words or piece.text for piece in part.pieces]
    assert words == ["MZ", "any 1 byte", "a byte a?", "one of", "NO", "any 1 byte but 00 or ff", *words[-2:]]
    assert words[-2:] == ["4 to 8 bytes of anything", "PQ"]
    assert [[piece.exact for piece in option] for option in part.pieces[3].options] == [[b"a"], [b"bc"]]


def test_other_kinds_of_subsignatures() -> None:
    parts = described("A;Engine:81-255,Target:0;0&1&2;aabb::iw;0(<<4#hle6#>0x10,<9000);EOF-9,3:0/a.b/ie").parts
    assert parts[0].notes == ("letters match in either case", "as UTF-16: with a zero byte behind each byte")
    assert parts[1].where == "4 bytes before the last place where 0 starts"
    assert parts[1].notes[-1] == "the number must be more than 16 and fewer than 9,000"
    assert parts[2].where == "6 to 9 bytes before the end"
    assert parts[2].notes[0] == "it is run over the whole content when 0 occurs"


@pytest.mark.parametrize(
    ("text", "kind", "fact"),
    [
        ("aa15bcf478d165efd2065190eb473bcb:544:A", "digest of a whole file", ("size", "544 bytes")),
        (
            "4096:aa15bcf478d165efd2065190eb473bcb:A",
            "digest of a section of a Windows program",
            ("size", "4,096 bytes"),
        ),
        (r"A:CL_TYPE_ZIP:*:\.exe$:*:1-9:1:2:*:*", "member of an archive", ("encrypted", "yes")),
        (f"A:FIRST:SECOND:{ICON}", "icon", ("icon group 2", "SECOND")),
        (f"A:FIRST:SECOND:{ICON}", "icon", ("colours", "40% of the pixels (red 10%, green 20%, blue 30%)")),
        (f"A:FIRST:SECOND:{ICON}", "icon", ("most edges", "255 at 9,10, 255 at 9,10, 255 at 9,10")),
        (f"A:FIRST:SECOND:{ICON[:-2]}00", "icon", ("colours", "none")),
        ("A;Engine:81-255,Container:CL_TYPE_ZIP;0;secret", "password", ("password", "secret")),
        (
            "A:aa15bcf478d165efd2065190eb473bcb",
            "ignored signature",
            ("effect", "the signature of this name is not loaded"),
        ),
        ("A=4142434445", "pattern", ("looks at", "files of any kind (texts and pages also in normal form) (target 0)")),
        ("A:5:*:4142434445", "pattern", ("looks at", "pictures (target 5)")),
        ('rule A : t { meta: m = "v" strings: $a = "abc" condition: $a }', "YARA rule", ("m", "v")),
        (
            '[[rule]]\nname = "A"\nlooks_for = "It."\ncondition = "a"\n[rule.patterns]\na = { text = "abc" }',
            "rule of a pack",
            ("looks for", "It."),
        ),
    ],
)
def test_every_language_is_told_by_its_form(text: str, kind: str, fact: tuple[str, str]) -> None:
    words = described(text)
    assert (words.name, words.kind) == ("A", kind)
    assert fact in words.facts


def test_what_is_looked_for_only_by_others() -> None:
    assert described("A:0:$3$:4142434445").condition == "a signature looks for macro group 3; never by itself"
    assert "any pattern of macro group 3" in described("A;Target:0;0&1;6162;${4-5}3$").parts[1].notes[0]


@pytest.mark.parametrize(
    "text", ["", "name", "a/b.zip", "/etc/passwd", "C:\\x", "http://example.org/a", "a:b", "Own.Name-1"]
)
def test_what_has_the_form_of_no_signature(text: str) -> None:
    assert by_text(text) == []


SIGTOOL = shutil.which("sigtool")


def decode(lines: list[str]) -> str:
    assert SIGTOOL
    done = subprocess.run(
        [SIGTOOL, "--decode-sigs"], input="\n".join(lines).encode() + b"\n", capture_output=True, check=True
    )
    return done.stdout.decode("latin-1")


def their_words(decoded: str) -> list[str]:
    """Put what ``sigtool`` prints of a pattern into our words."""
    tokens = re.split(r"(\{[^}]*\})", decoded)
    return [word for token in tokens if token for word in _their_word(token)]


def _their_word(token: str) -> Iterator[str]:
    if not token.startswith("{"):
        yield token
    elif numbers := re.findall(r"(==|>=|<=)(\d+)", token):
        bounds = {relation: int(number) for relation, number in numbers}
        if "==" in bounds:
            yield f"any {bounds['==']} bytes"
        elif len(bounds) == 2:
            yield f"{bounds['>=']} to {bounds['<=']} bytes of anything"
        else:
            yield (
                f"at least {bounds['>=']} bytes of anything"
                if ">=" in bounds
                else f"up to {bounds['<=']} bytes of anything"
            )
    elif "STRING_ALTERNATIVE" in token:
        yield ("any 1 byte but " if "EXCLUDING" in token else "one of ") + token.partition(":")[2].rstrip("}")
    else:
        yield "any number of bytes"


def our_words(pieces: tuple[Piece, ...]) -> list[str]:
    words = []
    for piece in pieces:
        if piece.options:
            options = ("".join(one.exact.decode("latin-1") for one in option) for option in piece.options)
            words.append("one of " + "|".join(options))
        elif piece.words.startswith("any 1 byte but "):
            words.append("any 1 byte but " + "|".join(re.findall(r'"(.)"', piece.words)))
        else:
            words.append(piece.exact.decode("latin-1") if piece.exact else piece.words)
    return words


@pytest.mark.skipif(SIGTOOL is None, reason="sigtool (clamav) is not installed")
@pytest.mark.parametrize("line", BODIES)
def test_bodies_are_what_sigtool_decodes(line: str) -> None:
    [part] = described(line).parts
    assert our_words(part.pieces) == their_words(decode([line]).partition("DECODED SIGNATURE:\n")[2].rstrip("\n"))


@pytest.mark.skipif(SIGTOOL is None, reason="sigtool (clamav) is not installed")
def test_logical_signatures_are_what_sigtool_decodes() -> None:
    plain = re.compile(r"(?:EP\+\d+|EOF-\d+|\d+)?:?(?:[2-6][0-9a-f]|7[0-9a-e])+(?:::[iwfa]+)?")
    lines = [
        line
        for line in OWN.read_text().splitlines()
        if line.startswith("Own.") and all(plain.fullmatch(field) for field in line.split(";")[3:])
    ]
    assert len(lines) > 10
    for line in lines:
        theirs = decode([line])
        words = described(line)
        assert words.name == re.search(r"VIRUS NAME: (.*)", theirs)[1]
        assert [part.label for part in words.parts] == re.findall(r"SUBSIG ID (\d+)", theirs)
        for part, their_text in zip(words.parts, re.findall(r"DECODED SUBSIGNATURE:\n(.*)", theirs), strict=True):
            ours = b"".join(piece.exact for piece in part.pieces)
            is_wide = any("as UTF-16: " in note and "also" not in note for note in part.notes)
            assert (ours[::2] if is_wide else ours).decode("latin-1") == their_text
        offsets = re.findall(r"OFFSET: (.*)", theirs)
        assert [part.where == "anywhere" for part in words.parts] == [offset == "ANY" for offset in offsets]


def test_every_line_language_takes_what_by_text_gives() -> None:
    for line in OWN.read_text().splitlines()[1:]:
        [found] = by_text(line)
        again = list(BY_SUFFIX[found.suffix].parse(found.text, f"argument{found.suffix}"))
        assert again == [found.signature]
