"""The publisher's side of a log: a folder of static files to which leaves are appended.

A log that signs two histories is worthless, whatever the reason was; so a signed head is on the disk before anybody
is told of it, and is the one from which the log goes on, even when it was never published.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from freehold.model.errors import MalformedInput, TrustError, UsageError
from freehold.updates import durable
from freehold.updates.tlog import merkle, notes, tiles
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.keys import SigningKey
from freehold.updates.tlog.notes import Note

PENDING = ".pending"
"""The head that was signed last, until it is published with its cosignatures."""


class Log:
    """A log in a folder."""

    def __init__(self, folder: Path, key: SigningKey) -> None:
        """Use the log in ``folder``, which need not exist yet; its origin is the name of ``key``."""
        self._folder = folder
        self._key = key

    @property
    def origin(self) -> str:
        """Which log it is."""
        return self._key.verifier.name

    def head(self) -> Note:
        """Return the head that was signed last, published or not.

        Raises:
            TrustError: what lies there is not signed by this log's key.
            UsageError: the log is empty.
        """
        found = [note for name in (PENDING, tiles.CHECKPOINT) if (note := self._stored(name))]
        if not found:
            raise UsageError(f"{self._folder}: the log has no entries yet")
        return max(found, key=lambda note: Checkpoint.parse(note.text).size)

    def size(self) -> int:
        """Return the number of leaves below ``head``, 0 for an empty log; raises ``TrustError``."""
        try:
            return Checkpoint.parse(self.head().text).size
        except UsageError:
            return 0

    def leaves(self) -> list[bytes]:
        """Return the hashes of all leaves; raises ``TrustError`` when they do not lead to the root."""
        size = self.size()
        hashes = list(tiles.hashes(self._read, 0, size, size))
        if size and merkle.CompactRange().extend(hashes).root != Checkpoint.parse(self.head().text).root:
            raise TrustError(f"{self._folder}: the files of the log do not lead to the head that it has signed")
        return hashes

    def append(self, entries: Sequence[bytes]) -> Note:
        """Append leaves, and return the new head, signed by the log alone.

        When an earlier head was never published, the new one follows on it: what it holds stays in the log.

        Raises:
            MalformedInput: an entry is too long.
            TrustError: the log is damaged.
        """
        with self._locked():
            leaves = self.leaves()
            first = len(leaves) // tiles.WIDTH
            bundle = list(tiles.entries(self._read, first * tiles.WIDTH, len(leaves), len(leaves)))
            bundle += entries
            leaves += map(merkle.leaf_hash, entries)
            for index in range(first, -(-len(leaves) // tiles.WIDTH)):
                part = bundle[(index - first) * tiles.WIDTH :][: tiles.WIDTH]
                self._write(tiles.entries_path(index, len(part)), tiles.pack(part))
            self._write_tiles(leaves, first)
            text = Checkpoint(self.origin, len(leaves), merkle.CompactRange().extend(leaves).root).text()
            note = Note(text, (notes.sign(text, self._key),))
            self._write(PENDING, note.encode())
            return note

    def publish(self, note: Note) -> None:
        """Put a head, with its cosignatures, where everybody reads it.

        Raises:
            MalformedInput: it is not the head that was signed last.
        """
        with self._locked():
            if note.text != self.head().text or not notes.verify(note, self._key.verifier):
                raise MalformedInput("only the head that this log has signed last can be published")
            self._write(tiles.CHECKPOINT, note.encode())
            with suppress(FileNotFoundError):
                (self._folder / PENDING).unlink()

    def inclusion(self, index: int) -> list[bytes]:
        """Return the proof that a leaf is in the log; raises ``IndexError``."""
        return merkle.inclusion_proof(index, self.leaves())

    def consistency(self, old_size: int) -> list[bytes]:
        """Return the proof that the log begins with its first leaves; raises ``IndexError``."""
        return merkle.consistency_proof(old_size, self.leaves())

    def _write_tiles(self, leaves: list[bytes], first: int) -> None:
        """Write the tiles of all levels from the one with leaf ``first * 256`` on."""
        level, hashes = 0, leaves
        while hashes:
            for index in range(first, -(-len(hashes) // tiles.WIDTH)):
                part = hashes[index * tiles.WIDTH :][: tiles.WIDTH]
                self._write(tiles.tile_path(level, index, len(part)), b"".join(part))
            full = range(len(hashes) // tiles.WIDTH)
            hashes = [merkle.CompactRange().extend(hashes[at * tiles.WIDTH :][: tiles.WIDTH]).root for at in full]
            level, first = level + 1, first // tiles.WIDTH

    def _stored(self, name: str) -> Note | None:
        data = self._read(name)
        if data is None:
            return None
        note = Note.parse(data)
        if not notes.verify(note, self._key.verifier) or Checkpoint.parse(note.text).origin != self.origin:
            raise TrustError(f"{self._folder / name} is not signed by {self.origin}")
        return note

    def _read(self, path: str) -> bytes | None:
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, path: str, data: bytes) -> None:
        """Put a file in place; the same content is left alone."""
        if self._read(path) != data:
            durable.write(self._folder / path, data)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)
