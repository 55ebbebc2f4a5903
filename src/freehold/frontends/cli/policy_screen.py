"""``freehold policy screen``: suppliers' names beside the entities that packs list."""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from typing import Any

from freehold.model.errors import UsageError
from freehold.responses.cells import cell
from freehold.responses.wording import count_text, printable
from freehold.service.audit.screening import THRESHOLD, Match, screen
from freehold.signatures import policies

EXAMPLES = """\
Names are compared with the names and aliases of the entities in all packs: transliterated, without company forms, in
any order of words. A score is no verdict: whether a supplier is the listed entity, a person must find out.

exit status: 0 no name is close to a listed one, 1 some are, 3 or higher: errors

examples:
  freehold policy screen 'Лаборатория Касперского' 'Kasperski Labs Ltd'
  freehold policy screen --csv suppliers.csv --column Supplier --format csv >to-review.csv
  freehold policy screen --threshold 60 'China Telecom'
"""

_USUAL = ("name", "supplier", "vendor", "company", "company name", "supplier name", "vendor name")
_COLUMNS = ("name", "score", "entity", "listed", "country", "listings", "reasons")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a supplier")
    parser.add_argument("--csv", metavar="FILE", help="take names from a table (UTF-8, with a line of headings)")
    parser.add_argument("--column", metavar="NAME", help="heading of the names (default: name, supplier, vendor, …)")
    parser.add_argument("--policy", action="append", default=[], metavar="PACK|FILE", help="packs (default: all)")
    parser.add_argument(
        "--threshold",
        type=_score,
        default=THRESHOLD,
        metavar="N",
        help="show scores from N on, 1 to 100 (default: %(default)s)",
    )
    parser.add_argument("--format", choices=("text", "json", "csv"), default="text", help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    """Compare and write; raises ``UsageError`` when there is nothing to compare."""
    if not args.names and not args.csv:
        raise UsageError("nothing to screen: give names, or --csv FILE")
    if args.column and not args.csv:
        raise UsageError("--column is for --csv")
    packs = policies.read(policies.find(args.policy))
    names = dict.fromkeys([*args.names, *(_names(args.csv, args.column) if args.csv else ())])
    found = {name: screen(packs, name, args.threshold) for name in names if name.strip()}
    if args.format == "json":
        rows = [{"name": name, "matches": list(map(_object, matches))} for name, matches in found.items()]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif args.format == "csv":
        _write_table(found)
    else:
        print(*_lines(found, args.threshold), sep="\n")
    return 1 if any(found.values()) else 0


def _names(name: str, column: str | None) -> list[str]:
    """Read the names of a table; raises ``UsageError``."""
    try:
        with open(name, encoding="utf-8-sig", newline="") as file:  # noqa: PTH123 - as the user names it
            rows = csv.DictReader(file)
            heading = _heading(name, list(rows.fieldnames or ()), column)
            return [row[heading] or "" for row in rows]
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not in UTF-8; save it as 'CSV UTF-8'") from error
    except csv.Error as error:
        raise UsageError(f"{name} is no table that can be read: {error}") from error


def _heading(name: str, there: list[str], column: str | None) -> str:
    wanted = [column.casefold()] if column else list(_USUAL)
    folded = {heading.strip().casefold(): heading for heading in there}
    for key in wanted:
        if key in folded:
            return folded[key]
    if len(there) == 1 and not column:
        return there[0]
    what = f"no column '{column}'" if column else "no column that is surely that of the names; say which: --column"
    raise UsageError(f"{name} has {what}; there are {', '.join(there) or 'none'}")


def _object(match: Match) -> dict[str, Any]:
    entity = match.entity
    return {
        "entity": entity.identifier,
        "name": entity.name,
        "listed": match.listed,
        "country": entity.country,
        "score": match.score,
        "reasons": list(match.reasons),
        "listings": list(entity.listings),
    }


def _write_table(found: dict[str, list[Match]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for name, matches in found.items():
        for match in matches:
            entity = match.entity
            row = (name, match.score, entity.identifier, match.listed, entity.country)
            writer.writerow([*map(cell, row), cell("; ".join(entity.listings)), cell("; ".join(match.reasons))])


def _lines(found: dict[str, list[Match]], threshold: int) -> Iterator[str]:
    for name, matches in found.items():
        yield f"{printable(name)}: {'to review' if matches else f'no listed name with a score of {threshold} or more'}"
        for match in matches:
            entity = match.entity
            yield f"  {match.score:>3}  {printable(match.listed)} [{entity.identifier}], {entity.country}"
            yield from (f"       {printable(reason)}" for reason in match.reasons)
            yield from (f"       listed: {printable(listing)}" for listing in entity.listings)
    close = sum(map(bool, found.values()))
    yield f"{count_text(len(found), 'name')} screened, {close:,} to review; a score is no verdict"


def _score(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"'{text}' is not a score from 1 to 100")
    return int(text)
