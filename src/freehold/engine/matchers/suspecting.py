"""What a database finds that may report only: suspicious, never infected."""

from collections.abc import Iterable, Iterator

from freehold.model.artifact import Artifact
from freehold.model.interfaces import Matcher, Member, MemberMatcher
from freehold.model.limits import Budget
from freehold.model.report import Detection, Verdict


def suspecting(matcher: Matcher) -> Matcher:
    """Return a matcher that finds what another one finds, as suspicious where that says infected."""
    return _MemberMatcher(matcher) if isinstance(matcher, MemberMatcher) else _Matcher(matcher)


class _Matcher:
    def __init__(self, matcher: Matcher) -> None:
        self.name = matcher.name
        self._matcher = matcher

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """See ``Matcher.match``."""
        return _suspected(self._matcher.match(artifact, budget))


class _MemberMatcher(_Matcher):
    def __init__(self, matcher: MemberMatcher) -> None:
        super().__init__(matcher)
        self._members = matcher

    def match_member(self, container: Artifact, member: Member, budget: Budget) -> Iterator[Detection]:
        """See ``MemberMatcher.match_member``."""
        return _suspected(self._members.match_member(container, member, budget))


def _suspected(detections: Iterable[Detection]) -> Iterator[Detection]:
    for found in detections:
        yield found._replace(verdict=Verdict.SUSPICIOUS) if found.verdict is Verdict.INFECTED else found
