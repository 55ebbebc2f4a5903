"""How rules over certificates, and the programs that security catalogues list, stand in a segment."""

from collections.abc import Iterable, Sequence
from typing import Any

from freehold.model.errors import TrustError
from freehold.model.pki.trust import Purposes, Rule


def to_json(rules: Sequence[tuple[int, Rule]], programs: Iterable[tuple[str, bytes]]) -> dict[str, Any]:
    """Return what JSON can hold of them."""
    return {
        "rules": [[about, *_rule_fields(rule)] for about, rule in rules],
        "programs": sorted((algorithm, digest.hex()) for algorithm, digest in programs),
    }


def from_json(stored: dict[str, Any]) -> tuple[list[tuple[int, Rule]], list[tuple[str, bytes]]]:
    """Return what ``to_json`` was given; raises ``TrustError`` when it cannot be read."""
    try:
        rules = [(int(about), _rule(fields)) for about, *fields in stored["rules"]]
        return rules, [(algorithm, bytes.fromhex(digest)) for algorithm, digest in stored["programs"]]
    except (LookupError, TypeError, ValueError) as error:
        raise TrustError(f"the database holds a certificate that this Freehold cannot read ({error!r})") from error


def _rule_fields(rule: Rule) -> list[Any]:
    serial = None if rule.serial is None else rule.serial.hex()
    return [rule.trusted, rule.subject.hex(), serial, f"{rule.modulus:x}", list(rule.purposes), rule.since]


def _rule(fields: Sequence[Any]) -> Rule:
    trusted, subject, serial, modulus, purposes, since = fields
    known = None if serial is None else bytes.fromhex(serial)
    return Rule(bool(trusted), bytes.fromhex(subject), known, int(modulus, 16), Purposes(*purposes), int(since))
