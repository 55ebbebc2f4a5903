"""Rules on a day: every boundary, in every time zone, also where a day has 23 or 25 hours."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from freehold.model.policy import Entity, Law, PolicyPack, PolicySet, Presence, Product, Prohibition
from freehold.service.audit.judgement import Ruling, rulings

ZONES = (
    *("UTC", "America/New_York", "Australia/Sydney", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"),
    *("Asia/Kathmandu", "Australia/Lord_Howe"),
)
NEW_YORK = ZoneInfo("America/New_York")

DAYS = st.dates(date(2000, 1, 2), date(2037, 12, 30))
PRODUCT = Product("p/tool", "Tool", "p/makers", Presence.PRODUCT, (), ())
ENGINE = PRODUCT._replace(identifier="p/engine", presence=Presence.EMBEDDED)


def law(*prohibitions: Prohibition, zone: str = "UTC", covers: tuple[Presence, ...] = tuple(Presence)) -> Law:
    return Law(
        *("p/law", "Law", "Authority", "Citation", "own", "all", True, ("p/makers",), covers, prohibitions),
        *((), "", zone, ("source",), date(2026, 1, 31)),
    )


def ruling(rule: Law, moment: date | datetime, product: Product = PRODUCT) -> Ruling | None:
    pack = PolicyPack("p", "1", "", "x", (rule,), (Entity("p/makers", "Makers", (), "GB", ()),), (PRODUCT, ENGINE))
    return next(rulings(PolicySet([pack]), product, moment), None)


def midnight(day: date, zone: str) -> datetime:
    """The first moment of a day, found by looking for it and not by the code under test."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    while moment.astimezone(ZoneInfo(zone)).date() < day:
        moment += timedelta(minutes=15)
    return moment


@given(DAYS, st.sampled_from(ZONES))
def test_a_prohibition_begins_with_its_day_where_the_rule_lives(day: date, zone: str) -> None:
    rule = law(Prohibition(day, "use"), zone=zone)
    begins = midnight(day, zone)
    before, after = ruling(rule, begins - timedelta(microseconds=1)), ruling(rule, begins)
    assert before
    assert after
    assert (before.now, [days for _, days in before.later]) == ((), [1])
    assert (len(after.now), after.later) == (1, ())


@given(DAYS, st.integers(0, 400), st.sampled_from(ZONES))
def test_a_prohibition_ends_with_its_last_day(day: date, length: int, zone: str) -> None:
    last = min(day + timedelta(length), date(2037, 12, 30))
    rule = law(Prohibition(day, "use", last), zone=zone)
    ends = midnight(last + timedelta(1), zone)
    still, over = ruling(rule, ends - timedelta(microseconds=1)), ruling(rule, ends)
    assert still
    assert over
    assert (len(still.now), len(over.now)) == (1, 0)


@given(DAYS, st.sampled_from(ZONES), st.sampled_from(ZONES), st.integers(0, 86_399))
def test_a_moment_means_the_same_wherever_it_is_written(day: date, zone: str, other: str, seconds: int) -> None:
    rule = law(Prohibition(day, "use"), zone=zone)
    moment = midnight(day, zone) + timedelta(seconds=seconds) - timedelta(hours=12)
    assert ruling(rule, moment) == ruling(rule, moment.astimezone(ZoneInfo(other)))


@given(DAYS, DAYS, st.sampled_from(ZONES))
def test_a_day_is_the_same_day_for_every_rule(since: date, asked: date, zone: str) -> None:
    found = ruling(law(Prohibition(since, "use"), zone=zone), asked)
    assert found
    assert (found.day, bool(found.now)) == (asked, since <= asked)
    assert [days for _, days in found.later] == [(since - asked).days] * (since > asked)


def test_the_hours_that_clocks_skip_and_repeat() -> None:
    # New York, 2024-11-03: 01:30 happens twice, and the day has 25 hours
    rule = law(Prohibition(date(2024, 11, 4), "use"), zone="America/New_York")
    last = datetime(2024, 11, 4, 4, 59, 59, tzinfo=UTC)
    early, late = ruling(rule, last), ruling(rule, last + timedelta(seconds=1))
    assert early
    assert late
    assert (early.now, len(late.now)) == ((), 1)
    for fold in (0, 1):
        again = ruling(rule, datetime(2024, 11, 3, 1, 30, tzinfo=NEW_YORK, fold=fold))
        assert again
        assert again.later[0][1] == 1
    # 2024-03-10: 02:30 does not happen
    spring = law(Prohibition(date(2024, 3, 10), "use"), zone="America/New_York")
    skipped = ruling(spring, datetime(2024, 3, 10, 2, 30, tzinfo=NEW_YORK))
    assert skipped
    assert len(skipped.now) == 1


@given(st.sets(st.sampled_from(Presence)))
def test_rules_that_exempt_a_way_of_being_there_do_not_apply(covers: set[Presence]) -> None:
    rule = law(Prohibition(date(2024, 1, 1), "use"), covers=tuple(covers))
    assert (ruling(rule, date(2025, 1, 1)) is not None) is (Presence.PRODUCT in covers)
    assert (ruling(rule, date(2025, 1, 1), ENGINE) is not None) is (Presence.EMBEDDED in covers)
