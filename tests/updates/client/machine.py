"""A machine that follows a feed in this process, with a compiler that only lays signature files down."""

import json
import shutil
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from freehold.updates.client.following import Follower, Outcome
from freehold.updates.client.generations import Generations
from freehold.updates.client.origins import origin
from freehold.updates.client.refusals import Held
from freehold.updates.client.store import Settings, Store
from freehold.updates.client.transfer import Client
from freehold.updates.content.entries import LINE_LANGUAGES, Entry, entries_of


class Tools:
    """Compiles by copying, and finds fault with what it is told to.

    Attributes:
        harmful: what is wrong with every release, "" for nothing.
        tried: how many releases were tried.
    """

    def __init__(self) -> None:
        self.harmful = ""
        self.tried = 0

    def compile(self, sources: Path, destination: Path, base: Path | None, retracted: Sequence[str]) -> None:
        if base is None:
            shutil.copytree(sources, destination / "base" / sources.name)
        else:
            shutil.copytree(base / "base", destination / "base")
            shutil.copytree(sources, destination / "overlay" / sources.name)
        (destination / "retracted.json").write_text(json.dumps(list(retracted)))

    def prove(self, bundle: Path, before: Path | None) -> None:
        self.tried += 1
        if self.harmful:
            raise Held(self.harmful)

    def progress(self, text: str) -> None:
        assert text


class Machine:
    """Follows the feed ``core`` in a folder."""

    def __init__(self, folder: Path, tree: Path, fingerprint: str, **settings: str) -> None:
        self.store = Store(folder / "core")
        self.tools = Tools()
        self.options: dict[str, float] = {}
        if not self.store.exists:
            root = (tree / "metadata/1.root.json").read_bytes()
            self.store.adopt(Settings("core", fingerprint, (str(tree),), **settings), root)

    def update(self, *places: str | Path, peers: Iterable[str] = (), again: bool = False) -> Outcome:
        with closing(Client(**self.options)) as client, self.store.locked():
            asked = [origin(str(place), client) for place in places]
            near = [origin(peer, client) for peer in peers]
            return Follower(self.store, asked, near, self.tools).update(again=again)

    @property
    def generations(self) -> Generations:
        return Generations(self.store.folder)

    @property
    def seq(self) -> int:
        active = self.generations.active()
        return active.seq if active else 0

    def signatures(self) -> set[Entry]:
        """Return the signatures that scans use, as the compiled database says."""
        bundle = self.store.folder / "bundle"
        retracted = set(json.loads((bundle / "retracted.json").read_text()))
        found: set[Entry] = set()
        for part in ("base", "overlay"):
            for path in (bundle / part).glob("core/*"):
                language = path.suffix[1:]
                entries = entries_of(language, path.read_bytes())
                for number, entry in enumerate(entries, 1):
                    place = f"core/{path.name}" + (f":{number}" if language in LINE_LANGUAGES else "")
                    if part == "overlay" or place not in retracted:
                        assert entry not in found, "a signature is compiled twice"
                        found.add(entry)
        return found
