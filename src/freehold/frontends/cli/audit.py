"""``freehold audit``: which prohibited products are here, by which rules, and proof that they are gone."""

import argparse
import json
import platform
import sys
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TextIO

from freehold import __version__
from freehold.frontends.cli import audit_targets, databases, options, scan_output
from freehold.model.errors import UsageError
from freehold.model.policy import PolicySet
from freehold.responses.audit import record as records
from freehold.responses.audit.record import Record
from freehold.responses.audit.text import text_lines
from freehold.service.audit.evidence import Collection, Finding
from freehold.service.audit.judgement import Ruling, rulings
from freehold.signatures import policies

_EXAMPLES = """\
Without a target this machine is examined: its package databases, services, processes, kernel modules, and the places
where programs lie. A target is the root of a mounted system, a folder, a file, the image of a disk, oci:DIR or oci:TAR
(container images), or sbom:FILE (CycloneDX or SPDX).
Strong evidence makes a product FOUND; weak evidence alone says LOOK HERE. Freehold removes nothing by itself.

exit status: 0 nothing, 1 found, 2 only weak signs, or something could not be examined, 3 or higher: errors

examples:
  freehold audit
  freehold audit --jurisdiction us-federal,us --as-of 2024-09-29 --guide
  freehold audit --format html --output audit.html --evidence audit.evidence
  freehold audit /mnt/windows sbom:bom.cdx.json oci:image.tar disk.qcow2
  freehold audit --guide / settings.ini --draft-exclusions draft.toml
  freehold audit --policy ./no-remote-tools.policy
  freehold audit verify audit.evidence --key 8b4c…
  freehold audit compare before.evidence after.evidence
  freehold audit merge *.evidence --format html --output all.html
"""

_VERBS = ("verify", "compare", "merge")
"""What is done with evidence; a target of such a name is written ``./verify``."""

FORMATS = ("text", "jsonl", "html", "csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help="what to examine (default: this machine); or verify, compare, merge",
    )
    parser.add_argument("--policy", action="append", default=[], metavar="PACK|FILE", help="packs (default: all)")
    parser.add_argument("--jurisdiction", type=_names, default=(), metavar="LIST", help="only rules of these: us,au")
    parser.add_argument("--as-of", type=_day, metavar="DATE", help="judge by the rules of that day (default: now)")
    parser.add_argument("--guide", action="store_true", help="say how to remove what was found")
    parser.add_argument(
        "--draft-exclusions",
        metavar="FILE",
        help="write what the products found were told not to look at to FILE, as a draft for [scan] exclude",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: %(default)s")
    parser.add_argument("--output", metavar="FILE", help="write the report to FILE")
    parser.add_argument("--evidence", metavar="FILE", help="write signed evidence to FILE as well")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="FINGERPRINT",
        help="verify, compare, merge: evidence must be signed by this key; may be repeated",
    )
    parser.add_argument(
        "--progress", choices=("auto", "always", "never"), default="auto", help="a live bar (default: on a terminal)"
    )
    options.add_limits(parser)
    parser.set_defaults(quiet=False)


def run(args: argparse.Namespace) -> int:
    """Audit, or deal with evidence of earlier audits."""
    if args.targets and args.targets[0] in _VERBS:
        from freehold.frontends.cli import audit_evidence

        return audit_evidence.run(args)
    if args.key:
        raise UsageError("--key is for evidence: freehold audit verify FILE --key FINGERPRINT")
    audit_targets.check(args.targets)
    paths, known = policies.select(args.policy)
    _check_jurisdictions(args.jurisdiction, known)
    began = datetime.now(UTC)
    collection = Collection(known)
    bundle = databases.policy_bundle(paths, weak=True)
    examined = audit_targets.examine(args, bundle, collection)
    record: Record = {
        "format": records.FORMAT,
        "machine": platform.node(),
        "began": _iso(began),
        "as_of": args.as_of.isoformat() if args.as_of else _iso(began),
        "jurisdictions": list(args.jurisdiction),
        "version": __version__,
        "packs": [_pack(path, known) for path in paths],
        "targets": args.targets or [audit_targets.HERE],
        "examined": examined.places,
        "complete": not examined.problems,
        "problems": [
            {"kind": problem.kind.value, "target": target, "where": problem.artifact, "detail": problem.detail}
            for target, problem in examined.problems
        ],
        "findings": [
            _finding(finding, known, args.as_of or began, args.jurisdiction) for finding in collection.findings()
        ],
    }
    with scan_output.output(args.output) as stream:
        _write(args, stream, record)
    if args.evidence:
        _seal(args.evidence, record)
    if args.draft_exclusions:
        from freehold.frontends.cli import audit_exclusions

        audit_exclusions.write(args.draft_exclusions, record["targets"])
    return _status(record)


