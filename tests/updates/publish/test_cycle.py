"""From signature files to what clients read, through the command line."""

import hashlib
import json
from pathlib import Path

import pytest
from tests.updates.publish.serving import served
from tests.updates.publisher import START, Publisher, Refused, hashes
from tuf.ngclient import Updater

from freehold.updates.content import heads, leaves, segments
from freehold.updates.content.entries import Entry
from freehold.updates.content.spans import chosen
from freehold.updates.content.states import State
from freehold.updates.tlog.merkle import CompactRange, leaf_hash
from freehold.updates.tlog.policies import Policy
from freehold.updates.tlog.proofs import Proof

RULE = 'rule own { strings: $a = "own-marker-string" condition: $a }\n'


@pytest.fixture(scope="module")
def publisher(tmp_path_factory):
    """Five releases: two grow, one shrinks, one is a retraction, one brings back."""
    made = Publisher(tmp_path_factory.mktemp("publisher"))
    made.release(hdb=hashes(*range(20)), yar=RULE)
    made.release(hdb=hashes(*range(25)))
    made.release(hdb=hashes(*range(5, 25)))
    made.run("revoke", "Own.Hash-7", "--published", START + 60 * 4)
    made.publish()
    made.release(hdb=hashes(*range(3, 30)))
    return made


@pytest.fixture(scope="module")
def downloaded(publisher, tmp_path_factory):
    """What a plain TUF client gets, which knows nothing of Freehold."""
    folder = tmp_path_factory.mktemp("client")
    root = (publisher.public / "metadata" / "1.root.json").read_bytes()
    release = publisher.current()
    names = ["core/release.json", "policy/core.tlog-policy"]
    names += [release.target(part) for part in (release.base, *release.segments)]
    with served(publisher.public) as url:
        updater = Updater(str(folder / "m"), f"{url}metadata/", str(folder), f"{url}targets/", bootstrap=root)
        updater.refresh()
        got = {}
        for name in names:
            info = updater.get_targetinfo(name)
            assert info is not None, name
            got[name] = Path(updater.download_target(info)).read_bytes()
    return got


def test_a_plain_tuf_client_reads_the_tree(publisher, downloaded):
    assert downloaded["core/release.json"] == publisher.head()["release.json"]


def test_every_client_gets_to_the_state_that_is_signed(publisher, downloaded):
    release = publisher.current()
    expected = State(
        [
            *(Entry("hdb", line.encode()) for line in hashes(*range(3, 7), *range(8, 30)).split()),
            Entry("yar", RULE.encode()),
        ]
    )
    assert expected.root().hex() == release.state
    state = State()
    for part in chosen(release, 0):
        content = segments.unpack(downloaded[release.target(part)], part.bytes)
        assert segments.digest(content) == part.content
        state = state.after(segments.decode(content))
    assert state.root().hex() == release.state
    assert release.counts == {"hdb": 26, "yar": 1}
    assert [part.start for part in release.segments] == [4, 3, 1]


def test_the_log_has_every_release_and_nothing_else(publisher):
    head = publisher.head()
    policy = Policy.parse(next((publisher.public / "targets" / "policy").glob("*.core.tlog-policy")).read_bytes())
    proof = Proof.parse(head[heads.PROOF])
    versions = [(1, version) for version in range(1, 6)]
    texts = [
        leaves.leaf_of(
            "core",
            (root, (publisher.public / "metadata" / f"{root}.root.json").read_bytes()),
            (snapshot, (publisher.public / "metadata" / f"{snapshot}.snapshot.json").read_bytes()),
        ).to_bytes()
        for root, snapshot in versions
    ]
    seen = proof.verify(leaf_hash(texts[-1]), policy)
    assert (proof.index, seen.checkpoint.size) == (4, 5)
    assert heads.tail(head) == [leaf_hash(text) for text in texts]
    assert CompactRange().extend(heads.tail(head)).root == seen.checkpoint.root
    assert head[heads.PROOF] == (publisher.public / "log" / "proof" / "5.tlog-proof").read_bytes()


def test_head_has_the_metadata_that_is_public(publisher):
    head = publisher.head()
    assert set(head) == {
        "5.core.json",
        "5.snapshot.json",
        "log-tail",
        "release.json",
        "release.tlog-proof",
        "root-version",
        "timestamp.json",
    }
    for name in ("5.core.json", "5.snapshot.json", "timestamp.json"):
        assert head[name] == (publisher.public / "metadata" / name).read_bytes()
    assert head["root-version"] == b"1"
    assert (publisher.public / "head").stat().st_size < 4096


