"""Policy packs: what is read, and where each fault is said to stand."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.model.policy import (
    IndicatorKind,
    Law,
    PolicyPack,
    Presence,
    Prohibition,
    Strength,
    applies,
    day_in,
    in_force,
    to_come,
)
from freehold.model.signature import Rejected
from freehold.signatures.languages.policy import LANGUAGE

PACK = """\
[pack]
name = "own"
version = "1"

[[law]]
id = "rule-7"
title = "Rule 7"
authority = "IT"
citation = "Handbook"
jurisdiction = "own"
binds = "all"
entities = ["makers"]
covers = ["product"]
zone = "America/New_York"
sources = ["Handbook"]
checked = 2026-01-31
prohibits = [
  { since = 2024-07-20, what = "new contracts" },
  { since = 2024-09-29, what = "updates" },
]

[[entity]]
id = "makers"
name = "Makers Ltd"
country = "GB"

[[product]]
id = "tool"
name = "Tool"
entity = "makers"
indicators = [{ kind = "package", value = "tool", strength = "strong", source = "x" }]

[[product]]
id = "engine"
name = "Engine"
entity = "makers"
presence = "embedded"
indicators = [
  { kind = "path", value = "*/engine.dll", strength = "weak", source = "x" },
]
"""


def parse(text: str) -> list[PolicyPack | Rejected]:
    return list(LANGUAGE.parse(text.encode(), "own.policy"))


def pack() -> PolicyPack:
    (read,) = parse(PACK)
    assert isinstance(read, PolicyPack)
    return read


def test_a_pack_is_read_whole() -> None:
    read = pack()
    assert (read.name, len(read.laws), len(read.entities), len(read.products)) == ("own", 1, 1, 2)
    tool, engine = read.products
    assert tool.indicators[0][:3] == (IndicatorKind.PACKAGE, "tool", Strength.STRONG)
    assert (applies(read.laws[0], tool), applies(read.laws[0], engine)) == (True, False)
    assert engine.presence is Presence.EMBEDDED


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('version = "1"', "version = 1", 3, "version must be a text"),
        ('title = "Rule 7"', 'titel = "Rule 7"', 7, "unknown key 'titel'; did you mean 'title'?"),
        ('entities = ["makers"]', 'entities = ["maker"]', 12, "there is no entity 'own/maker'"),
        ('covers = ["product"]', 'covers = ["box"]', 13, "'box' is not one of product, embedded"),
        ("America/New_York", "America/Nowhere", 14, "there is no time zone 'America/Nowhere'"),
        ('sources = ["Handbook"]', "sources = []", 15, "a law needs a source"),
        ("checked = 2026-01-31", 'checked = "x"', 16, "checked must be a day, like 2026-01-31, without quotes"),
        ("2024-09-29, what", "2024-09-29, wat", 19, "prohibits 2: unknown key 'wat'; did you mean 'what'?"),
        ('what = "updates"', 'what = "updates", until = 2024-01-01', 19, "prohibits 2: until must not be before since"),
        ('country = "GB"', 'country = "England"', 25, "country must be two capital letters (ISO 3166)"),
        ('id = "engine"', 'id = "tool"', 34, "there is another product 'own/tool'"),
        ('strength = "weak"', 'strength = "week"', 39, "indicators 1: strength must be one of strong, weak"),
        ('value = "*/engine.dll"', 'value = "*"', 39, "indicators 1: '*' would match everything"),
        ('kind = "package"', 'kind = "packet"', 31, "indicators 1: kind must be one of package"),
        ("[[entity]]", "[[entities]]", 1, "unknown key 'entities'; did you mean 'entity'?"),
        ("[pack]\n", "[pack\n", 1, "Expected ']'"),
    ],
)
def test_each_fault_has_its_line(old: str, new: str, line: int, reason: str) -> None:
    assert old in PACK
    faults = parse(PACK.replace(old, new, 1))
    assert all(isinstance(fault, Rejected) for fault in faults)
    assert any(fault.line == line and reason in fault.reason for fault in faults if isinstance(fault, Rejected)), faults


def test_all_faults_are_told_at_once() -> None:
    faults = parse(PACK.replace('version = "1"', "").replace('"GB"', '"x"').replace('"weak"', '"x"'))
    assert len(faults) == 3


@given(st.binary(max_size=300))
def test_anything_is_a_pack_or_faults(data: bytes) -> None:
    assert list(LANGUAGE.parse(data, "x.policy"))


def law(*prohibitions: Prohibition, zone: str = "UTC") -> Law:
    return pack().laws[0]._replace(prohibitions=prohibitions, zone=zone)


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 400), st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_a_prohibition_holds_from_its_first_day_to_its_last(since: date, days: int, day: date) -> None:
    until = date.fromordinal(since.toordinal() + days)
    item = Prohibition(since, "x", until)
    assert (in_force(law(item), day) == [item]) == (since <= day <= until)
    assert to_come(law(item), day) == ([(item, (since - day).days)] if day < since else [])
    lasting = Prohibition(since, "x")
    assert (in_force(law(lasting), day) == [lasting]) == (day >= since)


@given(st.integers(946_684_800, 2_524_608_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_the_day_is_that_of_the_rules_own_zone(moment: datetime) -> None:
    east, west = (law(zone=zone) for zone in ("Pacific/Kiritimati", "America/New_York"))
    assert (day_in(east, moment) - day_in(west, moment)).days in {0, 1}
    assert day_in(law(), moment) == moment.date()


def test_midnight_in_new_york_begins_the_day() -> None:
    zone = law(zone="America/New_York")
    assert day_in(zone, datetime(2024, 9, 29, 3, 59, 59, tzinfo=UTC)) == date(2024, 9, 28)
    assert day_in(zone, datetime(2024, 9, 29, 4, 0, tzinfo=UTC)) == date(2024, 9, 29)


def test_a_law_may_name_an_entity_of_another_pack() -> None:
    (read,) = parse(PACK.replace('entities = ["makers"]', 'entities = ["other/makers", "makers"]'))
    assert isinstance(read, PolicyPack)
    assert read.laws[0].entities == ("other/makers", "own/makers")
    assert (read.laws[0].identifier, read.products[0].identifier) == ("own/rule-7", "own/tool")
