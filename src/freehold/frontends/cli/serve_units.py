"""The units that let systemd run the daemon; their texts lie in ``units``."""

import sys
from pathlib import Path

from freehold.frontends.cli.schedule import program
from freehold.model.errors import UsageError

SYSTEM = Path("/etc/systemd/system")

_TEXTS = Path(__file__).with_name("units")
_MARK = "# Made by 'freehold serve --units"
_SOCKETS = ("freehold.socket", "freehold-control.socket")


def act(verb: str, *, files: bool) -> None:
    """Show or install the units; raises ``UsageError``."""
    if verb == "show":
        for name, text in texts(files=files).items():
            print(f"# {SYSTEM / name}\n{text}")
    else:
        install(SYSTEM, files=files)


def texts(*, files: bool) -> dict[str, str]:
    """Return the text of each unit by its name.

    Args:
        files: for a daemon that reads the files that clients name.
    """
    service = "freehold-files.service" if files else "freehold.service"
    found = {name: (_TEXTS / name).read_text("utf-8") for name in _SOCKETS}
    return {"freehold.service": (_TEXTS / service).read_text("utf-8").replace("@PROGRAM@", program()), **found}


def install(folder: Path, *, files: bool) -> None:
    """Write the units; raises ``UsageError`` when somebody else's are there."""
    units = texts(files=files)
    try:
        for name in units:
            path = folder / name
            if path.exists() and not path.read_text("utf-8", "replace").startswith(_MARK):
                raise UsageError(f"{path} exists and is somebody else's; see --units show")
        for name, text in units.items():
            (folder / name).write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write the units: {error.strerror}: {error.filename}") from error
    print(
        f"{', '.join(units)}: written to {folder}\n"
        "next: systemctl daemon-reload && systemctl enable --now freehold.socket freehold-control.socket",
        file=sys.stderr,
    )
