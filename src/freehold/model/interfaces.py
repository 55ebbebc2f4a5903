"""The few interfaces along which Freehold is extended: format, matcher, signature language, feed, response."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.report import Detection, ProblemKind, Report
from freehold.model.view import View

if TYPE_CHECKING:  # scans need none of this, and it takes longer to load than all the rest of the model
    from freehold.model.signature import Rejected, Signature


class Child(NamedTuple):
    """Something found inside an artifact.

    Attributes:
        name: what its container calls it; a label, never a path. Undecodable bytes are surrogate escapes.
        content: a view (a slice of the parent: nothing is copied), or chunks as a decoder produces them.
        consumed: for chunks: returns how many bytes of the parent the decoder has read so far, for the ratio limit.
        memory: whether it is what a program had in memory when it was stopped, and so not to be run again.
    """

    name: str
    content: View | Iterable[bytes]
    consumed: Callable[[], int] | None = None
    memory: bool = False


class Emulated(NamedTuple):
    """What came of running a packed program.

    Attributes:
        kind: why it may not have unpacked all of itself, None when it came to an end of its own.
        end: how it ended, for people.
        regions: name and content of what it had in memory; none when it was not run, or changed nothing.
    """

    kind: ProblemKind | None
    end: str
    regions: Sequence[tuple[str, View]] = ()


class Member(NamedTuple):
    """What a container says of one of its members, before anything is unpacked; None where it says nothing.

    Attributes:
        name: as in ``Child``.
        packed: bytes that it takes in the container.
        size: bytes when unpacked.
        encrypted: whether it is.
        position: its number in the container, as ClamAV counts in this format: from 0 or from 1.
        checksum: CRC-32 of its content.
    """

    name: str
    packed: int
    size: int
    encrypted: bool = False
    position: int = 0
    checksum: int = 0


class Spool(Protocol):
    """Keeps what a library hands over unasked, in memory or in a file, until the artifact has been examined."""

    def begin(self) -> None:
        """Start a region."""

    def write(self, chunk: bytes) -> None:
        """Add to the region; raises ``OSError`` when there is no room."""

    def finish(self) -> View:
        """Return the region."""


class Emulator(Protocol):
    """Runs packed programs, in another process."""

    def __call__(self, program: View, spool: Spool, budget: Budget, *, wide: bool) -> Emulated:
        """Run a program; what it had in memory goes to the spool."""


class Unpacking(Protocol):
    """What a format may use of the engine while it opens an artifact."""

    @property
    def budget(self) -> Budget:
        """The ledger of the root artifact. Children's bytes are counted by the engine, not by the format."""

    @property
    def spool(self) -> Spool:
        """For what cannot be taken in chunks: a region is begun and finished before the next child is yielded."""

    def problem(self, kind: ProblemKind, detail: str) -> None:
        """Record that a part of this artifact could not be examined, and go on with the rest."""

    def fact(self, key: str, value: str | float) -> None:
        """Record something worth knowing about this artifact."""

    @property
    def wants_facts(self) -> bool:
        """Whether somebody reads what ``fact`` records, so that it may cost something to find out."""

    def passwords(self, rounds: int) -> Iterator[bytes]:
        """Yield passwords that may open this artifact, the likeliest first, while the budget allows to try another one.

        Args:
            rounds: of hashing that one try takes, at least.
        """

    @property
    def wants_members(self) -> bool:
        """Whether somebody listens to ``member``."""

    def member(self, member: Member) -> None:
        """Tell what this artifact says of one of its members, whether or not that can be unpacked."""

    def emulate(self, program: View, *, wide: bool) -> Emulated | None:
        """Run a packed program on an emulated processor; None when it is itself the memory of one that was run."""


class Format(Protocol):
    """One file format: a module of ``freehold.formats`` offers one as ``FORMAT``."""

    @property
    def name(self) -> str:
        """Short and lower case: ``zip``."""

    @property
    def types(self) -> frozenset[str]:
        """The file types that this format opens."""

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """Yield what is inside, one at a time, holding no more than one decoder's memory.

        The engine may stop asking at any time. Raising ``MalformedInput`` or ``LimitReached`` ends this artifact with a
        problem; what was yielded before counts.
        """


class Matcher(Protocol):
    """One way of comparing an artifact with signatures."""

    @property
    def name(self) -> str:
        """The stage's name in ``explain``: ``hashes``, ``patterns``, ``yara``."""

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """Yield a detection for each signature that matches; raises ``LimitReached`` when time runs out."""


@runtime_checkable
class MemberMatcher(Matcher, Protocol):
    """A matcher that looks at what containers say of their members, too."""

    def match_member(self, container: Artifact, member: Member, budget: Budget) -> Iterator[Detection]:
        """Yield a detection for each signature that matches."""


class SignatureLanguage(Protocol):
    """One format in which people write signatures: a module of ``freehold.signatures.languages``."""

    @property
    def name(self) -> str:
        """As ``freehold db info`` counts it: ``clamav-hdb``."""

    @property
    def suffixes(self) -> frozenset[str]:
        """File name endings, lower case, with the dot."""

    def parse(self, text: bytes, source: str) -> "Iterator[Signature | Rejected]":
        """Yield every signature of one source file, and a ``Rejected`` for each that cannot be honoured."""


class Feed(Protocol):
    """One kind of upstream source of signatures: a module of ``freehold.feeds.sources`` offers one as ``FEED``."""

    @property
    def name(self) -> str:
        """As the user names it: ``clamav``."""

    def refresh(self, origin: str, previous: Path | None, destination: Path) -> None:
        """Fill the empty folder ``destination`` with what ``origin`` offers now, whole or not at all.

        ``previous`` is the last folder that was filled from there; what has not changed is taken from it.
        """


class Response(Protocol):
    """One action that follows a verdict."""

    @property
    def name(self) -> str:
        """As the configuration names it: ``quarantine``."""

    def respond(self, path: bytes, fd: int | None, report: Report) -> None:
        """Act on one finished report; ``fd`` is the descriptor that was examined, where it is still open."""
