"""Rules of Freehold's packs and YARA rules in words."""

import io
import re
from collections.abc import Iterator

from freehold.model.filetype import Target
from freehold.model.signature import Expression, PatternSignature, YaraSource
from freehold.signatures.describe.bodies import exact_piece
from freehold.signatures.describe.conditions import condition_words
from freehold.signatures.describe.logical import TARGETS
from freehold.signatures.describe.numbers import count, listed
from freehold.signatures.describe.values import Described, Part, Piece

_LITERAL = re.compile(rb"(?:[A-Za-z0-9]|\\x[0-9a-f]{2})+")
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")

Facts = tuple[tuple[str, str], ...]


def describe_rule(rule: PatternSignature, facts: Facts) -> Described:
    """Return a rule of a pack in words; ``facts`` is what is known of any signature."""
    looked_at = ("looks at", listed([_looked_at(target) for target in rule.targets], "and"))
    size = (("size", f"up to {count(rule.maximum_size, 'byte')}"),) if rule.maximum_size is not None else ()
    parts = tuple(_pattern(number, expression) for number, expression in enumerate(rule.patterns, 1))
    return Described(
        rule.about.name,
        "rule of a pack",
        rule.about.source,
        (*facts, looked_at, *size),
        parts,
        condition_words(rule.condition),
    )


def _looked_at(target: Target) -> str:
    """Return a group of file types; rules of packs look at content as it is, never at a normal form."""
    return TARGETS[target].partition(" in normal form")[0].partition(" (")[0]


def _pattern(number: int, expression: Expression) -> Part:
    notes = ("letters match in either case",) if expression.nocase else ()
    if _LITERAL.fullmatch(expression.regex):
        exact = _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), expression.regex)
        return Part(str(number), "bytes", "anywhere", notes, (exact_piece(exact),))
    source = Piece("/" + expression.regex.decode("utf-8", "surrogateescape") + "/")
    return Part(str(number), "regular expression", "anywhere", notes, (source,))


def describe_yara(source: YaraSource) -> Iterator[Described]:
    """Yield what YARA-X knows of each rule of a source; rules that it refuses are left out."""
    import yara_x

    from freehold.signatures.yararules import YaraRules

    rules = YaraRules()
    rules.add(source)
    lines = rules.lines[source.source]
    for rule in yara_x.Rules.deserialize_from(io.BytesIO(rules.compile())):
        facts = [(str(name), str(value)) for name, value in rule.metadata]
        if rule.tags:
            facts.insert(0, ("tags", " ".join(rule.tags)))
        parts = tuple(Part(pattern.identifier, "pattern") for pattern in rule.patterns)
        place = f"{source.source}:{lines.get(rule.identifier, 1)}"
        yield Described(rule.identifier, "YARA rule", place, tuple(facts), parts)
