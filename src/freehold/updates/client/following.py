"""Bringing a feed up to date: the whole way, from asking a mirror to the signatures that scans use.

Nothing that is in use changes until everything was verified, compiled and tried; then one name changes. What was seen
is kept before anything is fetched, so that nobody can offer something older afterwards.
"""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from freehold.model.errors import FreeholdError, MalformedInput, UsageError
from freehold.updates.client import offers, rings
from freehold.updates.client.contents import BUNDLE, Base, is_large, lay_down, make_base
from freehold.updates.client.generations import Generation, Generations
from freehold.updates.client.offers import Offer
from freehold.updates.client.origins import Origin
from freehold.updates.client.refusals import (
    Bomb,
    Damaged,
    Held,
    Malformed,
    Refusal,
    SplitView,
    TooNew,
    Unreachable,
    WrongState,
)
from freehold.updates.client.store import State, Store
from freehold.updates.client.transfer import RetryLater
from freehold.updates.content import segments
from freehold.updates.content.releases import ENGINE, Part, Release
from freehold.updates.content.segments import Segment, TooLarge
from freehold.updates.content.spans import chosen, composed
from freehold.updates.content.states import State as Entries

FIRST_WAIT = 300
"""Seconds after the first failure until a timer tries again, at most; it doubles with each further one."""

LONGEST_WAIT = 6 * 3600

_EMPTY = Segment((), frozenset())


class Tools(Protocol):
    """What the front end hands in."""

    def compile(self, sources: Path, destination: Path, base: Path | None, retracted: Sequence[str]) -> None:
        """Compile signature files, on top of ``base`` if given, whose signatures at ``retracted`` are not reported."""
        ...

    def prove(self, bundle: Path, before: Path | None) -> None:
        """Try a database in the sandbox; raises ``Held`` when it would do harm. ``before`` is the one in use."""
        ...

    def progress(self, text: str) -> None:
        """Be told what is being done."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an update ended.

    Attributes:
        word: ``current``, ``waiting`` for this client's turn, or ``updated``.
        seq: the release that is in use now, 0 for none.
        offered: the newest release.
        due: when it is taken, in seconds since 1970, while waiting.
        requests: how often somebody was asked for something.
        received: bytes that came.
        warnings: what went wrong on the way.
    """

    word: str
    seq: int
    offered: int
    due: int = 0
    requests: int = 0
    received: int = 0
    warnings: tuple[str, ...] = ()


