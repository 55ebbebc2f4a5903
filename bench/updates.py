"""What updates cost: bytes for clients, requests and CPU for a mirror.

    python bench/updates.py SIGNATURES… [--releases 40] [--seconds 5] [--output updates.json]

Makes a repository of releases out of signature files (ClamAV's, packed with gzip or not): some hashes and some logical
signatures are held back and come with one release after the other, some others go. nginx serves it; wrk asks for what
clients ask for, on the same machine; a client follows it through a relay that counts what goes over the wire.
``update_model.py`` reads the output. Needs Debian's nginx-light, wrk and openssl.
"""

import argparse
import gzip
import json
import os
import random
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

from freehold.updates.content import releases, spans
from freehold.updates.publish import building, ceremony, keys, releasing, signing
from freehold.updates.publish.building import Wish
from freehold.updates.publish.repository import Repository, Settings
from freehold.updates.tlog.keys import Kind, SigningKey
from freehold.updates.tlog.witness import Witness

FEED = "core"
LOG = "updates.example/core"
HASHES, PATTERNS, GONE = 500, 50, 25
"""Signatures that come with a release, and that go: 2,200 new ones a day with four releases."""

LAGS = (1, 4, 32)

_NGINX = """\
daemon off; worker_processes {workers}; pid {top}/pid; error_log {top}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; default_type application/octet-stream; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  open_file_cache max=1000 inactive=60s; if_modified_since exact; server_tokens off;
  client_body_temp_path {top}/t1; proxy_temp_path {top}/t2; fastcgi_temp_path {top}/t3; uwsgi_temp_path {top}/t4;
  scgi_temp_path {top}/t5;
  server {{ listen 127.0.0.1:{plain} backlog=4096; root {root}; }}
  server {{ listen 127.0.0.1:{secure} ssl backlog=4096; root {root}; ssl_protocols TLSv1.3;
    ssl_certificate {top}/certificate.pem; ssl_certificate_key {top}/key.pem; ssl_session_cache shared:s:10m; }}
}}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what updates cost.")
    parser.add_argument("signatures", nargs="+", type=Path, metavar="FILE", help="main.hdb, daily.hsb.gz, …")
    parser.add_argument("--releases", type=int, default=40, help="default: %(default)s")
    parser.add_argument("--seconds", type=int, default=5, help="for each measurement of wrk (default: %(default)s)")
    parser.add_argument("--work", type=Path, help="folder for the repository; one that is there already is taken")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    args = parser.parse_args()
    for program in ("nginx", "wrk", "openssl"):
        if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
            parser.error(f"{program} is not installed")
    with ExitStack() as stack:
        work = args.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="updates-")))
        repository = _repository(work, args.signatures, args.releases)
        figures = {"releases": args.releases, "cores": os.cpu_count(), **_sizes(repository)}
        server = stack.enter_context(_serving(repository.public, work / "nginx"))
        figures |= {"wire": _wire(server), "load": _load(server, repository, args.seconds)}
    print(json.dumps(figures, indent=2))
    if args.output:
        args.output.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def _repository(work: Path, files: list[Path], count: int) -> Repository:
    """Return a repository with so many releases, made here unless it is there already."""
    folder = work / "repository"
    if (folder / "repo.json").is_file():
        return Repository(folder)
    work.mkdir(parents=True, exist_ok=True)
    keys_of = ceremony.demo_keys(work / "keys", FEED)
    cosigners = [SigningKey.generate(f"witness.example/w{number}", Kind.COSIGNATURE) for number in (1, 2, 3)]
    lines = [f"w{number} {key.verifier}" for number, key in enumerate(cosigners, 1)]
    repository = ceremony.found_repository(
        folder,
        Settings(FEED, demo=True, gate=False),
        ceremony.holders_of(FEED, keys_of, {}),
        ceremony.Log(LOG, witnesses=lines, quorum=2),
        mirrors=[],
        time=datetime.now(UTC),
    )
    log = SigningKey.parse(repository.log_key.read_text().strip()).verifier
    witnesses = [Witness(work / f"w{number}", [key], [log]) for number, key in enumerate(cosigners, 1)]
    signers = [keys.open_signer(path, lambda _: "") for path in sorted((work / "keys").glob("*.pem"))]
    for number, sources in enumerate(_sets(files, count, work / "sources"), 1):
        started = time.perf_counter()
        _release(repository, sources, signers, witnesses, number)
        print(f"release {number}: {time.perf_counter() - started:.1f} s", file=sys.stderr)
    return repository


def _release(
    repository: Repository, sources: list[Path], signers: list[Any], witnesses: list[Witness], number: int
) -> None:
    started = int(time.time()) - 3600
    inputs = building.take_inputs(repository, sources, lambda *_: None)
    building.build(repository, inputs, Wish(started + number), lambda *_: None)
    signing.sign(repository, signers, lambda _: None, datetime.now(UTC))
    answers: list[bytes] = []
    try:
        releasing.publish(repository, answers, datetime.now(UTC), lambda _: None)
    except releasing.QuorumMissing:  # as with witnesses that are asked by files
        requests = releasing.requests(repository)
        answers += [witness.add_checkpoint(requests[f"w{n}"]).body for n, witness in enumerate(witnesses, 1)]
        releasing.publish(repository, answers, datetime.now(UTC), lambda _: None)
    for n, answer in enumerate(answers, 1):
        if not answer.startswith("\N{EM DASH}".encode()):
            raise SystemExit(f"witness {n}: {answer.decode()}")


def _sets(files: list[Path], count: int, folder: Path) -> Iterator[list[Path]]:
    """Yield the signature files of one release after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(8)  # noqa: S311 - repeatable
    lines = {_name(path): _lines(path) for path in files}
    held: list[tuple[str, bytes]] = []
    for name, wanted in (("hashes", HASHES * count), ("patterns", PATTERNS * count)):
        of_kind = [one for one in lines if (one.rpartition(".")[2] in {"ldb", "ndb"}) == (name == "patterns")]
        for _ in range(wanted if of_kind else 0):
            file = source.choice(of_kind)
            held.append((file, lines[file].pop(source.randrange(len(lines[file])))))
    source.shuffle(held)
    step = len(held) // count
    for number in range(count):
        for file, line in held[number * step : (number + 1) * step]:
            lines[file].append(line)
        for _ in range(GONE if number else 0):
            file = source.choice(sorted(lines))
            lines[file].pop(source.randrange(len(lines[file])))
        for name, content in lines.items():
            (folder / name).write_bytes(b"\n".join(content) + b"\n")
        yield [folder / name for name in lines]


