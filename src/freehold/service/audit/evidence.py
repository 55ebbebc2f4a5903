"""Evidence for products: from indicators that were seen by name, and from what workers reported."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from freehold.model.policy import Indicator, IndicatorKind, IndicatorTable, PolicySet, Presence, Product, Strength
from freehold.model.report import SEPARATOR, Detection, Verdict


class Evidence(NamedTuple):
    """One sign of one product.

    Attributes:
        product: its identifier.
        strength: what it proves.
        kind: of the indicator.
        value: of the indicator.
        target: the system, folder, file or image in which it was seen; ``/`` for this machine.
        where: the file, process or artifact there; the path of a file begins at the root of the target.
        detail: what was seen there.
        source: where the indicator's fact was read.
    """

    product: str
    strength: Strength
    kind: IndicatorKind
    value: str
    target: str
    where: str
    detail: str
    source: str


class Finding(NamedTuple):
    """A product with all evidence for it.

    Attributes:
        product: what it is.
        evidence: each sign once, the strong ones first.
    """

    product: Product
    evidence: tuple[Evidence, ...]

    @property
    def found(self) -> bool:
        """Whether strong evidence says so; weak evidence alone says that somebody should look."""
        return any(item.strength is Strength.STRONG for item in self.evidence)

    @property
    def embedded(self) -> bool:
        """Whether it is part of somebody else's product."""
        return self.product.presence is Presence.EMBEDDED


class Collection:
    """Gathers evidence.

    Args:
        policies: whose products are looked for.
    """

    def __init__(self, policies: PolicySet) -> None:
        self._table: IndicatorTable[tuple[Product, Indicator]] = IndicatorTable()
        self._by_text: dict[tuple[str, str], tuple[Product, Indicator]] = {}
        self._evidence: dict[str, dict[Evidence, None]] = {}
        self._policies = policies
        for product in policies.products:
            for indicator in product.indicators:
                self._table.add(indicator.kind, indicator.value, (product, indicator))
                self._by_text[product.identifier, indicator.words(product)] = (product, indicator)

    def paths(self) -> list[str]:
        """Return the absolute paths that indicators name: it is enough to see whether they exist."""
        return sorted(
            {
                value
                for product in self._policies.products
                for indicator in product.indicators
                if indicator.kind is IndicatorKind.PATH
                and (value := indicator.value.replace("\\", "/")).startswith("/")
                and value.strip("/*")
            }
        )

    def see(self, kind: IndicatorKind, value: str, target: str, where: str) -> None:
        """Take something that was seen by name."""
        for product, indicator in self._table.find(kind, value):
            self._add(product, indicator, target, where, value)

    def report(self, target: str, where: str, detections: Iterable[Detection]) -> None:
        """Take what a worker reported of a file; what is no indicator of these policies is passed over."""
        for detection in detections:
            known = self._by_text.get((detection.name, detection.description))
            if known and detection.verdict in {Verdict.PROHIBITED, Verdict.SUSPICIOUS}:
                _, separator, inside = detection.artifact.partition(SEPARATOR)
                seen = detection.evidence.decode("utf-8", "replace")
                weak = detection.verdict is Verdict.SUSPICIOUS  # also of a strong indicator, where only remains show it
                product, indicator = known
                if weak:
                    indicator = indicator._replace(strength=Strength.WEAK)
                self._add(product, indicator, target, f"{where}{separator}{inside}", seen)

    def findings(self) -> Iterator[Finding]:
        """Yield each product with evidence, those that were found before those that somebody should look for."""
        found = [
            Finding(product, tuple(sorted(self._evidence[product.identifier], key=_strong_first)))
            for product in self._policies.products
            if product.identifier in self._evidence
        ]
        yield from sorted(found, key=lambda finding: not finding.found)

    def _add(self, product: Product, indicator: Indicator, target: str, where: str, detail: str) -> None:
        item = Evidence(
            product.identifier,
            indicator.strength,
            indicator.kind,
            indicator.value,
            target,
            where,
            "" if detail in {where, indicator.value} else detail,
            indicator.source,
        )
        self._evidence.setdefault(product.identifier, {})[item] = None


def _strong_first(item: Evidence) -> bool:
    return item.strength is not Strength.STRONG