class Follower:
    """Brings one feed up to date; the store must be locked.

    Args:
        store: of the feed.
        origins: who is asked, in this order.
        peers: who is asked for large files first.
        tools: compile and try.
    """

    def __init__(self, store: Store, origins: Sequence[Origin], peers: Sequence[Origin], tools: Tools) -> None:
        self._store = store
        self._settings = store.settings()
        self._generations = Generations(store.folder)
        self._origins = [_Counted(origin) for origin in origins]
        self._peers = [_Counted(peer) for peer in peers]
        self._tools = tools
        self._warnings: list[str] = []

    def update(self, *, again: bool = False) -> Outcome:
        """Take the newest release, if it is time; ``again``: releases that did harm before, too.

        Raises:
            Refusal: it is not taken; what was in use stays in use.
        """
        self._generations.tidy()
        state = self._store.state()
        if again:
            state = replace(state, bad=())
        try:
            outcome, state = self._updated(state)
        except Refusal as error:
            self._fail(error)
            raise
        now = int(time.time())
        self._store.remember(replace(state, failures=0, not_before=0, refused="", checked=now))
        asked = [*self._origins, *self._peers]
        requests, received = sum(one.requests for one in asked), sum(one.received for one in asked)
        return replace(outcome, requests=requests, received=received, warnings=tuple(self._warnings))

    def _updated(self, state: State) -> tuple[Outcome, State]:
        active = self._generations.active()
        is_done = active is not None and active.seq == state.seq and offers.is_recent(state)
        offer = self._offer(state, conditional=is_done)
        if offer is None:
            return Outcome("current", active.seq if active else 0, state.seq), state
        release = offer.release
        bad = tuple(sorted({*offer.state.bad, *release.reverts}))
        state = replace(offer.state, seq=release.seq, since=0, bad=bad)
        self._store.remember(state)
        self._learn_mirrors(offer)
        done = replace(state, since=offers.seen_since(release, offer.seen), heard=int(time.time()))
        if active is not None and (active.seq, active.state) == (release.seq, release.state):
            return Outcome("current", active.seq, release.seq), done
        due = self._due(release, active, state)
        if due > time.time():
            return Outcome("waiting", active.seq if active else 0, release.seq, due), state
        self._take(offer, active, state)
        return Outcome("updated", release.seq, release.seq), done

    def _offer(self, state: State, *, conditional: bool) -> Offer | None:
        """Return what the first origin offers that can be believed."""
        refused: list[Refusal] = []
        for origin in self._origins:
            self._tools.progress(f"asking {origin.name}")
            try:
                offer = offers.examine(self._store, self._settings, state, origin, conditional=conditional)
            except SplitView:
                raise
            except Refusal as error:
                refused.append(error)
                continue
            self._warnings += [f"{type(error).word}: {error}" for error in refused]
            return offer
        if not refused:
            raise UsageError(f"{self._store.name}: there is no origin that may be asked; name one with --from")
        raise _gravest(refused)

    def _due(self, release: Release, active: Generation | None, state: State) -> int:
        """Return when a release may be taken; raises ``TooNew``, ``Held``."""
        if not release.engine[0] <= ENGINE <= release.engine[1]:
            raise TooNew(f"release {release.seq} is for another version of Freehold; please update the program")
        if release.seq in state.bad:
            raise Held(f"release {release.seq} did harm here and is not taken again; a later one will be")
        if release.urgent or active is None or active.seq in state.bad:
            return 0
        fixed = {"early": 0, "late": rings.PER_MILLE - 1}
        drawn = rings.place(self._store.secret(), self._settings.feed, int(time.time()))
        return rings.due(release.rings, release.published, fixed.get(self._settings.ring, drawn))

    def _take(self, offer: Offer, active: Generation | None, state: State) -> None:
        """Fetch, compile, try and activate a release."""
        with self._generations.making() as work:
            generation = self._made(offer, active, work)
            before = self._generations.bundle(active) if active else None
            self._tools.progress(f"trying release {offer.release.seq}")
            try:
                self._tools.prove(self._generations.bundle(generation), before)
            except Held as error:
                self._store.remember(replace(state, bad=tuple(sorted({*state.bad, offer.release.seq}))))
                raise Held(f"release {offer.release.seq} is held back: {error}") from error
            self._generations.activate(generation)
        self._generations.tidy()

    def _made(self, offer: Offer, active: Generation | None, work: Path) -> Generation:
        """Return the new generation, in place and not in use."""
        release = offer.release
        base, base_name, overlay = self._contents(offer, active, work)
        with base:
            retracted = base.retracted(overlay)
            if retracted is None or is_large(base, overlay):
                entries = base.entries().after(overlay)
                make_base(work / "next", release.seq, entries)
                base_name, overlay, retracted = self._compiled_base(work / "next", entries, work), _EMPTY, []
        folder = work / "generation"
        folder.mkdir()
        self._tools.progress(f"compiling release {release.seq}")
        sources = lay_down(overlay.added, _named(work / "overlay", self._store.name), "new")
        places = [f"{self._store.name}/{place}" for place in retracted]
        self._compile(sources, folder / BUNDLE, self._generations.bases / base_name / BUNDLE, places)
        known = Generation(
            folder="",
            seq=release.seq,
            base=base_name,
            state=release.state,
            published=release.published,
            made=int(time.time()),
            signatures=sum(release.counts.values()),
            overlay_bytes=0,
        )
        return self._generations.keep(folder, overlay, known)

    def _contents(self, offer: Offer, active: Generation | None, work: Path) -> tuple[Base, str, Segment]:
        """Return the base, its name, and the overlay that make a release; the state root was compared."""
        refused: list[Refusal] = []
        for number, parts in enumerate(_plans(offer.release, active.seq if active else 0)):
            try:
                if active is not None and offer.release.base not in parts:
                    base, name, overlay = self._stepped(offer, active, parts)
                else:
                    base, name, overlay = self._from_base(offer, parts, work, number)
            except Refusal as error:
                refused.append(error)
                continue
            if base.root(overlay).hex() == offer.release.state:
                self._warnings += [f"{type(error).word}: {error}" for error in refused]
                return base, name, base.normalised(overlay)
            with base:
                refused.append(_wrong_state(offer.release))
        raise _gravest(refused)

    def _stepped(self, offer: Offer, active: Generation, parts: Sequence[Part]) -> tuple[Base, str, Segment]:
        overlay = self._generations.overlay(active)
        for part in parts:
            overlay = composed(overlay, self._segment(offer, part)[0])
        return Base(self._generations.bases / active.base), active.base, overlay

    def _from_base(self, offer: Offer, parts: Sequence[Part], work: Path, number: int) -> tuple[Base, str, Segment]:
        first, packed = self._segment(offer, parts[0])
        overlay = _EMPTY
        for part in parts[1:]:
            overlay = composed(overlay, self._segment(offer, part)[0])
        entries, folder = Entries(first.added), work / f"base-{number}"
        make_base(folder, parts[0].start, entries, packed)
        with Base(folder) as base:
            if base.root(overlay).hex() != offer.release.state:
                raise _wrong_state(offer.release)
        name = self._compiled_base(folder, entries, work)
        return Base(self._generations.bases / name), name, overlay

    def _compiled_base(self, folder: Path, entries: Entries, work: Path) -> str:
        """Compile a base and put it in place; returns its name."""
        self._tools.progress(f"compiling {len(entries):,} signatures")
        sources = lay_down(entries, _named(work / f"{folder.name}-sources", self._store.name), "base")
        self._compile(sources, folder / BUNDLE, None, ())
        return self._generations.keep_base(folder)

    def _compile(self, sources: Path, destination: Path, base: Path | None, retracted: Sequence[str]) -> None:
        try:
            self._tools.compile(sources, destination, base, retracted)
        except Refusal:
            raise
        except FreeholdError as error:
            raise Malformed(f"the release cannot be compiled: {error}") from error

    def _segment(self, offer: Offer, part: Part) -> tuple[Segment, bytes]:
        """Fetch a part of a release from whoever has it; returns it, and its file."""
        name = offer.release.target(part)
        target = offer.trust.target(name)
        if target is None:
            raise Malformed(f"the release names {name}, and nothing is signed of it")
        refused: list[Refusal] = []
        for origin in self._holders(offer):
            self._tools.progress(f"fetching {name} ({target.length:,} bytes)")
            try:
                packed = b"".join(
                    origin.open(offer.trust.path(target), min(target.length, segments.PACKED_BYTES)) or ()
                )
                offer.trust.verify(target, packed)
            except Refusal as error:
                refused.append(error)
                continue
            self._warnings += [f"{type(error).word}: {error}" for error in refused]
            return _opened(part, packed), packed
        raise _gravest(refused)

    def _holders(self, offer: Offer) -> Iterator[Origin]:
        yield from self._peers
        yield offer.origin
        yield from (origin for origin in self._origins if origin is not offer.origin)

    def _learn_mirrors(self, offer: Offer) -> None:
        """Keep the signed list of mirrors; nothing depends on it, so nothing fails with it."""
        try:
            offers.signed_file(self._store, offer.trust, f"policy/{self._settings.feed}.mirrors")
        except Refusal as error:
            self._warnings.append(f"{type(error).word}: {error}")

    def _fail(self, error: Refusal) -> None:
        """Note that an attempt failed, and when a timer may try again: each client at another time."""
        state = self._store.state()
        failures = min(state.failures + 1, 32)
        wait = random.uniform(0, min(FIRST_WAIT * 2 ** (failures - 1), LONGEST_WAIT))  # noqa: S311 - no secret
        if isinstance(error, RetryLater):
            wait = max(wait, error.seconds)
        refused = f"{type(error).word}: {error}"
        self._store.remember(
            replace(state, failures=failures, not_before=int(time.time() + wait), refused=refused[:2000])
        )


