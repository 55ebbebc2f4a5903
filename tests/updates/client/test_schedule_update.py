"""The units that let systemd bring feeds up to date, and the user under whom they run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.frontends.conftest import Run

from freehold.feeds import state

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")


@needs_systemd
def test_systemd_understands_the_units(freehold: Run, tmp_path: Path) -> None:
    done = freehold("schedule", "update", "--every", "4h", "--print")
    assert (done.returncode, done.stderr) == (0, b"")
    for part in done.stdout.decode().split("# /etc/systemd/system/")[1:]:
        name, _, text = part.partition("\n")
        (tmp_path / name).write_text(text)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["freehold-update.service", "freehold-update.timer"]
    verify = ["systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in names)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert not [line for line in done.stderr.splitlines() if "freehold-update" in line], done.stderr
    timer = (tmp_path / names[1]).read_text()
    assert "OnUnitActiveSec=180min\nRandomizedDelaySec=120min\n" in timer, "every four hours, give or take a quarter"
    judge = ["systemd-analyze", "security", "--offline=yes", "--no-pager", tmp_path / names[0]]
    done = subprocess.run(judge, capture_output=True, text=True, check=False)
    found = re.search(r"exposure level for .*: ([0-9.]+)", done.stdout)
    assert found
    assert float(found[1]) < 2.5


@pytest.mark.parametrize("every", ["1m", "200h", "soon", "6", "-6h", ""])
def test_times_that_make_no_sense(freehold: Run, every: str) -> None:
    done = freehold("schedule", "update", f"--every={every}", "--print")
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"is not a time between 15m and 168h" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone has another user to become")
def test_root_becomes_the_user_to_whom_feeds_belong() -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from freehold.frontends.cli.update_confinement import become_owner\n"
        "become_owner(Path(sys.argv[1])); print(os.getuid(), os.getgid(), os.getgroups())"
    )
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-c", script, folder]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith("0 0 ")
        os.chown(folder, 1234, 1235)
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1234 1235 []\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give folders away")
def test_feeds_of_the_system_may_belong_to_the_updater_and_to_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pwd

    (tmp_path / "system/core/bundle").mkdir(parents=True)
    monkeypatch.setattr(state, "SYSTEM", tmp_path / "system")
    monkeypatch.setattr(state, "home", lambda: tmp_path / "own")
    nobody = pwd.getpwnam("nobody")
    os.chown(tmp_path / "system", nobody.pw_uid, nobody.pw_gid)
    assert state.bundles() == []
    monkeypatch.setattr(state, "UPDATER", "nobody")
    assert state.bundles() == [tmp_path / "system/core/bundle"]
    (tmp_path / "system").chmod(0o777)
    assert state.bundles() == []
