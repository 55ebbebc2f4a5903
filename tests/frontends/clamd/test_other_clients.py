"""Clients that other people wrote in other languages come to the same results with both daemons."""

import contextlib
import json
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.frontends.clamd.conftest import Running
from tests.frontends.servers import Process, server


def official(name: str) -> str:
    return name.replace(".UNOFFICIAL", "")


def test_pyclamd(freehold_daemon: Running, clamd: Running, files: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("pyclamd")

    def results(daemon: Running) -> str:
        client = library.ClamdUnixSocket(os.fspath(daemon.path), 30)
        found = [client.ping(), client.stats().split()[:2]]
        found += [client.scan_stream(content) for content in (b"freehold-marker-two", b"clean")]
        found += [client.scan_file(os.fspath(files / name)) for name in ("a-clean", "b-one", "below/both")]
        found += [client.contscan_file(os.fspath(files)), client.multiscan_file(os.fspath(files))]
        return official(json.dumps(found, sort_keys=True))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it leaves sockets to the garbage collector
        ours = results(freehold_daemon)
        assert ours == results(clamd)
    assert '["FOUND", "Test.Two"]' in ours


SCRIPT = """
import NodeClam from "clamscan";
import fs from "node:fs";
const [socket, folder] = process.argv.slice(2);
for (const multiscan of [false, true]) {
  const clamdscan = { socket, timeout: 60000, localFallback: false, path: null, multiscan };
  const scanner = await new NodeClam().init({ clamdscan, preference: "clamdscan" });
  for (const name of ["a-clean", "b-one", "empty", "below/both"]) {
    const path = `${folder}/${name}`;
    const { isInfected, viruses } = await scanner.isInfected(path);
    console.log(name, isInfected, viruses.length && viruses[0]);
    if (name !== "empty") {
      const streamed = await scanner.scanStream(fs.createReadStream(path));
      console.log(name, streamed.isInfected, streamed.viruses);
    }
  }
}
process.exit(0);
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that uses the package ``clamscan`` of npm."""
    folder = tmp_path_factory.mktemp("npm")
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "--cache", folder / "cache"]
    try:
        done = subprocess.run(
            ["npm", "install", *options, "clamscan@2.4.0"], cwd=folder, capture_output=True, check=False, timeout=60
        )
    except subprocess.TimeoutExpired:
        pytest.skip("the registry of npm does not answer")
    if done.returncode:
        pytest.skip("the registry of npm does not answer")
    (folder / "scan.mjs").write_text(SCRIPT)
    return folder / "scan.mjs"


def test_clamscan_of_npm(script: Path, freehold_daemon: Running, clamd: Running, files: Path) -> None:
    def results(daemon: Running) -> str:
        command = ["node", script, daemon.path, files]
        done = subprocess.run(command, capture_output=True, check=False, timeout=120, text=True)
        assert done.returncode == 0, done
        return official(done.stdout)

    ours = results(freehold_daemon)
    assert ours == results(clamd)
    assert ours.count("true") == 8


MODULES = Path("/usr/lib/x86_64-linux-gnu/c_icap")
C_ICAP = """
PidFile {folder}/pid
CommandsSocket {folder}/control
Port 127.0.0.1:{port}
StartServers 1
MaxServers 1
TmpDir {folder}
ModulesDir {modules}
ServicesDir {modules}
TemplateDir /usr/share/c_icap/templates/
LoadMagicFile /etc/c-icap/c-icap.magic
ServerLog {folder}/server.log
AccessLog {folder}/access.log
Service antivirus virus_scan.so
virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE
virus_scan.SendPercentData 0
virus_scan.MaxObjectSize 5M
Module common clamd_mod.so
virus_scan.DefaultEngine clamd
clamd_mod.ClamdSocket {socket}
"""


@contextlib.contextmanager
def c_icap(daemon: Running, folder: Path) -> Iterator[int]:
    """c-icap with its module that asks clamd; yields its port."""
    folder.mkdir()

    def start(ports: list[int]) -> Process:
        text = C_ICAP.format(port=ports[0], folder=folder, modules=MODULES, socket=daemon.path)
        (folder / "c-icap.conf").write_text(text)
        command = ["c-icap", "-N", "-f", folder / "c-icap.conf"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    with server(1, start, folder / "server.log") as (port,):
        yield port


@pytest.mark.skipif(not (MODULES / "clamd_mod.so").exists(), reason="c-icap's module for clamd is not installed")
def test_c_icap_asks_through_its_module(freehold_daemon: Running, clamd: Running, files: Path, tmp_path: Path) -> None:
    def results(daemon: Running) -> list[str]:
        found = []
        with c_icap(daemon, tmp_path / f"c-icap-{daemon.process.pid}") as port:
            for name in ("a-clean", "b-one"):
                command = ["c-icap-client", "-p", str(port), "-i", "127.0.0.1", "-s", "virus_scan", "-v"]
                where = ["-resp", "http://example.org/x", "-f", files / name]
                run = subprocess.run([*command, *where], capture_output=True, check=True, timeout=60)
                text = (run.stdout + run.stderr).decode("utf-8", "replace")  # its page shows memory for our version
                lines = official(text).splitlines()
                found += [line.strip() for line in lines if "X-Infection-Found" in line or "Allow 204" in line]
        return found

    ours = results(freehold_daemon)
    assert ours == results(clamd)
    assert ours[-1] == "X-Infection-Found: Type=0; Resolution=2; Threat=Test.One;"
