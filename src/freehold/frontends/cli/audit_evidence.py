"""What ``freehold audit`` does with evidence of earlier audits: check it, compare it, merge it."""

import argparse
import json
import sys
from pathlib import Path

from freehold.frontends.cli import scan_output
from freehold.model.errors import FreeholdError, TrustError, UsageError
from freehold.responses.audit.compared import Change, changes
from freehold.responses.audit.sealed import Opened, unseal
from freehold.responses.audit.text import text_lines
from freehold.responses.wording import printable

VERBS = ("verify", "compare", "merge")
"""A target of such a name is written ``./verify``."""


def run(args: argparse.Namespace) -> int:
    """Do what the first word says with the files behind it; raises ``TrustError`` for evidence that was changed."""
    verb, *names = args.targets
    if not names or (verb == "compare" and len(names) != 2):
        raise UsageError(f"{verb} takes {'two files' if verb == 'compare' else 'files'} of evidence")
    opened = [_open(name, args.key) for name in names]
    if verb == "verify":
        return _verify(args, opened)
    return _compare(args, opened) if verb == "compare" else _merge(args, opened)


def _open(name: str, key: str | None) -> Opened:
    try:
        opened = unseal(Path(name).read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from error
    except FreeholdError as error:
        raise type(error)(f"{name}: {error}") from error
    if key and opened.fingerprint != key.lower().replace(":", ""):
        raise TrustError(f"{name}: signed by another key: {opened.fingerprint}")
    return opened


def _verify(args: argparse.Namespace, opened: list[Opened]) -> int:
    with scan_output.output(args.output) as stream:
        for item in opened:
            if args.format == "html":
                from freehold.responses.audit.html import write_page

                write_page(stream, item.record, item.fingerprint)
            elif args.format == "jsonl":
                stream.write(json.dumps({"fingerprint": item.fingerprint, "record": item.record}) + "\n")
            else:
                print(f"The signature is right. Key: {item.fingerprint}", file=stream)
                print(*text_lines(item.record, guide=args.guide), sep="\n", file=stream)
    return 0


def _compare(args: argparse.Namespace, opened: list[Opened]) -> int:
    first, second = opened
    if first.record["machine"] != second.record["machine"]:
        print("freehold: warning: these are audits of different machines", file=sys.stderr)
    if first.fingerprint != second.fingerprint:
        print("freehold: warning: these were signed by different keys", file=sys.stderr)
    found = list(changes(first.record, second.record))
    with scan_output.output(args.output) as stream:
        if args.format == "jsonl":
            stream.writelines(json.dumps(change._asdict()) + "\n" for change in found)
            return 0
        for change in found:
            print(f"{printable(change.name)} [{printable(change.product)}]: {_words(change)}", file=stream)
        if not found:
            print("neither audit found a prohibited product", file=stream)
    return 0


def _words(change: Change) -> str:
    if change.before and change.after:
        return f"found on {change.before}, still there on {change.after}"
    if change.after:
        return f"new on {change.after}"
    if change.proved:
        return f"found on {change.before}, gone since {change.later}"
    return f"found on {change.before}, not seen on {change.later}, but absence is not proved"


def _merge(args: argparse.Namespace, opened: list[Opened]) -> int:
    records = [item.record for item in opened]
    with scan_output.output(args.output) as stream:
        if args.format == "jsonl":
            stream.writelines(json.dumps(record) + "\n" for record in records)
        else:
            from freehold.responses.audit.html import write_organisation

            write_organisation(stream, records)
    return 0
