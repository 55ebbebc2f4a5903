"""The command line: ``freehold COMMAND …``.

A command is a module with ``add_arguments(parser)`` and ``run(args) -> int``, and one line in ``COMMANDS``. Only the
module of the command that was asked for is imported, because the start of a scan is part of every scan.
"""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn, Protocol, cast

from freehold import __version__
from freehold.model.errors import FreeholdError, UsageError
from freehold.responses.wording import printable
from freehold.service.config import load, usual_files

USAGE_STATUS = 3
"""Exit status of everything that Freehold refuses with an explanation."""

INTERNAL_STATUS = 4
INTERRUPTED_STATUS = 130
BROKEN_PIPE_STATUS = 141
"""As if the signal SIGPIPE had ended the process."""


class Command(NamedTuple):
    """One line of the command table."""

    module: str
    help: str


COMMANDS: dict[str, Command] = {
    "scan": Command("freehold.frontends.cli.scan", "examine files and folders"),
    "explain": Command("freehold.frontends.cli.explain", "show what is inside a file and why it was detected"),
    "unpack": Command("freehold.frontends.cli.unpack", "write everything that is inside a file into a folder"),
    "quarantine": Command("freehold.frontends.cli.quarantine", "list, put back and remove what scans have taken"),
    "list": Command("freehold.frontends.cli.lists", "allow and deny by content, signature or path"),
    "db": Command("freehold.frontends.cli.db", "compile, inspect and check signature databases"),
    "feed": Command("freehold.frontends.cli.feed", "add, adopt, list, refresh and remove sources of signatures"),
    "update": Command(
        "freehold.frontends.cli.update", "bring feeds that are followed up to date, and show how they stand"
    ),
    "audit": Command("freehold.frontends.cli.audit", "find prohibited products, and prove that they are gone"),
    "policy": Command("freehold.frontends.cli.policy", "show and check rules on prohibited products"),
    "serve": Command("freehold.frontends.cli.serve", "run the daemon: clamd's protocol, ICAP, milter, HTTP"),
    "top": Command("freehold.frontends.cli.top", "watch what the daemon does"),
    "history": Command("freehold.frontends.cli.history", "list the scans of this machine and what they found"),
    "report": Command("freehold.frontends.cli.report", "write what was found in a time, for people and log collectors"),
    "schedule": Command("freehold.frontends.cli.schedule", "let systemd start scans at their time"),
    "config": Command("freehold.frontends.cli.config", "show and check the configuration"),
    "doctor": Command("freehold.frontends.cli.doctor", "show and prove what protects this machine"),
    "repo": Command("freehold.frontends.cli.repo", "publish signatures: make, sign, copy and watch repositories"),
    "completion": Command("freehold.frontends.cli.completion", "print a completion script for a shell"),
}


class CommandModule(Protocol):
    """What a command's module offers."""

    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """Reports bad usage as an error like any other: argparse's own status 2 means *incomplete* here."""

    def error(self, message: str) -> NoReturn:
        """Raise ``UsageError``."""
        raise UsageError(f"{message}\nSee '{self.prog} --help'.")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status; nothing but the interpreter's own death ends in a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    status = _guarded(arguments)
    return min(status, 2) if "--clamscan-exit-codes" in arguments and status < 128 else status


