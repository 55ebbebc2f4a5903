"""Samples of the core pack's rules: harmless content that a rule must find, and look-alikes that no rule may find.

They are stored masked, so that no scanner takes this repository for what it describes. To add one::

    python -m tests.core.samples add Webshell.PHP.EvalOfRequest positive FILE
"""

import argparse
import base64
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

RULES = Path(__file__).parents[2] / "src/freehold/signatures/core"
FOLDER = Path(__file__).with_name("samples")
KINDS = ("positive", "negative")
_MASK = bytes(range(0x91, 0x91 + 61))


@dataclass(frozen=True, slots=True)
class Samples:
    """What one rule must find, and what nothing may find although it looks alike."""

    positive: list[bytes]
    negative: list[bytes]


def load() -> dict[str, Samples]:
    """Return the samples of every rule that has some, by the rule's name."""
    return {
        name: Samples(*([unmask(text) for text in entry[kind]] for kind in KINDS))
        for path in sorted(FOLDER.glob("*.json"))
        for name, entry in json.loads(path.read_text("ascii")).items()
    }


def mask(data: bytes) -> str:
    return base64.b64encode(_masked(data)).decode("ascii")


def unmask(text: str) -> bytes:
    return _masked(base64.b64decode(text, validate=True))


def add(rule: str, kind: str, data: bytes) -> None:
    """Store one more sample beside the others of the rule's pack."""
    path = FOLDER / f"{_pack_of(rule)}.json"
    entries = json.loads(path.read_text("ascii")) if path.exists() else {}
    entries.setdefault(rule, {other: [] for other in KINDS})[kind].append(mask(data))
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n", "ascii")


def _pack_of(rule: str) -> str:
    for path in RULES.glob("*.toml"):
        pack = tomllib.loads(path.read_text("utf-8"))
        if any(entry["name"] == rule for entry in [*pack.get("rule", []), *pack.get("hash", [])]):
            return path.stem
    sys.exit(f"no pack has a rule named {rule}")


def _masked(data: bytes) -> bytes:
    return bytes(byte ^ _MASK[number % len(_MASK)] for number, byte in enumerate(data))


def main() -> None:
    parser = argparse.ArgumentParser(description="Store one sample of a rule, masked.")
    parser.add_argument("command", choices=["add"])
    parser.add_argument("rule")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    add(arguments.rule, arguments.kind, arguments.file.read_bytes())


if __name__ == "__main__":
    main()