def _check_jurisdictions(names: tuple[str, ...], known: PolicySet) -> None:
    there = sorted({law.jurisdiction for law in known.laws})
    for name in names:
        if name not in there:
            close = get_close_matches(name, there, 1)
            meant = f"; did you mean '{close[0]}'?" if close else ""
            raise UsageError(f"--jurisdiction: no pack has rules of '{name}'{meant}; there are {', '.join(there)}")


def _status(record: Record) -> int:
    if any(finding["found"] for finding in record["findings"]):
        return 1
    return 2 if record["findings"] or not record["complete"] else 0


def _write(args: argparse.Namespace, stream: TextIO, record: Record) -> None:
    if args.format == "jsonl":
        stream.write(json.dumps(record) + "\n")
    elif args.format == "csv":
        from freehold.responses.audit.table import write_table

        write_table(stream, [record])
    elif args.format == "html":
        from freehold.responses.audit.html import write_page

        write_page(stream, record)
    else:
        for line in text_lines(record, guide=args.guide):
            print(line, file=stream)


def _seal(name: str, record: Record) -> None:
    from freehold.responses.audit.sealed import key_file, seal

    try:
        Path(name).write_bytes(seal(record, key_file()))
    except OSError as error:
        raise UsageError(f"cannot write the evidence: {error.strerror}: {name}") from error
    print(f"freehold: evidence in {name}; anybody can check it: freehold audit verify {name}", file=sys.stderr)


def _pack(path: Path, known: PolicySet) -> dict[str, str]:
    import hashlib

    (pack,) = (pack for pack in known.packs if pack.source == str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": pack.name, "version": pack.version, "sha256": digest}


def _finding(
    finding: Finding, known: PolicySet, moment: datetime | date, jurisdictions: tuple[str, ...]
) -> dict[str, Any]:
    product = finding.product
    entity = known.entity(product.entity)
    return {
        "product": product.identifier,
        "name": product.name,
        "entity": entity.name if entity else product.entity,
        "presence": product.presence.value,
        "found": finding.found,
        "evidence": [item._asdict() for item in finding.evidence],
        "rulings": [_ruling(ruling) for ruling in rulings(known, product, moment, jurisdictions)],
        "removal": list(product.removal),
    }


def _ruling(ruling: Ruling) -> dict[str, Any]:
    law = ruling.law
    return {
        "law": law.identifier,
        "title": law.title,
        "authority": law.authority,
        "citation": law.citation,
        "jurisdiction": law.jurisdiction,
        "binds": law.binds,
        "binding": law.binding,
        "day": ruling.day.isoformat(),
        "now": [{"since": item.since.isoformat(), "what": item.what} for item in ruling.now],
        "later": [{"since": item.since.isoformat(), "what": item.what, "days": days} for item, days in ruling.later],
        "exceptions": list(law.exceptions),
        "penalties": law.penalties,
        "zone": law.zone,
        "sources": list(law.sources),
        "checked": law.checked.isoformat(),
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _day(text: str) -> date | datetime:
    """Read a day, the same for every rule, or a moment with its time zone, a day of its own for each."""
    try:
        if len(text) == len("2024-09-29"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a day; write 2024-09-29 or 2024-09-29T00:00-04:00"
        ) from error
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"'{text}' has no time zone; write {text}Z or {text}-04:00")
    return moment
