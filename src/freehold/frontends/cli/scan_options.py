"""The options of ``freehold scan``."""

import argparse
import os
from typing import Any

from freehold.frontends.cli import aftermath, options, responding
from freehold.service.walk import WalkOptions

FORMATS = ("text", "jsonl", "sarif", "html")

MOST_JOBS = 256

_EXAMPLES = """\
exit status:
  0 all clean, 1 something found, 2 something could not be examined and nothing found,
  3 or higher: usage or internal errors, 130 interrupted

examples:
  freehold scan ~/Downloads
  freehold scan --format html --output report.html /srv
  freehold scan --format jsonl /home | jq -r 'select(.verdict == "infected") | .path'
  freehold scan --database /var/lib/clamav --exclude 'node_modules/' --exclude '*.iso' .
  git ls-files -z | freehold scan --files-from - -0
  curl -s https://host.example/file | freehold scan --stdin
  freehold scan --quarantine /srv/upload        and then: freehold quarantine list
  freehold scan --resume                        go on with the last scan that was interrupted
  freehold scan --quick
  freehold scan oci:image.tar                   a container image, layer by layer
  freehold scan --io-idle --cpu-limit 50 /      in the background
  freehold scan --memory                        every process; --memory 4711 for one
  freehold scan --changed-since 7d /home
  freehold scan --packages /usr /opt
  freehold scan --full /srv                     examine known files, too
  freehold scan --policy kaspersky /opt /srv    files of prohibited products, too
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="files, and folders with everything below them; oci:PATH for a container image",
    )
    parser.add_argument("--stdin", action="store_true", help="examine what comes through standard input")
    parser.add_argument("--files-from", metavar="FILE", help="read paths from FILE, one a line; '-' for standard input")
    parser.add_argument("-0", "--null", action="store_true", help="paths in --files-from end with a NUL byte")
    parser.add_argument(
        "--memory",
        nargs="*",
        type=_process,
        metavar="PID",
        help="examine the memory of these processes, or of all that you may look at",
    )
    _add_walk_arguments(parser.add_argument_group("what is examined"))
    _add_memory_arguments(parser.add_argument_group("what is known already"))
    _add_report_arguments(parser.add_argument_group("report"))
    responding.add_arguments(parser.add_argument_group("what is done with what is found"))
    parser.add_argument("--all-matches", action="store_true", help="go on after the first detection in a file")
    parser.add_argument("--jobs", type=_jobs, metavar="N", help="workers at the same time (default: one for each core)")
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="PACK|FILE",
        help="report files of prohibited products, too, as 'prohibited': packs as 'freehold policy list' names them, "
        "or files; may be repeated (default: none)",
    )
    _add_manners_arguments(parser.add_argument_group("consideration for others"))
    parser.add_argument(
        "--prove",
        action="store_true",
        help="use pipes only, so that 'strace -f -e trace=%%network' shows that there is no network call at all",
    )
    aftermath.add_arguments(parser)
    options.add_examination(parser)
    options.add_unwanted(parser)


def walk_options(args: argparse.Namespace) -> WalkOptions:
    """Return what the options say about the walk."""
    return WalkOptions(
        exclude=tuple(args.exclude),
        one_file_system=args.one_file_system,
        follow_symlinks=args.follow_symlinks,
        maximum_size=args.max_size,
        changed_since=args.changed_since,
    )


DECISIVE = (
    *("paths", "exclude", "one_file_system", "follow_symlinks", "max_size", "all_matches", "database"),
    *("quick", "changed_since", "packages", "detect_pua", "policy"),
    *("max_depth", "max_artifacts", "max_unpacked", "max_ratio", "timeout", "max_memory"),
)
"""The options that decide on what is examined, and on the verdicts."""


def decisive(args: argparse.Namespace) -> dict[str, Any]:
    """Return the values of ``DECISIVE`` as JSON values, paths absolute."""
    values = {name: getattr(args, name) for name in DECISIVE}
    for name in ("paths", "database"):
        values[name] = [os.path.abspath(path) for path in values[name]]  # noqa: PTH100 - links stay as they are
    if args.policy:
        from freehold.signatures import policies

        values["policy"] = [str(path.absolute()) for path in policies.find(args.policy)]
    return values


def _add_walk_arguments(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave out what matches; gitignore syntax, relative to each PATH; may be repeated",
    )
    group.add_argument("--one-file-system", action="store_true", help="do not enter other file systems")
    group.add_argument("--follow-symlinks", action="store_true", help="open what symbolic links point to")
    group.add_argument(
        "--max-size", type=options.size, metavar="SIZE", help="report larger files as not examined (default: no bound)"
    )
    group.add_argument(
        "--quick",
        action="store_true",
        help="examine what runs, what starts by itself, web roots, temporary files, and programs changed within a week",
    )
    group.add_argument(
        "--changed-since",
        type=_since,
        metavar="TIME",
        help="leave out files that have not changed since: 2026-05-01, 2026-05-01T12:30, 45m, 12h, 7d",
    )
    group.add_argument(
        "--packages",
        action="store_true",
        help="leave out files that are as the distribution's packages (dpkg, rpm) brought them, by digest",
    )
    group.add_argument("-r", "--recursive", action="store_true", help="has no effect: folders are always entered")


def _add_memory_arguments(group: "argparse._ArgumentGroup") -> None:
    known = group.add_mutually_exclusive_group()
    known.add_argument(
        "--no-cache",
        action="store_true",
        help="neither use nor remember verdicts (default: a file in a folder that is unchanged since it was found "
        "clean with the same signatures is not examined again)",
    )
    group.add_argument(
        "--resume",
        action="store_true",
        help="go on with a scan that was interrupted or killed: the last, or the one with these PATHs and options",
    )
    known.add_argument("--full", action="store_true", help="examine every file, and remember the verdicts anew")


def _add_manners_arguments(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--cpu-limit", type=_percent, metavar="PERCENT", help="use at most this share of all processors together"
    )
    group.add_argument(
        "--io-idle",
        action="store_true",
        help="yield to everything else: idle priority for processors and disks, and pauses while others have to wait",
    )


def _add_report_arguments(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--format", choices=FORMATS, default="text", help="default: %(default)s")
    group.add_argument("--output", metavar="FILE", help="write the report to FILE")
    group.add_argument("--quiet", action="store_true", help="text: findings and problems only, no summary, no progress")
    group.add_argument(
        "--progress", choices=("auto", "always", "never"), default="auto", help="a live bar (default: on a terminal)"
    )
    group.add_argument(
        "--clamscan-exit-codes", action="store_true", help="exit with 2 for every error, as clamscan does"
    )


def _percent(text: str) -> int:
    number = text.removesuffix("%")
    if not number.isascii() or not number.isdigit() or not 1 <= int(number) <= 100:
        raise argparse.ArgumentTypeError(f"'{text}' is not a percentage from 1 to 100")
    return int(number)


def _process(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 31:
        raise argparse.ArgumentTypeError(f"'{text}' is not the number of a process")
    return int(text)


def _since(text: str) -> int:
    """Read a point in time and return it in ns since the epoch."""
    from freehold.frontends.cli.moments import moment

    return int(moment(text) * 1e9)


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_JOBS:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to {MOST_JOBS}")
    return int(text)
