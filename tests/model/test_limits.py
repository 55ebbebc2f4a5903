"""The ledger refuses what exceeds a limit, and names it."""

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


def test_depth_is_the_number_of_layers_below_the_root():
    budget = Budget(Limits(depth=2))
    budget.take_artifact(2)
    assert limit_of(budget.take_artifact, 3) == "depth"


def test_bytes_are_counted_as_produced():
    budget = Budget(Limits(unpacked_bytes=100))
    budget.take_bytes(60)
    budget.take_bytes(40)
    assert limit_of(budget.take_bytes, 1) == "unpacked_bytes"


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
