"""``freehold scan`` as a user meets it: the installed command on real trees."""

import gzip
import hashlib
import io
import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.frontends.conftest import COMMAND, Run

MARKER = b"a harmless marker that one signature of these tests knows\n"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that knows nothing but ``MARKER``, by its hash."""
    file = tmp_path_factory.mktemp("database") / "marker.hdb"
    file.write_text(f"{hashlib.md5(MARKER).hexdigest()}:{len(MARKER)}:Test.Marker\n")  # noqa: S324
    return file


@pytest.fixture
def scan(freehold: Run, database: Path) -> Run:
    return lambda *args, **options: freehold("scan", "--database", database, *args, **options)


def objects(output: bytes) -> dict[bytes, dict[str, Any]]:
    """Return the jsonl report by path, in the file system's own bytes."""
    reports = [json.loads(line) for line in output.splitlines()]
    return {report["path"].encode("utf-8", "surrogateescape"): report for report in reports}


def nested(content: bytes) -> bytes:
    """Wrap a file in gzip, tar and zip."""
    packed = gzip.compress(content)
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        member = tarfile.TarInfo("inner.gz")
        member.size = len(packed)
        tar.addfile(member, io.BytesIO(packed))
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("middle.tar", tarred.getvalue())
    return zipped.getvalue()


