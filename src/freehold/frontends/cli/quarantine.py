"""``freehold quarantine``: look at what was taken, put it back, hand it on, or remove it for good."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from freehold.frontends.cli import asking, moments, options
from freehold.frontends.cli.quarantined import item_lines, item_object
from freehold.model.errors import FreeholdError, UsageError
from freehold.responses.quarantine.item import Item
from freehold.responses.quarantine.settling import settled
from freehold.responses.quarantine.vault import ITEMS, RESTORING, TAKING, Vault, home
from freehold.responses.wording import count_text, printable, printable_path, size_text

_EXAMPLES = """\
An ID may be shortened as long as it is unique. Exit status: 0, or 3 when something could not be done.

examples:
  freehold quarantine list
  freehold quarantine show 3f9a
  freehold quarantine export 3f9a --output sample.zip      a ZIP file with the password "infected"
  freehold quarantine restore 3f9a                         exactly where and as it was
  freehold quarantine restore 3f9a --to /tmp/review
  freehold quarantine restore --signature Win.Test.Wrong --allow --reason "false positive, reported"
  freehold quarantine delete 3f9a
  freehold quarantine prune --older-than 90d --max-size 1G
"""

_HOLE = bytes(1 << 20)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    common.add_argument("--vault", type=Path, default=None, metavar="DIR", help="another vault than your own")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    def add(name: str, action: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=text, description=f"{text.capitalize()}.", parents=[common])
        made.set_defaults(action=action)
        return made

    add("list", _list, "show what is in the quarantine")
    show = add("show", _show, "show everything that is known of items")
    show.add_argument("ids", metavar="ID", nargs="+")
    export = add("export", _export, "write the content of an item into a file, for analysis")
    export.add_argument("id", metavar="ID")
    export.add_argument(
        "--output", metavar="FILE", help="default: ID.zip, or ID.bin with --raw; '-' for standard output"
    )
    export.add_argument(
        "--raw", action="store_true", help="the content as it is, not in a ZIP file: it may be dangerous"
    )
    _add_restore_arguments(add("restore", _restore, "put items back exactly as they were"))
    delete = add("delete", _delete, "remove items for good")
    delete.add_argument("ids", metavar="ID", nargs="+")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    prune = add("prune", _prune, "remove the oldest items for good")
    prune.add_argument("--older-than", type=moments.age, metavar="TIME", help="taken longer ago, like 90d or 12h")
    prune.add_argument("--max-size", type=options.size, metavar="SIZE", help="until all together take no more, like 1G")
    prune.add_argument("--dry-run", action="store_true", help="only say what would be removed")


def _add_restore_arguments(restore: argparse.ArgumentParser) -> None:
    restore.add_argument("ids", metavar="ID", nargs="*")
    restore.add_argument("--signature", metavar="NAME", help="everything that this signature has taken")
    restore.add_argument("--all", action="store_true", help="everything")
    restore.add_argument("--to", metavar="DIR", help="into this folder, instead of where they were")
    restore.add_argument(
        "--allow", action="store_true", help="add an entry to your list, for the signature or else for each content"
    )
    restore.add_argument("--reason", metavar="TEXT", default="", help="with --allow: why; one sentence")
    restore.add_argument("--expires", metavar="WHEN", default="90d", help="with --allow: 30d, 2027-05-03, never (90d)")


def run(args: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    action: Callable[[argparse.Namespace], int] = args.action
    return action(args)


def _vault(args: argparse.Namespace) -> Vault:
    return Vault(args.vault or home())


def _list(args: argparse.Namespace) -> int:
    vault = _vault(args)
    items, troubles = _contents(vault)
    if args.format == "json":
        print(json.dumps([item_object(item) for item in items], indent=2))
    for item in items if args.format == "text" else ():
        names = ", ".join(dict.fromkeys(printable(reason.name) for reason in item.reasons))
        inside = " (inside it)" if item.is_container else ""
        size = size_text(item.metadata.size)
        print(f"{item.identifier}  {item.taken[:16]}  {size:>9}  {printable_path(item.path)}  {names}{inside}")
    if args.format == "text" and not items and not troubles:
        print(f"There is nothing in the quarantine ({vault.root}).")
    if troubles:
        raise FreeholdError("\n".join(troubles))
    return 0


def _contents(vault: Vault) -> tuple[list[Item], list[str]]:
    """Return all items, the oldest first, and what is wrong with those that cannot be shown."""
    items, troubles = [], []
    with settled(vault) if vault.exists() else nullcontext():
        for identifier in vault.identifiers(ITEMS):
            try:
                items.append(vault.item(identifier))
            except (FreeholdError, OSError) as error:
                troubles.append(
                    f"{identifier}: {error}; it can only be removed: freehold quarantine delete {identifier}"
                )
        troubles += [
            f"{identifier}: was left half done, and nobody can tell yet where the file is: "
            "make its folder accessible, or run this as root, and ask again"
            for state in (TAKING, RESTORING)
            for identifier in vault.identifiers(state)
        ]
    return sorted(items, key=lambda item: (item.taken, item.identifier)), troubles


def _show(args: argparse.Namespace) -> int:
    vault = _vault(args)
    with settled(vault):
        items = [vault.item(vault.find(beginning)) for beginning in args.ids]
        stored = [vault.stored_size(item.identifier) for item in items]
    if args.format == "json":
        print(json.dumps([item_object(item, size) for item, size in zip(items, stored, strict=True)], indent=2))
        return 0
    for item, size in zip(items, stored, strict=True):
        print(*item_lines(item, size), sep="\n")
    return 0


def _export(args: argparse.Namespace) -> int:
    vault = _vault(args)
    with settled(vault):
        item = vault.item(vault.find(args.id))
        name = args.output or item.identifier + (".bin" if args.raw else ".zip")
        if not args.raw and item.metadata.size > _largest_zip():
            raise UsageError("a ZIP file of this kind holds 4 GB; export with --raw")
        with _created(name) as file:
            try:
                _write(vault, item, file, raw=args.raw)
            except BaseException:
                if name != "-":
                    Path(name).unlink(missing_ok=True)
                raise
    if name != "-":
        told = {"id": item.identifier, "output": name, "raw": args.raw, "sha256": item.sha256}
        text = f"{printable(name)}: " + ("the raw content; take care" if args.raw else 'the password is "infected"')
        print(json.dumps(told, indent=2) if args.format == "json" else text)
    return 0


def _largest_zip() -> int:
    from freehold.responses.quarantine.exporting import LARGEST

    return LARGEST


def _created(name: str) -> BinaryIO:
    if name == "-":
        return open(1, "wb", closefd=False)
    try:
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise UsageError(f"{name} exists and is not overwritten") from error
    except OSError as error:
        raise UsageError(f"cannot write {name}: {error.strerror}") from error
    return open(fd, "wb")  # noqa: PTH123 - see above


def _write(vault: Vault, item: Item, file: BinaryIO, *, raw: bool) -> None:
    from freehold.responses.quarantine.exporting import write_zip

    if not raw:
        label = printable_path(item.path.rpartition(b"/")[2])
        write_zip(_content(vault, item), item.metadata.size, label, file)
        return
    file.writelines(_content(vault, item))


def _content(vault: Vault, item: Item) -> Iterator[bytes]:
    """Yield the content of an item, with its holes as zeros."""
    end = 0
    for offset, piece in vault.read_content(item.identifier, ITEMS):
        while end < offset:
            end += len(gap := _HOLE[: offset - end])
            yield gap
        yield piece
        end = offset + len(piece)
    while end < item.metadata.size:
        end += len(gap := _HOLE[: item.metadata.size - end])
        yield gap


def _restore(args: argparse.Namespace) -> int:
    from freehold.responses.quarantine.restoring import Restorer

    vault = _vault(args)
    items = _chosen(vault, args)
    if args.allow:
        _allow(items, args)
    results, failed = [], []
    with Restorer(vault, items, os.fsencode(args.to) if args.to else None) as restorer:
        for item in items:
            try:
                path = restorer.restore(item)
                results.append({"id": item.identifier, "restored": path.decode("utf-8", "surrogateescape")})
                if args.format == "text":
                    print(f"{item.identifier}: restored {printable_path(path)}")
            except FreeholdError as error:
                results.append({"id": item.identifier, "error": str(error)})
                failed.append(f"{item.identifier}: not restored: {error}")
    if args.format == "json":
        print(json.dumps(results, indent=2))
    if failed:
        raise FreeholdError("\n".join(failed))
    return 0


def _allow(items: list[Item], args: argparse.Namespace) -> None:
    """Allow what is about to be put back, before a scan can find it again; raises ``UsageError``."""
    from freehold.frontends.cli.lists import allow, new_entry
    from freehold.service.lists.entry import ALLOW

    conditions: list[dict[str, Any]] = [{"sha256": item.sha256, "size": item.metadata.size} for item in items]
    if args.signature:
        conditions = [{"signature": args.signature}]
    unique = {str(condition): condition for condition in conditions}.values()
    if not args.reason:
        raise UsageError('--allow needs --reason "why": one sentence for whoever reviews the list')
    allow([new_entry(ALLOW, one, reason=args.reason, author=None, expires=args.expires) for one in unique])


def _chosen(vault: Vault, args: argparse.Namespace) -> list[Item]:
    """Return the items that the arguments name, the last one taken first: so links find each other's times."""
    if bool(args.ids) + bool(args.signature) + args.all != 1:
        raise UsageError("say what to restore: IDs, or --signature NAME, or --all")
    items, troubles = _contents(vault)
    if args.ids:
        with settled(vault):
            wanted = {vault.find(beginning) for beginning in args.ids}
        return [item for item in items if item.identifier in wanted]
    if args.signature:
        items = [item for item in items if any(reason.name == args.signature for reason in item.reasons)]
        if not items:
            raise UsageError(f"nothing in the quarantine was taken by a signature '{args.signature}'")
    for trouble in troubles:
        print(f"freehold: {trouble}", file=sys.stderr)
    return items


