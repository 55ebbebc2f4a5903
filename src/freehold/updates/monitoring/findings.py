"""What a watcher tells: that something is wrong, that something could not be checked, or how things stand."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters."""

    NOTE = "note"
    UNCHECKED = "unchecked"
    """Something is not there any more, or could not be reached; nothing says that it is wrong."""

    ALARM = "alarm"
    """Somebody has signed, logged or served what must not be."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell.

    Attributes:
        severity: how much it matters.
        kind: a word for programs: ``split-view``, ``different-state``, ``unsigned`` …
        text: a sentence for people.
        entry: index of the entry of the log that it is about; None for the repository as a whole.
        seq: number of the release that it is about, where that is known.
    """

    severity: Severity
    kind: str
    text: str
    entry: int | None = None
    seq: int | None = None
