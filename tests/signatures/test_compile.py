"""The compiler: the same input gives the same bytes, and whatever it cannot take it names."""

import pytest

from freehold.bundle import Bundle
from freehold.model.errors import UsageError
from freehold.signatures.compile import build

PACK = """
[[rule]]
name = "One"
targets = ["text", "html"]
condition = "any of them"
[rule.patterns]
a = { text = "hello" }
b = { regex = 'x.{0,5}y' }

[[rule]]
name = "Two"
condition = "a and not b"
[rule.patterns]
a = { text = "hello" }
b = { text = "world" }
"""


def pack(condition="a", pattern='text = "hello"'):
    return f'[[rule]]\nname = "R"\ncondition = "{condition}"\n[rule.patterns]\na = {{ {pattern} }}\n'


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "rules"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.toml").write_text(PACK)
    (folder / "b.hdb").write_text("aa15bcf478d165efd2065190eb473bcb:544:Test.File\nnonsense\n")
    (folder / "c.yar").write_text('rule y { strings: $a = "hello" condition: $a }\nrule z { condition: nothing }\n')
    (folder / "README").write_text("passed over")
    return folder


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


ICON = f"10{'0' * 122}"


def test_icons_are_there_for_those_who_ask_for_them(tmp_path):
    (tmp_path / "a.ldb").write_text(
        "A;Engine:51-255,Target:1,IconGroup1:ONE;0;aabbccdd\n"
        "B;Engine:51-255,Target:1,IconGroup2:ONE;0;aabbccdd\n"
        "C;Engine:51-255,Target:1,IconGroup1:GONE;0;aabbccdd\n"
    )
    (tmp_path / "b.idb").write_text(f"I:ONE:TWO:{ICON}\nnone\nJ:GONE:ONE:{ICON}\nK:GONE:TWO:{ICON}\n")
    (tmp_path / "c.ign2").write_text("K\nJ\n")
    sources = [tmp_path / name for name in ("a.ldb", "b.idb", "c.ign2")]
    result = build(sources, tmp_path / "out")
    assert [(one.source, one.line) for one in result.rejected] == [("b.idb", 2), ("a.ldb", 2), ("a.ldb", 3)]
    assert "no .idb file that is compiled with it has an icon of group 'ONE' (2)" in result.rejected[1].reason
    assert result.counts["clamav-idb"] == 1
    assert result.ignored == 2
    [segment] = Bundle.open(tmp_path / "out").segments
    [(groups, metrics)] = segment.icons()
    assert (groups, metrics.digits()) == (("ONE", "TWO"), ICON)


def test_the_same_input_gives_the_same_bytes(sources, tmp_path):
    build([sources], tmp_path / "one")
    build([sources], tmp_path / "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_counts_and_rejections(sources, tmp_path):
    result = build([sources], tmp_path / "out")
    assert result.counts == {"pack": 2, "clamav-hash": 1, "yara": 1}
    assert result.targets == {"any": 1, "text": 1, "html": 1}
    assert [(r.source, r.line) for r in result.rejected] == [("rules/b.hdb", 2), ("rules/c.yar", 2)]
    (segment,) = Bundle.open(tmp_path / "out").segments
    assert (segment.counts, segment.targets) == (result.counts, result.targets)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (pack("not a"), "holds for content without any"),
        (pack(pattern="regex = 'a.*b'"), "pattern 1: its matches can be longer than 2048 bytes"),
        (pack(pattern="regex = '(a'"), "pattern 1: it is no regular expression"),
        (pack(pattern="regex = '(a)(?!b)'"), "pattern 1: (?! is not supported"),
    ],
)
def test_rules_that_cannot_be_honoured(tmp_path, text, reason):
    (tmp_path / "a.toml").write_text("\n\n" + text + pack())
    result = build([tmp_path / "a.toml"], tmp_path / "out")
    (rejected,) = result.rejected
    assert (rejected.source, rejected.line) == ("a.toml", 3)
    assert reason in rejected.reason
    assert result.counts == {"pack": 1}


def test_sources_that_are_none(tmp_path):
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(UsageError, match="no such file"):
        build([tmp_path / "missing.hdb"], tmp_path / "out")
    with pytest.raises(UsageError, match="signature files end in"):
        build([tmp_path / "x.txt"], tmp_path / "out")


def test_nothing_makes_an_empty_database(tmp_path):
    (tmp_path / "rules").mkdir()
    build([tmp_path / "rules"], tmp_path / "out")
    Bundle.open(tmp_path / "out").verify()