def command_parser(name: str, module: CommandModule, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Make the parser of one command with ``add`` and fill it."""
    parser = add(
        prog=f"freehold {name}",
        description=f"{COMMANDS[name].help.capitalize()}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    _complete(parser, [])
    parser.set_defaults(run=module.run)


def _complete(parser: argparse.ArgumentParser, default: object) -> None:
    """Add what every command has, and each of its actions."""
    parser.add_argument(
        "--config",
        action="append",
        default=default,
        metavar="FILE",
        help="a configuration that counts besides the usual files; see 'freehold config --help'",
    )
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask for subcommands
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for below in action.choices.values():
                _add_examples(below, parser.epilog or "")
                _complete(below, argparse.SUPPRESS)


def _add_examples(parser: argparse.ArgumentParser, above: str) -> None:
    """Show with an action those examples of its command that are about it, if it has none of its own."""
    lines = [line for line in above.splitlines() if f"{line} ".startswith(f"  {parser.prog} ")]
    if lines and not parser.epilog:
        parser.epilog = "\n".join(["examples:", *lines])
        parser.formatter_class = argparse.RawDescriptionHelpFormatter


def load_command(name: str) -> CommandModule:
    """Import the module of a command."""
    return cast("CommandModule", importlib.import_module(COMMANDS[name].module))


def _guarded(arguments: list[str]) -> int:
    try:
        status = _dispatch(arguments)
        sys.stdout.flush()
    except SystemExit as end:  # argparse, after --help
        status = end.code if isinstance(end.code, int) else 0
    except FreeholdError as error:
        _complain(f"error: {error}")
        status = USAGE_STATUS
    except KeyboardInterrupt:
        status = INTERRUPTED_STATUS
    except BrokenPipeError:
        # Python flushes standard output once more at its end; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = BROKEN_PIPE_STATUS
    except OSError as error:  # a full disk, no descriptors: the system's fault, in the system's words
        _complain(f"error: {error}")
        status = INTERNAL_STATUS
    except Exception as error:  # the user gets a sentence, whatever happened
        if os.environ.get("FREEHOLD_DEBUG") == "1":
            raise
        _complain(
            f"internal error: {type(error).__name__}: {error}\n"
            "Please report this with the command and the output that FREEHOLD_DEBUG=1 gives."
        )
        status = INTERNAL_STATUS
    return status


def _dispatch(arguments: list[str]) -> int:
    name = arguments[0] if arguments else "--help"
    if name in {"-h", "--help", "help"}:
        print(_overview())
        return 0
    if name in {"-V", "--version"}:
        print(f"freehold {__version__}")
        return 0
    if name not in COMMANDS:
        raise UsageError(_unknown(name))
    made: list[Parser] = []

    def add(**options: object) -> Parser:
        made.append(Parser(**options))  # type: ignore[arg-type]  # argparse's many keywords
        return made[0]

    command_parser(name, load_command(name), add)
    return _run(made[0], name, arguments[1:])


def _run(parser: Parser, name: str, arguments: list[str]) -> int:
    """Run one command with what is configured for it and what its arguments say."""
    args, unknown = parser.parse_known_args(arguments)
    files = [] if name == "config" else [*usual_files(), *map(Path, args.config)]
    if files:
        from freehold.frontends.cli.configuration import apply

        apply(parser, name, load(files))
    if files or unknown:  # what is unknown may be an option that a setting brings, else it is refused here
        args = _parse_mixed(parser, arguments) if unknown else parser.parse_args(arguments)
    return int(args.run(args))


def _parse_mixed(parser: argparse.ArgumentParser, arguments: list[str]) -> argparse.Namespace:
    """Parse arguments with options in between: argparse takes the first of them for all unless it is asked so."""
    has_verbs = any(isinstance(action, argparse._SubParsersAction) for action in parser._actions)  # noqa: SLF001
    return parser.parse_args(arguments) if has_verbs else parser.parse_intermixed_args(arguments)


def _overview() -> str:
    commands = "\n".join(f"  {name:<12}{command.help}" for name, command in COMMANDS.items())
    return (
        "usage: freehold COMMAND …\n\n"
        "The antivirus that its owner owns outright.\n\n"
        f"commands:\n{commands}\n\n"
        "examples:\n"
        "  freehold scan ~/Downloads           scan a folder with everything below it\n"
        "  freehold explain suspicious.docx    show what is inside and what matched\n"
        "  freehold scan --help                all options of a command\n\n"
        "exit status: 0 all clean, 1 something found, 2 something could not be examined and nothing found,\n"
        "3 or higher: usage or internal errors."
    )


def _unknown(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, COMMANDS, n=1)
    if close:
        hint = f"Did you mean '{close[0]}'?"
    elif os.path.lexists(name):
        hint = f"To scan it: freehold scan {name}"
    else:
        hint = "See 'freehold --help'."
    return f"there is no command '{name}'. {hint}"


def _complain(text: str) -> None:
    # An error may quote names that strangers gave.
    print("freehold:", "\n".join(map(printable, text.split("\n"))), file=sys.stderr)
