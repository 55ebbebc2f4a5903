"""``freehold policy``: the rules that come with Freehold, and packs of one's own."""

import json
import re
from datetime import date
from pathlib import Path

import pytest
from tests.frontends.conftest import Run
from tests.signatures.languages.test_policy import PACK

from freehold.model.policy import IndicatorKind
from freehold.signatures import policies


def test_the_packs_are_listed(freehold: Run) -> None:
    done = freehold("policy", "list")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [line.split()[0] for line in done.stdout.decode().splitlines()[::2]] == ["kaspersky", "states", "us"]


def test_what_comes_with_freehold_fits_together() -> None:
    packs = policies.read(policies.find([]))
    assert all(packs.entity(name) for law in packs.laws for name in law.entities)
    assert all(packs.entity(product.entity) for pack in packs.packs for product in pack.products)
    assert all(law.sources and law.checked > date(2026, 1, 1) for law in packs.laws)
    assert all(item.source for pack in packs.packs for product in pack.products for item in product.indicators)


def test_what_no_source_confirms_is_weak() -> None:
    for pack in policies.read(policies.find([])).packs:
        for product in pack.products:
            assert not [i for i in product.indicators if i.strength == "strong" and "not confirmed" in i.source]


@pytest.mark.parametrize(
    ("law", "first", "last", "embedded"),
    [
        ("us/commerce-2024", date(2024, 7, 20), date(2024, 9, 29), True),
        ("us/bod-17-01", date(2017, 10, 13), date(2017, 12, 12), False),
        ("us/ndaa-2018-1634", date(2018, 10, 1), date(2018, 10, 1), True),
        ("states/au-pspf-002-2025", date(2025, 2, 21), date(2025, 4, 1), False),
    ],
)
def test_the_dates_of_the_laws(law: str, first: date, last: date, *, embedded: bool) -> None:
    (found,) = [item for item in policies.read(policies.find([])).laws if item.identifier == law]
    days = [prohibition.since for prohibition in found.prohibitions]
    assert (min(days), max(days)) == (first, last)
    assert ("embedded" in found.covers) is embedded


def test_a_pack_is_shown_whole(freehold: Run) -> None:
    text = freehold("policy", "show", "us").stdout.decode()
    assert "89 FR 52434" in text
    assert "in force since 2024-09-29: anti-virus signature updates" in text
    shown = json.loads(freehold("policy", "show", "--format", "json", "kaspersky").stdout)
    assert shown["products"][0]["indicators"][0]["value"] == "kesl"


def test_a_fault_has_its_file_and_line(freehold: Run, tmp_path: Path) -> None:
    own = tmp_path / "own.policy"
    own.write_text(PACK)
    assert freehold("policy", "check", own).stdout == (
        f"{own}: no fault: 1 law, 1 entities, 2 products, 2 indicators\n".encode()
    )
    own.write_text(PACK.replace('"GB"', '"England"').replace('kind = "path"', 'kind = "pth"'))
    done = freehold("policy", "check", own)
    assert done.returncode == 3
    assert f"{own}:25: country must be two capital letters" in done.stderr.decode()
    assert f"{own}:39: indicators 1: kind must be one of" in done.stderr.decode()


def test_laws_may_name_entities_of_the_packs_that_are_there(freehold: Run, tmp_path: Path) -> None:
    own = tmp_path / "own.policy"
    own.write_text(PACK.replace('entities = ["makers"]', 'entities = ["kaspersky/ao-kaspersky-lab"]'))
    assert freehold("policy", "check", own).returncode == 0
    own.write_text(PACK.replace('entities = ["makers"]', 'entities = ["kaspersky/nobody"]'))
    assert b"there is no entity 'kaspersky/nobody'" in freehold("policy", "check", own).stderr


DOCS = Path(__file__).parents[2] / "docs" / "policies.md"


def test_the_pack_in_the_documentation_has_no_fault(freehold: Run, tmp_path: Path) -> None:
    (pack,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    (tmp_path / "no-remote-tools.policy").write_text(pack, "utf-8")
    done = freehold("policy", "check", "no-remote-tools.policy", cwd=tmp_path)
    assert done.stdout.decode().strip() in DOCS.read_text("utf-8")
    assert done.returncode == 0


def test_the_documentation_names_every_kind_of_indicator() -> None:
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", DOCS.read_text("utf-8"), re.MULTILINE)) == set(IndicatorKind)


def test_what_is_missing_is_said(freehold: Run, tmp_path: Path) -> None:
    assert (
        b"there is no policy pack 'nope'; there are kaspersky, states, us" in freehold("policy", "show", "nope").stderr
    )
    assert freehold("policy", "check", tmp_path / "none.policy").returncode == 3
    (tmp_path / "x.policy").write_bytes(b"\xff\x00")
    assert freehold("policy", "check", tmp_path / "x.policy").returncode == 3
