"""What the vault knows of one file: the record beside its content."""

import base64
import json
from dataclasses import asdict, dataclass
from typing import Any

from freehold.model.errors import TrustError
from freehold.model.report import SEPARATOR, Report
from freehold.responses.quarantine.metadata import Metadata


@dataclass(frozen=True, slots=True)
class Reason:
    """One detection because of which a file was taken; the fields are those of ``model.report.Detection``."""

    name: str
    artifact: str
    source: str
    category: str


@dataclass(frozen=True, slots=True)
class Item:
    """One file in the vault.

    Attributes:
        identifier: twelve hexadecimal digits; any beginning of them that is unique will do.
        path: where it was, without symbolic links, in the file system's own bytes.
        taken: when, in ISO 8601, UTC.
        sha256: hex digest of its content.
        file_type: as identified.
        reasons: what was found in it.
        metadata: what else belongs to it.
    """

    identifier: str
    path: bytes
    taken: str
    sha256: str
    file_type: str
    reasons: tuple[Reason, ...]
    metadata: Metadata

    @property
    def is_container(self) -> bool:
        """Whether something inside the file was detected, not the file itself: the whole file is what was taken."""
        return any(SEPARATOR in reason.artifact for reason in self.reasons)

    def to_json(self) -> bytes:
        """Return the record."""
        record = asdict(self)
        record["path"] = self.path.decode("utf-8", "surrogateescape")
        attributes = self.metadata.attributes.items()
        record["metadata"]["attributes"] = {name: base64.b64encode(value).decode() for name, value in attributes}
        return json.dumps(record).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Item":
        """Read a record; raises ``TrustError``."""
        try:
            record: dict[str, Any] = json.loads(text)
            metadata = record.pop("metadata")
            attributes = metadata.pop("attributes").items()
            record["path"] = record["path"].encode("utf-8", "surrogateescape")
            record["reasons"] = tuple(Reason(**reason) for reason in record["reasons"])
            values = {name: base64.b64decode(value) for name, value in attributes}
            return cls(metadata=Metadata(attributes=values, **metadata), **record)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise TrustError(f"a record of the quarantine is damaged: {error}") from error


def reasons(report: Report) -> tuple[Reason, ...]:
    """Return what a report has against a file."""
    return tuple(Reason(d.name, d.artifact, d.source, d.category) for d in report.detections)
