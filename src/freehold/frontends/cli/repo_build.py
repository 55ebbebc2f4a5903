"""``freehold repo build``: the next release, out of signature files."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from freehold.frontends.cli import repo_options as shared
from freehold.model.errors import UsageError
from freehold.responses.wording import count_text, size_text

if TYPE_CHECKING:
    from freehold.updates.publish.building import Made, Wish
    from freehold.updates.publish.repository import Repository

_EXAMPLES = """\
Signature files are copied into the repository by their hash; the release is a function of their content alone, so
whoever has them can make it again, on another machine, at another time. The lists of 'repo overlay' are taken, too.
Without any of both, the signature files of the release before are taken. What is staged and not published is replaced.
ClamAV's containers are opened when they are rightly signed.

examples:
  freehold repo build ./repo /srv/rules main.ldb
  freehold repo build ./repo --revert 17            a stop: nobody may use release 17, all take this one at once
  freehold repo build ./repo /srv/rules --rings 1000@0 --published 2026-11-28T12:00:00Z
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    shared.add_repository(parser)
    parser.add_argument("sources", metavar="SRC", nargs="*", type=Path, help="signature files and folders of them")
    shared.add_times(parser)
    parser.add_argument("--urgent", action="store_true", help="nobody waits for a ring")
    parser.add_argument(
        "--revert",
        dest="reverts",
        action="append",
        default=[],
        type=int,
        metavar="N",
        help="nobody may use release N any more; may be repeated",
    )
    parser.add_argument("--new-epoch", action="store_true", help="begin a new base, whatever the sizes are")


def run(args: argparse.Namespace) -> int:
    """Build and stage a release."""
    from freehold.updates.publish import building
    from freehold.updates.publish.overlays import Overlay

    wish = building.Wish(
        published=args.published or building.now(),
        rings=args.rings,
        urgent=args.urgent,
        reverts=args.reverts,
        epoch=args.new_epoch or None,
    )
    repository = shared.opened(args)
    sources = list(args.sources)
    if Overlay(repository.folder).exists:
        sources.append(Overlay(repository.folder).folder)
    with repository.locked(), shared.shown() as progress, expanded(sources) as files:
        made = stage(repository, files, wish, progress)
    show(args, repository, made)
    return 0


@contextmanager
def expanded(sources: list[Path]) -> Iterator[list[Path]]:
    """Give the signature files in folders and containers that releases carry; raises ``UsageError``."""
    from freehold.signatures.sources import signature_files
    from freehold.updates.content.entries import LANGUAGES

    with TemporaryDirectory(prefix="freehold-repo-") as scratch:
        files = []
        for path, label in signature_files(sources, Path(scratch)):
            if path.suffix.lower()[1:] in LANGUAGES:
                files.append(path)
            else:
                shared.tell(f"{label}: left out: releases carry no {path.suffix} files")
        yield files


def stage(repository: "Repository", files: list[Path], wish: "Wish", progress: Any) -> "Made":
    """Stage a release of these files, or of those of the release before."""
    from freehold.updates.publish import building

    staged = repository.staged_metadata(repository.feed)
    if staged is not None and staged.signatures:
        shared.tell("the release that was staged, with its signatures, is replaced")
    previous = repository.current()
    if files:
        sources = building.take_inputs(repository, files, progress)
    elif previous is not None:
        sources = list(building.plan_of(repository, previous).sources)
    else:
        raise UsageError("name signature files for the first release")
    return building.build(repository, sources, wish, progress)


def show(args: argparse.Namespace, repository: "Repository", made: "Made") -> None:
    """Say what was built."""
    release, step = made.release, made.step
    sizes = packed_sizes(repository, made)
    facts = {
        "seq": release.seq,
        "epoch": release.epoch,
        "state": release.state,
        "counts": release.counts,
        "added": len(step.added),
        "removed": len(step.removed),
        "published": release.published,
        "inputs": release.inputs,
        "bytes": sizes,
    }
    total = count_text(sum(release.counts.values()), "signature")
    lines = [
        f"release {release.seq}: {total}, {len(step.added):,} added, {len(step.removed):,} removed",
        f"  state root {release.state}",
        *(f"  {size_text(size):>9}  {name}" for name, size in sizes.items()),
        f"Next: freehold repo gate {repository.folder}, then freehold repo sign {repository.folder} --key FILE",
    ]
    shared.answer(args, facts, lines)


def packed_sizes(repository: "Repository", made: "Made") -> dict[str, int]:
    """Return how many bytes each new file of a release has, as clients fetch it."""
    targets = repository.newest(repository.feed).signed.targets  # type: ignore[union-attr]
    return {name: targets[name].length for name in made.contents}
