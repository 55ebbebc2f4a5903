"""Fuzz target for ClamAV's detached signatures: CMS structures and certificates."""

import base64

from freehold.model.errors import FreeholdError
from freehold.signatures.clamav.container import CLAMAV
from freehold.signatures.clamav.signfile import signer


def target(data: bytes) -> None:
    """Take the data as it is, and as the structure inside a line."""
    for text in (data, b"#clamsign-1.0\n230::pkcs7-pem:" + base64.b64encode(data)):
        try:
            signer(text, lambda _: bytes(32), CLAMAV.roots, 1_800_000_000)
        except FreeholdError:
            continue
        raise AssertionError("accepted")
