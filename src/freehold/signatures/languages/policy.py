"""Policy packs: TOML files that end in ``.policy``.

    [pack]
    name = "own"
    version = "1"
    description = "No remote administration tools."

    [[law]]
    id = "own-rule-7"
    title = "Rule 7 of our IT policy"
    authority = "Our IT department"
    citation = "Handbook, page 12"
    jurisdiction = "own"
    binds = "everybody here"
    binding = true                      # left out: true; false is a warning
    entities = ["remote-makers"]
    covers = ["product"]                # or "embedded", or both; left out: both
    zone = "Europe/Berlin"              # where its days begin; left out: UTC
    exceptions = ["The help desk."]
    penalties = ""
    sources = ["https://intranet.example/handbook"]
    checked = 2026-01-31
    prohibits = [{ since = 2026-03-01, what = "use on any machine" }]

    [[entity]]
    id = "remote-makers"
    name = "Remote Makers Ltd"
    aliases = ["RemoteMakers"]
    country = "GB"
    listings = ["Handbook, page 12"]

    [[product]]
    id = "remote-tool"
    name = "Remote Tool"
    entity = "remote-makers"
    presence = "product"                # or "embedded"; left out: product
    removal = ["apt purge remote-tool"]
    indicators = [
      { kind = "package", value = "remote-tool", strength = "strong", source = "https://…" },
    ]

Identifiers are those of the pack; ``other-pack/entity`` names an entity of another one, so that laws and products can
lie in different packs. Every fault is reported with its line, not only the first.
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from freehold.model.policy import (
    Entity,
    Indicator,
    IndicatorKind,
    Law,
    PolicyPack,
    Presence,
    Product,
    Prohibition,
    Strength,
)
from freehold.model.signature import Rejected
from freehold.model.suggestion import suggestion

_T = TypeVar("_T")

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_MOST = 10_000
"""Entries of one kind, and indicators of one product."""

_PACK = frozenset({"name", "version", "description"})
_LAW = frozenset(
    {"id", "title", "authority", "citation", "jurisdiction", "binds", "binding", "entities", "covers", "prohibits"}
    | {"exceptions", "penalties", "zone", "sources", "checked"}
)
_ENTITY = frozenset({"id", "name", "aliases", "country", "listings"})
_PRODUCT = frozenset({"id", "name", "entity", "presence", "indicators", "removal"})
_INDICATOR = frozenset({"kind", "value", "strength", "source"})
_PROHIBITION = frozenset({"since", "until", "what"})


class Policy:
    """The language of ``.policy`` files."""

    name = "policy"
    suffixes = frozenset({".policy"})

    def parse(self, text: bytes, source: str) -> Iterator[PolicyPack | Rejected]:
        """Yield the pack of a file, or a rejection for each fault: half a policy is none."""
        try:
            document = tomllib.loads(text.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            yield Rejected(source, _line_of(error), str(error))
            return
        reader = _Reader(text.decode("utf-8"), source)
        pack = reader.pack(document)
        if reader.faults or pack is None:
            yield from reader.faults
        else:
            yield pack


class _Reader:
    """Turns tables into values and keeps the faults."""

    def __init__(self, text: str, source: str) -> None:
        self.faults: list[Rejected] = []
        self._source = source
        self._pack = ""
        self._lines = _lines(text)

    def pack(self, document: dict[str, Any]) -> PolicyPack | None:
        head = _Table(self, document.get("pack"), "pack", 0)
        _Table(self, document, "", 0).refuse_unknown(frozenset({"pack", "law", "entity", "product"}))
        head.refuse_unknown(_PACK)
        self._pack = head.identifier("name")
        entities = self._each(document, "entity", self._entity)
        products = self._each(document, "product", self._product)
        laws = self._each(document, "law", self._law)
        self._compare(entities, products, laws)
        return PolicyPack(
            self._pack,
            head.text("version"),
            head.text("description", ""),
            self._source,
            tuple(laws),
            tuple(entities),
            tuple(products),
        )

    def fault(self, place: tuple[str, int, str], reason: str) -> None:
        """Keep a fault of one key; its line is that of the key, or of its table."""
        self.faults.append(Rejected(self._source, self.line(place), reason))

    def line(self, place: tuple[str, int, str]) -> int:
        """Return where a key stands, or its table."""
        kind, index, _ = place
        return self._lines.get(place) or self._lines.get((kind, index, "")) or 1

    def _each(self, document: dict[str, Any], kind: str, read: "Callable[[_Table], _T]") -> list[_T]:
        entries = document.get(kind, [])
        if not isinstance(entries, list) or len(entries) > _MOST:
            self.fault((kind, 0, ""), f"write [[{kind}]], at most {_MOST} of them")
            return []
        return [read(_Table(self, entry, kind, number)) for number, entry in enumerate(entries)]

    def _entity(self, table: "_Table") -> Entity:
        table.refuse_unknown(_ENTITY)
        country = table.text("country")
        if not re.fullmatch(r"[A-Z]{2}", country):
            table.fault("country", "country must be two capital letters (ISO 3166)")
        return Entity(self._own(table), table.text("name"), table.texts("aliases"), country, table.texts("listings"))

    def _product(self, table: "_Table") -> Product:
        table.refuse_unknown(_PRODUCT)
        indicators = tuple(self._indicator(item) for item in table.tables("indicators", _INDICATOR))
        if not indicators:
            table.fault("indicators", "a product needs an indicator")
        presence = table.choice("presence", Presence, Presence.PRODUCT)
        name = table.text("name")
        return Product(
            self._own(table), name, self._qualified(table.text("entity")), presence, indicators, table.texts("removal")
        )

    def _indicator(self, table: "_Table") -> Indicator:
        kind = table.choice("kind", IndicatorKind)
        value = table.text("value")
        if not value.strip("*?/\\ "):
            table.fault("value", f"'{value}' would match everything")
        if kind is IndicatorKind.SHA256 and not re.fullmatch(r"[0-9a-fA-F]{64}", value):
            table.fault("value", "a sha256 has 64 hexadecimal digits")
        return Indicator(kind, value, table.choice("strength", Strength), table.text("source"), table.line)

    def _law(self, table: "_Table") -> Law:
        table.refuse_unknown(_LAW)
        covers = table.texts("covers", (Presence.PRODUCT.value, Presence.EMBEDDED.value))
        for name in covers:
            if name not in set(Presence):
                table.fault("covers", f"'{name}' is not one of {', '.join(Presence)}")
        zone = table.text("zone", "UTC")
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            table.fault("zone", f"there is no time zone '{zone}'")
        prohibitions = tuple(self._prohibition(item) for item in table.tables("prohibits", _PROHIBITION))
        if not prohibitions:
            table.fault("prohibits", "a law must prohibit something, from a day on")
        if not table.texts("sources"):
            table.fault("sources", "a law needs a source")
        return Law(
            self._own(table),
            table.text("title"),
            table.text("authority"),
            table.text("citation"),
            table.identifier("jurisdiction"),
            table.text("binds"),
            table.flag("binding"),
            tuple(map(self._qualified, table.texts("entities"))),
            tuple(Presence(name) for name in covers if name in set(Presence)),
            prohibitions,
            table.texts("exceptions"),
            table.text("penalties", ""),
            zone,
            table.texts("sources"),
            table.date("checked") or date.min,
        )

    def _own(self, table: "_Table") -> str:
        return self._qualified(table.identifier("id"))

    def _qualified(self, identifier: str) -> str:
        return identifier if "/" in identifier or not identifier else f"{self._pack}/{identifier}"

    def _prohibition(self, table: "_Table") -> Prohibition:
        since, until = table.date("since") or date.min, table.date("until", optional=True)
        if until is not None and until < since:
            table.fault("until", "until must not be before since")
        return Prohibition(since, table.text("what"), until)

    def _compare(self, entities: list[Entity], products: list[Product], laws: list[Law]) -> None:
        """Find names that are given twice, and such that nobody has."""
        known = {entity.identifier for entity in entities}
        self._refuse_twins("entity", [entity.identifier for entity in entities])
        self._refuse_twins("product", [product.identifier for product in products])
        self._refuse_twins("law", [law.identifier for law in laws])
        for number, product in enumerate(products):
            if product.entity and self._is_missing(product.entity, known):
                self.fault(("product", number, "entity"), f"there is no entity '{product.entity}'")
        for number, law in enumerate(laws):
            for name in filter(lambda name: self._is_missing(name, known), law.entities):
                self.fault(("law", number, "entities"), f"there is no entity '{name}'")

    def _is_missing(self, identifier: str, known: set[str]) -> bool:
        return identifier.startswith(f"{self._pack}/") and identifier not in known

    def _refuse_twins(self, kind: str, identifiers: list[str]) -> None:
        for number, identifier in enumerate(identifiers):
            if identifier in identifiers[:number]:
                self.fault((kind, number, "id"), f"there is another {kind} '{identifier}'")


class _Table:
    """One table, or one inline table of the key ``key`` in it."""

    def __init__(self, reader: _Reader, values: Any, kind: str, index: int, key: str = "") -> None:
        self._reader = reader
        self._place = (kind, index, key)
        self._what = key or kind
        if not isinstance(values, dict):
            reader.fault(self._place, f"{self._what} must be a table" if values is not None else f"[{kind}] is missing")
        self._values: dict[str, Any] = values if isinstance(values, dict) else {}

    @property
    def line(self) -> int:
        return self._reader.line(self._place)

    def fault(self, key: str, reason: str) -> None:
        kind, index, outer = self._place
        self._reader.fault((kind, index, outer or key), f"{outer}: {reason}" if outer else reason)

    def refuse_unknown(self, known: frozenset[str]) -> None:
        for key in self._values:
            if key not in known:
                self.fault(key, f"unknown key '{key}'{suggestion(key, known)}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self._values.get(key, default)
        if isinstance(value, str) and (value or default is not None):
            return value
        self.fault(key, f"{key} must be a text" if key in self._values else f"{key} is missing")
        return ""

    def identifier(self, key: str) -> str:
        value = self.text(key)
        if value and not _IDENTIFIER.fullmatch(value):
            self.fault(key, f"{key} may have small letters, digits, '.' and '-'")
        return value

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self._values.get(key, list(default))
        if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
            return tuple(value)
        self.fault(key, f"{key} must be a list of texts")
        return ()

    def flag(self, key: str) -> bool:
        value = self._values.get(key, True)
        if not isinstance(value, bool):
            self.fault(key, f"{key} must be true or false")
        return value is True

    def date(self, key: str, *, optional: bool = False) -> date | None:
        value = self._values.get(key)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if value is not None or not optional:
            self.fault(key, f"{key} must be a day, like 2026-01-31, without quotes")
        return None

    def choice(self, key: str, kind: "type[_Choice]", default: "_Choice | None" = None) -> "_Choice":
        value = self._values.get(key, default)
        known = {item.value: item for item in kind}
        if isinstance(value, str) and value in known:
            return known[value]
        said = f"{key} must be one of {', '.join(known)}{suggestion(str(value), known)}"
        self.fault(key, said if key in self._values else f"{key} is missing")
        return next(iter(kind))

    def tables(self, key: str, known: frozenset[str]) -> "list[_Table]":
        value = self._values.get(key, [])
        if not isinstance(value, list) or len(value) > _MOST:
            self.fault(key, f"{key} must be a list of tables, at most {_MOST}")
            return []
        kind, index, _ = self._place
        found = [_Table(self._reader, item, kind, index, f"{key} {number + 1}") for number, item in enumerate(value)]
        for table in found:
            table.refuse_unknown(known)
        return found


_Choice = TypeVar("_Choice", IndicatorKind, Presence, Strength)

_HEADER = re.compile(r"\s*(\[\[?)\s*([\w-]+)\s*\]")
_KEY = re.compile(r"\s*([\w-]+)\s*=\s*(\[?)")
_ITEM = re.compile(r"\s*\{")


def _lines(text: str) -> dict[tuple[str, int, str], int]:
    """Return where tables, keys and the tables in lists stand: TOML's parser does not say."""
    lines: dict[tuple[str, int, str], int] = {}
    counts: dict[str, int] = {}
    kind, index, key, items = "", 0, "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            kind = header[2]
            index = counts.get(kind, -1) + 1 if header[1] == "[[" else 0
            counts[kind] = index
            lines.setdefault((kind, index, ""), number)
        elif found := _KEY.match(line):
            key, items = found[1], 0
            lines.setdefault((kind, index, key), number)
            for _ in re.finditer(r"\{", line[found.end() :]):
                items += 1
                lines.setdefault((kind, index, f"{key} {items}"), number)
        elif _ITEM.match(line):
            items += 1
            lines.setdefault((kind, index, f"{key} {items}"), number)
    return lines


def _line_of(error: Exception) -> int:
    match = re.search(r"\(at line (\d+)", str(error))
    return int(match[1]) if match else 1


LANGUAGE = Policy()
