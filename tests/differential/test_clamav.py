"""What clamscan finds in carriers of our own signatures is what the reference matcher finds."""

from pathlib import Path

import pytest
from tests.differential import clamscan, reference
from tests.differential.clamav import compare

from freehold.model.filetype import Target
from freehold.signatures.languages.clamav_ldb import LANGUAGE

OWN = Path(__file__).with_name("own.ldb")

pytestmark = [
    pytest.mark.skipif(clamscan.CLAMSCAN is None, reason="clamscan is not installed"),
    pytest.mark.skipif(not reference.pcre_is_there(), reason="libpcre2 is not installed"),
]


@pytest.mark.parametrize("seed", [3, 57])
def test_carriers_of_our_own_signatures(seed: int, tmp_path: Path) -> None:
    lines = [line for line in OWN.read_bytes().splitlines() if not line.startswith(b"#")]
    outcome = compare(lines, seed, tmp_path)
    assert not outcome.differences
    assert not outcome.no_carrier
    assert outcome.matched.keys() == {t.name for t in Target} - {"OTHER"}
    assert outcome.matched.total() >= len(lines)


def test_every_signature_of_our_own_is_read() -> None:
    text = OWN.read_bytes()
    assert all(hasattr(signature, "expression") for signature in LANGUAGE.parse(text, "own.ldb"))