class _Counted:
    """An origin that counts what it is asked for and gives."""

    def __init__(self, origin: Origin) -> None:
        self.name = origin.name
        self.remote = origin.remote
        self.requests = self.received = 0
        self._origin = origin

    def open(self, path: str, limit: int, *, since: str = "") -> Iterator[bytes] | None:
        """See ``Origin``."""
        self.requests += 1
        pieces = self._origin.open(path, limit, since=since)
        return None if pieces is None else self._counted(pieces)

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.received += len(piece)
            yield piece


def _plans(release: Release, have: int) -> Iterator[Sequence[Part]]:
    """Yield ways to a release: the shortest, longer ones in case it is damaged, and from the base."""
    shortest = chosen(release, have)
    yield shortest
    if have and release.base not in shortest:
        yield from ((part,) for part in release.segments if part.start <= have and part not in shortest)
        yield chosen(release, 0)


def _gravest(refused: Sequence[Refusal]) -> Refusal:
    """Return what a user should hear of first: silence of one mirror says less than a lie of another."""
    return next((error for error in refused if not isinstance(error, Unreachable)), refused[0])


def _wrong_state(release: Release) -> WrongState:
    return WrongState(f"release {release.seq} does not have the signatures that were signed for")


def _opened(part: Part, packed: bytes) -> Segment:
    """Unpack and read a segment; raises ``Bomb``, ``Malformed``, ``Damaged``."""
    try:
        content = segments.unpack(packed, part.bytes)
        if segments.digest(content) != part.content:
            raise Damaged("a segment has another content than is signed")
        return segments.decode(content)
    except TooLarge as error:
        raise Bomb(f"a segment: {error}") from error
    except MalformedInput as error:
        raise Malformed(f"a segment: {error}") from error


def _named(parent: Path, name: str) -> Path:
    """Return a new folder's path whose name will stand in reports, as the place that a signature is from."""
    parent.mkdir()
    return parent / name
