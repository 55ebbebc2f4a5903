"""Whose programs are reported, and whose are never: rules over the certificates in Authenticode signatures."""

import time
from collections.abc import Iterator, Sequence

from freehold.bundle import Segment
from freehold.formats import authenticode, pe
from freehold.model.artifact import Artifact
from freehold.model.errors import MalformedInput
from freehold.model.layout import Layout
from freehold.model.limits import Budget
from freehold.model.pki import cms, trust
from freehold.model.report import Detection


class Certificates:
    """The rules of all segments, and the programs that security catalogues list."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._rules: list[trust.Rule] = []
        self._abouts: list[tuple[Segment, int]] = []
        self._listed: set[tuple[str, bytes]] = set()
        for segment in segments:
            for about, rule in segment.certificates():
                self._rules.append(rule)
                self._abouts.append((segment, about))
            self._listed.update(segment.listed_programs())
        self._last: tuple[Artifact, bool] | None = None

    def blocked(self, artifact: Artifact) -> Iterator[Detection]:
        """Yield a detection when a program carries a certificate that a rule blocks."""
        layout = _layout(artifact)
        message = None if layout is None else _message(artifact, layout)
        if layout is None or message is None:
            return
        number = trust.blocking(self._rules, authenticode.certificates_of(message))
        if number is not None:
            segment, about_number = self._abouts[number]
            about = segment.about(about_number)
            start, end = authenticode.table(layout)
            yield Detection(
                name=about.name,
                artifact=artifact.lineage,
                offset=start,
                length=end - start,
                source=about.source,
                category=about.category,
                verdict=about.verdict,
                description="it carries a certificate that is blocked",
            )

    def trusts(self, artifact: Artifact, budget: Budget) -> bool:
        """Whether a program is signed by somebody whom a rule trusts, or is listed in a catalogue."""
        if self._last is None or self._last[0] is not artifact:
            self._last = artifact, self._judge(artifact, budget)
        return self._last[1]

    def _judge(self, artifact: Artifact, budget: Budget) -> bool:
        layout = _layout(artifact)
        if layout is None:
            return False
        try:
            message = _message(artifact, layout)
            if message is not None and self._signed(artifact, layout, message, budget):
                return True
        except MalformedInput:  # whoever made it so is not trusted
            pass
        algorithms = sorted({algorithm for algorithm, _ in self._listed})
        digests = authenticode.digest(artifact.view, layout, algorithms, budget) if algorithms else {}
        return any(listed in self._listed for listed in digests.items())

    def _signed(self, artifact: Artifact, layout: Layout, message: cms.SignedData, budget: Budget) -> bool:
        certificates = authenticode.certificates_of(message)
        if message.content is None or not trust.trusts(self._rules, message, certificates, time.time()):
            return False
        algorithm, stated = authenticode.stated_digest(message.content)
        return authenticode.digest(artifact.view, layout, [algorithm], budget)[algorithm] == stated


class CertificateMatcher:
    """Reports programs that carry a blocked certificate, whatever it signed."""

    name = "certificates"

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates

    def match(self, artifact: Artifact, _budget: Budget) -> Iterator[Detection]:
        """See ``Matcher.match``; a damaged signature has no certificates."""
        try:
            yield from self._certificates.blocked(artifact)
        except MalformedInput:
            return


def _layout(artifact: Artifact) -> Layout | None:
    if artifact.file_type != "pe":
        return None
    try:
        return pe.read(artifact.view)
    except MalformedInput:
        return None


def _message(artifact: Artifact, layout: Layout) -> cms.SignedData | None:
    """Return the signature of a program; None unless its table ends the file, as Windows asks for, too."""
    start, end = authenticode.table(layout)
    if not start or end != artifact.view.size:
        return None
    outermost = authenticode.message(artifact.view, layout)
    message = None if outermost is None else cms.parse(outermost)
    return message if message is not None and message.kind == authenticode.INDIRECT_DATA else None
