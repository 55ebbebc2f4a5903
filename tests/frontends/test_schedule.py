"""``freehold schedule``: units that systemd understands."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.frontends.conftest import COMMAND, Run

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")


def units(freehold: Run, folder: Path, *options: str | bytes | Path) -> dict[str, str]:
    """What would be installed, written into a folder."""
    done = freehold("schedule", "install", "--print", *options)
    assert (done.returncode, done.stderr) == (0, b"")
    texts = {}
    for part in done.stdout.decode("utf-8", "backslashreplace").split("# /")[1:]:
        name, _, text = part.partition("\n")
        texts[Path(name).name] = text
        (folder / Path(name).name).write_text(text)
    return texts


def test_systemd_understands_the_units(freehold: Run, tmp_path: Path) -> None:
    paths = [b"/srv/a b%c$d", b'/srv/"quoted"\\', "/srv/ü".encode(), b"/srv/\xff"]
    texts = units(freehold, tmp_path, "--name", "night", "--at", "*-*-* 03:00", "--options=--jobs 1", *paths)
    assert set(texts) == {"freehold-scan-night.service", "freehold-scan-night.timer"}
    done = subprocess.run(
        ["systemd-analyze", "verify", *sorted(tmp_path.iterdir())], capture_output=True, text=True, check=False
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if str(tmp_path) in line]) == (0, [])
    assert "Persistent=true" in texts["freehold-scan-night.timer"]
    assert '"--quiet" "--jobs" "1" "--" "/srv/a b%%c$$d"' in texts["freehold-scan-night.service"]


def test_what_would_fail_at_night_fails_now(freehold: Run, tmp_path: Path) -> None:
    for wrong in (["--at", "noonish"], ["--delay", "x"], ["--options=--nope"], ["--name", "../x"], ["--at", "a\nb"]):
        done = freehold("schedule", "install", "--print", *wrong, tmp_path)
        assert (done.returncode, done.stdout) == (3, b"")
        assert done.stderr.startswith(b"freehold: error: ")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a mount of its own")
def test_a_schedule_is_installed_listed_and_removed(environment: dict[str, str], tmp_path: Path) -> None:
    script = f"""
        set -e
        mount -t tmpfs none /etc/systemd/system
        {COMMAND} schedule install --name usb --at weekly {tmp_path}
        {COMMAND} schedule list
        ls /etc/systemd/system/timers.target.wants
        echo foreign > /etc/systemd/system/freehold-scan-mine.timer
        ! {COMMAND} schedule install --name mine {tmp_path}
        {COMMAND} schedule remove --name usb
        ! {COMMAND} schedule remove --name mine
        {COMMAND} schedule list
        ls /etc/systemd/system
    """
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert f'usb: weekly: "{COMMAND.resolve()}" "scan" "--quiet" "--" "{tmp_path}"' in lines
    assert "removed usb" in lines
    assert lines[lines.index("removed usb") + 1].startswith("no schedule")
    assert "freehold-scan-mine.timer exists and is somebody else's" in done.stderr
    assert [line for line in lines if line.endswith(".timer")] == [
        "freehold-scan-usb.timer",
        "freehold-scan-mine.timer",
    ]
