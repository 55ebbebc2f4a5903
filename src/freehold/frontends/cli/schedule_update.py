"""``freehold schedule update``: units that let systemd bring feeds up to date, under a user of their own."""

import argparse
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from freehold.feeds.state import UPDATER
from freehold.model.errors import UsageError

NAMES = ("freehold-update.service", "freehold-update.timer")

_TEXTS = Path(__file__).with_name("units")
_MARK = "# Made by 'freehold schedule update'"
_LEAST_MINUTES = 15
_HOUR = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``update``."""
    parser.add_argument(
        "--every", type=_minutes, default=6 * _HOUR, metavar="TIME", help="like 6h or 90m (default: 6h)"
    )
    parser.add_argument("--print", action="store_true", help="show the units and install nothing")
    parser.add_argument("--remove", action="store_true", help="stop updating by itself")


def texts(every: int, program: str) -> dict[str, str]:
    """Return the text of each unit by its name; ``every`` so many minutes, give or take a quarter."""
    found = {name: (_TEXTS / name).read_text("utf-8").replace("@PROGRAM@", program) for name in NAMES}
    timer = found[NAMES[1]].replace("@EVERY@", f"{every - every // 4}min").replace("@SPREAD@", f"{every // 2}min")
    return found | {NAMES[1]: timer}


def act(args: argparse.Namespace, folder: Path, program: str, systemctl: Callable[..., str]) -> None:
    """Show, install or remove the units; raises ``FreeholdError``.

    Args:
        args: as ``add_arguments`` made them.
        folder: in which systemd looks for the system's units.
        program: where the freehold command lies.
        systemctl: runs that with arguments.
    """
    units = texts(args.every, program)
    if args.print:
        for name, text in units.items():
            print(f"# {folder / name}\n{text}")
        return
    if os.geteuid() != 0:
        raise UsageError("updates by systemd need root, as they run under a user of their own; or let cron run them")
    paths = [folder / name for name in NAMES]
    for path in paths:
        if path.exists() and not path.read_text("utf-8", "replace").startswith(_MARK):
            raise UsageError(f"{path} exists and is somebody else's; see --print")
    if args.remove:
        systemctl("disable", NAMES[1])
        for path in paths:
            path.unlink(missing_ok=True)
        print("feeds are no longer updated by themselves")
        return
    _make_user()
    for path in paths:
        path.write_text(units[path.name], "utf-8")
    systemctl("enable", NAMES[1])
    print(f"{NAMES[1]}: feeds are updated every {args.every // _HOUR} h {args.every % _HOUR} min, as {UPDATER}")
    print("next: systemctl daemon-reload && systemctl start freehold-update.timer")


def _make_user() -> None:
    line = f'u {UPDATER} - "Freehold updates"'
    command = ["systemd-sysusers", "--inline", line]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - systemd's own tool
    except OSError as error:
        raise UsageError(f"systemd-sysusers is missing; make a system user '{UPDATER}' first") from error
    if done.returncode:
        raise UsageError(f"the user {UPDATER} cannot be made: {done.stderr.strip()}")


def _minutes(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,4})(h|min|m)", text)
    minutes = int(match[1]) * (_HOUR if match[2] == "h" else 1) if match else 0
    if not _LEAST_MINUTES <= minutes <= 7 * 24 * _HOUR:
        raise argparse.ArgumentTypeError(f"'{text}' is not a time between {_LEAST_MINUTES}m and 168h; write 6h or 90m")
    return minutes
