"""``freehold list``: what is allowed and denied on this machine, with reason, author and expiry."""

import argparse
import getpass
import hashlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from freehold.frontends.cli import moments, options
from freehold.model.errors import UsageError
from freehold.responses.wording import count_text, printable
from freehold.service.lists import places, reading
from freehold.service.lists.entry import ALLOW, DENY, Entry
from freehold.service.lists.holes import hole

USUAL_TERM = "90d"

_EXAMPLES = f"""\
Entries stand in {places.SYSTEM} and, for users, in ~/.config/freehold/lists.toml: files to be reviewed and versioned.
What is allowed is still examined and reported, as allowed; what is denied is infected. Conditions that are given
together must all hold. An entry that has expired does not count.

exit status: 0 all is well; check: 1 when an entry has expired or opens a hole; 3 or higher: errors

examples:
  freehold list add allow --file setup.exe --reason "our installer, reported as false positive"
  freehold list add allow --signature Win.Test.Wrong --path /srv/builds/ --reason "hits our builds" --expires 30d
  freehold list add deny --sha256 5994471a…(64 digits) --size 68 --reason "seen at a partner's" --expires never
  freehold list add deny --path /var/www/html/x.php --reason "dropped in June, must not come back"
  freehold list show
  freehold list check
  freehold list remove 3f9a01bc
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--lists", type=Path, metavar="FILE", help="another file than the usual ones")
    common.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    verbs = parser.add_subparsers(dest="verb", metavar="add|remove|show|check", required=True)
    add = verbs.add_parser("add", help="allow or deny something", parents=[common])
    add.add_argument("kind", choices=(ALLOW, DENY))
    add.add_argument("--file", metavar="FILE", help="the content that this file has now: its SHA-256 and size")
    add.add_argument("--sha256", metavar="DIGEST", default="", help="a content")
    add.add_argument("--size", type=options.size, metavar="SIZE", help="with --sha256: its size, which saves hashing")
    add.add_argument("--signature", metavar="NAME", default="", help="what this signature finds")
    add.add_argument("--path", metavar="PATH", default="", help="a file, or a folder with everything below it")
    add.add_argument("--reason", metavar="TEXT", required=True, help="why; one sentence")
    add.add_argument("--author", metavar="NAME", help="default: your user name")
    add.add_argument("--expires", metavar="WHEN", default=USUAL_TERM, help="30d, 2027-05-03 or never (%(default)s)")
    remove = verbs.add_parser("remove", help="remove an entry", parents=[common])
    remove.add_argument("id", metavar="ID")
    verbs.add_parser("show", help="show all entries", parents=[common])
    verbs.add_parser("check", help="find entries that have expired or open a hole", parents=[common])


def run(args: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    if args.verb == "add":
        return _add(args)
    if args.verb == "remove":
        return _remove(args)
    found = reading.entries([args.lists] if args.lists else places.usual_files())
    faults = [(entry, fault) for entry in found for fault in _faults(entry)]
    if args.format == "json":
        shown = found if args.verb == "show" else list(dict.fromkeys(entry for entry, _ in faults))
        print(json.dumps([_object(entry) for entry in shown], indent=2))
    elif args.verb == "show":
        _show(found)
    else:
        for entry, fault in faults:
            print(f"{entry.file}: {entry.identifier}: {printable(fault)}")
        print(f"{count_text(len(found), 'entry').replace('entrys', 'entries')}, {count_text(len(faults), 'fault')}")
    return int(args.verb == "check" and bool(faults))


def allow(entries: Sequence[Entry], file: Path | None = None) -> None:
    """Add entries to this user's list; raises ``UsageError``."""
    from freehold.service.lists import writing

    writing.add(file or places.own_file(), list(entries))


def new_entry(kind: str, conditions: dict[str, Any], *, reason: str, author: str | None, expires: str) -> Entry:
    """Return an entry with these of ``sha256``, ``size``, ``signature`` and ``path``; raises ``UsageError``."""
    fields = {"sha256": "", "size": None, "signature": "", "path": ""} | conditions
    written_by = author or getpass.getuser()
    entry = Entry(kind, reason=reason, author=written_by, expires=expiry(expires), file="", **fields)
    if not reason.strip():
        raise UsageError("--reason must say why")
    return entry


def expiry(text: str) -> date | None:
    """Return the last day that a user names; raises ``UsageError``."""
    if text == "never":
        return None
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return date.fromisoformat(text)
        return (datetime.now(UTC) + timedelta(seconds=moments.age(text))).date()
    except (argparse.ArgumentTypeError, ValueError, OverflowError) as error:
        raise UsageError(f"'{text}' is no expiry; write 30d, 2027-05-03 or never") from error


def _add(args: argparse.Namespace) -> int:
    conditions: dict[str, Any] = {"sha256": args.sha256.lower(), "size": args.size, "signature": args.signature}
    if args.file:
        if args.sha256 or args.size is not None:
            raise UsageError("--file finds out SHA-256 and size; do not give them as well")
        conditions |= _content(args.file)
    if args.path:
        conditions["path"] = _absolute(args.path)
    if not any(conditions.get(key) for key in ("sha256", "signature", "path")):
        raise UsageError(f"say what to {args.kind}: --file, --sha256, --signature or --path")
    entry = new_entry(args.kind, conditions, reason=args.reason, author=args.author, expires=args.expires)
    allow([entry], args.lists)
    file = args.lists or places.own_file()
    if args.format == "json":
        print(json.dumps(_object(entry) | {"file": str(file)}, indent=2))
        return 0
    print(f"{entry.identifier}: {entry.kind}: {printable(entry.conditions)} (in {file})")
    for fault in _faults(entry):
        print(f"warning: {printable(fault)}")
    return 0


def _remove(args: argparse.Namespace) -> int:
    from freehold.service.lists import writing

    removed = writing.remove(args.lists or places.own_file(), args.id)
    print(json.dumps(_object(removed)) if args.format == "json" else f"{removed.identifier}: removed")
    return 0


def _content(name: str) -> dict[str, Any]:
    try:
        with open(name, "rb") as file:  # noqa: PTH123 -- as the user names it
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return {"sha256": digest, "size": file.tell()}
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from error


def _absolute(path: str) -> str:
    """Return a path without symbolic links, with a slash at its end when it is a folder."""
    real = Path(path).resolve()
    return f"{real}/" if (path.endswith("/") or real.is_dir()) and str(real) != "/" else str(real)


def _faults(entry: Entry) -> list[str]:
    today = datetime.now(UTC).date()
    faults = [f"has expired on {entry.expires} and does not count"] if entry.is_expired(today) else []
    if entry.kind == ALLOW and (why := hole(entry.path)):
        faults.append(why)
    if entry.kind == DENY and entry.sha256 and entry.size is None:
        faults.append("has no size, so every file of every scan is hashed for it; add the size if it is known")
    return faults


def _show(found: list[Entry]) -> None:
    for entry in found:
        print(f"{entry.identifier}  {entry.kind:<5}  {printable(entry.conditions)}")
        print(f"          {printable(entry.why)}; in {entry.file}")
        for fault in _faults(entry):
            print(f"          warning: {printable(fault)}")
    if not found:
        print("Nothing is allowed or denied. To add an entry: freehold list add --help")


def _object(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.identifier,
        "kind": entry.kind,
        "sha256": entry.sha256 or None,
        "size": entry.size,
        "signature": entry.signature or None,
        "path": entry.path or None,
        "reason": entry.reason,
        "author": entry.author,
        "expires": entry.expires.isoformat() if entry.expires else None,
        "file": entry.file,
        "faults": _faults(entry),
    }
