"""From bundles to matchers."""

from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from freehold.bundle import Bundle, Segment
from freehold.engine.matchers.allowing import Allowed, AllowingMatcher
from freehold.engine.matchers.content import ContentMatcher
from freehold.engine.matchers.hashes import Hashes
from freehold.model.about import HashedPart
from freehold.model.interfaces import Matcher
from freehold.model.rights import Right

if TYPE_CHECKING:  # few databases have rules over certificates
    from freehold.engine.matchers.certificates import Certificates

PROGRAM_PARTS = frozenset({HashedPart.PE_SECTION, HashedPart.PE_IMPORTS})
"""What is hashed of Windows programs."""


_WHOEVER_SIGNED = frozenset({"certificates", "policies"})
"""Matchers whose finds count in programs of trusted signers, too: who is trusted may be prohibited all the same."""


def load(bundles: Sequence[Bundle], without: Container[str] = ()) -> list[Matcher]:
    """Return the matchers that these bundles need; raises ``TrustError`` when one of them is damaged or foreign.

    What a bundle allows, ignores or takes back counts for all of them if it may allow, else for its own signatures:
    such a bundle has matchers of its own.

    Args:
        bundles: in the order in which their detections are reported, as far as they share matchers.
        without: digests of segments that are left out.
    """
    normal_size = any(segment.text_ends for bundle in bundles for segment in bundle.segments)

    def part(*chosen: Bundle) -> _Part:
        segments = [segment for bundle in chosen for segment in bundle.segments if segment.digest not in without]
        return _Part(segments, _certificates(segments), normal_size)

    shared = part(*(bundle for bundle in bundles if bundle.right is Right.ALLOW))
    matchers = _matchers(shared, [shared])
    for bundle in bundles:
        if bundle.right is not Right.ALLOW and (own := part(bundle)).segments:
            matchers += _limited(_matchers(own, [own, shared]), bundle.right)
    return matchers


class _Part(NamedTuple):
    """Segments whose signatures are looked for together.

    Attributes:
        segments: the oldest first.
        certificates: their rules over certificates.
        normal_size: see ``LogicalMatcher``.
    """

    segments: list[Segment]
    certificates: "Certificates | None"
    normal_size: bool


def _certificates(segments: Sequence[Segment]) -> "Certificates | None":
    if not any(segment.has_certificates for segment in segments):
        return None
    from freehold.engine.matchers.certificates import Certificates

    return Certificates(segments)


def _limited(matchers: list[Matcher], right: Right) -> list[Matcher]:
    if right is not Right.REPORT:
        return matchers
    from freehold.engine.matchers.suspecting import suspecting

    return [suspecting(matcher) for matcher in matchers]


def _matchers(part: _Part, silencing: Sequence[_Part]) -> list[Matcher]:
    """Return the matchers of a part, whose finds the exceptions of some parts silence, its own among them."""
    segments = part.segments
    others = [segment for each in silencing for segment in each.segments]
    matchers = _ignoring(list(_finding(part, others)), segments, others)
    by_digest = Allowed(Hashes(others, HashedPart.ALLOWED))
    allowed = Allowed(
        Hashes(others, HashedPart.ALLOWED), [each.certificates for each in silencing if each.certificates is not None]
    )
    if allowed:
        matchers = [
            AllowingMatcher(matcher, by_digest if matcher.name in _WHOEVER_SIGNED else allowed) for matcher in matchers
        ]
    if any(segment.has_members for segment in segments):
        from freehold.engine.matchers.members import Members

        matchers.append(Members(segments, allowed))
    return matchers


def _ignoring(matchers: list[Matcher], segments: Sequence[Segment], silencing: Sequence[Segment]) -> list[Matcher]:
    """Return matchers that leave out what lists of some segments ignore, and what their own segments take back."""
    ignored = frozenset(name for segment in silencing for name in segment.ignored)
    retracted = frozenset(place for segment in segments for place in segment.retracted)
    if not (ignored or retracted) or len(silencing) < 2:  # in its own segment, what is ignored was not even compiled
        return matchers
    from freehold.engine.matchers.ignoring import IgnoringMatcher

    return [IgnoringMatcher(matcher, ignored, retracted) for matcher in matchers]


def _finding(part: _Part, silencing: Sequence[Segment]) -> Iterator[Matcher]:
    segments = part.segments
    if part.certificates is not None:
        from freehold.engine.matchers.certificates import CertificateMatcher

        yield CertificateMatcher(part.certificates)
    yield ContentMatcher(segments)
    if any(kind in PROGRAM_PARTS for segment in segments for kind, _ in segment.tables):
        from freehold.engine.matchers.programs import ProgramMatcher

        yield ProgramMatcher(segments)
    if any(segment.logical_roots for segment in segments):
        from freehold.engine.matchers.logical.matcher import LogicalMatcher

        yield LogicalMatcher(segments, normal_size=part.normal_size)
    yield from _special(segments, silencing)


def _special(segments: Sequence[Segment], silencing: Sequence[Segment]) -> Iterator[Matcher]:
    """Yield matchers that few databases need."""
    if any(segment.has_addresses for segment in segments):
        from freehold.engine.matchers.phishing import PhishingMatcher

        yield PhishingMatcher(segments, silencing)
    if any(segment.has_indicators for segment in segments):
        from freehold.engine.matchers.policies import PolicyMatcher

        yield PolicyMatcher([segment for segment in segments if segment.has_indicators])
    if any(segment.has_yara for segment in segments):
        from freehold.engine.matchers.yararules import YaraMatcher

        yield YaraMatcher([segment for segment in segments if segment.has_yara])