def test_names_of_files_are_their_hashes(publisher):
    found = [
        path for folder in ("targets", "inputs") for path in (publisher.public / folder).rglob("*") if path.is_file()
    ]
    assert len(found) > 20
    for path in found:
        assert path.name.partition(".")[0] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert path.stat().st_mode & 0o777 == 0o644


def test_nothing_is_left_behind(publisher):
    assert not publisher.folder.joinpath("staged").exists()
    assert not [path for path in publisher.public.rglob(".*") if path.is_file()]


def test_a_revoked_signature_stays_revoked_until_it_is_restored(tmp_path):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1, 2))
    answer = made.run("revoke", "Own.Hash-2", "--published", START + 120)
    assert (answer["added"], answer["removed"]) == (0, 1)
    assert answer["bytes"]["core/seg-1-2.seg"] < 48
    assert made.publish().urgent
    assert made.release(hdb=hashes(1, 2, 3)).counts == {"hdb": 2}
    gone = Entry("hdb", hashes(2).strip().encode()).id[:16].hex()
    made.run("revoke", "--restore", gone, "--published", START + 60 * 4)
    assert made.publish().counts == {"hdb": 3}


def test_what_is_not_released_cannot_be_revoked(tmp_path):
    made = Publisher(tmp_path)
    with pytest.raises(Refused, match="nothing is published yet"):
        made.run("revoke", "Own.Hash-2")
    made.release(hdb=hashes(1, 22))
    with pytest.raises(Refused, match="no signature 'Own\\.Hash-2' in the release"):
        made.run("revoke", "Own.Hash-2")


def test_a_rule_is_revoked_with_its_file(tmp_path):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1), yar=RULE)
    made.run("revoke", "own", "--published", START + 120)
    assert made.publish().counts == {"hdb": 1}


def test_a_release_that_reverts_is_urgent_and_names_what_not_to_use(tmp_path):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1))
    made.release(hdb=hashes(1, 2))
    stop = made.release("--revert", "2", hdb=hashes(1))
    assert (stop.urgent, stop.reverts, stop.counts) == (True, (2,), {"hdb": 1})
    assert made.release(hdb=hashes(1, 3)).reverts == (2,)


def test_a_new_epoch_has_a_base_of_its_own(tmp_path):
    made = Publisher(tmp_path)
    first = made.release(hdb=hashes(1))
    second = made.release(hdb=hashes(1, 2))
    third = made.release("--new-epoch", hdb=hashes(1, 2, 3))
    assert second.base == first.base
    assert (third.epoch, third.base.start) == (2, 3)
    assert [part.start for part in third.segments] == [2, 1]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--published", "2020-01-01"], "the next one must be later"),
        (["--revert", "2"], "only earlier releases, 1 to 1"),
        (["--rings", "10@0"], "rings widen"),
        (["--rings", "soon"], "is no ring"),
        (["--published", "yesterday"], "is no time"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(tmp_path, options, reason):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1))
    made.write(hdb=hashes(1, 2))
    with pytest.raises(Refused, match=f"(?s)status 3.*{reason}"):
        made.build(*options)


def test_the_same_signatures_are_no_release(tmp_path):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1, 2))
    with pytest.raises(Refused, match="there is nothing to release"):
        made.release(hdb="# sorted otherwise\r\n" + "\r\n".join(reversed(hashes(1, 2).split())))


@pytest.mark.parametrize("file", ["own.cbc", "own.cfg", "program.py"])
def test_code_and_settings_never_become_part_of_a_release(tmp_path, file):
    made = Publisher(tmp_path)
    made.write(hdb=hashes(1))
    (made.sources / file).write_bytes(b"anything\n")
    assert made.build()["counts"] == {"hdb": 1}


def test_an_overlong_line_is_refused(tmp_path):
    made = Publisher(tmp_path)
    made.write(ldb="x" * 40_000)
    with pytest.raises(Refused, match="40,000 bytes; 32,768 are allowed"):
        made.build()


def test_refreshing_says_that_the_newest_is_still_the_newest(tmp_path):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1))
    before = json.loads((made.public / "metadata" / "timestamp.json").read_bytes())["signed"]
    made.run("refresh", "--key", made.folder / "keys" / "south.pem")
    after = json.loads((made.public / "metadata" / "timestamp.json").read_bytes())["signed"]
    assert after["version"] == before["version"] + 1
    assert made.head()["timestamp.json"] == (made.public / "metadata" / "timestamp.json").read_bytes()
    assert heads.tail(made.head())[1:] == []
    with pytest.raises(Refused, match="not enough for a timestamp"):
        made.run("refresh", "--key", made.folder / "keys" / "alice.pem")
