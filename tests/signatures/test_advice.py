"""What the writer of a signature is warned of, and that good signatures get no warning."""

from pathlib import Path

import pytest

from freehold.signatures.advice import advice
from freehold.signatures.find import by_text

RULE = '[[rule]]\nname = "A"\ncondition = "a"\n[rule.patterns]\na = {{ {} }}'


def told(text: str) -> list[str]:
    [found] = by_text(text)
    return list(advice(found.signature))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A;Target:1;0=0|1;91b7c3f5a8d4;e6b18c94fd27", ["it matches every file", "slow: nothing"]),
        ("A;Target:1;0;000000", ["weak: subsignature 0 is found by 00 00 00"]),
        ("A;Target:0;0;9fb2??c7d6??e8f3", ["slow: subsignature 0 has no three exact bytes"]),
        ("A;Target:7;0;51757a7a69636c6f6164", ["subsignature 0 never occurs"]),
        ("A;Engine:81-255,Target:0;1;91b7c3f5a8d4;0/x/", []),
        ("A;Target:1;0&2;91b7c3f5a8d4;c4f19ad38e5b;e6b18c94fd27", ["subsignature 1 is used nowhere"]),
        ("A;Target:1;0;91b7c3f5a8d4", []),
        (RULE.format("regex = '[a-c]x[0-9]'"), ["slow: pattern 1 has no three fixed bytes"]),
        (RULE.format('text = "quizzical"'), []),
        ("aa15bcf478d165efd2065190eb473bcb:*:A:73", ["slow: without a size, every file must be hashed with md5"]),
        ("aa15bcf478d165efd2065190eb473bcb:544:A", []),
    ],
)
def test_advice(text: str, words: list[str]) -> None:
    sentences = told(text)
    assert len(sentences) == len(words)
    assert all(sentence.startswith(start) for sentence, start in zip(sentences, words, strict=True)), sentences


def test_allowed_content_by_a_digest_that_can_be_forged() -> None:
    from freehold.signatures.find import Found
    from freehold.signatures.registry import BY_SUFFIX

    [allowed] = BY_SUFFIX[".fp"].parse(b"aa15bcf478d165efd2065190eb473bcb:544:A", "a.fp")
    assert [sentence.partition(":")[0] for sentence in advice(Found(allowed, ".fp", b"").signature)] == [
        "md5 can be forged"
    ]


def test_signatures_of_our_own_are_never_useless() -> None:
    own = Path(__file__).parents[1] / "differential" / "own.ldb"
    for line in own.read_text().splitlines()[1:]:
        assert not any("never" in sentence or "nowhere" in sentence for sentence in told(line))
