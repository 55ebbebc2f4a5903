"""Which of the files that were found go into the quarantine, and when nothing does by itself.

A signature that is wrong hits many files, or files that came with the system. So what was found is held back until the
scan is over, with its descriptor still open; then the breaker looks at all of it, and only what it lets through is
taken. Whoever knows better switches the breaker off: then files are taken as they are found.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from freehold.model.report import Action, Outcome, Report, Verdict
from freehold.responses.quarantine.errors import Refused
from freehold.responses.quarantine.taking import take
from freehold.responses.quarantine.vault import Vault
from freehold.responses.wording import count_text, printable
from freehold.service.entry import Finished
from freehold.service.packages.known import unmodified

MOST_HELD = 200
"""Files that are held back at most: each needs a descriptor. More at once are a reason not to act by itself."""

_LEAST_FOR_SHARE = 10
"""A share of a tree means nothing before one signature has hit more files than this."""

_KNOWN_BETTER = "if you know better, scan with --breaker off"


class Breaker(NamedTuple):
    """When one signature has hit too much to be believed.

    Attributes:
        files: so many files in one scan are not too many.
        share: neither is this share of all files examined.
    """

    files: int = 25
    share: float = 0.2

    def trips(self, hit: int, examined: int) -> bool:
        """Whether a signature that hit so many of the examined files is probably wrong."""
        return hit > self.files or (hit > _LEAST_FOR_SHARE and hit > self.share * examined)


class Quarantine:
    """Takes infected files into a vault; a ``model.interfaces.Response`` with a breaker.

    Args:
        vault: where they go.
        breaker: None to take every file as soon as it is found.
        examined: returns how many files of the scan have been reported so far.

    Attributes:
        vault: as given.
        breaker: as given.
    """

    name = "quarantine"

    def __init__(self, vault: Vault, breaker: Breaker | None, examined: Callable[[], int]) -> None:
        self.vault = vault
        self.breaker = breaker
        self._examined = examined
        self._held: list[Finished] = []
        self._room = _room()

    def applied(self, finished: Iterator[Finished]) -> Iterator[Finished]:
        """Hand on what comes in; files that may be taken come last, with what was done with them in their reports."""
        flooded = ""
        for item in finished:
            if item.report.verdict is not Verdict.INFECTED:
                yield item
                continue
            self._held.append(item._replace(fd=None if item.fd is None else os.dup(item.fd)))
            if len(self._held) > self._room:
                flooded = f"more than {self._room} files of this scan would be taken; {_KNOWN_BETTER}"
            if flooded:
                yield from self.release(flooded)
            elif self.breaker is None:
                yield from self._take_first()
        if self.breaker is not None:
            yield from self._decide(self.breaker)

    def respond(self, path: bytes, fd: int | None, report: Report, status: os.stat_result | None = None) -> None:
        """Take one file, and note in its report what became of it."""
        if fd is None or status is None:
            report.actions.append(Action(Outcome.REFUSED, "it is no file that could be moved"))
            return
        try:
            item = take(self.vault, fd, path, report, status)
        except Refused as error:
            report.actions.append(Action(Outcome.REFUSED, str(error)))
            return
        detail = "the whole file was taken, because of what is inside it; " if item.is_container else ""
        links = item.metadata.links - 1
        if links:
            detail += f"{count_text(links, 'other name')} of this file stayed where they are; "
        detail += f"to put it back: freehold quarantine restore {item.identifier}"
        report.actions.append(Action(Outcome.QUARANTINED, detail, item.identifier))
        report.sha256 = item.sha256

    def release(self, why: str) -> Iterator[Finished]:
        """Give up what is held back and was not taken yet; for a scan that does not come to its end."""
        while self._held:
            if not self._held[0].report.actions:
                self._held[0].report.actions.append(Action(Outcome.HELD_BACK, why))
            yield self._let_go()

    def _decide(self, breaker: Breaker) -> Iterator[Finished]:
        examined = self._examined() + len(self._held)
        hits = Counter(name for item in self._held for name in infections(item.report))
        tripped = {name: hit for name, hit in hits.items() if breaker.trips(hit, examined)}
        packaged = unmodified({item.fd: item.path for item in self._held if item.fd is not None})
        while self._held:
            report, fd = self._held[0].report, self._held[0].fd
            if fd in packaged:
                why = _explain_package(packaged[fd], min(infections(report)))
            else:
                why = objection(report, tripped, examined, "in this scan")
            if why:
                report.actions.append(Action(Outcome.HELD_BACK, why))
                yield self._let_go()
            else:
                yield from self._take_first()

    def _take_first(self) -> Iterator[Finished]:
        item = self._held[0]
        self.respond(item.path, item.fd, item.report, item.status)
        yield self._let_go()

    def _let_go(self) -> Finished:
        item = self._held.pop(0)
        if item.fd is not None:
            os.close(item.fd)
        return item._replace(fd=None)


def infections(report: Report) -> set[str]:
    """Return the names of the signatures that say *infected*."""
    return {detection.name for detection in report.detections if detection.verdict is Verdict.INFECTED}


def objection(report: Report, tripped: Mapping[str, int], examined: int, where: str) -> str:
    """Say why a file is not taken if all that was found in it has hit too much; "" when it may be taken.

    Args:
        report: of the file.
        tripped: signatures that have hit too many files, and how many.
        examined: files, of which these are some.
        where: they were found, in words.
    """
    names = infections(report)
    if not names <= tripped.keys():
        return ""
    name = max(names, key=tripped.__getitem__)
    return (
        f"probably a false positive: {printable(name)} hit {tripped[name]:,} of {count_text(examined, 'file')} "
        f"{where}; look at one with 'freehold explain', then allow the signature (freehold list add allow --signature) "
        f"or, {_KNOWN_BETTER}"
    )


def of_package(item: Finished) -> str:
    """Say why an infected file is not taken if it is as its package brought it; "" when it may be taken."""
    package = unmodified({item.fd: item.path}) if item.fd is not None else {}
    return "".join(_explain_package(name, min(infections(item.report))) for name in package.values())


def _explain_package(package: str, name: str) -> str:
    return (
        f"probably a false positive: the file is just as the package {printable(package)} brought it, whatever "
        f"{printable(name)} says; allow it (freehold list add allow --file) or, {_KNOWN_BETTER}"
    )


def _room() -> int:
    """Return how many descriptors may be held."""
    import resource

    return min(MOST_HELD, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
