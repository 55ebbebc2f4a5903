"""Policies: what is prohibited, by whom, from when, and how it is recognised.

A pack is data that a lawyer can review: *rules of law*, the *entities* that they name, the *products* of these, and
*indicators* by which a product is recognised. Judging (``applies``, ``in_force``) is done by dates alone; what an
indicator means on a machine is the business of the engine and of the front end.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from freehold.model.about import About
from freehold.model.report import Verdict

_T = TypeVar("_T")


class Strength(StrEnum):
    """What one indicator proves: a strong one that the product is there, a weak one that somebody should look."""

    STRONG = "strong"
    WEAK = "weak"


class Presence(StrEnum):
    """How a product is there; rules may cover one and leave out the other."""

    PRODUCT = "product"
    """Installed as itself."""

    EMBEDDED = "embedded"
    """Its engine is part of somebody else's product."""


class IndicatorKind(StrEnum):
    """Where an indicator's value is looked for; ``*`` in a value stands for anything, letters match in either case."""

    PACKAGE = "package"
    """Name in a package manager's database."""

    PATH = "path"
    """Path of a file or folder, from the root of its system; ``/`` on every system, a drive's letter left out."""

    SERVICE = "service"
    """Name of a system's service: systemd unit, Windows service, launchd label."""

    PROCESS = "process"
    """Name of a running program."""

    MODULE = "module"
    """Name of a loaded kernel module or driver."""

    PUBLISHER = "publisher"
    """Organisation or common name of who signed a program (Authenticode) or issued itself a certificate."""

    TEAM_ID = "team-id"
    """Apple's identifier of who signed a program."""

    BUNDLE_ID = "bundle-id"
    """Identifier of a macOS bundle."""

    REGISTRY = "registry"
    """Key in a Windows registry: ``HKLM\\SOFTWARE\\…``, or value as ``key:name=content``."""

    EXTENSION = "extension"
    """Identifier of a browser's extension."""

    COMPONENT = "component"
    """Component of a software bill of materials: name, supplier, or package URL."""

    HOST = "host"
    """Name of a host that it talks to; for firewalls and hosts files."""

    SHA256 = "sha256"
    """Digest of a file."""


class Indicator(NamedTuple):
    """One sign of a product.

    Attributes:
        kind: where it is looked for.
        value: what is looked for.
        strength: what it proves.
        source: where the fact was read.
        line: of its pack, from 1.
    """

    kind: IndicatorKind
    value: str
    strength: Strength
    source: str
    line: int = 1

    def words(self, product: "Product") -> str:
        """Say what it is a sign of: what reports of workers say, by which it is known again."""
        return f"{product.name}: {self.kind} {self.value}"


class Entity(NamedTuple):
    """Somebody whom a rule names.

    Attributes:
        identifier: ``pack/name``, unique among all packs.
        name: as listed.
        aliases: other names.
        country: ISO 3166 code of two letters.
        listings: where it is listed, a sentence each.
    """

    identifier: str
    name: str
    aliases: tuple[str, ...]
    country: str
    listings: tuple[str, ...]


class Product(NamedTuple):
    """Something that can be found on a machine.

    Attributes:
        identifier: ``pack/name``, unique among all packs.
        name: for people.
        entity: identifier of who makes it.
        presence: as itself, or inside of something else.
        indicators: how it is recognised.
        removal: steps for people: how to remove it, what to check, what stays behind.
    """

    identifier: str
    name: str
    entity: str
    presence: Presence
    indicators: tuple[Indicator, ...]
    removal: tuple[str, ...]


class Prohibition(NamedTuple):
    """What a rule prohibits from a day on.

    Attributes:
        since: the first day, in the rule's time zone.
        what: one sentence.
        until: the last day; None while it lasts.
    """

    since: date
    what: str
    until: date | None = None


