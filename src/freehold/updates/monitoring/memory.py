"""What a monitor remembers between two runs. Without it, nobody can tell that a log was rewritten."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freehold.model.errors import MalformedInput, TrustError
from freehold.updates import durable
from freehold.updates.tlog.merkle import CompactRange

_FILE = "monitor.json"
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Memory:
    """What was seen.

    Attributes:
        log: the tree, as far as it was followed.
        checkpoint: its signed head, as text; "" before the first time.
        seq: number of the last release that was logged; 0 for none.
        release: SHA-256 of its release.json, in hexadecimal digits.
        state: its state root.
        entry: the last entry of the log, as text.
    """

    log: CompactRange = field(default_factory=CompactRange)
    checkpoint: str = ""
    seq: int = 0
    release: str = ""
    state: str = ""
    entry: str = ""


def load(folder: Path) -> Memory:
    """Return what is remembered in a folder; raises ``TrustError`` when it is damaged."""
    path = folder / _FILE
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_LARGEST))
        log = value["log"]
        tree = CompactRange(_number(log["size"]), tuple(bytes.fromhex(one) for one in log["hashes"]))
        texts = {name: _text(value[name]) for name in ("checkpoint", "release", "state", "entry")}
        return Memory(log=tree, seq=_number(value["seq"]), **texts)
    except FileNotFoundError:
        return Memory()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MalformedInput) as error:
        raise TrustError(
            f"{path} is damaged: this monitor does not know any more what it has seen. Put it back from a backup, or "
            "begin anew in another folder"
        ) from error


def keep(folder: Path, memory: Memory) -> None:
    """Remember; raises ``OSError``."""
    value = {
        "log": {"size": memory.log.size, "hashes": [one.hex() for one in memory.log.hashes]},
        "checkpoint": memory.checkpoint,
        "seq": memory.seq,
        "release": memory.release,
        "state": memory.state,
        "entry": memory.entry,
    }
    durable.write(folder / _FILE, json.dumps(value, indent=1).encode())


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
