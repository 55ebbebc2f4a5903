"""``freehold config``: what is configured, and where each value comes from."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from freehold.frontends.cli import COMMANDS, Parser, command_parser, load_command
from freehold.frontends.cli.configuration import faults_of, read, settings_of
from freehold.model.errors import UsageError
from freehold.responses.wording import count_text, printable
from freehold.service import config
from freehold.service.config import Settings

_EXAMPLES = f"""\
A file has a table for each command, and in it the command's options without their dashes:

  [scan]
  exclude = ["node_modules/", "*.iso"]
  max-size = "4G"

{config.SYSTEM} counts first, then ~/.config/freehold/freehold.toml, then what --config names; an option on the
command line wins over all of them, and --no-OPTION undoes a setting that is true.

exit status: 0 all is well, 3 or higher: the configuration has faults

examples:
  freehold config show
  freehold config show --all --format json
  freehold config check ./freehold.toml
  freehold config import /etc/clamav/clamd.conf >> /etc/freehold/freehold.toml
  freehold scan --config ./freehold.toml /srv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="show|check|import")
    show = verbs.add_parser("show", help="show every value that is set, and where", description="Show the values.")
    show.add_argument("--all", action="store_true", help="show what is not set, too, with the built-in values")
    show.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    check = verbs.add_parser("check", help="check files before they count", description="Check configuration files.")
    bring = verbs.add_parser(
        "import",
        help="turn a clamd.conf into settings of [serve]",
        description="Print TOML for Freehold's configuration.",
    )
    bring.add_argument("file", type=Path, metavar="FILE", help="clamd's configuration")
    check.add_argument("files", nargs="*", metavar="FILE", help="by default those that count")


def run(args: argparse.Namespace) -> int:
    """Show, check or import."""
    if args.verb == "import":
        return _import(args.file)
    if args.verb == "check":
        return _check([Path(name) for name in args.files] or _counting(args))
    settings = config.load(_counting(args))
    _refuse_faults(settings)
    rows = [row for row in _rows(settings) if args.all or row.origin != _BUILT_IN]
    if args.format == "json":
        print(json.dumps([row._asdict() for row in rows], indent=2, default=str))
    else:
        print(*_lines(rows, settings), sep="\n")
    return 0


def _import(path: Path) -> int:
    """Print the settings, and on standard error what has no counterpart."""
    from freehold.frontends.clamd import importing

    imported = importing.read(config.read_own(path))
    print(f"# from {printable(str(path))}\n[serve]")
    for key, value in imported.settings.items():
        print(f"{key} = {json.dumps(value)}")
    for line in imported.left_out:
        print(f"{printable(f'{path}:{line}')}", file=sys.stderr)
    return 0


_BUILT_IN = "built in"


class _Row(NamedTuple):
    table: str
    key: str
    value: Any
    origin: str


def _counting(args: argparse.Namespace) -> list[Path]:
    return [*config.usual_files(), *map(Path, args.config)]


def _check(files: list[Path]) -> int:
    settings = config.load(files)
    _refuse_faults(settings)
    values = sum(len(table) for _, table in settings.tables())
    print(f"{count_text(len(files), 'file')}, {count_text(values, 'value')}: no fault")
    return 0


def _refuse_faults(settings: Settings) -> None:
    """Raise ``UsageError`` with all faults of all tables."""
    faults = [fault for name, parser in _parsers() for fault in faults_of(parser, name, settings)]
    for name, table in settings.tables():
        if name.partition(".")[0] not in COMMANDS:
            faults += [f"{value.origin}: there is no command '{name}' to configure" for value in table.values()]
    if faults:
        raise UsageError("\n".join(faults))


def _rows(settings: Settings) -> Iterator[_Row]:
    for name, parser in _parsers():
        for setting in settings_of(parser, name):
            value = settings.table(setting.table).get(setting.key)
            if value is None:
                yield _Row(setting.table, setting.key, _shown(setting.action.default), _BUILT_IN)
            else:
                read(setting, value)
                yield _Row(setting.table, setting.key, value.value, value.origin)


def _shown(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, list, type(None))) else str(value)


def _parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for name in COMMANDS:
        if name != "config":
            made: list[Parser] = []
            command_parser(name, load_command(name), lambda made=made, **options: _keep(made, options))
            yield name, made[0]


def _keep(made: list[Parser], options: dict[str, Any]) -> Parser:
    made.append(Parser(**options))
    return made[0]


def _lines(rows: list[_Row], settings: Settings) -> Iterator[str]:
    files = ", ".join(map(str, settings.files)) or "none"
    yield f"Files: {printable(files)}"
    table = ""
    for row in rows:
        if row.table != table:
            table = row.table
            yield from ("", f"[{table}]")
        yield printable(f"{row.key:<22} {json.dumps(row.value):<40} {row.origin}")
