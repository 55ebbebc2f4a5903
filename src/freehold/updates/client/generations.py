"""Generations: the compiled databases of a feed, one for each release that was taken, and the one that is in use.

``generations/<release>-<number>/`` has the compiled ``bundle``, the ``overlay.seg`` that it was made of, and
``generation.json``. It is written aside, made durable, renamed, and never changed afterwards. The link ``bundle`` in
the feed's folder leads to the one that scans use; replacing that link is what activates a generation.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from freehold.model.errors import MalformedInput, TrustError, UsageError
from freehold.updates import durable
from freehold.updates.client.contents import BUNDLE
from freehold.updates.client.refusals import NoRoom
from freehold.updates.content import segments
from freehold.updates.content.segments import Segment

KEPT = 3
"""Generations that are kept: the one in use, and those that one can go back to."""

OVERLAY = "overlay.seg"
_ABOUT = "generation.json"
_ASIDE = ".making-"


@dataclass(frozen=True, slots=True)
class Generation:
    """A compiled database.

    Attributes:
        folder: its name below ``generations``.
        seq: the release that it has.
        base: name of the folder below ``bases`` that it builds on.
        state: state root, in hexadecimal digits.
        published: seconds since 1970, as the publisher says.
        made: the same, when it was made here.
        signatures: how many entries it has.
        overlay_bytes: of the overlay, unpacked.
    """

    folder: str
    seq: int
    base: str
    state: str
    published: int
    made: int
    signatures: int
    overlay_bytes: int


class Generations:
    """The generations of a feed, in its folder."""

    def __init__(self, feed: Path) -> None:
        self._feed = feed
        self._top = feed / "generations"
        self.bases = feed / "bases"

    def all(self) -> list[Generation]:
        """Return all that are whole, the oldest first."""
        found = []
        for path in self._top.glob(f"*/{_ABOUT}"):
            try:
                found.append(parse(path.read_bytes(), path.parent.name))
            except (OSError, MalformedInput):  # something that was never finished, or is damaged: as if it were absent
                continue
        return sorted(found, key=lambda one: (one.seq, one.made, one.folder))

    def active(self) -> Generation | None:
        """Return the one that scans use."""
        try:
            name = (self._feed / BUNDLE).readlink().parent.name
        except OSError:
            return None
        return next((one for one in self.all() if one.folder == name), None)

    def overlay(self, generation: Generation) -> Segment:
        """Return what a generation has on top of its base; raises ``TrustError`` when it is damaged."""
        path = self._top / generation.folder / OVERLAY
        try:
            return segments.decode(segments.unpack(path.read_bytes(), generation.overlay_bytes))
        except (OSError, MalformedInput) as error:
            raise TrustError(f"{path} is damaged ({error})") from error

    def bundle(self, generation: Generation) -> Path:
        """Return the compiled database of a generation."""
        return self._top / generation.folder / BUNDLE

    @contextmanager
    def making(self) -> Iterator[Path]:
        """Give a folder to work in on the same file system, which is removed afterwards; raises ``NoRoom``."""
        try:
            self._top.mkdir(parents=True, exist_ok=True)
            work = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=self._feed))
        except OSError as error:
            raise NoRoom(f"{self._feed}: {error.strerror}") from error
        try:
            yield work
        except OSError as error:
            raise NoRoom(f"{error.filename or self._feed}: {error.strerror}") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def keep_base(self, folder: Path) -> str:
        """Put a finished base in place; returns its name."""
        self.bases.mkdir(exist_ok=True)
        name = _free_name(self.bases, "base")
        durable.sync_tree(folder)
        folder.rename(self.bases / name)
        durable.sync_folder(self.bases)
        return name

    def keep(self, folder: Path, overlay: Segment, generation: Generation) -> Generation:
        """Put a finished generation in place, without using it yet.

        Args:
            folder: has its ``bundle``.
            overlay: what was compiled on top of the base.
            generation: what is known of it; its ``folder`` and ``overlay_bytes`` are found here.
        """
        content = segments.encode(overlay)
        record = asdict(generation) | {"folder": _free_name(self._top, str(generation.seq))}
        record["overlay_bytes"] = len(content)
        durable.write(folder / OVERLAY, segments.pack(content))
        durable.write(folder / _ABOUT, json.dumps(record).encode())
        folder.chmod(0o755)
        durable.sync_tree(folder)
        folder.rename(self._top / record["folder"])
        durable.sync_folder(self._top)
        return Generation(**record)

    def activate(self, generation: Generation) -> None:
        """Have scans use a generation from now on; raises ``NoRoom``."""
        aside = self._feed / f".new-{BUNDLE}"
        try:
            aside.unlink(missing_ok=True)
            aside.symlink_to(self.bundle(generation).relative_to(self._feed))
            aside.rename(self._feed / BUNDLE)
            durable.sync_folder(self._feed)
        except OSError as error:
            raise NoRoom(f"{self._feed}: {error.strerror}") from error

    def before(self, generation: Generation, bad: tuple[int, ...]) -> Generation:
        """Return the newest generation that is older and not known to be bad; raises ``UsageError`` without one."""
        older = [one for one in self.all() if one.seq < generation.seq and one.seq not in bad]
        if not older:
            raise UsageError(f"there is no generation before release {generation.seq} to go back to")
        return older[-1]

    def tidy(self) -> None:
        """Remove what was never finished, generations beyond ``KEPT``, and bases that none of the others builds on."""
        active = self.active()
        known = self.all()
        kept = [one for one in known if one != active][-(KEPT - 1) :] + ([active] if active else [])
        names, bases = {one.folder for one in kept}, {one.base for one in kept}
        leftovers = [path for path in self._feed.glob(f"{_ASIDE}*") if path.is_dir()]
        leftovers += [path for path in self._top.glob("*") if path.name not in names]
        leftovers += [path for path in self.bases.glob("*") if path.name not in bases]
        for path in leftovers:
            shutil.rmtree(path, ignore_errors=True)


def parse(data: bytes, folder: str) -> Generation:
    """Read ``generation.json`` of the folder with this name; raises ``MalformedInput``."""
    try:
        record = json.loads(data)
        generation = Generation(**record)
        kinds = {one.name: str if one.name in {"folder", "base", "state"} else int for one in fields(Generation)}
        sound = all(type(record[name]) is kind for name, kind in kinds.items()) and "/" not in generation.base
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedInput(f"this describes no generation: {error}") from error
    if not sound or generation.folder != folder:
        raise MalformedInput("this describes no generation")
    return generation


def _free_name(folder: Path, stem: str) -> str:
    number = 1
    while (folder / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"