def encrypted_zip(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("x")
    subprocess.run(["zip", "-q", "-P", "x", tmp_path / "secret.zip", tmp_path / "secret.txt"], check=True)
    (tmp_path / "secret.txt").unlink()
    return tmp_path / "secret.zip"


needs_zip = pytest.mark.skipif(not shutil.which("zip"), reason="zip is not installed")


def test_finds_eicar_in_nested_archives_with_its_lineage(freehold: Run, eicar: bytes, tmp_path: Path) -> None:
    (tmp_path / "outer.zip").write_bytes(nested(eicar))
    (tmp_path / "plain.txt").write_bytes(eicar)
    (tmp_path / "clean.txt").write_text("nothing here")
    result = freehold("scan", "--format", "jsonl", tmp_path)
    found = objects(result.stdout)
    assert result.returncode == 1
    assert {path.rpartition(b"/")[2]: report["verdict"] for path, report in found.items()} == {
        b"outer.zip": "infected",
        b"plain.txt": "infected",
        b"clean.txt": "clean",
    }
    (detection,) = found[bytes(tmp_path / "outer.zip")]["detections"]
    assert detection["artifact"].split(" ▸ ")[:3] == ["outer.zip", "middle.tar", "inner.gz"]
    assert "EICAR" in detection["name"].upper()
    assert (detection["offset"], detection["length"]) == (0, 68)
    assert bytes.fromhex(detection["evidence"]) == eicar[:64]


def test_exit_status_tells_clean_found_incomplete_and_misuse(scan: Run, tmp_path: Path) -> None:
    (tmp_path / "clean").write_text("x")
    (tmp_path / "bad").write_bytes(MARKER)
    assert scan(tmp_path / "clean").returncode == 0
    assert scan(tmp_path).returncode == 1
    assert scan(tmp_path / "clean", tmp_path / "missing").returncode == 2
    assert scan(tmp_path, tmp_path / "missing").returncode == 1
    for misuse in ([], ["--format", "nonsense", tmp_path], ["--max-size", "12Q", tmp_path], ["--jobs", "0", tmp_path]):
        result = scan(*misuse)
        assert result.returncode == 3
        assert result.stderr.startswith(b"freehold: error: ")
        assert b"Traceback" not in result.stderr


def test_clamscan_exit_codes_are_three(scan: Run, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(MARKER)
    assert scan("--clamscan-exit-codes", tmp_path).returncode == 1
    assert scan("--clamscan-exit-codes", tmp_path / "missing").returncode == 2
    assert scan("--clamscan-exit-codes", "--format", "nonsense").returncode == 2


def test_a_missing_path_is_told_on_standard_error_and_the_others_are_scanned(scan: Run, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(MARKER)
    result = scan("--format", "jsonl", tmp_path / "missing", tmp_path / "bad")
    assert result.stderr == f"freehold: {tmp_path}/missing: No such file or directory\n".encode()
    found = objects(result.stdout)
    assert found[bytes(tmp_path / "missing")]["verdict"] == "incomplete"
    assert found[bytes(tmp_path / "bad")]["verdict"] == "infected"


def test_paths_of_any_bytes_survive_and_cannot_steer_a_terminal(scan: Run, tmp_path: Path) -> None:
    odd = [b"line\nbreak", b"\x1b]0;title\x07\x1b[2J", b"\xff\xfe\x80", "ünï\u202excod.exe".encode(), b"a b", b"-q"]
    for name in odd:
        (tmp_path / os.fsdecode(name)).write_bytes(MARKER)
    found = objects(scan("--format", "jsonl", tmp_path).stdout)
    assert {path.rpartition(b"/")[2] for path in found} == set(odd)
    text = scan(tmp_path).stdout.decode()
    findings = [line for line in text.splitlines() if "INFECTED" in line]
    assert len(findings) == len(odd)
    assert all(line.isprintable() for line in text.split("\n"))
    assert any(r"\xff\xfe\x80" in line for line in findings)
    assert any(r"\u202e" in line for line in findings)


def test_a_terminal_without_unicode_is_no_reason_to_fail(
    environment: dict[str, str], database: Path, tmp_path: Path
) -> None:
    (tmp_path / "outer.zip").write_bytes(nested(MARKER))
    result = subprocess.run(
        [COMMAND, "scan", "--database", database, tmp_path],
        env=environment | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (1, b"")
    assert rb"outer.zip \u25b8 middle.tar" in result.stdout


def test_special_files_do_not_stop_a_scan(scan: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "bad").write_bytes(MARKER)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        result = scan("--format", "jsonl", "--follow-symlinks", tmp_path)
    assert list(objects(result.stdout)) == [bytes(tmp_path / "bad")]


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="changing the user needs root and setpriv")
def test_what_an_ordinary_user_may_not_read_is_incomplete(
    database: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*as_nobody, COMMAND, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("an ordinary user cannot run this interpreter")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        signatures = shutil.copy(database, folder)
        (Path(folder) / "denied").write_bytes(MARKER)
        (Path(folder) / "denied").chmod(0o600)
        (Path(folder) / "closed").mkdir(mode=0o700)
        result = subprocess.run(
            [*as_nobody, COMMAND, "scan", "--format", "jsonl", "--database", signatures, folder],
            env=os.environ | {"XDG_CACHE_HOME": "/nonexistent"},
            capture_output=True,
            check=False,
        )
    found = {path.rpartition(b"/")[2]: report for path, report in objects(result.stdout).items()}
    assert result.returncode == 2
    assert found[b"denied"]["problems"] == [{"kind": "unreadable", "artifact": "denied", "detail": "Permission denied"}]
    assert found[b"closed"]["verdict"] == "incomplete"


def test_files_that_come_and_go_do_not_stop_a_scan(environment: dict[str, str], database: Path, tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"{number:04}").write_bytes(MARKER)
    command = [COMMAND, "scan", "--format", "jsonl", "--database", database, tmp_path]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, bufsize=0
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        for number in range(3000):
            (tmp_path / f"{number:04}").unlink()
        rest, errors = process.communicate(timeout=60)
    found = objects(first + rest)
    assert process.returncode == 1
    assert errors == b""
    assert {report["verdict"] for report in found.values()} <= {"infected", "incomplete"}


def test_ctrl_c_ends_with_a_summary_and_130(environment: dict[str, str], database: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(MARKER)
    command = [COMMAND, "scan", "--database", database, tmp_path, "/usr"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, start_new_session=True
    )
    with process:
        assert process.stdout is not None
        first = process.stdout.readline()  # it has begun; /usr takes far longer
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the scan
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Interrupted: " in output
    assert b"INFECTED Test.Marker" in first
    assert b"--resume" in errors


def test_a_reader_that_goes_away_ends_the_scan_quietly(environment: dict[str, str], database: Path) -> None:
    command = [COMMAND, "scan", "--format", "jsonl", "--database", database, "/usr/share/doc"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_a_full_disk_is_told_in_one_line(scan: Run, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(MARKER)
    result = scan("--format", "jsonl", "--output", "/dev/full", tmp_path)
    assert result.returncode >= 3
    assert result.stderr == b"freehold: error: [Errno 28] No space left on device\n"


def test_standard_input_is_examined(scan: Run) -> None:
    content = nested(MARKER)
    result = scan("--stdin", "--format", "jsonl", input=content)
    (report,) = objects(result.stdout).values()
    assert (report["path"], report["verdict"], report["size"]) == ("<stdin>", "infected", len(content))


def test_lists_of_files_are_read(scan: Run, tmp_path: Path) -> None:
    odd = tmp_path / "line\nbreak"
    odd.write_bytes(MARKER)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "clean").write_text("x")
    zeros = bytes(odd) + b"\0" + bytes(tmp_path / "folder") + b"\0"
    found = objects(scan("--format", "jsonl", "--files-from", "-", "-0", input=zeros).stdout)
    assert set(found) == {bytes(odd), bytes(tmp_path / "folder" / "clean")}
    (tmp_path / "list").write_bytes(bytes(tmp_path / "folder" / "clean") + b"\n\n" + bytes(tmp_path / "nothing"))
    found = objects(scan("--format", "jsonl", "--files-from", tmp_path / "list").stdout)
    assert {path.rpartition(b"/")[2]: report["verdict"] for path, report in found.items()} == {
        b"clean": "clean",
        b"nothing": "incomplete",
    }
    assert scan("--files-from", tmp_path / "missing").returncode == 3
    assert scan("--files-from", "-", input=b"x" * 1_000_000).returncode == 3


def test_limits_are_honoured(scan: Run, tmp_path: Path) -> None:
    (tmp_path / "outer.zip").write_bytes(nested(MARKER))
    result = scan("--format", "jsonl", "--max-depth", "2", tmp_path)
    (report,) = objects(result.stdout).values()
    assert result.returncode == 2
    assert [problem["kind"] for problem in report["problems"]] == ["limit"]
    result = scan("--format", "jsonl", "--max-size", "10", tmp_path)
    (report,) = objects(result.stdout).values()
    assert (report["verdict"], report["problems"][0]["kind"]) == ("incomplete", "limit")


def test_all_matches_goes_on_after_the_first(scan: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("one", MARKER)
        archive.writestr("folder/two", MARKER)
    (first,) = objects(scan("--format", "jsonl", tmp_path).stdout).values()
    (both,) = objects(scan("--format", "jsonl", "--all-matches", tmp_path).stdout).values()
    assert len(first["detections"]) == 1
    assert len(both["detections"]) == 2


@needs_zip
def test_text_says_what_was_found_what_was_not_examined_and_what_to_do(scan: Run, tmp_path: Path) -> None:
    encrypted_zip(tmp_path)
    (tmp_path / "outer.zip").write_bytes(nested(MARKER))
    (tmp_path / "clean").write_text("x")
    lines = scan(tmp_path).stdout.decode().splitlines()
    finding = next(line for line in lines if "INFECTED" in line)
    assert finding.startswith(f"{tmp_path}/outer.zip: INFECTED Test.Marker (in outer.zip ▸ middle.tar ▸ inner.gz ▸ ")
    assert finding.endswith(" at offset 0)")
    assert any(line.startswith(f"{tmp_path}/secret.zip: INCOMPLETE encrypted: ") for line in lines)
    assert not any("clean:" in line for line in lines)
    assert "  Infected:   1" in lines
    assert "  Incomplete: 1 (1 encrypted)" in lines
    assert f"  - see why, with the evidence: freehold explain {tmp_path}/outer.zip" in lines
    quiet = scan("--quiet", tmp_path).stdout.decode().splitlines()
    assert len(quiet) == 2


def test_the_report_goes_to_a_file(scan: Run, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "bad").write_bytes(MARKER)
    result = scan("--output", tmp_path / "report", "--format", "jsonl", tmp_path / "tree")
    assert result.stdout == b""
    assert list(objects((tmp_path / "report").read_bytes())) == [bytes(tmp_path / "tree" / "bad")]
    result = scan("--output", tmp_path / "no" / "where", tmp_path / "tree")
    assert result.returncode == 3


def test_a_terminal_gets_a_live_bar_that_is_gone_at_the_end(
    environment: dict[str, str], database: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad").write_bytes(MARKER)
    command = [COMMAND, "scan", "--database", database, tmp_path, "/usr/lib/python3", "/usr/share/doc", "/usr/include"]
    output, status = in_terminal(command, environment)
    assert status == 1
    assert b"files/s" in output.partition(b"Infected")[0]
    assert b"INFECTED Test.Marker" in output
    assert b"Traceback" not in output


def test_progress_can_be_forbidden(environment: dict[str, str], database: Path) -> None:
    command = [COMMAND, "scan", "--progress", "never", "--database", database, "/usr/share/doc"]
    output, status = in_terminal(command, environment)
    assert status == 0
    assert b"\x1b" not in output


def in_terminal(command: list[Any], environment: dict[str, str]) -> tuple[bytes, int]:
    """Run a command on a terminal of its own; return what it wrote there and its exit status."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment | {"TERM": "xterm"})
    os.close(theirs)
    output = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            output += os.read(ours, 65536)
        except OSError:  # EIO: the last process has closed its end
            break
    os.close(ours)
    return output, process.wait(60)


def test_without_a_sandbox_only_when_asked_in_so_many_words(scan: Run, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(MARKER)
    result = scan("--unsafe-no-sandbox", tmp_path)
    assert result.returncode == 1
    sandbox = next(line for line in result.stdout.decode().splitlines() if line.startswith("  Sandbox:"))
    assert "Landlock" not in sandbox
    assert "no" in sandbox


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_proving_scan_makes_no_network_call_and_finds_the_same(
    environment: dict[str, str], database: Path, tmp_path: Path
) -> None:
    (tmp_path / "outer.zip").write_bytes(nested(MARKER))
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-qq", "-e", "trace=%network", "-e", "signal=none", "-o", trace]
    result = subprocess.run(
        [*command, COMMAND, "scan", "--prove", "--database", database, tmp_path / "outer.zip"],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 1
    assert b"INFECTED Test.Marker" in result.stdout
    assert trace.read_text() == ""
