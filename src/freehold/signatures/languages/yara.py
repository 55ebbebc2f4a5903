"""YARA rules, as YARA-X understands them.

The text is taken as it is (https://virustotal.github.io/yara-x/docs/). The compiler gives all sources to YARA-X
together, leaves out single rules that YARA-X cannot honour, and reports each of them. ``include`` is refused: a
signature file names no other files.
"""

from collections.abc import Iterator

from freehold.model.signature import Rejected, YaraSource


class Yara:
    """The language of ``.yar`` and ``.yara`` files."""

    name = "yara"
    suffixes = frozenset({".yar", ".yara"})

    def parse(self, text: bytes, source: str) -> Iterator[YaraSource | Rejected]:
        """Yield the whole source; YARA allows any bytes in comments, so what is not UTF-8 is replaced."""
        yield YaraSource(source, text.decode("utf-8", "replace"))


LANGUAGE = Yara()
