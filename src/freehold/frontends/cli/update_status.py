"""``freehold update status``: what is trusted, how old it is, who has signed it, and who has witnessed it."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from freehold.frontends.cli.feed_adopt import RIGHTS
from freehold.frontends.cli.update_confinement import available
from freehold.responses.wording import count_text, printable
from freehold.updates.client.generations import Generations
from freehold.updates.client.refusals import Stale
from freehold.updates.client.standing import Standing, standing
from freehold.updates.client.store import Store

_HOUR = 3600
_OLD = 48 * _HOUR
"""Seconds after which signatures are so old that somebody should look."""


def show(stores: Sequence[Store], *, as_json: bool) -> int:
    """Print the state of feeds; returns 0, or the status of ``Stale`` when one of them is too old."""
    found = [(store, standing(store)) for store in stores]
    old = [store.name for store, one in found if _is_old(one)]
    if as_json:
        records = [_record(store, one) for store, one in found]
        print(json.dumps({"feeds": records, "updater": available()}, indent=2))
    elif not found:
        print("no feed is followed; 'freehold feed adopt --help' shows how to begin")
    else:
        print("\n\n".join("\n".join(_lines(store, one)) for store, one in found))
        print(f"\nThe updater has the network and sees no file of a user's: {available()}.")
    return Stale.status if old else 0


def _is_old(one: Standing) -> bool:
    return time.time() - max(one.state.best_time, one.published) > _OLD


def _lines(store: Store, one: Standing) -> Iterator[str]:
    settings, state = one.settings, one.state
    yield f"{store.name}" + ("  A DEMO: its keys protect nothing" if settings.demo else "")
    if one.active is None:
        yield "  in use      nothing yet; run 'freehold update'"
    else:
        signatures = count_text(one.active.signatures, "signature")
        yield f"  in use      release {one.active.seq} of {_ago(one.published)}, {signatures}"
    yield (
        f"  newest      release {state.seq}, checked {_ago(state.checked)}"
        if state.checked
        else "  newest      unknown"
    )
    if state.refused:
        yield f"  REFUSED     {printable(state.refused)}"
    if state.bad:
        yield f"  held back   {', '.join(map(str, state.bad[-8:]))}"
    yield f"  root        {settings.root_sha256[:16]}… (chosen), version {one.root_version} now"
    for role in one.roles:
        expires = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(role.expires))
        signed = f"signed by {role.signed} of {role.keys} keys, {role.threshold} needed"
        yield f"  {role.name:<12}version {role.version}, {signed}, until {expires}"
    yield f"  log         {printable(one.log) or 'not seen yet'}, {state.log.size:,} entries"
    witnesses = ", ".join(f"{name} {_ago(moment)}" for name, moment in one.witnesses.items()) or "none"
    yield f"  witnesses   {printable(witnesses)}; quorum: {printable(one.quorum)}"
    yield f"  kept        {', '.join(str(each.seq) for each in Generations(store.folder).all()) or 'nothing'}"
    yield f"  may         {settings.may}: {RIGHTS[settings.may]}"
    yield f"  ring        {settings.ring}"
    yield f"  from        {printable(', '.join(settings.origins))}"


def _record(store: Store, one: Standing) -> Mapping[str, Any]:
    return {
        "name": store.name,
        "feed": one.settings.feed,
        "demo": one.settings.demo,
        "release": one.active.seq if one.active else 0,
        "signatures": one.active.signatures if one.active else 0,
        "published": one.published,
        "newest": one.state.seq,
        "checked": one.state.checked,
        "refused": one.state.refused,
        "bad": list(one.state.bad),
        "old": _is_old(one),
        "root": {"chosen": one.settings.root_sha256, "version": one.root_version},
        "roles": [role._asdict() for role in one.roles],
        "log": {"origin": one.log, "size": one.state.log.size, "root": one.state.log.root.hex()},
        "witnesses": dict(one.witnesses),
        "quorum": one.quorum,
        "may": one.settings.may,
        "ring": one.settings.ring,
        "origins": list(one.settings.origins),
    }


def _ago(moment: int) -> str:
    """Return a time in the past in words; of nothing that ever was, "never"."""
    if not moment:
        return "never"
    seconds = max(int(time.time()) - moment, 0)
    for unit, size in (("day", 24 * _HOUR), ("hour", _HOUR), ("minute", 60)):
        if seconds >= size:
            return f"{count_text(seconds // size, unit)} ago"
    return "just now"
