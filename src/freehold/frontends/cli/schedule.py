"""``freehold schedule``: scans and updates that systemd starts at their time."""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from freehold.frontends.cli import Parser, scan_options, schedule_update
from freehold.model import places
from freehold.model.errors import FreeholdError, UsageError
from freehold.responses.wording import printable

SYSTEM = Path("/etc/systemd/system")
PREFIX = "freehold-scan-"

_MARK = "# Made by 'freehold schedule'; 'freehold schedule remove' removes it."

_EXAMPLES = """\
Root's schedules are the system's; those of others run in their own session (see 'loginctl enable-linger').
A scan whose time comes while the machine is off starts when it is on again; one that is still running is not started
twice. It runs with the lowest priority for processor and disk. 'freehold history' shows what came out.

--at takes what systemd.time(7) calls a calendar event: daily, weekly, 'Mon..Fri 12:30', '*-*-* 03:00'.

examples:
  freehold schedule install --at '*-*-* 03:00' /home /srv
  freehold schedule install --name usb --at weekly --options='--one-file-system' /media
  freehold schedule install --print --at daily /srv
  freehold schedule list
  freehold schedule remove --name usb
  freehold schedule update                    bring feeds up to date every six hours
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="install|list|remove|update")
    install = verbs.add_parser("install", help="add or replace a schedule", description="Add or replace a schedule.")
    install.add_argument("paths", nargs="+", metavar="PATH", help="what to scan")
    install.add_argument("--at", default="daily", metavar="CALENDAR", help="when (default: %(default)s)")
    install.add_argument("--delay", default="15min", metavar="TIME", help="spread starts over (default: %(default)s)")
    install.add_argument(
        "--options",
        default="",
        metavar="TEXT",
        help="further options of 'freehold scan', behind =: --options='--jobs 1'",
    )
    install.add_argument("--on-ac-power", action="store_true", help="do not start on battery")
    install.add_argument("--print", action="store_true", help="show the units and install nothing")
    remove = verbs.add_parser("remove", help="remove a schedule", description="Remove a schedule.")
    for verb in (install, remove):
        verb.add_argument("--name", type=_name, default="main", metavar="NAME", help="default: %(default)s")
    update = verbs.add_parser("update", help="let feeds be updated", description="Let systemd update feeds.")
    schedule_update.add_arguments(update)
    verbs.add_parser("list", help="show schedules and when they run next", description="Show schedules.")


def run(args: argparse.Namespace) -> int:
    """Install, list or remove schedules."""
    if not shutil.which("systemctl"):
        raise UsageError("schedules need systemd; elsewhere let cron run 'freehold scan --quiet PATH'")
    if args.verb == "install":
        _install(args)
    elif args.verb == "remove":
        _remove(args.name)
    elif args.verb == "update":
        schedule_update.act(args, SYSTEM, program(), _systemctl)
    else:
        _list()
    return 0


def _install(args: argparse.Namespace) -> None:
    units = _units(args)
    if args.print:
        for path, text in units.items():
            print(f"# {printable(str(path))}\n{text}")
        return
    foreign = [path for path in units if path.exists() and not _is_ours(path)]
    if foreign:
        raise UsageError(f"{foreign[0]} exists and is somebody else's; choose another --name")
    for path, text in units.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", "surrogateescape")
    timer = f"{PREFIX}{args.name}.timer"
    if _is_running():
        _systemctl("daemon-reload")
        _systemctl("enable", "--now", timer)
        _list()
    else:
        _systemctl("enable", timer)
        print(f"{timer} counts from the next start of systemd")


def _remove(name: str) -> None:
    paths = [_folder() / f"{PREFIX}{name}.{kind}" for kind in ("timer", "service")]
    if not any(path.exists() and _is_ours(path) for path in paths):
        raise UsageError(f"there is no schedule '{name}'; 'freehold schedule list' shows them")
    _systemctl("disable", *(["--now"] if _is_running() else []), paths[0].name)
    for path in paths:
        path.unlink(missing_ok=True)
    if _is_running():
        _systemctl("daemon-reload")
    print(f"removed {name}")


def _list() -> None:
    timers = sorted(path for path in _folder().glob(f"{PREFIX}*.timer") if _is_ours(path))
    if (SYSTEM / schedule_update.NAMES[1]).exists():
        print(f"{schedule_update.NAMES[1]}: freehold update")
    elif not timers:
        print("no schedule; 'freehold schedule install --help' shows how to make one")
    for timer in timers:
        service = timer.with_suffix(".service").read_text("utf-8", "surrogateescape")
        at = re.search(r"^OnCalendar=(.*)$", timer.read_text("utf-8", "surrogateescape"), re.MULTILINE)
        command = re.search(r"^ExecStart=(.*)$", service, re.MULTILINE)
        print(f"{timer.stem.removeprefix(PREFIX)}: {at[1] if at else '?'}: {printable(command[1] if command else '?')}")
    if timers and _is_running():
        print(_systemctl("list-timers", "--no-pager", f"{PREFIX}*.timer"))


def _units(args: argparse.Namespace) -> dict[Path, str]:
    """Return the text of each unit; raises ``UsageError`` for what would fail only at its time."""
    options = shlex.split(args.options)
    parser = Parser(prog="freehold schedule --options")
    scan_options.add_arguments(parser)
    paths = [os.path.abspath(path) for path in args.paths]  # noqa: PTH100 - a link stays a link
    parser.parse_args([*options, *paths])
    _analyze("calendar", args.at)
    _analyze("timespan", args.delay)
    # "--" keeps a path that begins with a dash a path.
    command = " ".join(map(_quoted, [program(), "scan", "--quiet", *options, "--", *paths]))
    service = (
        f"{_MARK}\n[Unit]\nDescription=Freehold scan ({args.name})\nDocumentation=man:systemd.service(5)\n"
        f"{'ConditionACPower=true' + chr(10) if args.on_ac_power else ''}"
        f"\n[Service]\nType=oneshot\nExecStart={command}\n"
        "# 1: something was found, 2: something could not be examined; neither is a failure of the service.\n"
        "SuccessExitStatus=1 2\nNice=19\nCPUSchedulingPolicy=batch\nIOSchedulingClass=idle\n"
    )
    timer = (
        f"{_MARK}\n[Unit]\nDescription=Freehold scan ({args.name})\n\n[Timer]\nOnCalendar={args.at}\n"
        f"# A time that passed while the machine was off is made up for.\nPersistent=true\n"
        f"RandomizedDelaySec={args.delay}\n\n[Install]\nWantedBy=timers.target\n"
    )
    base = _folder() / f"{PREFIX}{args.name}"
    return {base.with_name(f"{base.name}.service"): service, base.with_name(f"{base.name}.timer"): timer}


def program() -> str:
    """Return where the freehold command lies; raises ``UsageError``."""
    program = Path(sys.argv[0])
    found = str(program.resolve()) if program.is_file() else shutil.which("freehold")
    if found is None:
        raise UsageError("cannot tell where the freehold command lies")
    return found


def _quoted(word: str) -> str:
    """Return a word for ``ExecStart`` as systemd.service(5) wants it."""
    plain = range(32, 127)
    escaped = "".join(
        chr(byte) if byte in plain and byte not in b"\"\\'" else f"\\x{byte:02x}" for byte in os.fsencode(word)
    )
    return '"' + escaped.replace("%", "%%").replace("$", "$$") + '"'


def _analyze(verb: str, text: str) -> None:
    if "\n" in text or _run("systemd-analyze", verb, "--", text).returncode:
        raise UsageError(f"systemd does not understand '{text}'; see systemd.time(7)")


def _folder() -> Path:
    if os.geteuid() == 0:
        return SYSTEM
    return places.settings("").parent / "systemd/user"


def _is_ours(path: Path) -> bool:
    return path.read_text("utf-8", "surrogateescape").startswith(_MARK)


def _is_running() -> bool:
    return Path("/run/systemd/system").is_dir()


def _systemctl(*arguments: str) -> str:
    scope = [] if os.geteuid() == 0 else ["--user"]
    done = _run("systemctl", *scope, *arguments)
    if done.returncode:
        raise FreeholdError(f"systemctl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - systemd's own tools


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no name: small letters, digits and '-'")
    return text
