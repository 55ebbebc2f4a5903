"""Freehold's own packs of rules: TOML.

A pack has a head and rules, and each rule says what it looks for and why::

    [pack]                             # may be left out
    name = "example"
    version = "1"
    description = "What is in here."

    [[rule]]
    name = "Example.Rule"
    looks_for = "One sentence for people."
    why = "Why this is bad."
    category = "test"
    severity = "high"                  # low, medium, high, critical
    verdict = "suspicious"             # left out: infected
    targets = ["text", "html"]         # names of model.filetype.Target; left out: any
    references = ["T1059"]             # ATT&CK techniques, https addresses
    maximum_size = 100000              # bytes; left out: no bound
    condition = "any of them"
    [rule.patterns]
    a = { text = "abc", nocase = true, wide = true }
    b = { regex = 'x.{0,9}y' }
    c = { hex = "4D 5A ?? [2-4] 50" }

    [[hash]]
    name = "Example.File"
    sha256 = "…"                       # or sha1, md5
    size = 68                          # left out: any size
    category = "test"

Regular expressions are Hyperscan's, ``.`` matches line ends too, and their matches are bounded in length (``.{0,80}``,
not ``.*``). ``wide`` adds the UTF-16LE form of a text; ``fullword`` asks for word boundaries around it.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from freehold.model.errors import MalformedInput
from freehold.model.filetype import Target
from freehold.model.report import Verdict
from freehold.model.signature import About, Expression, HashSignature, PatternSignature, Rejected
from freehold.model.suggestion import suggestion
from freehold.signatures.condition import parse_condition
from freehold.signatures.hexpattern import regex_of_hex

_PACK_KEYS = frozenset({"name", "version", "description"})
_ABOUT_KEYS = frozenset({"name", "looks_for", "why", "category", "severity", "verdict", "references"})
_RULE_KEYS = _ABOUT_KEYS | {"targets", "maximum_size", "condition", "patterns"}
_ALGORITHMS = {"md5": 16, "sha1": 20, "sha256": 32}
_HASH_KEYS = _ABOUT_KEYS | {"size"} | set(_ALGORITHMS)
_PATTERN_KEYS = frozenset({"text", "regex", "hex", "nocase", "wide", "fullword"})
_VERDICTS = {"infected": Verdict.INFECTED, "suspicious": Verdict.SUSPICIOUS}
_SEVERITIES = frozenset({"", "low", "medium", "high", "critical"})
_TARGETS = {target.name.lower(): target for target in Target}
_REFERENCE = re.compile(r"T\d{4}(?:\.\d{3})?|https://\S+")
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PATTERNS = 64


class Pack:
    """The language of ``.toml`` files."""

    name = "pack"
    suffixes = frozenset({".toml"})

    def parse(self, text: bytes, source: str) -> Iterator[HashSignature | PatternSignature | Rejected]:
        """Yield one signature or one rejection for each rule and hash."""
        try:
            document = tomllib.loads(text.decode("utf-8"))
            _check_keys(document, frozenset({"pack", "rule", "hash"}), "the file")
            _check_keys(_table(document.get("pack", {}), "[pack]"), _PACK_KEYS, "[pack]")
            rules, hashes = _tables(document, "rule"), _tables(document, "hash")
        except (MalformedInput, ValueError, RecursionError) as error:
            yield Rejected(source, _line_of(error), str(error))
            return
        for kind, entries, parse in (("rule", rules, _rule), ("hash", hashes, _hash)):
            lines = _header_lines(text, kind)
            for number, entry in enumerate(entries):
                line = lines[number] if len(lines) == len(entries) else 1
                try:
                    yield parse(entry, f"{source}:{line}")
                except MalformedInput as error:
                    name = entry.get("name", "") if isinstance(entry, dict) else ""
                    yield Rejected(source, line, f"{kind} {name}: {error}")


def _rule(entry: Any, source: str) -> PatternSignature:
    rule = _table(entry, "a rule")
    _check_keys(rule, _RULE_KEYS, "the rule")
    patterns = _table(rule.get("patterns"), "[rule.patterns]")
    if not 1 <= len(patterns) <= _PATTERNS:
        raise MalformedInput(f"1 to {_PATTERNS} patterns expected, {len(patterns)} found")
    expressions = tuple(_expression(name, _table(value, name)) for name, value in patterns.items())
    maximum_size = rule.get("maximum_size")
    if maximum_size is not None and (type(maximum_size) is not int or maximum_size < 1):
        raise MalformedInput("maximum_size must be a number of bytes")
    return PatternSignature(
        about=_about(rule, source),
        targets=_targets(rule.get("targets", ["any"])),
        patterns=expressions,
        condition=parse_condition(_text(rule, "condition"), list(patterns)),
        maximum_size=maximum_size,
    )


def _hash(entry: Any, source: str) -> HashSignature:
    table = _table(entry, "a hash")
    _check_keys(table, _HASH_KEYS, "the hash")
    algorithm = _only_key(table, tuple(_ALGORITHMS))
    try:
        digest = bytes.fromhex(_text(table, algorithm))
    except ValueError as error:
        raise MalformedInput(f"{algorithm} is not hexadecimal") from error
    if len(digest) != _ALGORITHMS[algorithm]:
        raise MalformedInput(f"{algorithm} has {_ALGORITHMS[algorithm] * 2} digits")
    size = table.get("size")
    if size is not None and (type(size) is not int or not 0 <= size < 1 << 63):
        raise MalformedInput("size must be a number of bytes")
    return HashSignature(_about(table, source), algorithm, digest, size)


def _about(table: dict[str, Any], source: str) -> About:
    verdict = _VERDICTS.get(_text(table, "verdict", "infected"))
    if verdict is None:
        raise MalformedInput(f"verdict must be one of {', '.join(_VERDICTS)}")
    severity = _text(table, "severity", "")
    if severity not in _SEVERITIES:
        raise MalformedInput("severity must be low, medium, high or critical")
    references = table.get("references", [])
    if not isinstance(references, list):
        raise MalformedInput("references must be a list")
    for reference in references:
        if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
            raise MalformedInput(
                f"reference {reference!r} is neither an ATT&CK technique (T1059.004) nor an https address"
            )
    _text(table, "why", "")
    return About(
        name=_text(table, "name"),
        source=source,
        category=_text(table, "category", ""),
        verdict=verdict,
        description=_text(table, "looks_for", ""),
        severity=severity,
        references=tuple(references),
    )


def _targets(names: Any) -> tuple[Target, ...]:
    if not isinstance(names, list) or not names:
        raise MalformedInput("targets must be a list of names")
    for name in names:
        if name not in _TARGETS:
            raise MalformedInput(f"there is no target {name!r}{suggestion(str(name), _TARGETS)}")
    return tuple(sorted({_TARGETS[name] for name in names}))


def _expression(name: str, pattern: dict[str, Any]) -> Expression:
    if not _NAME.fullmatch(name):
        raise MalformedInput(f"pattern {name!r}: a name has letters, digits and underscores")
    try:
        _check_keys(pattern, _PATTERN_KEYS, "the pattern")
        kind = _only_key(pattern, ("text", "regex", "hex"))
        nocase, wide, fullword = (_flag(pattern, flag) for flag in ("nocase", "wide", "fullword"))
        content = _text(pattern, kind)
        if kind == "text":
            return Expression(_regex_of_text(content, wide=wide, fullword=fullword), nocase=nocase)
        _refuse(wide or fullword, "wide and fullword are for texts")
        return Expression(regex_of_hex(content) if kind == "hex" else content.encode(), nocase=nocase)
    except MalformedInput as error:
        raise MalformedInput(f"pattern {name}: {error}") from error


def _regex_of_text(text: str, *, wide: bool, fullword: bool) -> bytes:
    narrow = _literal(text.encode())
    if fullword:
        if wide:
            raise MalformedInput("fullword and wide exclude each other")
        if not re.fullmatch(r"\w(?:.*\w)?", text, re.ASCII | re.DOTALL):
            raise MalformedInput("fullword needs a text that begins and ends with a letter, digit or underscore")
        return rb"\b" + narrow + rb"\b"
    return b"(?:%s|%s)" % (narrow, _literal(text.encode("utf-16-le"))) if wide else narrow


def _literal(data: bytes) -> bytes:
    return b"".join(bytes([byte]) if chr(byte).isalnum() and byte < 128 else b"\\x%02x" % byte for byte in data)


def _only_key(table: dict[str, Any], keys: tuple[str, ...]) -> str:
    given = [key for key in keys if key in table]
    _refuse(len(given) != 1, f"exactly one of {', '.join(keys)} expected")
    return given[0]


def _refuse(condition: bool, reason: str) -> None:
    if condition:
        raise MalformedInput(reason)


def _check_keys(table: dict[str, Any], known: frozenset[str] | set[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise MalformedInput(f"{where} has an unknown key {key!r}{suggestion(key, known)}")


def _table(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedInput(f"{what} must be a table")
    return value


def _tables(document: dict[str, Any], key: str) -> list[Any]:
    value = document.get(key, [])
    if not isinstance(value, list):
        raise MalformedInput(f"write [[{key}]], not [{key}]")
    return value


def _text(table: dict[str, Any], key: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or (default is None and not value):
        raise MalformedInput(f"{key} must be a text" if key in table else f"{key} is missing")
    return value


def _flag(table: dict[str, Any], key: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise MalformedInput(f"{key} must be true or false")
    return value


def _header_lines(text: bytes, kind: str) -> list[int]:
    header = re.compile(rb"\s*\[\[\s*" + kind.encode() + rb"\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), 1) if header.match(line)]


def _line_of(error: Exception) -> int:
    match = re.search(r"\(at line (\d+)", str(error))
    return int(match[1]) if match else 1


LANGUAGE = Pack()
