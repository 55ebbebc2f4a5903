"""What Freehold finds in carriers is what clamscan finds, name for name; the carriers differ from day to day."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.differential import clamscan
from tests.differential.engine import compare

from freehold.model.filetype import Target

OWN = Path(__file__).with_name("own.ldb")
TODAY = datetime.now(UTC).date().toordinal()

pytestmark = pytest.mark.skipif(clamscan.CLAMSCAN is None, reason="clamscan is not installed")


@pytest.mark.parametrize("seed", [TODAY, TODAY * 1_000])
def test_carriers_of_our_own_signatures(seed: int, tmp_path: Path) -> None:
    lines = [line for line in OWN.read_bytes().splitlines() if not line.startswith(b"#")]
    outcome = compare(lines, seed, tmp_path)
    assert not outcome.differences
    assert outcome.matched.keys() == {t.name for t in Target} - {"OTHER"}
    assert outcome.matched.total() >= len(lines)
