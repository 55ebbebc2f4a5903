"""``freehold repo revoke``: a release without certain signatures."""

import argparse
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from freehold.frontends.cli import repo_build
from freehold.frontends.cli import repo_options as shared
from freehold.model.errors import UsageError
from freehold.responses.wording import count_text

if TYPE_CHECKING:
    from freehold.updates.content.entries import Entry

_EXAMPLES = """\
Stages a release of the same sources without these signatures. It is urgent: no client waits for its ring. Later
releases leave them out, too, until 'repo revoke --restore'. In languages in which only whole files mean something
(YARA, packs), the file with the rule goes. Gate, sign and publish it like any release.

examples:
  freehold repo revoke ./repo Win.Trojan.Agent-12345
  freehold repo revoke ./repo d41d8cd98f00b204e9800998ecf8427e:0:Win.Bad-1      a signature's own text
  freehold repo revoke ./repo --restore 8c1f…                                  a tombstone, 32 digits
"""

_TOMBSTONE = re.compile(r"[0-9a-f]{32}(?:[0-9a-f]{32})?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    shared.add_repository(parser)
    parser.add_argument(
        "signatures",
        metavar="SIGNATURE",
        nargs="*",
        help="name, text, or id (64 digits) of a signature that is released",
    )
    parser.add_argument(
        "--restore", action="append", default=[], metavar="TOMBSTONE", help="revoke no more what has this tombstone"
    )
    parser.add_argument("--published", type=shared.moment, metavar="TIME", help="as for 'repo build'")


def run(args: argparse.Namespace) -> int:
    """Stage a release without some signatures; raises ``UsageError`` when there are no such ones."""
    from freehold.updates.content.entries import tombstone
    from freehold.updates.publish import building
    from freehold.updates.publish.history import History

    if not args.signatures and not args.restore:
        raise UsageError("name the signatures that are to go")
    repository = shared.opened(args)
    current = repository.current()
    if current is None:
        raise UsageError("nothing is published yet, so nothing can be revoked")
    with repository.locked(), shared.shown() as progress:
        gone = list(_found(args.signatures, History(repository).state(current)))
        for entry in gone:
            shared.tell(f"revoked: {entry.language}: {entry.text[:100].decode('utf-8', 'replace')}")
        wish = building.Wish(
            published=args.published or building.now(),
            urgent=True,
            revoked=[tombstone(entry.id).hex() for entry in gone],
            restored=args.restore,
        )
        made = repo_build.stage(repository, [], wish, progress)
    shared.tell(f"{count_text(len(gone), 'signature')} revoked")
    repo_build.show(args, repository, made)
    return 0


def _found(wanted: Iterable[str], state: "Iterable[Entry]") -> "Iterable[Entry]":
    """Yield the entries of these signatures; raises ``UsageError`` for one that is not released."""
    entries = list(state)
    for text in wanted:
        found = [entry for entry in entries if _is(entry, text)]
        if not found:
            raise UsageError(f"there is no signature '{text}' in the release; the name must be whole")
        yield from found


def _is(entry: "Entry", text: str) -> bool:
    """Whether an entry is what somebody calls so."""
    needle = text.encode("utf-8", "surrogateescape")
    if entry.text == needle or (_TOMBSTONE.fullmatch(text) and entry.id.hex().startswith(text)):
        return True
    return needle in entry.text and text in _names(entry)


def _names(entry: "Entry") -> set[str]:
    from freehold.model.signature import IgnoredSignature, PolicyPack, Rejected, YaraSource
    from freehold.signatures.registry import BY_SUFFIX

    names = set()
    for signature in BY_SUFFIX[f".{entry.language}"].parse(entry.text, f"x.{entry.language}"):
        if isinstance(signature, YaraSource):
            names.update(re.findall(r"\brule\s+(\w+)", signature.text))
        elif isinstance(signature, IgnoredSignature):
            names.add(signature.name)
        elif isinstance(signature, PolicyPack):
            names.update(product.identifier for product in signature.products)
        elif not isinstance(signature, Rejected) and hasattr(signature, "about"):
            names.add(signature.about.name)
    return names
