"""Links in mails that show another address than where they lead, as ClamAV compares them.

Only domains that a list names are looked at (``.pdb``): those of banks and shops that are imitated. Pairs that belong
together are on another list (``.wdb``). Without a list of the first kind, nothing is compared.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence

from freehold.bundle import Segment
from freehold.engine.normalise.addresses import CLOAKED, compared, domain, host_range, real_form, shown_forms
from freehold.engine.normalise.links import Link, links
from freehold.engine.normalise.safebrowsing import addresses, hashed_forms
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.report import EVIDENCE_BYTES, Detection, Verdict

_LARGEST = 100 * 1024
"""Bytes of the largest text whose links are compared, as in ClamAV: mails that deceive are short."""

_TEXTS = frozenset({"html", "text"})
_NAME = "Heuristics.Phishing.Email."
_HASHED = {
    "0": "Heuristics.Safebrowsing.Suspected-malware_safebrowsing.clamav.net",
    "1": "Heuristics.Phishing.URL.Blocked",
    "2": "Heuristics.Safebrowsing.Suspected-phishing_safebrowsing.clamav.net",
}
_ENDS = frozenset({"", " ", "/", "?"})
_BEFORE = frozenset({".", " "})


class AddressList:
    """Rules over pairs of addresses: plain names, which match whatever ends with them, and expressions."""

    def __init__(self, rules: Iterable[tuple[str, str, str]]) -> None:
        self._names: dict[str, str] = {}
        self._expressions: list[tuple[re.Pattern[str], str]] = []
        for kind, text, place in rules:
            if kind in "HM":
                self._names.setdefault(text + "/", place)
            else:
                self._expressions.append((re.compile(text, re.DOTALL), place))

    def __bool__(self) -> bool:
        return bool(self._names or self._expressions)

    def pair(self, real: str, shown: str) -> str | None:
        """Return the place of the rule that a pair matches."""
        text = f"{real}:{shown}/"
        for start in range(len(text) - 1):
            if text[start:] in self._names and (start == 0 or text[start - 1] in _BEFORE):
                return self._names[text[start:]]
        return self._expression(text)

    def host(self, shown: str, before: str, begins: int) -> tuple[str, int] | None:
        """Return the place of the rule that a shown host matches, and where in the host its name begins.

        Args:
            shown: the host without blanks.
            before: what was shown up to the host's end, with its blanks.
            begins: where the host begins in what was shown, without blanks.
        """
        text = shown + "/"
        if _character(before, begins + len(text) + 1) in _ENDS:
            for start in range(len(text) - 1):
                if text[start:] in self._names and (start == 0 or _character(before, begins + start) in _BEFORE):
                    return self._names[text[start:]], start
        place = self._expression(text)
        return None if place is None else (place, 0)

    def _expression(self, text: str) -> str | None:
        return next((place for expression, place in self._expressions if expression.search(text)), None)


def _character(before: str, position: int) -> str:
    """Return the character at a position that is counted without blanks, or the blank behind it; "" at the end."""
    at = 0
    while at < len(before) and not (before[at].isascii() and before[at].isalnum()):
        at += 1
    while at < len(before) and position > 0:
        while before[at : at + 1] == " ":
            at += 1
        at += 1
        position -= 1
    while before[at : at + 1] == " ":
        at += 1
    return "" if position > 0 and at >= len(before) else before[max(at - 1, 0) : max(at, 1)]


class PhishingMatcher:
    """Compares what the links of mails show with where they lead."""

    name = "phishing"

    def __init__(self, segments: Sequence[Segment], silencing: Sequence[Segment]) -> None:
        """``silencing``: segments whose rules over what is allowed count."""
        rules = [rule for segment in segments for rule in segment.addresses()]
        exceptions = [rule for segment in silencing for rule in segment.addresses()]
        self._listed = AddressList(rule for rule in rules if rule[0] in "HR")
        self._hashes = {text: (kind, place) for kind, text, place in rules if kind in "012"}
        self._hashes |= {text: (kind, place) for kind, text, place in exceptions if kind == "W"}
        self._allowed = AddressList(rule for rule in exceptions if rule[0] in "MX")

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """Yield a detection for each way in which links of a mail's text deceive."""
        parent = artifact.parent
        if parent is None or parent.file_type != "mail" or artifact.file_type not in _TEXTS:
            return
        if not (self._listed or self._hashes) or artifact.view.size > _LARGEST:
            return
        page = artifact.view.read(0, artifact.view.size)
        seen: set[tuple[str, bytes, bytes]] = set()
        reported: set[str] = set()
        for link in self._links(page, budget):
            budget.tick()
            if link[:3] in seen:
                continue
            seen.add(link[:3])
            judged = self._judge(link)
            if judged is not None and judged[0] not in reported:
                reported.add(judged[0])
                yield _detection(artifact, link, *judged)

    def _links(self, page: bytes, budget: Budget) -> list[Link]:
        """Return the links of a page; where it has none, what stands in it as text."""
        found = links(page, budget)
        if found or not self._hashes:
            return found
        return [Link("href", address, b"", 0) for address in addresses(page)]

    def _judge(self, link: Link) -> tuple[str, str] | None:
        """Return how a link deceives, and the place of the rule that lists what it shows."""
        if compared(link.real.decode("latin-1"), any_scheme=False) is None:
            return None
        if self._hashes:
            if b":" not in link.real:
                return None
            if (known := self._known(link.real)) is not None:
                return known
        if not link.shown or link.real == link.shown:
            return None
        real = real_form(link.real)
        shown, before = shown_forms(link.shown)
        cut = None if real == shown else compared(shown, any_scheme=True)
        if cut is None or self._allowed.pair(real, cut) is not None:
            return None
        return self._judge_hosts(link, real, cut, before)

    def _known(self, address: bytes) -> tuple[str, str] | None:
        """Return the name for an address that is known by a hash, and the place of its rule."""
        for form in hashed_forms(address):
            kind, place = self._hashes.get(hashlib.sha256(form).hexdigest(), ("W", ""))
            if kind != "W":
                return _HASHED[kind], place
        return None

    def _judge_hosts(self, link: Link, real: str, shown: str, before: str) -> tuple[str, str] | None:
        listed = self._listed.pair(real, shown)
        (start, end), (begins, ends) = host_range(real), host_range(shown)
        real_host, shown_host = real[start:end], shown[begins:ends]
        if real.startswith("mailto:") or ".." in f".{real_host}" or " " in real_host + shown_host:
            return None
        if real == shown or self._allowed.pair(real_host, shown_host) is not None:
            return None
        found = self._listed.host(shown_host, before[:ends], begins)
        if found is not None:
            if CLOAKED in real:
                return _NAME + "Cloaked.Null", found[0]
            if link.kind == "href" and shown.startswith("https:") and not real.startswith("https:"):
                return _NAME + "SSL-Spoof", found[0]
            listed = found[0]
            shown_host = shown_host[found[1] :]
        elif link.kind == "src":
            return None
        if listed is None or domain(real_host) == domain(shown_host):
            return None
        return _NAME + "SpoofedDomain", listed


def _detection(artifact: Artifact, link: Link, name: str, place: str) -> Detection:
    real, shown = (address.decode("utf-8", "backslashreplace")[:200] for address in (link.real, link.shown))
    shows = f"a link shows {shown!r} and leads to {real!r}" if name.startswith(_NAME) else f"a link leads to {real!r}"
    return Detection(
        name=name,
        artifact=artifact.lineage,
        offset=0,
        length=0,
        source=place,
        category="heuristic",
        verdict=Verdict.SUSPICIOUS,
        evidence=link.real[:EVIDENCE_BYTES],
        description=shows,
    )
