"""Which listed entities the name of a supplier is close to, and why; whether it is one of them, a person must say.

Names are transliterated, company forms are left out, words are compared in any order. What words are common stands in
``company_words.tsv``.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from freehold.model.errors import UsageError
from freehold.model.policy import Entity, PolicySet

LONGEST = 500
"""Characters of a name that are compared."""

THRESHOLD = 75
"""Scores from here on are shown unless the user wants others."""

_CLOSE = 85.0
"""From here on two words may be one, written or transliterated in different ways."""

_JOINED = 92.0
_SHORT = 4
"""Words up to so many letters must be the same: ZTE is not ZTT."""

_LISTED_SHARE = 0.75
"""What counts more is how much of the listed name is there."""

_COMMON = 0.25
_ENDINGS = re.compile(r"(?<=\w{4})(?:ogo|omu|iy|yy|aya|oy|im|om)$")
_INSIDE = re.compile(r"(?<=\w)[.'\u2019]")
"""Dots and apostrophes of abbreviations and names: ``A.G.``, ``O'Neill``."""

_TABLE = Path(__file__).with_name("company_words.tsv")


class Match(NamedTuple):
    """A listed entity that a name is close to.

    Attributes:
        entity: it.
        listed: the name or alias that is closest.
        score: 0 to 100; 100 when the names are the same but for their forms.
        reasons: a sentence each.
    """

    entity: Entity
    listed: str
    score: int
    reasons: tuple[str, ...]


class _Name(NamedTuple):
    text: str
    words: tuple[str, ...]
    forms: tuple[str, ...]


def screen(policies: PolicySet, name: str, threshold: int = THRESHOLD) -> list[Match]:
    """Return the entities that a name is close to, the closest first.

    Raises:
        UsageError: the libraries for it are not installed.
    """
    supplier = _read(name[:LONGEST])
    best = (
        max(
            (_compare(supplier, entity, text) for text in (entity.name, *entity.aliases)), key=lambda match: match.score
        )
        for entity in policies.entities
    )
    return sorted((match for match in best if match.score >= threshold), key=_score, reverse=True)


def _score(match: Match) -> int:
    return match.score


def _compare(supplier: _Name, entity: Entity, text: str) -> Match:
    listed = _read(text)
    pairs = dict(_pairs(supplier.words, listed.words))
    back = {theirs: (ours, ratio) for ours, (theirs, ratio) in pairs.items()}
    score = _LISTED_SHARE * _share(listed.words, back) + (1 - _LISTED_SHARE) * _share(supplier.words, pairs)
    joined = _ratio("".join(supplier.words), "".join(listed.words))
    if len(supplier.words) != len(listed.words) and joined >= _JOINED and joined / 100 > score:
        reasons = ("the words are written together or apart", *_general(supplier, listed))
        return Match(entity, text, int(joined), reasons)
    return Match(entity, text, int(100 * score), tuple(_reasons(supplier, listed, pairs)))


def _pairs(ours: tuple[str, ...], theirs: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, float]]]:
    """Yield words of one name with those of the other that are close, the closest first, each once."""
    scored = sorted(((_ratio(a, b), a, b) for a in ours for b in theirs), reverse=True)
    used: set[str] = set()
    for ratio, a, b in scored:
        if ratio >= _CLOSE and a not in used and f" {b}" not in used:
            used |= {a, f" {b}"}
            yield a, (b, ratio)


def _share(words: tuple[str, ...], pairs: dict[str, tuple[str, float]]) -> float:
    """Return how much of a name has its like in the other one, by letters."""
    whole = sum(map(_weight, words))
    there = sum(_weight(word) * pairs[word][1] / 100 for word in words if word in pairs)
    return there / whole if whole else 0.0


def _reasons(supplier: _Name, listed: _Name, pairs: dict[str, tuple[str, float]]) -> Iterator[str]:
    if supplier.words == listed.words:
        yield "the names are the same"
    elif sorted(supplier.words) == sorted(listed.words):
        yield "the words are the same, in another order"
    else:
        for ours, (theirs, ratio) in pairs.items():
            yield f"'{ours}' is in both" if ours == theirs else f"'{ours}' is close to '{theirs}' ({int(ratio)})"
        for words, whose in ((supplier.words, "the supplier's"), (listed.words, "the listed")):
            matched = pairs if whose != "the listed" else {theirs for theirs, _ in pairs.values()}
            if only := [word for word in words if word not in matched]:
                yield f"only in {whose} name: {', '.join(only)}"
    yield from _general(supplier, listed)


def _general(supplier: _Name, listed: _Name) -> Iterator[str]:
    if not supplier.text.isascii():
        yield f"transliterated: {' '.join((*supplier.forms, *supplier.words))}"
    if supplier.forms != listed.forms:
        yield f"forms left out: {', '.join(supplier.forms) or 'none'} and {', '.join(listed.forms) or 'none'}"


@lru_cache(maxsize=4096)
def _read(text: str) -> _Name:
    words: list[str] = []
    forms: list[str] = []
    table = _table()
    plain = unicodedata.normalize("NFKC", text)
    for part in re.findall(r"\w+", re.sub(_INSIDE, "", plain)):
        latin = re.sub(r"\W+", "", _transliterate(part)).casefold()
        kind, meaning = table.get(latin, ("", ""))
        if kind == "form":
            forms.append(latin)
        elif kind == "same":
            words.append(meaning)
        elif latin:
            is_slavic = "CYRILLIC" in unicodedata.name(part[0], "")
            words.append(_ENDINGS.sub("", latin) if is_slavic and kind != "common" else latin)
    return _Name(text, tuple(words), tuple(forms))


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[str, str]]:
    rows = (line.split("\t") for line in _TABLE.read_text("utf-8").splitlines() if not line.startswith("#"))
    return {word: (kind, meaning) for kind, word, meaning in rows}


def _weight(word: str) -> float:
    return len(word) * (_COMMON if _table().get(word, ("", ""))[0] == "common" else 1.0)


def _ratio(one: str, other: str) -> float:
    if one == other:
        return 100.0 if one else 0.0
    if min(len(one), len(other)) <= _SHORT:
        return 0.0
    try:
        from rapidfuzz.fuzz import ratio
    except ImportError as error:
        raise _missing() from error
    return float(ratio(one, other))


def _transliterate(text: str) -> str:
    if text.isascii():
        return text
    try:
        from anyascii import anyascii
    except ImportError as error:
        raise _missing() from error
    return anyascii(text)


def _missing() -> UsageError:
    return UsageError("screening needs libraries that are not installed: pip install 'freehold[screen]'")
