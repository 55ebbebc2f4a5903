"""The ledger refuses what exceeds a limit, and names it."""

import itertools

import pytest

from freehold.model.errors import LimitReached
from freehold.model.limits import Budget, Limits


def limit_of(action, *args):
    with pytest.raises(LimitReached) as caught:
        action(*args)
    return caught.value.limit


def test_artifacts_are_counted_over_the_whole_tree():
    budget = Budget(Limits(artifacts=3))
    for depth in (0, 1, 2):
        budget.take_artifact(depth)
    assert limit_of(budget.take_artifact, 1) == "artifacts"
    assert budget.artifacts == 3


def taken(budget, size):
    """Return how many artifacts of this size are examined, and which limit ends that."""
    for count in itertools.count():
        try:
            budget.take_artifact(1, size)
        except LimitReached as reached:
            return count, reached.limit
    raise AssertionError


def test_beyond_the_floor_each_artifact_needs_bytes_of_the_root_and_of_what_was_unpacked():
    limits = Limits(artifacts=10, artifacts_floor=3, artifact_bytes=100)
    assert taken(Budget(limits, 0), 1000) == (3, "artifacts_floor")
    assert taken(Budget(limits, 250), 1000) == (5, "artifacts_floor")
    assert taken(Budget(limits, 10_000), 1) == (3, "artifacts_floor")
    assert taken(Budget(limits, 10_000), 50) == (5, "artifacts_floor")
    assert taken(Budget(limits, 10_000), 1000) == (10, "artifacts")


def test_depth_is_the_number_of_layers_below_the_root():
    budget = Budget(Limits(depth=2))
    budget.take_artifact(2)
    assert limit_of(budget.take_artifact, 3) == "depth"


def test_bytes_are_counted_as_produced():
    budget = Budget(Limits(unpacked_bytes=100))
    budget.take_bytes(60)
    budget.take_bytes(40)
    assert limit_of(budget.take_bytes, 1) == "unpacked_bytes"


def test_a_small_root_produces_no_more_than_the_floor_and_a_larger_one_by_its_size():
    limits = Limits(unpacked_bytes=1000, unpacked_floor=100, ratio=10)
    for size, most, name in ((0, 100, "unpacked_floor"), (50, 500, "unpacked_floor"), (500, 1000, "unpacked_bytes")):
        budget = Budget(limits, size)
        budget.take_bytes(most)
        with pytest.raises(LimitReached) as caught:
            budget.take_bytes(1)
        assert (caught.value.limit, caught.value.value) == (name, most)


def test_bytes_on_their_way_are_refused_before_they_count():
    budget = Budget(Limits(unpacked_bytes=100))
    budget.take_bytes(60)
    budget.foresee_bytes(40)
    assert limit_of(budget.foresee_bytes, 41) == "unpacked_bytes"
    assert budget.unpacked_bytes == 60


def test_limits_are_named_with_their_whole_number():
    assert str(LimitReached("unpacked_bytes", 2 << 30)) == "limit unpacked_bytes = 2147483648 reached"
    assert str(LimitReached("seconds", 0.5)) == "limit seconds = 0.5 reached"


def test_the_ratio_matters_only_above_its_floor():
    budget = Budget(Limits(ratio=10, ratio_floor=1000))
    budget.check_ratio(1, 1000)
    budget.check_ratio(200, 2000)
    assert limit_of(budget.check_ratio, 199, 2000) == "ratio"


def test_time_runs_out():
    budget = Budget(Limits(seconds=-1))
    assert limit_of(budget.tick) == "seconds"
    assert limit_of(budget.take_bytes, 1) == "seconds"
    assert limit_of(budget.take_artifact, 0) == "seconds"