def _name(path: Path) -> str:
    return path.name.removesuffix(".gz")


def _lines(path: Path) -> list[bytes]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [line for line in data.splitlines() if line and not line.startswith(b"#")]


def _sizes(repository: Repository) -> dict[str, Any]:
    """Return what clients fetch, in bytes of bodies."""
    release = repository.current()
    metadata = repository.published(FEED)
    if release is None or metadata is None:
        raise SystemExit("the repository has no release")
    listed: Any = metadata.signed.targets

    def weigh(have: int) -> int:
        return sum(listed[release.target(part)].length for part in spans.chosen(release, have))

    name = releases.release_target(FEED)
    return {
        "signatures": sum(release.counts.values()),
        "head": (repository.public / "head").stat().st_size,
        "segments": {str(lag): weigh(release.seq - lag) for lag in LAGS if lag < release.seq},
        "first": weigh(0),
        "release_json": listed[name].length,
    }


class Server:
    """A running nginx.

    Attributes:
        plain: port of HTTP.
        secure: port of HTTPS.
        pid: of the master process.
        certificate: that clients must trust.
    """

    def __init__(self, top: Path, plain: int, secure: int, pid: int) -> None:
        self.plain = plain
        self.secure = secure
        self.pid = pid
        self.certificate = top / "certificate.pem"

    def cpu(self) -> float:
        """Return the CPU seconds of all workers so far."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        ticks = 0
        for child in children:
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def _serving(root: Path, top: Path) -> Iterator[Server]:
    shutil.rmtree(top, ignore_errors=True)
    top.mkdir(parents=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", top / "key.pem", "-out", top / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    plain, secure = _free_port(), _free_port()
    values = {"top": top, "root": root, "plain": plain, "secure": secure, "workers": os.cpu_count()}
    (top / "nginx.conf").write_text(_NGINX.format(**values))
    root.chmod(0o755)
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
    with subprocess.Popen([program, "-p", top, "-c", top / "nginx.conf"]) as process:
        try:
            for port in (plain, secure):
                _await(port)
            yield Server(top, plain, secure, process.pid)
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        return int(chosen.getsockname()[1])


def _await(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("nginx does not start")


class Meter:
    """Relays one port to another, and counts what clients get and send, TLS included (TCP's headers are not)."""

    def __init__(self, port: int) -> None:
        self.down = self.up = 0
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(("127.0.0.1", self._target))
            for pair, way in (((client, server), "up"), ((server, client), "down")):
                threading.Thread(target=self._pump, args=(*pair, way), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        while data := source.recv(65536):
            setattr(self, way, getattr(self, way) + len(data))
            sink.sendall(data)
        sink.close()


def _wire(server: Server) -> dict[str, Any]:
    """Return what a check costs over HTTPS with a full handshake: nothing new, and a whole head."""
    found = {}
    context = ssl.create_default_context(cafile=str(server.certificate))
    for what in ("head", "not_modified"):
        meter = Meter(server.secure)
        connection = HTTPSConnection("127.0.0.1", meter.port, context=context)
        headers = {"User-Agent": "Freehold", "Accept-Encoding": "identity"}
        if what == "not_modified":
            headers["If-Modified-Since"] = _modified(server)
        connection.request("GET", "/head", headers=headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if (response.status == 304) != (what == "not_modified"):
            raise SystemExit(f"{what}: {response.status}")
        time.sleep(0.2)
        found[what] = {"down": meter.down, "up": meter.up, "body": len(body)}
    return found


def _modified(server: Server) -> str:
    context = ssl.create_default_context(cafile=str(server.certificate))
    connection = HTTPSConnection("127.0.0.1", server.secure, context=context)
    connection.request("HEAD", "/head")
    return connection.getresponse().headers["Last-Modified"]


def _load(server: Server, repository: Repository, seconds: int) -> dict[str, Any]:
    """Ask for what clients ask for, as fast as it goes."""
    release = repository.current()
    metadata = repository.published(FEED)
    if release is None or metadata is None:
        raise SystemExit("the repository has no release")
    listed: Any = metadata.signed.targets

    def path(part: releases.Part) -> str:
        name = release.target(part)
        return f"/{repository.target_path(repository.public, name, listed[name]).relative_to(repository.public)}"

    http, https = f"http://127.0.0.1:{server.plain}", f"https://127.0.0.1:{server.secure}"
    same = f"If-Modified-Since: {_modified(server)}"
    cases: dict[str, tuple[str, list[str]]] = {
        "http keep-alive, head": (f"{http}/head", []),
        "http keep-alive, 304": (f"{http}/head", ["-H", same]),
        "http new connection, head": (f"{http}/head", ["-H", "Connection: close"]),
        "https keep-alive, head": (f"{https}/head", []),
        "https keep-alive, 304": (f"{https}/head", ["-H", same]),
        "https keep-alive, segment of one release": (https + path(release.segments[0]), []),
        "https new connection, head": (f"{https}/head", ["-H", "Connection: close"]),
        "https new connection, 304": (f"{https}/head", ["-H", same, "-H", "Connection: close"]),
        "https keep-alive, base": (https + path(release.base), []),
    }
    return {what: _asked(server, url, options, seconds) for what, (url, options) in cases.items()}


def _asked(server: Server, url: str, options: list[str], seconds: int) -> dict[str, float]:
    before = server.cpu()
    command = ["wrk", "-t1", "-c32", f"-d{seconds}s", *options, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = server.cpu() - before
    count = int(_number(r"(\d+) requests in", done))
    failed = sum(int(number) for number in re.findall(r"(?:connect|read|write|timeout) (\d+)", done))
    return {
        "requests_per_second": float(_number(r"Requests/sec:\s+([\d.]+)", done)),
        "cpu_microseconds": round(1e6 * used / max(count, 1), 1),
        "failed": failed + int((re.findall(r"Non-2xx or 3xx responses: (\d+)", done) or [0])[0]),
    }


def _number(pattern: str, text: str) -> str:
    found: Callable[..., Any] = re.search
    match = found(pattern, text)
    if match is None:
        raise SystemExit(f"wrk says something else than expected:\n{text}")
    return str(match[1])


if __name__ == "__main__":
    sys.exit(main())
