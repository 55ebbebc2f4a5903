"""ClamAV's files that Freehold does not act on: each signature in them is reported, with the reason, and counted."""

from collections.abc import Iterator
from pathlib import PurePath

from freehold.model.signature import Rejected
from freehold.signatures.clamav.lines import lines

_REASONS = {
    ".cbc": "bytecode is not supported: signatures are data, never code",
    ".cfg": "settings of ClamAV's engine do not apply to Freehold",
    ".ftm": "definitions of file types are not supported: Freehold has its own",
    ".ioc": "OpenIOC is not supported",
}

_WHOLE_FILES = frozenset({".cbc", ".ioc"})


class ClamavOther:
    """Knows the files by their names and says why they do not count."""

    name = "clamav-other"
    suffixes = frozenset(_REASONS)

    def parse(self, text: bytes, source: str) -> Iterator[Rejected]:
        """Yield a ``Rejected`` for each signature: a line, or the whole file where it holds but one."""
        suffix = PurePath(source).suffix.lower()
        reason = _REASONS[suffix]
        if suffix in _WHOLE_FILES:
            yield Rejected(source, 1, reason)
            return
        for number, _ in lines(text):
            yield Rejected(source, number, reason)


LANGUAGE = ClamavOther()
