"""What a detection says of its signature, as a record of a bundle.

A record is ``[name, source, line, category, verdict, description, severity, references]``, without what is usual at its
end; the source is a number in ``sources.json``.
"""

import json
from collections.abc import Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

from freehold.model.about import About
from freehold.model.report import Verdict

_ENCODER = json.JSONEncoder(separators=(",", ":"))
_NOTHING_FURTHER = ("", Verdict.INFECTED, "", "", ())
_DEFAULTS: list[Any] = ["", 0, 0, "", Verdict.INFECTED.value, "", "", []]


def encode_about(about: About, source: int, line: int) -> bytes:
    """Return the record of a signature from this line of the source with this number."""
    further = (about.category, about.verdict, about.description, about.severity, about.references)
    if further == _NOTHING_FURTHER:  # by far the most, so these get no encoder of their own
        return f"[{encode_basestring_ascii(about.name)},{source},{line}]".encode()
    return _ENCODER.encode([about.name, source, line, *further]).encode()


def decode_about(record: bytes, sources: Sequence[str]) -> About:
    """Return what a verified record says."""
    values = json.loads(record)
    name, file, line, category, verdict, description, severity, references = values + _DEFAULTS[len(values) :]
    source = f"{sources[file]}:{line}"
    return About(name, source, category, Verdict(verdict), description, severity, tuple(references))
