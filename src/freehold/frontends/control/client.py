"""Asking a daemon what it does."""

import json
import os
import socket
from pathlib import Path
from typing import Any

from freehold.model.errors import UsageError

_PATIENCE = 10.0
_LONGEST = 16 << 20
_NAME = "control.sock"


def usual_path() -> Path:
    """Return where a daemon of this user is asked; raises ``UsageError``."""
    folder = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "")
    if not folder:
        raise UsageError("there is no usual place for the daemon's control socket: name it with --control")
    return Path(folder, "freehold", _NAME)


def path_beside(path: Path) -> Path:
    """Return where a daemon that listens on a socket is asked."""
    return path.with_name(_NAME)


def ask(path: Path, word: str) -> dict[str, Any]:
    """Return a daemon's answer; raises ``UsageError`` when there is none."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(os.fspath(path))
            connection.sendall(word.encode() + b"\n")
            answer = json.loads(_everything(connection))
    except TimeoutError as error:
        raise UsageError(f"the daemon behind {path} does not answer within {_PATIENCE:g} s") from error
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise UsageError(f"no daemon listens on {path}; start 'freehold serve', or name --control") from error
    except OSError as error:
        raise UsageError(f"cannot ask the daemon behind {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"what listens on {path} is no daemon of Freehold's") from error
    if not isinstance(answer, dict):
        raise UsageError(f"what listens on {path} is no daemon of Freehold's")
    if "error" in answer:
        raise UsageError(f"the daemon refuses: {answer['error']}")
    return answer


def _everything(connection: socket.socket) -> bytes:
    pieces = []
    size = 0
    while size < _LONGEST and (piece := connection.recv(65_536)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)
