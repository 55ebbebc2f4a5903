"""The page that people see instead of what was blocked: a template with ``$`` placeholders."""

import html
from pathlib import Path
from string import Template

from freehold.frontends.judgement import Judgement, Outcome
from freehold.model.errors import UsageError
from freehold.responses.wording import printable_path

LARGEST = 256 * 1024
"""Bytes of a template, at most."""

USUAL = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))

_WORDS = {
    Outcome.FOUND: ("Blocked: malicious content", "The content at this address was found to be malicious."),
    Outcome.INCOMPLETE: (
        "Blocked: it could not be examined",
        "The content at this address could not be examined completely, so nobody can say that it is harmless.",
    ),
    Outcome.FAILED: (
        "Blocked: the examination failed",
        "The content at this address could not be examined because of a failure. Trying again later may help.",
    ),
}


def load(path: Path) -> Template:
    """Read a template of somebody's own; raises ``UsageError`` when it cannot be used."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
        template = Template(text.decode("utf-8"))
        render(template, Judgement(Outcome.CLEAN), b"", "")
    except OSError as error:
        raise UsageError(f"cannot read the page: {error.strerror}: {path}") from error
    except (KeyError, ValueError) as error:
        names = "$title, $explanation, $url, $reason, $version, and $$ for a dollar sign"
        raise UsageError(f"{path}: {error}: a page is UTF-8 text with the placeholders {names}") from error
    if len(text) > LARGEST:
        raise UsageError(f"{path} is longer than {LARGEST} bytes")
    return template


def render(template: Template, judgement: Judgement, url: bytes, version: str) -> bytes:
    """Fill in a template; what comes from strangers is escaped. Raises ``KeyError`` for an unknown placeholder."""
    title, explanation = _WORDS.get(judgement.outcome, ("", ""))
    facts = {
        "title": title,
        "explanation": explanation,
        "url": printable_path(url),
        "reason": judgement.name or judgement.detail,
        "version": version,
    }
    return template.substitute({name: html.escape(text) for name, text in facts.items()}).encode()
