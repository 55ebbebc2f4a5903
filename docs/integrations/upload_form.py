# ruff: noqa: INP001 - a program, not a package
"""A web page that takes files, and keeps those in which Freehold finds nothing.

    pip install multipart
    FREEHOLD_SOCKET=/run/freehold/clamd.sock UPLOADS=/srv/uploads python upload_form.py 8000

``application`` is a WSGI application: any server for those can run it in place of the simple one below.
"""

import os
import secrets
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO
from wsgiref.simple_server import make_server

from multipart import MultipartError, parse_form_data

SOCKET = os.environ.get("FREEHOLD_SOCKET", "/run/freehold/clamd.sock")
FOLDER = Path(os.environ.get("UPLOADS", "uploads"))
LONGEST = 100 << 20
PAGE = b"""<!DOCTYPE html><html lang="en"><title>Upload</title>
<form method="post" enctype="multipart/form-data">
<label>File <input type="file" name="file" required></label> <button>Upload</button></form>"""


def examine(file: BinaryIO) -> str:
    """Return clamd's answer about a file: it ends with OK, FOUND or ERROR. Raises ``OSError``."""
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.settimeout(180)
        daemon.connect(SOCKET)
        daemon.sendall(b"zINSTREAM\0")
        while piece := file.read(1 << 16):
            daemon.sendall(struct.pack(">I", len(piece)) + piece)
        daemon.sendall(struct.pack(">I", 0))
        answer = b""
        while piece := daemon.recv(4096):
            answer += piece
    return answer.rstrip(b"\0").decode()


def keep(file: BinaryIO) -> tuple[str, str]:
    """Keep a file if nothing is found in it; returns the HTTP status and a sentence."""
    try:
        answer = examine(file)
    except OSError as error:
        return "503 Service Unavailable", f"The file could not be examined: {error}. Please try again later."
    if answer.endswith("FOUND"):
        return "422 Unprocessable Content", f"The file was refused: {answer.removeprefix('stream: ')}"
    if not answer.endswith("OK"):  # encrypted, too long, a failure: not known to be clean
        return "422 Unprocessable Content", f"The file could not be examined: {answer.removeprefix('stream: ')}"
    file.seek(0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    name = secrets.token_hex(16)  # never what the client calls it
    with (FOLDER / name).open("xb") as kept:
        while piece := file.read(1 << 16):
            kept.write(piece)
    return "201 Created", f"Kept as {name}"


def application(environ: dict[str, object], start: Callable[..., object]) -> Iterable[bytes]:
    """Answer one request."""
    if environ["REQUEST_METHOD"] != "POST":
        start("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE]
    try:
        _, files = parse_form_data(environ, strict=True, disk_limit=LONGEST)
        status, words = keep(files["file"].file)
        for part in files.values():
            part.close()
    except (MultipartError, KeyError) as error:
        status, words = "400 Bad Request", f"This is not a form with a file: {error}"
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{words}\n".encode()]


if __name__ == "__main__":
    with make_server("127.0.0.1", int(sys.argv[1]), application) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()
