"""Examining one file after the other in a worker of any kind, and putting the reports into lines."""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from freehold.model.report import Problem, ProblemKind, Report, Verdict
from freehold.model.view import ContentChanged, open_view
from freehold.sandbox.emulated import emulate
from freehold.sandbox.host import Examiner
from freehold.sandbox.spool import open_spool
from freehold.sandbox.wire import Flags, Setup, encode

if TYPE_CHECKING:  # the host side imports this module, too
    from freehold.bundle import Bundle

_KEPT = 50
"""Detections and problems that remain of a report that is too long to be sent."""


class Kit(NamedTuple):
    """What the zygote gives its workers.

    Attributes:
        setup: what the host asked for.
        engine: makes an engine for a spool's descriptor.
        spool_directory: where the spool lies.
        newer: as ``engine``, with the newest segments alone; None when there are none.
    """

    setup: Setup
    engine: Callable[[int], Examiner]
    spool_directory: str
    newer: Callable[[int], Examiner] | None = None


def load_engine(
    bundles: Sequence[Path], collect: int = -1, passwords: Sequence[bytes] = ()
) -> Callable[[int], Examiner]:
    """Map the bundles and load everything that examines; returns the engine for a spool's descriptor.

    Args:
        bundles: compiled bundles.
        collect: a descriptor that takes the content of all artifacts, -1 for none.
        passwords: of the user, to try on encrypted content before those of the bundles.

    Raises:
        TrustError: a bundle is damaged.
    """
    from freehold.bundle import Bundle
    from freehold.engine.matchers import load
    from freehold.engine.scan import Engine

    opened = [Bundle.open(path) for path in bundles]
    matchers = list(load(opened))
    if collect >= 0:
        from freehold.sandbox.collecting import Collector

        matchers.insert(0, Collector(collect))
    known = _passwords(opened, passwords)
    return lambda spool: Engine(matchers, spool, known, emulate)


def _passwords(bundles: "Sequence[Bundle]", given: Sequence[bytes]) -> Callable[[], Iterable[tuple[str | None, bytes]]]:
    segments = [segment for bundle in bundles for segment in bundle.segments]
    return lambda: [
        *((None, password) for password in given),
        *(p for segment in segments for p in segment.passwords()),
    ]


def load_newer(
    bundles: Sequence[Path], older: Collection[str], passwords: Sequence[bytes] = ()
) -> Callable[[int], Examiner] | None:
    """As ``load_engine``, with all segments but these, by their digests; None where their verdicts may be outdated.

    A segment that is missing may have held the exception that made a file clean; a new one may change what the others
    take for the size of a text.
    """
    if not older:
        return None
    from freehold.bundle import Bundle
    from freehold.engine.matchers import load
    from freehold.engine.scan import Engine

    opened = [Bundle.open(path) for path in bundles]
    segments = {segment.digest: segment for bundle in opened for segment in bundle.segments}
    if not set(older) <= segments.keys():
        return None
    if any(segment.text_ends for segment in segments.values()) > any(segments[digest].text_ends for digest in older):
        return None
    matchers = load(opened, without=frozenset(older))
    known = _passwords(opened, passwords)
    return lambda spool: Engine(matchers, spool, known, emulate)


class Examine(Protocol):
    """Examines one file."""

    def __call__(self, file: int, size: int, name: str, flags: Flags, /) -> Report:
        """Take a descriptor, which is closed, and what ``wire.Job`` says of it."""


def examiner(kit: Kit) -> Examine:
    """Return what examines a file.

    If it was clean before, the newest segments look first: what they find nothing in is clean as a whole. Anything
    else that they say may still be overruled by an exception in an older segment, so then all segments look.
    """
    spool = open_spool(kit.spool_directory)
    engine = kit.engine(spool)
    newer = kit.newer(spool) if kit.newer is not None else None
    setup = kit.setup

    def examine(file: int, size: int, name: str, flags: Flags) -> Report:
        tree = setup.tree or flags.tree
        try:
            view = open_view(file, size)
            if newer is not None and flags.clean_before:
                report = newer.examine(view, name, setup.limits, tree=tree)
                if report.verdict is Verdict.CLEAN:
                    return report
            every = setup.all_matches or flags.all_matches
            return engine.examine(view, name, setup.limits, all_matches=every, tree=tree)
        except ContentChanged as error:
            return Report(size, problems=[Problem(ProblemKind.CHANGED, name, str(error))])
        except OSError as error:
            return unreadable(size, name, error.strerror or str(error))
        finally:
            os.close(file)

    return examine


def unreadable(size: int, name: str, why: str) -> Report:
    """Return the report of a file that cannot be read."""
    return Report(size, problems=[Problem(ProblemKind.UNREADABLE, name, why)])


def answer(number: int, report: Report, limit: int) -> bytes:
    """Return the line that answers a job; one longer than ``limit`` bytes loses its tree, then its later finds."""
    line = encode([number, report.to_wire()])
    if len(line) <= limit:
        return line
    report.nodes = []
    if len(encode([number, report.to_wire()])) > limit:
        report.detections = report.detections[:_KEPT]
        report.problems = report.problems[:_KEPT]
    report.problems.append(Problem(ProblemKind.LIMIT, "", "the report was too long and has been cut"))
    return encode([number, report.to_wire()])
