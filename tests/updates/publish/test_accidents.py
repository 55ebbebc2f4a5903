"""Whatever write fails, and whenever: nothing half is shown, and doing it again completes it."""

import shutil

import pytest
from tests.updates.publisher import Publisher, Refused, hashes

from freehold.updates import durable
from freehold.updates.content import heads
from freehold.updates.content.segments import decode, unpack
from freehold.updates.content.spans import chosen
from freehold.updates.content.states import State
from freehold.updates.tlog.merkle import CompactRange
from freehold.updates.tlog.policies import Policy
from freehold.updates.tlog.proofs import Proof

MOST = 100
"""More writes than any action here makes."""


class Full(OSError):
    """The disk is full."""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    made = Publisher(tmp_path_factory.mktemp("template"))
    made.release(hdb=hashes(1, 2))
    made.write(hdb=hashes(2, 3))
    return made


def fail_at(monkeypatch, number):
    """Let the write with this number fail, and all after it."""
    count = iter(range(MOST))
    real = durable.write

    def write(path, data, **options):
        if next(count) >= number:
            raise Full(28, "No space left on device", str(path))
        real(path, data, **options)

    monkeypatch.setattr(durable, "write", write)


def check_whole(publisher):
    """What ``head`` shows is all there, and belongs together."""
    members, release = publisher.head(), publisher.current()
    state = State()
    for part in chosen(release, 0):
        name = release.target(part).rpartition("/")[2]
        found = next((publisher.public / "targets" / "core").glob(f"*.{name}"))
        state = state.after(decode(unpack(found.read_bytes(), part.bytes)))
    assert state.root().hex() == release.state
    policy = Policy.parse(next(publisher.public.glob("targets/policy/*.core.tlog-policy")).read_bytes())
    seen = policy.verify(Proof.parse(members[heads.PROOF]).checkpoint)
    assert CompactRange().extend(heads.tail(members)).root == seen.checkpoint.root
    return release.seq


def test_a_disk_that_is_full_at_any_write(template, tmp_path, monkeypatch):
    outcomes = set()
    for number in range(MOST):
        folder = tmp_path / str(number)
        shutil.copytree(template.folder.parent, folder)
        publisher = object.__new__(Publisher)
        publisher.folder, publisher.sources, publisher.feed = folder / "repo", folder / "sources", "core"
        with monkeypatch.context() as patch:
            fail_at(patch, number)
            try:
                publisher.build()
                publisher.publish()
                outcomes.add("well")
            except Refused as error:
                outcomes.add("full" if "No space left on device" in str(error) else str(error))
        before = check_whole(publisher)
        assert before in {1, 2}
        if before == 1 or (publisher.folder / "staged").exists():
            if not (publisher.folder / "staged" / "metadata" / "timestamp.json").exists():
                publisher.build()
            publisher.publish()
        assert check_whole(publisher) == 2
        assert len(heads.tail(publisher.head())) == 2
        if "well" in outcomes:
            break
        shutil.rmtree(folder)
    assert outcomes == {"well", "full"}
    assert number > 15
