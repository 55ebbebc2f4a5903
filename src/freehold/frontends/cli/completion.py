"""``freehold completion``: what a shell needs to complete Freehold's commands and options."""

import argparse
from collections.abc import Callable

from freehold.frontends.cli import COMMANDS, Parser, command_parser, load_command

_EXAMPLES = """\
examples:
  freehold completion bash > ~/.local/share/bash-completion/completions/freehold
  freehold completion zsh > ~/.zfunc/_freehold      (a folder in $fpath)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    parser.add_argument("shell", choices=["bash", "zsh", "tcsh"], help="the shell to write the script for")


def run(args: argparse.Namespace) -> int:
    """Print the script of one shell."""
    import shtab

    print(shtab.complete(_whole_parser(), shell=args.shell))
    return 0


def _whole_parser() -> argparse.ArgumentParser:
    whole = Parser(prog="freehold")
    whole.add_argument("--version", action="store_true", help="print the version and exit")
    commands = whole.add_subparsers()
    for name, command in COMMANDS.items():
        command_parser(name, load_command(name), _adder(commands, name, command.help))
    return whole


def _adder(commands: "argparse._SubParsersAction[Parser]", name: str, text: str) -> Callable[..., Parser]:
    return lambda **options: commands.add_parser(name, help=text, **options)
