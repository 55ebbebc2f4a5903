"""``freehold update``: bring the feeds that are followed up to date, and say what is trusted."""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.feeds import state as places
from freehold.frontends.cli import update_confinement
from freehold.model.errors import FreeholdError, UsageError
from freehold.responses.wording import printable

if TYPE_CHECKING:
    from freehold.updates.client.following import Outcome
    from freehold.updates.client.origins import Origin
    from freehold.updates.client.store import Store
    from freehold.updates.client.transfer import Client

_EPILOG = """\
Feeds are followed after 'freehold feed adopt'. Without a name, all of them are brought up to date. What is refused
leaves what is in use as it is, and ends with a status of its own:

  10 unreachable     16 bad-signature   22 no-quorum
  11 slow-server     17 expired         23 stale
  12 endless-data    18 rollback        24 damaged
  13 bomb            19 mix-and-match   25 wrong-state
  14 malformed       20 unlogged        26 held (does harm here)
  15 unsafe-name     21 split-view      27 too-new    28 no-room    29 busy

examples:
  freehold update                               all feeds
  freehold update core --from /media/stick      one feed, from a copy or a bundle on a stick
  freehold update --offline                     only from folders and bundles, never by network
  freehold update status                        what is trusted, how old, by whom signed, who witnessed it
  freehold update --rollback core               back to the generation before, and not to this one again
  freehold schedule update                      let systemd do it every six hours"""

STATUS = "status"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EPILOG
    parser.add_argument("names", nargs="*", metavar="NAME", help="feeds (default: all), or 'status'")
    parser.add_argument("--from", dest="origin", metavar="PLACE", help="a bundle, a folder or an address, this once")
    parser.add_argument("--offline", action="store_true", help="use no network: only folders and bundles")
    parser.add_argument("--rollback", action="store_true", help="go back to the generation before")
    parser.add_argument("--again", action="store_true", help="take releases that did harm here before, too")
    parser.add_argument("--scheduled", action="store_true", help="for timers: wait a little, and respect pauses")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Update, go back, or show; returns 0, or the status of what was refused."""
    require_extra()
    root = places.home()
    update_confinement.become_owner(root)
    if args.names[:1] == [STATUS]:
        from freehold.frontends.cli.update_status import show

        return show(_stores(root, args.names[1:]), as_json=args.json)
    chosen = _stores(root, args.names)
    if args.rollback:
        return _roll_back(chosen)
    if not chosen:
        print("no feed is followed; 'freehold feed adopt --help' shows how to begin")
        return 0
    return _update(chosen, root, args)


def require_extra() -> None:
    """Raise ``UsageError`` when the libraries are missing that only updates need."""
    if find_spec("tuf") is None:
        raise UsageError("following feeds needs more libraries than scans: pip install 'freehold[update]'")


def _stores(root: Path, names: Sequence[str]) -> "list[Store]":
    from freehold.updates.client.store import store, stores

    return [store(root, name) for name in names] if names else stores(root)


def _update(chosen: "Sequence[Store]", root: Path, args: argparse.Namespace) -> int:
    """Update several feeds; one that fails does not keep the others from it, and the first failure's status counts."""
    from freehold.frontends.cli.update_tools import Tools
    from freehold.updates.client.origins import local_path
    from freehold.updates.client.refusals import Held, Refusal
    from freehold.updates.client.transfer import Client

    tools = Tools(Held, quiet=args.json)
    origins = {one.name: list(_named(one, args)) for one in chosen}
    with closing(Client()) as client:
        local = [local_path(place) for each in origins.values() for place in each]
        update_confinement.confine(root, filter(None, local))
        status = 0
        for store in chosen:
            if args.scheduled and not _is_time(store):
                continue
            try:
                outcome = _follow(store, origins[store.name], client, tools, args)
            except Refusal as error:
                tools.done()
                _print_refusal(store.name, error, as_json=args.json)
                status = status or error.status
            else:
                tools.done()
                _print_outcome(store.name, outcome, as_json=args.json)
    return status


def _follow(
    store: "Store", places: Sequence[str], client: "Client", tools: object, args: argparse.Namespace
) -> "Outcome":
    from freehold.updates.client.following import Follower
    from freehold.updates.client.origins import Mirror, origin

    with store.locked():
        found: list[Origin] = [origin(place, client) for place in places]
        peers = [] if args.offline or args.origin else [Mirror(each, client) for each in store.settings().peers]
        follower = Follower(store, found, peers, tools)  # type: ignore[arg-type]
        return follower.update(again=args.again)


def _named(store: "Store", args: argparse.Namespace) -> Iterator[str]:
    """Yield where a feed may come from: what the user chose in that order, then signed mirrors in any order."""
    from freehold.updates.client.mirrors import of
    from freehold.updates.client.origins import local_path

    if args.origin:
        yield args.origin
        return
    settings = store.settings()
    mirrors = [each for each in of(store) if each not in settings.origins]
    random.shuffle(mirrors)
    yield from (each for each in (*settings.origins, *mirrors) if not args.offline or local_path(each) is not None)


def _is_time(store: "Store") -> bool:
    """Whether a timer's attempt is due: a mirror, or this client's own failures, may have asked for a pause."""
    return store.state().not_before <= time.time()


def _roll_back(chosen: "Sequence[Store]") -> int:
    from freehold.updates.client.watch import roll_back

    if not chosen:
        raise UsageError("no feed is followed")
    for store in chosen:
        with store.locked():
            left, taken = roll_back(store, "the user went back")
        print(f"{store.name}: back from release {left} to {taken}; {left} is not taken again")
    return 0


def _print_outcome(name: str, outcome: "Outcome", *, as_json: bool) -> None:
    if as_json:
        record = {
            "feed": name,
            "outcome": outcome.word,
            "release": outcome.seq,
            "offered": outcome.offered,
            "due": outcome.due,
            "requests": outcome.requests,
            "bytes": outcome.received,
            "warnings": list(outcome.warnings),
        }
        print(json.dumps(record))
        return
    for warning in outcome.warnings:
        print(f"freehold: {name}: warning: {printable(warning)}", file=sys.stderr)
    cost = f"{outcome.requests} request{'' if outcome.requests == 1 else 's'}, {outcome.received:,} bytes"
    if outcome.word == "waiting":
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(outcome.due))
        print(f"{name}: release {outcome.offered} is there; this machine takes it at {when} ({cost})")
    elif outcome.word == "updated":
        print(f"{name}: now at release {outcome.seq} ({cost})")
    else:
        print(f"{name}: up to date, release {outcome.seq} ({cost})")


def _print_refusal(name: str, error: FreeholdError, *, as_json: bool) -> None:
    word, status = getattr(error, "word", ""), getattr(error, "status", 0)
    if as_json:
        print(json.dumps({"feed": name, "outcome": "refused", "reason": word, "status": status, "detail": str(error)}))
        return
    print(f"freehold: {name}: refused ({word}): {printable(str(error))}", file=sys.stderr)
