"""Fuzz target: what others send a publisher (public keys, evidence) is read, or refused with an explained error."""

import atexit
import shutil
import tempfile
from pathlib import Path

from securesystemslib.signer import SSlibKey

from freehold.model.errors import FreeholdError
from freehold.updates.content import releases
from freehold.updates.publish import evidence, keys

_SEEDS = Path(__file__).parent / "seeds"
_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-repo-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_RELEASE = releases.parse((_SEEDS / "update_content" / "release").read_bytes()[1:])
_KEY = SSlibKey("a" * 64, "ed25519", "ed25519", {"public": "00" * 32})


def target(data: bytes) -> None:
    if data[:1] == b"e":
        assert not evidence.is_of(data[1:], _KEY, _RELEASE)
        return
    path = _FOLDER / "key.pub"
    path.write_bytes(data[1:])
    try:
        made = keys.read_public(path)
        assert made.holder
        path.write_bytes(made.to_bytes())
        assert keys.read_public(path) == made
    except FreeholdError:
        pass
