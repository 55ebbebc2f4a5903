"""Whether a release that was taken a short time ago does harm: what scans and the daemon tell of it, and going back."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

from freehold.feeds import state as places
from freehold.model.errors import FreeholdError
from freehold.model.report import ProblemKind
from freehold.service.entry import Finished

CRASHES = 2
"""Workers that die in one scan before a new release is blamed."""

STORM = 20
"""Files that were there before a new release came and that it detects in one scan, before it is blamed."""

_NEW = "/new."
"""Stands in the place of each signature that is newer than its feed's base: ``core/new.hsb:3``."""


class Watch:
    """Counts the trouble of one scan with the usual databases."""

    def __init__(self) -> None:
        self._crashes = 0
        self._storms: Counter[str] = Counter()
        self._made = {path.parent.name: path.lstat().st_mtime for path in places.home().glob(f"*/{places.BUNDLE}")}

    def add(self, item: Finished) -> None:
        """Look at a file with a problem or a detection."""
        self._crashes += any(problem.kind is ProblemKind.CRASHED for problem in item.report.problems)
        feeds = {found.source.partition("/")[0] for found in item.report.detections if _NEW in found.source}
        made = max(self._made.values(), default=0.0)
        if item.status is not None and item.status.st_ctime < made:
            self._storms.update(feeds)

    def end(self) -> Iterator[str]:
        """Go back where a new release is to blame; yield what was done, for people."""
        reasons = {feed: f"it detects {count} files that were here before" for feed, count in self._storms.items()}
        reasons = {feed: reason for feed, reason in reasons.items() if self._storms[feed] >= STORM}
        if self._crashes >= CRASHES:
            reasons[""] = f"{self._crashes} workers died in one scan"
        if reasons and self._made:
            yield from _blamed(reasons)


def _blamed(reasons: dict[str, str]) -> Iterator[str]:
    from freehold.updates.client.store import stores
    from freehold.updates.client.watch import blame

    for store in stores(places.home()):
        reason = reasons.get(store.settings().feed) or reasons.get("")
        if reason is None:
            continue
        try:
            with store.locked():
                gone = blame(store, reason)
        except FreeholdError as error:
            yield f"{store.name}: {reason}, and going back failed: {error}; run 'freehold update --rollback'"
        else:
            if gone:
                yield f"{store.name}: {reason}: back from release {gone[0]} to {gone[1]}; {gone[0]} is not taken again"


def report_lost_workers(count: int) -> None:
    """Have another process go back, as the daemon's has neither the libraries nor the time; it is not waited for."""
    if count == CRASHES:
        command = [sys.executable, "-I", "-m", "freehold.frontends.cli.update_watch", str(count)]
        subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - Freehold's own


if __name__ == "__main__":
    for words in _blamed({"": f"{sys.argv[1]} workers of the daemon died"}):
        print(f"freehold: {words}", file=sys.stderr)
