"""What was published before, read back from the tree and checked: what new releases are made of."""

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Targets

from freehold.model.errors import MalformedInput, TrustError
from freehold.updates.content import segments
from freehold.updates.content.releases import Part, Release
from freehold.updates.content.segments import Segment
from freehold.updates.content.spans import chosen
from freehold.updates.content.states import State
from freehold.updates.publish.repository import TARGETS, Repository


class History:
    """Earlier releases of a repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def release(self, seq: int) -> Release:
        """Return an earlier release that was published: enough keys have signed it, or had when it was seen here.

        Raises:
            TrustError: there is none.
        """
        known = self._repository.remembered(seq)
        if known is not None:
            return known
        for version in self._versions():
            release = self._signed_release(version)
            if release is not None:
                self._repository.remember(release)
                if release.seq == seq:
                    return release
        raise TrustError(f"{self._repository.folder}: release {seq} is missing, or too few have signed it")

    def segment(self, release: Release, part: Part) -> Segment:
        """Return one part of an earlier release; raises ``TrustError`` when it is missing or damaged."""
        return segments.decode(self.content(release, part))

    def content(self, release: Release, part: Part) -> bytes:
        """Return the content of a part; raises ``TrustError`` when no file has it."""
        feed, _, base = release.target(part).rpartition("/")
        for tree in (self._repository.public, self._repository.staged):
            for path in sorted((tree / "targets" / feed).glob(f"*.{base}")):
                try:
                    content = segments.unpack(path.read_bytes(), part.bytes)
                except MalformedInput:
                    continue
                if segments.digest(content) == part.content:
                    return content
        raise TrustError(f"{self._repository.folder}: no file has the content that was signed of {base}")

    def state(self, release: Release) -> State:
        """Return the state of a release, from its base and one segment; raises ``TrustError`` when it is another."""
        state = State()
        for part in chosen(release, 0):
            state = state.after(self.segment(release, part))
        if state.root().hex() != release.state:
            raise TrustError(f"the files of release {release.seq} do not lead to its state root")
        return state

    def _versions(self) -> list[int]:
        newest = self._repository.published(self._repository.feed)
        return list(range(newest.signed.version, 0, -1)) if newest else []

    def _signed_release(self, version: int) -> Release | None:
        repository = self._repository
        path = repository.public / "metadata" / f"{version}.{repository.feed}.json"
        try:
            metadata = Metadata[Targets].from_bytes(path.read_bytes())
            targets = repository.published(TARGETS)
            if targets is None:
                return None
            targets.verify_delegate(repository.feed, metadata)
        except (OSError, RepositoryError):
            return None
        return repository.release_in(metadata)
