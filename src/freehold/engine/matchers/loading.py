"""From bundles to matchers."""

from collections.abc import Container, Iterator, Sequence

from freehold.bundle import Bundle, Segment
from freehold.engine.matchers.allowing import Allowed, AllowingMatcher
from freehold.engine.matchers.content import ContentMatcher
from freehold.engine.matchers.hashes import Hashes
from freehold.model.about import HashedPart
from freehold.model.interfaces import Matcher

PROGRAM_PARTS = frozenset({HashedPart.PE_SECTION, HashedPart.PE_IMPORTS})
"""What is hashed of Windows programs."""


_WHOEVER_SIGNED = frozenset({"certificates", "policies"})
"""Matchers whose finds count in programs of trusted signers, too: who is trusted may be prohibited all the same."""


def load(bundles: Sequence[Bundle], without: Container[str] = ()) -> list[Matcher]:
    """Return the matchers that these bundles need; raises ``TrustError`` when one of them is damaged or foreign.

    Args:
        bundles: in the order in which their detections are reported.
        without: digests of segments that are left out.
    """
    every = [segment for bundle in bundles for segment in bundle.segments]
    segments = [segment for segment in every if segment.digest not in without]
    matchers: list[Matcher] = [ContentMatcher(segments)]
    certificates = None
    if any(segment.has_certificates for segment in segments):
        from freehold.engine.matchers.certificates import CertificateMatcher, Certificates

        certificates = Certificates(segments)
        matchers.insert(0, CertificateMatcher(certificates))
    if any(part in PROGRAM_PARTS for segment in segments for part, _ in segment.tables):
        from freehold.engine.matchers.programs import ProgramMatcher

        matchers.append(ProgramMatcher(segments))
    if any(segment.logical_roots for segment in segments):
        from freehold.engine.matchers.logical.matcher import LogicalMatcher

        matchers.append(LogicalMatcher(segments, normal_size=any(segment.text_ends for segment in every)))
    matchers += _special(segments)
    ignored = frozenset(name for segment in segments for name in segment.ignored)
    retracted = frozenset(place for segment in segments for place in segment.retracted)
    if (ignored or retracted) and len(segments) > 1:  # in its own segment, what is ignored was not even compiled
        from freehold.engine.matchers.ignoring import IgnoringMatcher

        matchers = [IgnoringMatcher(matcher, ignored, retracted) for matcher in matchers]
    by_digest = allowed = Allowed(Hashes(segments, HashedPart.ALLOWED))
    if certificates is not None:
        allowed = Allowed(Hashes(segments, HashedPart.ALLOWED), certificates)
    if allowed:
        matchers = [
            AllowingMatcher(matcher, by_digest if matcher.name in _WHOEVER_SIGNED else allowed) for matcher in matchers
        ]
    if any(segment.has_members for segment in segments):
        from freehold.engine.matchers.members import Members

        matchers.append(Members(segments, allowed))
    return matchers


def _special(segments: Sequence[Segment]) -> Iterator[Matcher]:
    """Yield matchers that few databases need."""
    if any(segment.has_addresses for segment in segments):
        from freehold.engine.matchers.phishing import PhishingMatcher

        yield PhishingMatcher(segments)
    if any(segment.has_indicators for segment in segments):
        from freehold.engine.matchers.policies import PolicyMatcher

        yield PolicyMatcher([segment for segment in segments if segment.has_indicators])
    if any(segment.has_yara for segment in segments):
        from freehold.engine.matchers.yararules import YaraMatcher

        yield YaraMatcher([segment for segment in segments if segment.has_yara])
