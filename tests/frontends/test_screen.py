"""``freehold policy screen``: which names must come up, and which must not."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.frontends.conftest import Run

from freehold.service.audit.screening import screen
from freehold.signatures import policies

PACKS = policies.read(policies.find([]))

COMMERCE = "kaspersky/kaspersky-lab-inc"


@pytest.mark.parametrize(
    ("name", "entity"),
    [
        ("AO Kaspersky Lab", "kaspersky/ao-kaspersky-lab"),
        ("kaspersky lab", "kaspersky/ao-kaspersky-lab"),
        ("\u0417\u0410\u041e «Лаборатория Касперского»", "kaspersky/ao-kaspersky-lab"),
        ("\u041e\u041e\u041e Касперский Групп", "kaspersky/ooo-kaspersky-group"),
        ("Kaspersky Labs Ltd.", "kaspersky/kaspersky-labs-limited"),
        ("KASPERSKY LAB, INC.", COMMERCE),
        ("Lab Kaspersky", COMMERCE),
        ("KasperskyLab GmbH", COMMERCE),
        ("Kasperski Lab", COMMERCE),
        ("Kaspersky Lab UK Limited", "kaspersky/kaspersky-labs-limited"),
        ("Huawei Technologies Co., Ltd.", "us/huawei"),
        ("华为", "us/huawei"),
        ("ZTE Corp", "us/zte"),
        ("Hangzhou Hikvision Digital Technology Co., Ltd.", "us/hikvision"),
        ("Hik Vision", "us/hikvision"),
        ("China Telecom (Americas) Corporation", "us/china-telecom-americas"),
    ],
)
def test_names_that_must_come_up(name: str, entity: str) -> None:
    matches = {match.entity.identifier: match for match in screen(PACKS, name)}
    assert entity in matches
    assert matches[entity].reasons


@pytest.mark.parametrize(
    "name",
    [
        "Kasper Labs",
        "Kaspersen AS",
        "Kasparov Chess Ltd",
        "Lab Group Limited",
        "Security Solutions Inc.",
        "Mobile Services International",
        "ZTT",
        "Dehua Group",
        "Dahlia Ltd",
        "Hawaii Telecom",
        "Лаборатория Иванова",
        "AO",
        "Ltd.",
        "",
        "...",
        "\u202e\x00",
    ],
)
def test_names_that_must_not_come_up(name: str) -> None:
    assert screen(PACKS, name) == []


@settings(deadline=None)
@given(st.text(max_size=60))
def test_scores_are_bounded_and_explained(name: str) -> None:
    matches = screen(PACKS, name, 1)
    assert all(1 <= match.score <= 100 and match.reasons for match in matches)
    assert [match.score for match in matches] == sorted((match.score for match in matches), reverse=True)


@given(st.sampled_from(PACKS.entities), st.randoms())
@settings(deadline=None)
def test_the_order_of_words_and_their_case_change_nothing(entity: object, random: object) -> None:
    words = entity.name.split()  # type: ignore[attr-defined]
    random.shuffle(words)  # type: ignore[attr-defined]
    (best, *_) = screen(PACKS, " ".join(words).upper())
    assert best.score == 100


def test_a_score_is_no_verdict(freehold: Run) -> None:
    done = freehold("policy", "screen", "Kasperski Lab", "Freehold")
    text = done.stdout.decode()
    assert done.returncode == 1
    assert "Kasperski Lab: to review" in text
    assert "'kasperski' is close to 'kaspersky' (88)" in text
    assert "listed: US Commerce Final Determination" in text
    assert "Freehold: no listed name with a score of 75 or more" in text
    assert "2 names screened, 1 to review; a score is no verdict" in text
    assert freehold("policy", "screen", "Freehold").returncode == 0


def test_a_table_of_suppliers(freehold: Run, tmp_path: Path) -> None:
    table = tmp_path / "suppliers.csv"
    table.write_text("Number;x,Supplier\n1,=Kaspersky()\n2,Nobody Ltd\n", encoding="utf-8-sig")
    done = freehold("policy", "screen", "--csv", table, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
    assert {row["name"] for row in rows} == {"'=Kaspersky()"}  # no formula
    found = json.loads(freehold("policy", "screen", "--csv", table, "--column", "supplier", "--format", "json").stdout)
    assert [(item["name"], bool(item["matches"])) for item in found] == [("=Kaspersky()", True), ("Nobody Ltd", False)]
    assert found[0]["matches"][0].keys() >= {"entity", "score", "reasons", "listings"}


def test_mistakes_are_explained(freehold: Run, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,2\n")
    (tmp_path / "latin.csv").write_bytes(b"name\nM\xfcller\n")
    for args, said in (
        ([], "nothing to screen"),
        (["--csv", table], "say which: --column; there are a, b"),
        (["--csv", table, "--column", "c"], "has no column 'c'"),
        (["--csv", tmp_path / "latin.csv"], "is not in UTF-8"),
        (["--csv", tmp_path / "none.csv"], "cannot read"),
        (["x", "--column", "c"], "--column is for --csv"),
        (["x", "--threshold", "101"], "is not a score from 1 to 100"),
    ):
        done = freehold("policy", "screen", *args)
        assert (done.returncode, said in done.stderr.decode()) == (3, True), (args, done.stderr)
