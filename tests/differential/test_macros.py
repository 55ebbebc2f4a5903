"""Macro groups: Freehold finds what ``clamscan`` finds, and what it would find if it looked each time."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.differential import clamscan, engine
from tests.differential.generated import NOT_TEXT

pytestmark = pytest.mark.skipif(clamscan.CLAMSCAN is None, reason="clamscan is not installed")

SEED = 11
HEADS = [b"heada", b"headb"]
MEMBERS = {1: [b"onefirst", b"onesecond", b"one?third"], 2: [b"twofirst"], 31: [b"last"]}
GROUPS = [(0, 1, 5, 9), (0, 2, 6, 6), (1, 1, 0, 40), (1, 31, 12, 20), (1, 30, 0, 99)]
"""Head, group, least and largest distance; group 30 has no members."""


def databases(target: int) -> dict[str, bytes]:
    ldb = [
        f"S{n};Engine:51-255,Target:{target};0&1;{HEADS[head].hex()};${{{least}-{most}}}{group}$"
        for n, (head, group, least, most) in enumerate(GROUPS)
    ]
    ndb = [
        f"M{group}.{n}:{target}:${group}$:{member.replace(b'?', b'').hex()}"
        for group, members in MEMBERS.items()
        for n, member in enumerate(members)
    ]
    return {"a.ldb": "\n".join(ldb).encode() + b"\n", "b.ndb": "\n".join(ndb).encode() + b"\n"}


def contents(rng: random.Random) -> Iterator[tuple[bytes, set[str]]]:
    """Yield content with one head and one member of a group, and what matches it."""
    for _ in range(80):
        head, group = rng.randrange(2), rng.choice(list(MEMBERS))
        distance = rng.randint(len(HEADS[head]), 24)
        member = rng.choice(MEMBERS[group]).replace(b"?", b"")
        content = NOT_TEXT + b"\x01" * 9 + HEADS[head].ljust(distance, b"\x02") + member + b"\x03" * 30
        near = {
            f"S{n}"
            for n, (its_head, its_group, least, most) in enumerate(GROUPS)
            if (its_head, its_group) == (head, group) and least <= distance <= most
        }
        yield content, near


@pytest.mark.parametrize("target", [0, 14])
def test_macros(target: int, tmp_path: Path) -> None:
    """``clamscan`` looks at a macro only when its head occurs once more."""
    made = list(contents(random.Random(SEED + target)))
    once = [content for content, _ in made]
    expected = [names for _, names in made]
    again = [content + b"".join(HEADS) for content in once]
    assert 10 < sum(map(len, expected)) < 60
    known = databases(target)
    assert engine.scan(known, once, tmp_path) == expected
    assert engine.scan(known, again, tmp_path) == expected
    assert clamscan.scan(known, again, tmp_path) == expected


def test_members_match_nothing_by_themselves(tmp_path: Path) -> None:
    content = NOT_TEXT + b"\x02onefirst twofirst last"
    assert engine.scan(databases(0), [content], tmp_path) == [set()] == clamscan.scan(databases(0), [content], tmp_path)
