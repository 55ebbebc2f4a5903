"""What ``freehold audit`` does with evidence of earlier audits: check it, compare it, merge it."""

import argparse
import json
import sys
from pathlib import Path

from freehold.frontends.cli import scan_output
from freehold.model.errors import FreeholdError, TrustError, UsageError
from freehold.responses.audit.compared import Change, State, changes
from freehold.responses.audit.organisation import organisation_lines
from freehold.responses.audit.sealed import Opened, unseal
from freehold.responses.audit.text import text_lines
from freehold.responses.wording import printable

_MEANINGLESS = ("policy", "jurisdiction", "as_of", "evidence", "draft_exclusions")
"""Options that belong to an audit, not to its evidence."""


def run(args: argparse.Namespace) -> int:
    """Do what the first word says with the files behind it; raises ``TrustError`` for evidence that was changed."""
    verb, *names = args.targets
    for name in _MEANINGLESS:
        if getattr(args, name):
            raise UsageError(f"{verb} takes evidence as it is: --{name.replace('_', '-')} is for an audit")
    if not names or (verb == "compare" and len(names) != 2):
        raise UsageError(f"{verb} takes {'two files' if verb == 'compare' else 'files'} of evidence")
    opened = [_open(name, args.key) for name in names]
    return {"verify": _verify, "compare": _compare, "merge": _merge}[verb](args, opened)


def _open(name: str, keys: list[str]) -> Opened:
    try:
        opened = unseal(Path(name).read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from error
    except FreeholdError as error:
        raise type(error)(f"{name}: {error}") from error
    if keys and opened.fingerprint not in {key.lower().replace(":", "") for key in keys}:
        raise TrustError(f"{name}: signed by another key: {opened.fingerprint}")
    return opened


def _verify(args: argparse.Namespace, opened: list[Opened]) -> int:
    if args.format == "html" and len(opened) > 1:
        raise UsageError("a page shows one audit; 'freehold audit merge' makes one page of many")
    with scan_output.output(args.output) as stream:
        if args.format == "csv":
            from freehold.responses.audit.table import write_table

            write_table(stream, [item.record for item in opened])
        elif args.format == "html":
            from freehold.responses.audit.html import write_page

            write_page(stream, opened[0].record, opened[0].fingerprint)
        elif args.format == "jsonl":
            for item in opened:
                stream.write(json.dumps({"fingerprint": item.fingerprint, "record": item.record}) + "\n")
        else:
            for item in opened:
                print(f"The signature is right. Key: {item.fingerprint}", file=stream)
                if not args.key:
                    print("Whose key this is, --key with the fingerprint of the machine tells.", file=stream)
                print(*text_lines(item.record, guide=args.guide), sep="\n", file=stream)
    return 0


def _compare(args: argparse.Namespace, opened: list[Opened]) -> int:
    if args.format not in {"text", "jsonl"}:
        raise UsageError("compare writes text or jsonl")
    first, second = opened
    same_machine = first.machine == second.machine
    found = list(changes(first.record, second.record, same_machine=same_machine))
    if not same_machine:
        print("freehold: warning: these are audits of different machines, or signed by different keys", file=sys.stderr)
    with scan_output.output(args.output) as stream:
        if args.format == "jsonl":
            stream.writelines(json.dumps(change._asdict()) + "\n" for change in found)
        else:
            for change in found:
                print(f"{printable(change.name)} [{printable(change.product)}]: {_words(change)}", file=stream)
            if not found:
                print("neither audit found a prohibited product", file=stream)
    states = {change.state for change in found}
    return 1 if states & {State.STILL, State.NEW} else 2 if State.UNPROVED in states else 0


def _words(change: Change) -> str:
    if change.state is State.STILL:
        return f"found on {change.before}, still there on {change.later}"
    if change.state is State.NEW:
        return f"new on {change.later}"
    if change.state is State.GONE:
        return f"found on {change.before}, gone since {change.later}"
    doubts = printable("; ".join(change.doubts))
    return f"found on {change.before}, not found on {change.later}, but that proves no absence: {doubts}"


def _merge(args: argparse.Namespace, opened: list[Opened]) -> int:
    with scan_output.output(args.output) as stream:
        if args.format == "jsonl":
            for item in opened:
                stream.write(json.dumps({"fingerprint": item.fingerprint, "record": item.record}) + "\n")
        elif args.format == "csv":
            from freehold.responses.audit.table import write_table

            write_table(stream, [item.record for item in opened])
        elif args.format == "html":
            from freehold.responses.audit.html import write_organisation

            write_organisation(stream, opened)
        else:
            print(*organisation_lines(opened), sep="\n", file=stream)
    return 0
