"""The options of a scan that say what is done with what it finds."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.model.errors import UsageError

if TYPE_CHECKING:
    from freehold.service.concluding import Consequences
    from freehold.service.lists.judging import Lists
    from freehold.service.quarantining import Breaker, Quarantine

_USUAL = "25,20"


def add_arguments(group: "argparse._ArgumentGroup") -> None:
    """Add the options."""
    group.add_argument(
        "--quarantine", action="store_true", help="take infected files away; 'freehold quarantine' puts them back"
    )
    group.add_argument(
        "--lists", type=Path, metavar="FILE", help="what is allowed and denied (default: see 'freehold list --help')"
    )
    group.add_argument("--vault", type=Path, metavar="DIR", help="where to (default: your own quarantine)")
    group.add_argument(
        "--breaker",
        metavar="FILES[,PERCENT]|off",
        help="take nothing for a signature that hits more files, or more than this share of all files "
        f"(default: {_USUAL}); off: take every file as soon as it is found, also those of packages",
    )


def open_quarantine(args: argparse.Namespace, examined: Callable[[], int]) -> "Quarantine | None":
    """Return what takes files away, None when nothing does; raises ``UsageError``.

    Args:
        args: of the scan.
        examined: returns how many files have been reported so far.
    """
    if not args.quarantine:
        if args.vault or args.breaker:
            raise UsageError("--vault and --breaker say how files are taken away: they need --quarantine")
        return None
    from freehold.responses.quarantine.vault import Vault, home
    from freehold.service.quarantining import Quarantine

    vault = Vault(args.vault or home())
    with vault.locked():  # what is wrong with it is told before the scan
        return Quarantine(vault, _breaker(args.breaker or _USUAL), examined)


def open_consequences(args: argparse.Namespace) -> "Consequences":
    """Return what a service does with what it finds; raises ``UsageError``."""
    from freehold.service.concluding import Consequences

    lists = open_lists(args)
    quarantine = open_quarantine(args, lambda: 0)
    return Consequences(lists, quarantine.vault, quarantine.breaker) if quarantine else Consequences(lists)


def open_lists(args: argparse.Namespace) -> "Lists | None":
    """Return what is allowed and denied, None when there is no list; raises ``UsageError``."""
    files = lists_files(args)
    if not files:
        return None
    from freehold.service.lists import reading
    from freehold.service.lists.judging import Lists

    return Lists(reading.entries(files), all_matches=getattr(args, "all_matches", False))


def lists_files(args: argparse.Namespace) -> list[Path]:
    """Return the files that say what is allowed and denied."""
    from freehold.service.lists import places

    return [args.lists] if args.lists else places.usual_files()


def _breaker(text: str) -> "Breaker | None":
    from freehold.service.quarantining import Breaker

    if text == "off":
        return None
    match = re.fullmatch(r"([0-9]{1,6})(?:,([0-9]{1,2}|100)%?)?", text)
    if not match:
        raise UsageError(f"'{text}' is no breaker; write a number of files, like 25, or 25,20 with a share, or off")
    return Breaker(int(match[1]), int(match[2]) / 100) if match[2] else Breaker(int(match[1]))
