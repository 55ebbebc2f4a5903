"""ClamAV's detached signatures: ``NAME-VERSION.cvd.sign`` (ClamAV 1.5 and later).

A text file: ``#clamsign-1.0``, then lines ``minimum level:maximum level:pkcs7-pem:BASE64`` with a CMS structure each.
The levels say which versions of ClamAV understand a line; Freehold understands all that are of this kind.
"""

import base64
import binascii
from collections.abc import Callable

from freehold.model.errors import MalformedInput, TrustError
from freehold.model.pki.rsa import Key
from freehold.signatures.clamav import cms

SIGN_BYTES = 1 << 20
"""Size that a signature file may have; ClamAV's have about 9 KB."""

_LINES = 16


def signer(text: bytes, digest: Callable[[str], bytes], roots: tuple[Key, ...], now: float) -> str:
    """Return the common name of who signed.

    Args:
        text: the signature file.
        digest: gives the signed file's digest by algorithm (``sha256``).
        roots: keys of trusted certification authorities.
        now: seconds since 1970; certificates must be valid then.

    Raises:
        TrustError: no signature in the file holds; the text says why the last one does not.
    """
    first, *lines = text.splitlines()[: _LINES + 1] or [b""]
    if len(text) > SIGN_BYTES or first.strip() != b"#clamsign-1.0":
        raise TrustError("the .sign file is damaged, or of a version that Freehold does not know")
    reason = "there is no signature in it"
    for line in lines:
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            return cms.signer(_structure(line), digest, roots, now)
        except (MalformedInput, TrustError) as error:
            reason = str(error)
    raise TrustError(f"the .sign file does not prove where the database is from: {reason}")


def _structure(line: bytes) -> bytes:
    fields = line.strip().split(b":")
    if len(fields) != 4 or fields[2] != b"pkcs7-pem":
        raise MalformedInput("a signature of an unknown kind")
    try:
        return base64.b64decode(fields[3], validate=True)
    except binascii.Error as error:
        raise MalformedInput("the signature is not coded in base 64") from error
