"""Configuration and options are one: a value in a file is the default of the option with that name."""

import argparse
from collections.abc import Iterator
from typing import Any, NamedTuple

from freehold.model.errors import UsageError
from freehold.model.suggestion import suggestion
from freehold.service.config import Settings, Value

NEVER = frozenset(
    {
        "help",
        "config",
        "stdin",
        "memory",
        "files-from",
        "null",
        "output",
        "unsafe-no-sandbox",
        "resume",
        "prove",
        "check",
        "units",
        "files",
    }
)
"""Options that belong to one call; that a scan runs without a sandbox must be said each time."""


class Setting(NamedTuple):
    """One key that a file may have.

    Attributes:
        table: dotted name of the command: ``db build``'s is ``db.build``.
        key: name of the option without its dashes.
        parser: that knows the option.
        action: the option.
    """

    table: str
    key: str
    parser: argparse.ArgumentParser
    action: argparse.Action


def settings_of(parser: argparse.ArgumentParser, table: str) -> Iterator[Setting]:
    """Yield every key that a command and its subcommands take."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, below in action.choices.items():
                yield from settings_of(below, f"{table}.{name}")
        key = _key(action)
        if key and key not in NEVER:
            yield Setting(table, key, parser, action)


def apply(parser: argparse.ArgumentParser, command: str, settings: Settings) -> None:
    """Make the values of a command's tables the defaults of its options.

    Raises:
        UsageError: a key is unknown, a value is not what its option takes, or two contradict each other.
    """
    faults = list(faults_of(parser, command, settings))
    if faults:
        raise UsageError("\n".join(faults))
    for setting in list(settings_of(parser, command)):
        value = settings.table(setting.table).get(setting.key)
        if value is not None:
            _set_default(setting, value)


def faults_of(parser: argparse.ArgumentParser, command: str, settings: Settings) -> Iterator[str]:
    """Yield what is wrong with the tables of one command, each with file and line."""
    known: dict[str, dict[str, Setting]] = {command: {}}
    for setting in settings_of(parser, command):
        known.setdefault(setting.table, {})[setting.key] = setting
    for name, table in settings.tables():
        if name.partition(".")[0] != command:
            continue
        keys = known.get(name)
        for key, value in table.items():
            if keys is None:
                yield f"{value.origin}: there is no table [{name}]{suggestion(name, known)}"
            elif key not in keys:
                yield f"{value.origin}: unknown key '{key}' in [{name}]{suggestion(key, keys)}"
            else:
                yield from (f"{value.origin}: {key}: {fault}" for fault in _faults(keys[key], value))
        yield from _contradictions(keys or {}, table)


def read(setting: Setting, value: Value) -> Any:
    """Return what the option would have made of a value; raises ``ValueError`` with what is wrong."""
    action = setting.action
    if _is_flag(action):
        if not isinstance(value.value, bool):
            raise ValueError("takes true or false")
        return value.value
    if isinstance(action, argparse._AppendAction):  # noqa: SLF001
        items = value.value if isinstance(value.value, list) else [value.value]
        return [_read_one(action, item) for item in items]
    return _read_one(action, value.value)


def _read_one(action: argparse.Action, item: Any) -> Any:
    if isinstance(item, bool) or not isinstance(item, (str, int, float)):
        raise ValueError("takes text or a number" if action.nargs is None else "takes text")  # noqa: TRY004
    convert = action.type
    try:
        result = convert(str(item)) if callable(convert) else str(item)
    except argparse.ArgumentTypeError as error:
        raise ValueError(str(error)) from error
    if action.choices is not None and result not in action.choices:
        raise ValueError(f"'{item}' is not one of {', '.join(map(str, action.choices))}")
    return result


def _faults(setting: Setting, value: Value) -> Iterator[str]:
    try:
        read(setting, value)
    except (TypeError, ValueError) as error:
        yield str(error) or f"'{value.value}' is not understood"


def _contradictions(keys: dict[str, Setting], table: dict[str, Value]) -> Iterator[str]:
    """Yield pairs of values whose options exclude each other on the command line."""
    parsers = {id(setting.parser): setting.parser for setting in keys.values()}
    for parser in parsers.values():
        for group in parser._mutually_exclusive_groups:  # noqa: SLF001
            names = [_key(action) for action in group._group_actions]  # noqa: SLF001
            given = [name for name in names if name in table and table[name].value is not False]
            if len(given) > 1:
                first, second = table[given[0]], table[given[1]]
                yield f"{second.origin}: {given[1]} contradicts {given[0]} ({first.origin})"


def _set_default(setting: Setting, value: Value) -> None:
    action = setting.action
    action.default = read(setting, value)
    action.required = False
    if _is_flag(action) and value.value:
        undo = f"--no-{setting.key}"
        if undo not in setting.parser._option_string_actions:  # noqa: SLF001
            setting.parser.add_argument(
                undo, dest=action.dest, action="store_false", help=f"undo what {value.origin} says"
            )


def _is_flag(action: argparse.Action) -> bool:
    return action.nargs == 0


def _key(action: argparse.Action) -> str:
    """Return the name of an option without its dashes, "" for what is none."""
    return next((name[2:] for name in action.option_strings if name.startswith("--")), "")
