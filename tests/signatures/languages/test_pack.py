"""Packs: every mistake costs one rule, and is explained with its line."""

import pytest

from freehold.model.filetype import Target
from freehold.model.report import Verdict
from freehold.model.signature import HashSignature, PatternSignature, Rejected
from freehold.signatures.languages.pack import LANGUAGE

GOOD = """
[pack]
name = "p"
version = "1"

[[rule]]
name = "Test.One"
looks_for = "one"
why = "because"
category = "test"
severity = "low"
verdict = "suspicious"
targets = ["html", "text"]
references = ["T1059.004", "https://example.org/x"]
maximum_size = 5
condition = "a and b"
[rule.patterns]
a = { text = "a.b", nocase = true }
b = { text = "é", wide = true }

[[hash]]
name = "Test.Two"
sha256 = "00000000000000000000000000000000000000000000000000000000000000ff"
size = 3
"""


def parse(text):
    return list(LANGUAGE.parse(text.encode(), "p.toml"))


def test_a_good_pack():
    rule, digest = parse(GOOD)
    assert isinstance(rule, PatternSignature)
    assert rule.about.source == "p.toml:6"
    assert rule.about.verdict is Verdict.SUSPICIOUS
    assert rule.targets == (Target.HTML, Target.TEXT)
    assert rule.maximum_size == 5
    assert isinstance(digest, HashSignature)
    assert (digest.about.source, digest.size, digest.digest[-1]) == ("p.toml:21", 3, 255)


RULE = """
[[rule]]
name = "R"
condition = "a"
[rule.patterns]
a = { text = "x" }
"""


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('name = "R"', "", "name is missing"),
        ('name = "R"', 'name = "R"\nlook_for = "x"', "did you mean 'looks_for'"),
        ('name = "R"', 'name = "R"\ntargets = ["htm"]', "did you mean 'html'"),
        ('name = "R"', 'name = "R"\ntargets = []', "targets must be"),
        ('name = "R"', 'name = "R"\nseverity = "bad"', "severity must be"),
        ('name = "R"', 'name = "R"\nverdict = "clean"', "verdict must be"),
        ('name = "R"', 'name = "R"\nreferences = ["X1"]', "neither an ATT&CK technique"),
        ('name = "R"', 'name = "R"\nmaximum_size = -1', "maximum_size must be"),
        ('name = "R"', "name = 3", "name must be a text"),
        ('text = "x"', 'txt = "x"', "did you mean 'text'"),
        ('text = "x"', 'text = "x", hex = "41"', "exactly one of"),
        ('text = "x"', 'hex = "4"', "hex: cannot read"),
        ('text = "x"', 'regex = "x", wide = true', "wide and fullword are for texts"),
        ('text = "x"', 'text = "x", nocase = 1', "nocase must be true or false"),
        ('text = "x"', 'text = ".x", fullword = true', "fullword needs"),
        ('text = "x"', 'text = "x", fullword = true, wide = true', "exclude each other"),
        ('a = { text = "x" }', "a = 3", "a must be a table"),
        ('a = { text = "x" }', "", "1 to 64 patterns"),
        ('a = { text = "x" }', '"a b" = { text = "x" }', "a name has letters"),
        ('condition = "a"', 'condition = "b"', "no pattern 'b'"),
    ],
)
def test_a_bad_rule_costs_itself_alone(old, new, reason):
    bad = RULE.replace(old, new)
    assert bad != RULE
    rejected, rule = parse(f"# comment{bad}{RULE}")
    assert isinstance(rejected, Rejected)
    assert (rejected.source, rejected.line) == ("p.toml", 2)
    assert reason in rejected.reason
    assert isinstance(rule, PatternSignature)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ('md5 = "00"', "32 digits"),
        ('md5 = "zz"', "not hexadecimal"),
        ("size = 4", "exactly one of md5, sha1, sha256"),
        ('md5 = "00000000000000000000000000000000"\nsize = -4', "size must be"),
    ],
)
def test_a_bad_hash_is_explained(entry, reason):
    (rejected,) = parse(f'[[hash]]\nname = "H"\n{entry}\n')
    assert isinstance(rejected, Rejected)
    assert reason in rejected.reason


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = \n", 1), ("\n\n[pack\n", 3), ("[rules]\n", 1), ("[rule]\n", 1), ("x = " + "[" * 5000, 1), ("\x00", 1)],
)
def test_a_bad_file_is_one_rejection(text, line):
    (rejected,) = parse(text)
    assert isinstance(rejected, Rejected)
    assert rejected.line == line


def test_what_is_not_utf8_is_rejected():
    (rejected,) = LANGUAGE.parse(b"\xff\xfe", "p.toml")
    assert isinstance(rejected, Rejected)
