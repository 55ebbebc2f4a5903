"""``freehold repo status``: what a sceptical reader wants to see of a repository."""

import argparse
import dataclasses
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from freehold.frontends.cli.repo_origin import add_origin, named_root, opened, served_root
from freehold.frontends.cli.scan_output import output
from freehold.responses.wording import count_text, printable, seconds_text, size_text

if TYPE_CHECKING:
    from freehold.updates.monitoring.overview import Overview

_EXAMPLES = """\
Verifies the repository as a client would, and shows who signs, what was released, how far the public log is and who
has witnessed it, in which rings clients take releases, and what an update weighs. The page of --html contains no
script and loads nothing.

Without --root or --root-sha256 the repository's own first root of trust is believed, and its SHA-256 is shown to be
compared with what the publisher says elsewhere.

exit status: 0 it is in order, 3 or higher: it is not, or usage or internal errors

examples:
  freehold repo status https://updates.example.org
  freehold repo status ./repo/public --html --output status.html
  freehold repo status https://updates.example.org --root-sha256 5f0c… --json | jq .log_size
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    add_origin(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--html", action="store_true", help="write one self-contained page")
    form.add_argument("--json", action="store_true", help="write one JSON object")
    parser.add_argument("--output", metavar="FILE", help="write to FILE instead of standard output")


def run(args: argparse.Namespace) -> int:
    """Show it."""
    with opened(args.origin) as (origin, _):
        from freehold.updates.monitoring import overview
        from freehold.updates.monitoring.repository import Repository

        root = named_root(args, origin) or served_root(origin)
        with Repository(origin, None, root) as repository:
            found = overview.take(repository)
    is_pinned = bool(args.root or args.root_sha256)
    with output(args.output) as stream:
        if args.html:
            _write_page(stream, found, is_pinned=is_pinned)
        elif args.json:
            json.dump(dataclasses.asdict(found) | {"pinned": is_pinned}, stream, indent=2)
            stream.write("\n")
        else:
            stream.writelines(f"{line}\n" for line in _lines(found, is_pinned=is_pinned))
    return 0


def _lines(found: "Overview", *, is_pinned: bool) -> Iterator[str]:
    release = found.release
    yield f"{printable(found.feed)} at {printable(found.origin)}" + (
        " (a demonstration: protects nothing)" * found.demo
    )
    yield ""
    yield f"release     {release.seq} of {_moment(release.published)}, {count_text(found.signatures, 'signature')}"
    yield f"            {', '.join(f'{count:,} {language}' for language, count in sorted(release.counts.items()))}"
    yield f"state root  {release.state}"
    yield f"rings       {'at once' if release.urgent else ', '.join(rings(found))}"
    yield f"log         {printable(found.log_origin)}, {found.log_size:,} entries"
    yield f"            root {found.log_root}"
    yield f"witnesses   {found.quorum}"
    for witness in found.witnesses:
        word = _age(found.taken - witness.time) if witness.time else "has not signed this head"
        yield f"            {printable(witness.name):<12} {word}"
    known = "as you named it" if is_pinned else "compare it with what the publisher says elsewhere"
    yield f"root        version {found.root_version}, SHA-256 {found.root_sha256} ({known})"
    for signers in found.signers:
        yield (
            f"            {printable(signers.role):<10} {signers.threshold} of {len(signers.holders)} "
            f"({', '.join(map(printable, signers.holders))}), until {_moment(signers.expires)}"
        )
    yield "updates     " + f"{'requests':>8}  bytes"
    for weight in found.weights:
        yield f"            {weight.requests:>8}  {size_text(weight.bytes):<9} {weight.what}"


def rings(found: "Overview") -> list[str]:
    """Return in words who takes a release when."""
    return [
        f"{share / 10:g} % " + (f"after {seconds_text(seconds)}" if seconds else "at once")
        for share, seconds in found.release.rings
    ]


def _write_page(stream: TextIO, found: "Overview", *, is_pinned: bool) -> None:
    from freehold import __version__
    from freehold.responses.page import Bar, render
    from freehold.responses.report_trend import Column, Series

    totals = [(one.release.seq, sum(one.release.counts.values())) for one in reversed(found.releases)]
    highest = max(total for _, total in totals)
    columns = tuple(Column(f"release {seq}", total, 100 * total / highest) for seq, total in totals)
    heaviest = 1.25 * max(weight.bytes for weight in found.weights)  # leaves room for the longest number
    render(
        stream,
        "repository.html.jinja",
        version=__version__,
        found=found,
        pinned=is_pinned,
        fresh=found.witnessed is not None and found.taken - found.witnessed < _STALE_SECONDS,
        rings=["at once"] if found.release.urgent else rings(found),
        chart=Series("Signatures in each release", "plain", columns),
        weights=[Bar(one.what, one.bytes, max(100 * one.bytes / heaviest, 0.5), "good") for one in found.weights],
        moment=_moment,
        age=lambda then: _age(found.taken - then),
        change=lambda count: "" if count is None else f"{count:+,}".replace("-", "\N{MINUS SIGN}"),
    )


_STALE_SECONDS = 24 * 3600


def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def _age(seconds: int) -> str:
    return f"{seconds_text(seconds)} ago" if seconds > 0 else "just now"
