"""Postfix asks Freehold, and ClamAV's own filter that asks Freehold or clamd, about the same messages."""

import contextlib
import email.message
import email.policy
import hashlib
import os
import random
import shutil
import smtplib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.frontends.clamd.conftest import Running, Start
from tests.frontends.milter.conftest import Postfix, postfix

NOT_EXAMINED = b"5.7.1 Not fully examined: encrypted: secret is encrypted"
FORGED = "X-Virus-Status: Clean\r\nx-virus-status: Clean, really\r\n"


def message(*attachments: bytes, text: str = "Hello\n.\nworld\n") -> bytes:
    built = email.message.EmailMessage(policy=email.policy.SMTP)
    built["From"], built["To"], built["Subject"] = "a@example.net", "b@example.org", "a test"
    built.set_content(text)
    for attachment in attachments:
        built.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="file.bin")
    return bytes(built)


def send(port: int, content: bytes) -> tuple[int, bytes]:
    """The last answer to a message."""
    with smtplib.SMTP("127.0.0.1", port, timeout=120) as client:
        client.ehlo("client.example.net")
        client.mail("a@example.net")
        client.rcpt("b@example.org")
        return client.data(content)


def await_messages(get: Callable[[], list[bytes]], count: int) -> list[bytes]:
    for _ in range(600):
        if len(found := get()) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(get())


@pytest.fixture(scope="module")
def databases(eicar: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signatures that know the EICAR test file by its hash alone."""
    folder = tmp_path_factory.mktemp("eicar")
    (folder / "eicar.hdb").write_text(f"{hashlib.md5(eicar).hexdigest()}:{len(eicar)}:Test.Eicar\n")  # noqa: S324
    return folder


def listening(serve: Start, databases: Path, folder: Path, *options: str) -> str:
    path = folder / f"m{random.getrandbits(40):x}"
    serve(databases, "--milter", os.fspath(path), "--socket-mode", "666", *options)
    return f"unix:{path}"


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that Postfix can reach."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="milters-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.slow
def test_postfix_asks_freehold(serve: Start, databases: Path, place: Path, eicar: bytes, encrypted: bytes) -> None:
    usual = listening(serve, databases, place)
    marking = listening(serve, databases, place, "--milter-infected", "accept", "--milter-incomplete", "accept")
    keeping = listening(serve, databases, place, "--milter-infected", "quarantine", "--milter-incomplete", "quarantine")
    dropping = listening(serve, databases, place, "--milter-infected", "discard", "--milter-incomplete", "reject")
    with postfix(usual, marking, keeping, dropping) as server:
        _usual(server, server.ports[0], eicar, encrypted)
        _marking(server, server.ports[1], eicar, encrypted)
        _keeping(server, server.ports[2], eicar, encrypted)
        before = len(server.delivered())
        assert send(server.ports[3], message(eicar))[0] == 250
        assert send(server.ports[3], message(encrypted)) == (550, NOT_EXAMINED)
        assert send(server.ports[3], message(b"clean"))[0] == 250
        assert len(await_messages(server.delivered, before + 1)) == before + 1


def _usual(server: Postfix, port: int, eicar: bytes, encrypted: bytes) -> None:
    assert send(port, message(b"x", eicar)) == (550, b"5.7.1 Malicious content: Test.Eicar")
    assert send(port, message(encrypted)) == (451, NOT_EXAMINED.replace(b"5", b"4", 1))
    large = os.urandom(8_000_000)
    sent = message(large)
    assert send(port, sent)[0] == 250
    (received,) = await_messages(server.delivered, 1)
    assert received.replace(b"\n", b"\r\n").endswith(sent[-4_000_000:])
    assert b"X-Virus-Status" not in received
    with smtplib.SMTP("127.0.0.1", port, timeout=120) as client:  # several messages over one connection
        for content, code in ((b"x", 250), (eicar, 550), (b"y", 250)):
            client.mail("a@example.net")
            client.rcpt("b@example.org")
            client.rset()
            client.mail("a@example.net")
            client.rcpt("b@example.org")
            assert client.data(message(content))[0] == code
    await_messages(server.delivered, 3)


def _marking(server: Postfix, port: int, eicar: bytes, encrypted: bytes) -> None:
    for content, status in (
        (b"x", "Clean"),
        (eicar, "Infected (Test.Eicar)"),
        (encrypted, "Not examined (encrypted: "),
    ):
        before = {*server.delivered()}
        assert send(port, FORGED.encode() + message(content))[0] == 250
        (new,) = {*await_messages(server.delivered, len(before) + 1)} - before
        fields = email.message_from_bytes(new).get_all("X-Virus-Status")
        assert len(fields) == 1
        assert b"\nX-Virus-Status: " in new
        assert fields[0].startswith(status)


def _keeping(server: Postfix, port: int, eicar: bytes, encrypted: bytes) -> None:
    def held() -> list[bytes]:
        return [path.read_bytes() for path in (server.queue / "hold").rglob("*") if path.is_file()]

    before = len(server.delivered())
    for number, content in enumerate((eicar, encrypted), 1):
        assert send(port, message(content))[0] == 250
        await_messages(held, number)
    assert len(server.delivered()) == before


@contextlib.contextmanager
def clamav_milter(daemon: Running, folder: Path, name: str) -> Iterator[str]:
    configuration = folder / f"{name}.conf"
    configuration.write_text(
        f"MilterSocket unix:{folder}/{name}\nMilterSocketMode 666\nClamdSocket unix:{daemon.path}\nForeground yes\n"
        "OnInfected Reject\nRejectMsg found %v\nOnFail Defer\nAddHeader Replace\nUser root\nMaxFileSize 0\n"
    )
    command = ["clamav-milter", "--config-file", configuration]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(600):
            if (folder / name).exists():
                break
            assert process.poll() is None
            time.sleep(0.1)
        yield f"unix:{folder}/{name}"
        process.terminate()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("clamav-milter"), reason="clamav-milter is not installed")
def test_clamav_milter_gets_the_same_answers(
    freehold_daemon: Running, clamd: Running, place: Path, encrypted: bytes
) -> None:
    with (
        clamav_milter(freehold_daemon, place, "ours") as ours,
        clamav_milter(clamd, place, "theirs") as theirs,
        postfix(ours, theirs) as server,
    ):
        for content, expected in ((b"<<freehold-marker-one>>", 550), (b"nothing", 250), (os.urandom(300_000), 250)):
            answers = []
            for port in server.ports:
                before = {*server.delivered()}
                code, words = send(port, message(content))
                field = None
                if code == 250:
                    (new,) = {*await_messages(server.delivered, len(before) + 1)} - before
                    field = email.message_from_bytes(new)["X-Virus-Status"]
                answers.append((code, words.replace(b".UNOFFICIAL", b"") if code != 250 else b"", field))
            assert answers[0] == answers[1]
            assert answers[0][0] == expected
        assert send(server.ports[0], message(encrypted))[0] == 451  # clamd says OK about it
