"""Icons: their metrics, and who is close to whom."""

import random

import pytest
from tests.formats.icons import icon_program, random_dib

from freehold.engine.matchers.logical.iconmetrics import measure
from freehold.engine.matchers.logical.icons import close
from freehold.formats import pe
from freehold.formats.peicons import icons
from freehold.model.errors import LimitReached
from freehold.model.icon import IconMetrics, read_metrics
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView

KNOWN = [
    (
        16,
        4,
        (
            "10b610109b490609b490a0b000000000004000000800ff0000ff0400ff0800"
            "c30708c5030ae20106800a067b0606790206000000000400000800002d3732"
        ),
    ),
    (
        24,
        8,
        (
            "1898e0a0598e020c98e0a10263080039510093951010da040dd40805cc0a10"
            "8f0800941010a5100888060b840e0d7605112e000043000649000c3b002a2a"
        ),
    ),
    (
        32,
        24,
        (
            "20af215149b50711513110c000000000008000001000ff0000ff0800ff1000"
            "e41213e50917e500158304167a0f136c040e00000000080000100032151c32"
        ),
    ),
    (
        48,
        32,
        (
            "1805d10040550f10051020f02310040310f10034020ff7070eef0b06ee010e"
            "bc0700c21001ce1009880a0671100a66080c03000903000016080000000000"
        ),
    ),
    (
        100,
        16,
        (
            "20bcc1010b710010b71081006e000006e080006e1000f91008f80000f80800"
            "8400108408108410112f160e2b020c2b0a0c00000000080000100002511032"
        ),
    ),
]
"""Side, depth, and the metrics that ``clamscan`` 1.4.6 prints."""


def measured(*dibs: bytes) -> list[IconMetrics]:
    view = BytesView(icon_program(dibs))
    return [measure(picture) for picture in icons(view, pe.read(view), Budget(Limits()))]


@pytest.mark.parametrize(("side", "depth", "digits"), KNOWN)
def test_metrics_are_those_of_clamscan(side: int, depth: int, digits: str) -> None:
    [metrics] = measured(random_dib(random.Random(side * depth), side, side, depth))
    assert metrics.digits() == digits


def test_every_icon_is_close_to_itself_and_to_none_that_looks_otherwise() -> None:
    known = [read_metrics(digits) for _, _, digits in KNOWN]
    assert all(close(one, one) for one in known)
    assert not any(close(one, other) for one in known for other in known if one.side == other.side and one != other)


def test_an_icon_that_is_cut_does_not_count() -> None:
    whole = random_dib(random.Random(1), 32, 32, 24)
    assert len(measured(whole)) == 1
    view = BytesView(icon_program([whole])[:-2000])
    assert list(icons(view, pe.read(view), Budget(Limits()))) == []


def test_time_is_looked_at() -> None:
    view = BytesView(icon_program([random_dib(random.Random(1), 16, 16, 4)]))
    with pytest.raises(LimitReached):
        list(icons(view, pe.read(view), Budget(Limits(seconds=-1))))