class Law(NamedTuple):
    """One rule of law, or of an organisation's own.

    Attributes:
        identifier: ``pack/name``, unique among all packs.
        title: for people.
        authority: who made it.
        citation: where it is published.
        jurisdiction: ``us``, ``us-federal``, ``au`` … as ``--jurisdiction`` names it.
        binds: who must follow it.
        binding: False for a warning or advice.
        entities: identifiers of those whose products it covers.
        covers: how a product must be there for the rule to cover it.
        prohibitions: by date.
        exceptions: a sentence each.
        penalties: what follows for who breaks it, "" when the sources do not say.
        zone: time zone in which its days begin.
        sources: addresses or documents where it was read.
        checked: when somebody last compared this with the sources.
    """

    identifier: str
    title: str
    authority: str
    citation: str
    jurisdiction: str
    binds: str
    binding: bool
    entities: tuple[str, ...]
    covers: tuple[Presence, ...]
    prohibitions: tuple[Prohibition, ...]
    exceptions: tuple[str, ...]
    penalties: str
    zone: str
    sources: tuple[str, ...]
    checked: date


class PolicyPack(NamedTuple):
    """A pack, whole.

    Attributes:
        name: as ``--policy`` names it.
        version: counts up with each edition.
        description: one sentence.
        source: file that it was read from.
        laws: its rules.
        entities: whom they name.
        products: what these make.
    """

    name: str
    version: str
    description: str
    source: str
    laws: tuple[Law, ...]
    entities: tuple[Entity, ...]
    products: tuple[Product, ...]

    @property
    def about(self) -> About:
        """What is said of the pack as a whole."""
        return About(self.name, f"{self.source}:1", "policy", Verdict.PROHIBITED, self.description)


class PolicySet:
    """Packs that count together.

    Attributes:
        packs: in the order in which they were named.
    """

    def __init__(self, packs: Sequence[PolicyPack]) -> None:
        self.packs = tuple(packs)
        self._products = {product.identifier: product for pack in packs for product in pack.products}
        self._entities = {entity.identifier: entity for pack in packs for entity in pack.entities}

    @property
    def laws(self) -> list[Law]:
        """All rules of law."""
        return [law for pack in self.packs for law in pack.laws]

    @property
    def products(self) -> list[Product]:
        """All products."""
        return list(self._products.values())

    @property
    def entities(self) -> list[Entity]:
        """All entities."""
        return list(self._entities.values())

    def product(self, identifier: str) -> Product | None:
        """Return the product with an identifier like ``pack/name``."""
        return self._products.get(identifier)

    def entity(self, identifier: str) -> Entity | None:
        """Return the entity with an identifier like ``pack/name``."""
        return self._entities.get(identifier)


class IndicatorTable(Generic[_T]):
    """Looks up by what an indicator names; ``*`` stands for anything, letters and slashes match in either form."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, str], list[_T]] = {}
        self._patterns: dict[str, list[tuple[str, re.Pattern[str], _T]]] = {}

    def add(self, kind: str, value: str, meaning: _T) -> None:
        """Add an indicator and what finding it means."""
        folded = _folded(value)
        if "*" not in folded:
            self._exact.setdefault((kind, folded), []).append(meaning)
            return
        parts = folded.split("*")
        pattern = re.compile(".*".join(map(re.escape, parts)) + r"\Z", re.DOTALL)
        self._patterns.setdefault(kind, []).append((max(parts, key=len), pattern, meaning))

    def find(self, kind: str, value: str) -> Iterator[_T]:
        """Yield what a value means."""
        folded = _folded(value)
        yield from self._exact.get((kind, folded), ())
        for part, pattern, meaning in self._patterns.get(kind, ()):
            if part in folded and pattern.match(folded):
                yield meaning


def _folded(value: str) -> str:
    return value.replace("\\", "/").casefold()


def day_in(law: Law, moment: datetime) -> date:
    """Return the day that it is for a rule at a moment (which knows its time zone)."""
    from zoneinfo import ZoneInfo  # opens files, and workers need no time zones

    return moment.astimezone(ZoneInfo(law.zone)).date()


def applies(law: Law, product: Product) -> bool:
    """Whether a rule covers a product, whatever the date."""
    return product.entity in law.entities and product.presence in law.covers


def in_force(law: Law, day: date) -> list[Prohibition]:
    """Return what a rule prohibits on a day, the oldest prohibition first."""
    held = [item for item in law.prohibitions if item.since <= day and (item.until is None or day <= item.until)]
    return sorted(held, key=lambda item: item.since)


def to_come(law: Law, day: date) -> list[tuple[Prohibition, int]]:
    """Return what a rule will prohibit after a day, with the days that are left, the nearest first."""
    later = [(item, (item.since - day).days) for item in law.prohibitions if item.since > day]
    return sorted(later, key=lambda pair: pair[1])