def _delete(args: argparse.Namespace) -> int:
    vault = _vault(args)
    with settled(vault):
        wanted = sorted({vault.find(beginning) for beginning in args.ids})
    asking.confirm(f"Remove {count_text(len(wanted), 'item')} for good?", yes=args.yes)
    return _discard(vault, wanted, args)


def _discard(vault: Vault, wanted: list[str], args: argparse.Namespace) -> int:
    with settled(vault):
        for identifier in wanted:
            vault.discard(identifier, ITEMS)
            if args.format == "text":
                print(f"{identifier}: removed")
    if args.format == "json":
        print(json.dumps([{"id": identifier, "removed": True} for identifier in wanted], indent=2))
    return 0


def _prune(args: argparse.Namespace) -> int:
    if args.older_than is None and args.max_size is None:
        raise UsageError("say what to remove: --older-than TIME, --max-size SIZE, or both")
    vault = _vault(args)
    items, _ = _contents(vault)
    oldest_kept = time.time() - args.older_than if args.older_than is not None else 0.0
    wanted = [item for item in items if datetime.fromisoformat(item.taken).timestamp() < oldest_kept]
    rest = [item for item in items if item not in wanted]
    sizes = {item.identifier: vault.stored_size(item.identifier) for item in rest}
    total = sum(sizes.values())
    for item in rest if args.max_size is not None else ():
        if total <= args.max_size:
            break
        wanted.append(item)
        total -= sizes[item.identifier]
    identifiers = [item.identifier for item in wanted]
    if args.dry_run:
        told = [{"id": item.identifier, "removed": False} for item in wanted]
        lines = [f"{item.identifier}: would be removed  {printable_path(item.path)}" for item in wanted]
        print(json.dumps(told, indent=2) if args.format == "json" else "\n".join(lines) or "Nothing would be removed.")
        return 0
    return _discard(vault, identifiers, args) if vault.exists() else 0
