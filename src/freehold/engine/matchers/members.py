"""What containers say of their members: names, sizes, whether they are encrypted. Nothing needs to be unpacked."""

import re
from collections.abc import Iterator, Sequence

from freehold.bundle import Segment
from freehold.bundle.members import MemberSignature
from freehold.engine.matchers.allowing import Allowed
from freehold.engine.matchers.logical.layers import name_of
from freehold.model.artifact import Artifact
from freehold.model.interfaces import Member
from freehold.model.limits import Budget
from freehold.model.logical import Range
from freehold.model.report import Detection

_NAME_BYTES = 255
"""Of a name that is longer, signatures see the beginning, as in ClamAV; expressions are not run on more."""


class _Loaded:
    """A signature with its name's expression, compiled; None: any name."""

    __slots__ = ("name", "segment", "signature")

    def __init__(self, segment: Segment, signature: MemberSignature) -> None:
        self.segment = segment
        self.signature = signature
        self.name = None if signature.name is None else re.compile(signature.name.encode("latin-1"), re.DOTALL)

    def matches(self, container: Artifact, name: bytes, member: Member) -> bool:
        signature = self.signature
        return (
            _within(signature.container_size, container.view.size)
            and signature.encrypted in (None, member.encrypted)
            and _within(signature.packed, member.packed)
            and _within(signature.size, member.size)
            and _within(signature.position, member.position)
            and (signature.checksum is None or signature.checksum == member.checksum)
            and (self.name is None or self.name.search(name) is not None)
        )


class Members:
    """Compares members with the container signatures of all segments."""

    name = "members"

    def __init__(self, segments: Sequence[Segment], allowed: Allowed) -> None:
        self._allowed = allowed
        self._by_container: dict[str | None, list[_Loaded]] = {}
        for segment in segments:
            for signature in segment.members():
                self._by_container.setdefault(signature.container, []).append(_Loaded(segment, signature))

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:  # noqa: ARG002 - see ``match_member``
        """Yield nothing: content is not looked at."""
        return iter(())

    def match_member(self, container: Artifact, member: Member, budget: Budget) -> Iterator[Detection]:
        """See ``MemberMatcher.match_member``."""
        budget.tick()
        name = member.name.encode("utf-8", "surrogateescape")[:_NAME_BYTES]
        for kind in (None, name_of(container)):
            for loaded in self._by_container.get(kind, ()):
                if loaded.matches(container, name, member):
                    if self._allowed.covers(container, budget):
                        return
                    yield _detection(loaded, container, member)


def _detection(loaded: _Loaded, container: Artifact, member: Member) -> Detection:
    about = loaded.segment.about(loaded.signature.about)
    return Detection(
        name=about.name,
        artifact=container.lineage,
        offset=0,
        length=0,
        source=about.source,
        category=about.category,
        verdict=about.verdict,
        description=f"by what the container says of its member {member.name[:100]!r}",
    )


def _within(allowed: Range | None, number: int) -> bool:
    return allowed is None or allowed.minimum <= number <= allowed.maximum
