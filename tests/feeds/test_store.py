"""Adding, refreshing and removing feeds, also when it goes wrong."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from freehold.feeds import state
from freehold.feeds.store import Installed, Store
from freehold.model.errors import FreeholdError, TrustError, UsageError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "feeds")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yar").write_text("one")
    return folder


def content(store: Store, name: str) -> dict[str, str]:
    return {path.name: path.read_text() for path in store.files(store.feed(name))}


def left(tmp_path: Path) -> set[str]:
    """Return what lies in the folder of the feed beside its record and its current copy."""
    folder = tmp_path / "feeds" / "own"
    current = json.loads((folder / "feed.json").read_text())["snapshot"]
    return {path.name for path in folder.iterdir()} - {"feed.json", current}


def test_life_of_a_feed(store: Store, rules: Path, tmp_path: Path) -> None:
    with store.locked():
        added = store.add("own", "folder", str(rules))
    assert store.feeds() == [added] == [store.feed("own")]
    assert content(store, "own") == {"a.yar": "one"}
    assert not added.is_compiled
    with store.locked():
        assert store.mark_compiled(added).is_compiled
        assert store.refresh(store.feed("own")).is_compiled
        (rules / "a.yar").write_text("other")
        assert not store.refresh(store.feed("own")).is_compiled
    assert content(store, "own") == {"a.yar": "other"}
    assert not left(tmp_path)
    with store.locked():
        store.remove(store.feed("own"))
    assert store.feeds() == []
    assert not list((tmp_path / "feeds").iterdir())


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "A", "-x", ".hidden", "x" * 64, "a b", "ä"])
def test_names(store: Store, rules: Path, name: str) -> None:
    with store.locked():
        with pytest.raises(UsageError):
            store.add(name, "folder", str(rules))
        with pytest.raises(UsageError):
            store.feed(name)


def test_name_twice(store: Store, rules: Path) -> None:
    with store.locked():
        store.add("own", "folder", str(rules))
        with pytest.raises(UsageError, match="already"):
            store.add("own", "folder", str(rules))


def test_failed_add_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with store.locked(), pytest.raises(UsageError):
        store.add("own", "folder", str(tmp_path / "missing"))
    assert not list((tmp_path / "feeds").iterdir())


def test_failed_refresh_changes_nothing(store: Store, rules: Path, tmp_path: Path) -> None:
    with store.locked():
        before = store.add("own", "folder", str(rules))
        (rules / "a.yar").unlink()
        with pytest.raises(UsageError):
            store.refresh(before)
    assert store.feed("own") == before
    assert content(store, "own") == {"a.yar": "one"}
    assert not left(tmp_path)


def test_one_change_at_a_time(store: Store, rules: Path, tmp_path: Path) -> None:
    with store.locked(), pytest.raises(UsageError, match="another process"), Store(tmp_path / "feeds").locked():
        pass
    with store.locked():
        store.add("own", "folder", str(rules))


CHILD = """
import resource, signal, sys
from pathlib import Path
from freehold.feeds.store import Store
from freehold.model.errors import FreeholdError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
store = Store(Path(sys.argv[1]))
try:
    with store.locked():
        store.refresh(store.feed("own"))
except FreeholdError as error:
    print(error)
    sys.exit(3)
"""


@pytest.mark.parametrize("limit", [0, 100, 5000])
def test_no_room_left(store: Store, rules: Path, tmp_path: Path, limit: int) -> None:
    """The copy, its index or the record cannot be written: the old state stays whole."""
    with store.locked():
        before = store.add("own", "folder", str(rules))
    (rules / "b.yar").write_text("x" * (10_000 if limit > 1000 else 10))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, tmp_path / "feeds", str(limit)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "File too large" in done.stdout
    assert store.feed("own") == before
    assert content(store, "own") == {"a.yar": "one"}
    with store.locked():
        store.refresh(before)
    assert set(content(store, "own")) == {"a.yar", "b.yar"}
    assert not left(tmp_path)


KILLED = """
import os, signal, sys
from pathlib import Path
from freehold.feeds.store import Store
count = 0
def audit(event, arguments):
    global count
    if event in {"open", "os.rename", "os.link", "shutil.rmtree", "os.mkdir"} and sys.argv[1] in str(arguments[0]):
        count += 1
        if count == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
store = Store(Path(sys.argv[1]))
with store.locked():
    feed = store.feed("own")
    sys.addaudithook(audit)
    store.refresh(feed)
"""


def test_killed_at_any_moment(store: Store, rules: Path, tmp_path: Path) -> None:
    with store.locked():
        store.add("own", "folder", str(rules))
    killed = 0
    for moment in range(1, 60):
        old = content(store, "own")
        (rules / "a.yar").write_text(f"version {moment}")
        done = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "feeds", str(moment)], check=False)
        assert content(store, "own") in (old, {"a.yar": f"version {moment}"})
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        killed += 1
    assert killed > 5
    assert content(store, "own") == {"a.yar": f"version {moment}"}
    with store.locked():
        store.refresh(store.feed("own"))
    assert left(tmp_path) <= {".feed.json"}


@pytest.mark.parametrize(
    "damage",
    [{"kind": "other"}, {"name": "another"}, {"snapshot": "../../etc"}, {"snapshot": "snapshot-/../.."}, {"x": 1}],
)
def test_damaged_record(store: Store, rules: Path, tmp_path: Path, damage: dict) -> None:
    with store.locked():
        store.add("own", "folder", str(rules))
    record = tmp_path / "feeds" / "own" / "feed.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | damage))
    with pytest.raises(TrustError):
        store.feed("own")
    record.write_text("{")
    with pytest.raises(TrustError):
        store.feeds()


class TestState:
    def test_bundles(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        monkeypatch.setattr(state, "SYSTEM", tmp_path / "system")
        assert state.bundles() == []
        own = tmp_path / "freehold" / "feeds"
        for folder in (own / "b" / "bundle", own / "a" / "bundle", own / "c", tmp_path / "system" / "z" / "bundle"):
            folder.mkdir(parents=True)
        expected = [tmp_path / "system" / "z" / "bundle", own / "a" / "bundle", own / "b" / "bundle"]
        assert state.bundles() == expected
        own.chmod(0o777)
        assert state.bundles() == expected[:1]

    def test_same_place_as_the_store(self, store: Store, rules: Path, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        store = Store(state.home())
        with store.locked():
            feed = store.add("own", "folder", str(rules))
        store.bundle(feed).mkdir()
        assert store.bundle(feed) in state.bundles()

    def test_imports_next_to_nothing(self) -> None:
        code = "import sys, freehold.feeds.state; print([m for m in ('json', 'tomllib', 'urllib.request', 'hashlib') if m in sys.modules])"  # noqa: E501
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert out.strip() == "[]"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FreeholdError, match="cannot keep feeds"), Store(tmp_path / "feeds").locked():
        pass


def test_record_is_plain(store: Store, rules: Path, tmp_path: Path) -> None:
    with store.locked():
        feed = store.add("own", "folder", str(rules))
    assert Installed(**json.loads((tmp_path / "feeds" / "own" / "feed.json").read_text())) == feed
