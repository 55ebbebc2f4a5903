"""``freehold feed``: add, list, refresh and remove sources of signatures, and compile what they bring."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.feeds import state
from freehold.frontends.cli import feed_adopt, options, update
from freehold.model.errors import FreeholdError, UsageError
from freehold.model.rights import Right
from freehold.responses.wording import count_text, printable

if TYPE_CHECKING:
    from freehold.feeds.store import Installed, Store
    from freehold.signatures.compile import BuildResult

_EPILOG = """\
examples:
  freehold feed add clamav --from /var/lib/clamav       what freshclam keeps on this machine
  freehold feed add clamav --from https://av.example/   a private mirror, made with cvdupdate
  freehold feed add own --from /srv/rules               a folder of YARA and ClamAV files
  freehold feed refresh                                 ask all origins for what is new
  freehold feed list
  freehold feed remove own
  freehold feed adopt https://av.example/core --root-sha256 3b1f…    signed releases; see 'freehold update'
  freehold feed may acme allow                          let an overlay of ours allow what other feeds find

ClamAV's own servers serve ClamAV's own tools only: let freshclam or cvdupdate download, and name their folder."""

_SHOWN = 5
"""Rejected signatures that are shown one by one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the actions."""
    parser.epilog = _EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="add a feed and compile it")
    add.add_argument("name", metavar="NAME", help="what to call it")
    add.add_argument(
        "--from", dest="origin", metavar="ORIGIN", required=True, help="a folder, or the address of a mirror"
    )
    add.add_argument("--kind", choices=("clamav", "folder"), help="of feed; without it, by what is there")
    add.add_argument("--insecure-http", action="store_true", help="allow a mirror that is not encrypted (http://)")
    options.add_unwanted(add)
    feed_adopt.add_arguments(actions.add_parser("adopt", help="follow a feed of signed releases"))
    may = actions.add_parser("may", help="choose how far the word of a followed feed counts")
    feed_adopt.add_change_arguments(may)
    listing = actions.add_parser("list", help="show all feeds")
    listing.add_argument("--json", action="store_true", help="for programs")
    remove = actions.add_parser("remove", help="remove a feed with its signatures")
    remove.add_argument("name", metavar="NAME")
    refresh = actions.add_parser("refresh", help="bring feeds up to date")
    refresh.add_argument("names", metavar="NAME", nargs="*", help="without any, all feeds")


def run(args: argparse.Namespace) -> int:
    """Do what was asked for; raises ``FreeholdError``."""
    from freehold.feeds.store import Store

    store = Store(state.home())
    if args.action == "list":
        _list(store, as_json=args.json)
        return 0
    with store.locked():
        if args.action == "add":
            _add(store, args)
        elif args.action == "adopt":
            update.require_extra()
            feed_adopt.adopt(args)
        elif args.action == "may":
            feed_adopt.change(args.name, Right(args.right))
        elif args.action == "remove":
            _remove(store, args.name)
        else:
            _refresh(store, args.names)
    return 0


def _list(store: "Store", *, as_json: bool) -> None:
    feeds, followed = store.feeds(), store.followed()
    if as_json:
        shown = ("name", "kind", "origin", "added", "refreshed", "is_compiled")
        listed: list[dict[str, object]] = [{key: getattr(feed, key) for key in shown} for feed in feeds]
        print(
            json.dumps(
                [*listed, *({"name": name, "kind": "followed", "may": right} for name, right in followed.items())],
                indent=2,
            )
        )
        return
    for name, right in followed.items():
        print(f"{name:<16}followed; may {right}; see 'freehold update status'")
    for feed in feeds:
        outdated = "" if feed.is_compiled else "  (not compiled: run 'freehold feed refresh')"
        print(f"{feed.name:<16}{feed.kind:<8}{feed.refreshed}  {printable(feed.origin)}{outdated}")
    if not feeds and not followed:
        print("There are no feeds. To add ClamAV's signatures: freehold feed add clamav --from /var/lib/clamav")


def _add(store: "Store", args: argparse.Namespace) -> None:
    from freehold.feeds.registry import kind_of

    origin = _origin(args.origin, insecure=args.insecure_http)
    feed = store.add(args.name, args.kind or kind_of(origin), origin, unwanted=args.detect_pua)
    try:
        _compile(store, feed)
    except FreeholdError:
        store.remove(feed)
        raise


def _origin(origin: str, *, insecure: bool) -> str:
    """Return the origin as it is kept: folders as absolute paths; raises ``UsageError``."""
    if origin.startswith("http:") and not insecure:
        raise UsageError(f"{origin} is not encrypted; use https, or allow it with --insecure-http")
    return origin if "://" in origin else str(Path(origin).absolute())


def _remove(store: "Store", name: str) -> None:
    if name in store.followed():
        from freehold.updates.client.store import store as followed

        feed = followed(state.home(), name)
        with feed.locked():
            feed.remove()
    else:
        store.remove(store.feed(name))
    print(f"{name}: removed")


def _refresh(store: "Store", names: list[str]) -> None:
    """Refresh feeds; one that fails does not keep the others from it."""
    failed = []
    for feed in [store.feed(name) for name in names] if names else store.feeds():
        try:
            new = store.refresh(feed)
            if new.is_compiled and store.bundle(new).is_dir():
                print(f"{feed.name}: nothing new")
            else:
                _compile(store, new)
        except FreeholdError as error:
            failed.append(f"{feed.name}: {error}")
    if failed:
        raise FreeholdError("\n".join(failed))


def _compile(store: "Store", feed: "Installed") -> None:
    """Compile the current copy of a feed; the last database stays until the new one is complete."""
    from freehold.signatures.clamav.container import SUFFIXES, open_container
    from freehold.signatures.compile import build

    files = store.files(feed)
    for path in files:
        if path.suffix.lower() in SUFFIXES:
            database = open_container(path)
            told = f"version {database.header.version}, {database.header.created}; {database.verified}"
            print(f"{path.name}: {printable(told)}")
    result = build(files, store.bundle(feed), unwanted=feed.unwanted, progress=_progress)
    _progress("", 1.0)
    store.mark_compiled(feed)
    _report(feed.name, result)


def _progress(text: str, share: float) -> None:
    """Show on a terminal what is being done, in one line that the next text replaces."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{_line(text, share)}", end="", file=sys.stderr, flush=True)


def _line(text: str, share: float) -> str:
    return f"{share:4.0%} {printable(text)[:73]}" if text else ""


def _report(name: str, result: "BuildResult") -> None:
    """Say what was compiled, and what could not be honoured."""
    for rejected in result.rejected[:_SHOWN]:
        print(f"{printable(rejected.source)}:{rejected.line}: left out: {printable(rejected.reason)}", file=sys.stderr)
    if len(result.rejected) > _SHOWN:
        print("…  ('freehold db build' shows all of them)", file=sys.stderr)
    languages = ", ".join(f"{count:,} {language}" for language, count in sorted(result.counts.items()))
    total = count_text(sum(result.counts.values()), "signature")
    print(f"{name}: {total} ({languages}), {len(result.rejected):,} left out")
