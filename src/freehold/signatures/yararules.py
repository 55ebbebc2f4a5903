"""Compiling all YARA sources of one segment together."""

import contextlib
import io
import re

import yara_x

from freehold.model.signature import Rejected, YaraSource

_RULE = re.compile(r"^[ \t]*(?:(?:private|global)[ \t]+)*rule[ \t]+(\w+)", re.MULTILINE | re.ASCII)


class YaraRules:
    """Collects sources; rules that YARA-X cannot honour are left out one by one.

    Attributes:
        lines: the line of each rule, by source and name.
        count: rules that were compiled; known after ``compile``.
    """

    def __init__(self) -> None:
        self._compiler = yara_x.Compiler(includes_enabled=False)
        self._compiler.ignore_invalid_rules(True)
        self.lines: dict[str, dict[str, int]] = {}
        self.count = 0

    def add(self, source: YaraSource) -> list[Rejected]:
        """Take one source, in a namespace of its own, and return what could not be honoured."""
        known = len(self._compiler.errors())
        self._compiler.new_namespace(source.source)
        with contextlib.suppress(yara_x.CompileError):
            self._compiler.add_source(source.text, origin=source.source)
        self.lines.setdefault(source.source, {}).update(_lines_of_rules(source.text))
        return [Rejected(source.source, e.get("line", 1), e["title"]) for e in self._compiler.errors()[known:]]

    def compile(self) -> bytes:
        """Return the compiled rules, as ``yara_x.Rules.deserialize_from`` takes them."""
        rules = self._compiler.build()
        self.count = sum(1 for _ in rules)
        buffer = io.BytesIO()
        rules.serialize_into(buffer)
        return buffer.getvalue()


def _lines_of_rules(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    line, position = 1, 0
    for match in _RULE.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        lines[match[1]] = line
    return lines
