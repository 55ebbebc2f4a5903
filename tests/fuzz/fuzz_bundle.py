"""Fuzz target for the reader of bundles: damage is refused with ``TrustError``, or changes no answer.

An input's first bytes choose a file and a place in it, the rest is written there. Where the place lies beyond the end,
the input is a whole manifest, and gets the right checksum as somebody who means harm would give it.
"""

import atexit
import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from freehold.bundle import Bundle
from freehold.bundle.layout import MANIFEST, canonical
from freehold.engine.matchers import load
from freehold.model.artifact import Artifact
from freehold.model.errors import TrustError
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView
from freehold.signatures.compile import build

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-bundle-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_CONTENT = b"well, hello there"


def _make() -> Path:
    (_FOLDER / "a.toml").write_text(
        '[[rule]]\nname = "R"\ncondition = "a"\n[rule.patterns]\na = { regex = "h.{0,9}o" }\n'
    )
    (_FOLDER / "a.hsb").write_text(f"{hashlib.sha256(_CONTENT).hexdigest()}:{len(_CONTENT)}:H\n")
    build([_FOLDER / "a.toml", _FOLDER / "a.hsb"], _FOLDER / "db")
    return _FOLDER / "db"


def _answers(bundle: Path) -> list[str]:
    opened = Bundle.open(bundle)
    artifact = Artifact("x", BytesView(_CONTENT))
    return [d.name for matcher in load([opened]) for d in matcher.match(artifact, Budget(Limits()))]


_BUNDLE = _make()
_FILES = sorted(path for path in _BUNDLE.rglob("*") if path.is_file())
_EXPECTED = ["H", "R"]
assert _answers(_BUNDLE) == _EXPECTED


def target(data: bytes) -> None:
    if len(data) < 4:
        return
    path = _FILES[data[0] % len(_FILES)]
    whole = path.read_bytes()
    place = int.from_bytes(data[1:3])
    if place < len(whole):
        _try(path, whole, whole[:place] + data[3:] + whole[place + len(data) - 3 :])
    else:
        path = _BUNDLE / MANIFEST
        _try(path, path.read_bytes(), _signed(data[3:]))


def _try(path: Path, whole: bytes, changed: bytes) -> None:
    path.write_bytes(changed)
    try:
        assert _answers(_BUNDLE) == _EXPECTED
    except TrustError:
        pass
    finally:
        path.write_bytes(whole)


def _signed(manifest: bytes) -> bytes:
    try:
        value = json.loads(manifest)
        value.pop("checksum", None)
        value["checksum"] = hashlib.sha256(canonical(value)).hexdigest()
        return json.dumps(value).encode()
    except (ValueError, AttributeError, TypeError, RecursionError):
        return manifest
