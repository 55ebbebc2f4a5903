"""What Freehold's HTML pages share: one template engine, one style sheet, no script, nothing loaded.

Everything that comes from files is escaped twice over: by the template engine for HTML, and by ``printable`` for
readers. The content security policy allows the page's own style sheet, by its hash, and nothing else.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, TextIO

import jinja2

from freehold.model.report import Verdict
from freehold.responses.wording import count_text, printable, seconds_text, size_text

TEXT_LENGTH = 1_000
"""Characters of a name that a page shows; names come from strangers and may be of any length."""

BARS = 10
"""Bars of one chart; the rest is summed up in one more."""

_COLOURS = {
    Verdict.INFECTED: "bad",
    Verdict.SUSPICIOUS: "odd",
    Verdict.PROHIBITED: "barred",
    Verdict.INCOMPLETE: "open",
    Verdict.CLEAN: "good",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart; ``share`` is its length in per cent of the longest one."""

    label: str
    count: int
    share: float
    colour: str


def render(stream: TextIO, template: str, **values: Any) -> None:
    """Write a page from a template of this package."""
    style = resources.files(__package__).joinpath("report.css").read_text("utf-8")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("freehold.responses", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": shown, "size": size_text, "seconds": seconds_text, "counted": count_text}
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    stream.writelines(environment.get_template(template).generate(style=style, style_hash=digest, **values))
    stream.flush()


def shown(text: str) -> str:
    """Return text from a stranger, made printable and cut."""
    return printable(text if len(text) <= TEXT_LENGTH else text[:TEXT_LENGTH] + "…")


def shown_path(path: bytes) -> str:
    """Return a path, made printable and cut."""
    return shown(path.decode("utf-8", "surrogateescape"))


def colour(verdict: Verdict) -> str:
    """Return the style sheet's class for a verdict."""
    return _COLOURS[verdict]


def bars(counts: Mapping[str, int], tint: str) -> list[Bar]:
    """Return the bars of a chart, the longest first."""
    ranked = Counter(counts).most_common()
    rest = sum(count for _, count in ranked[BARS:])
    ranked = ranked[:BARS] + ([("all others", rest)] if rest else [])
    longest = max((count for _, count in ranked), default=1)
    return [Bar(shown(label), count, max(100 * count / longest, 0.5), tint) for label, count in ranked]
