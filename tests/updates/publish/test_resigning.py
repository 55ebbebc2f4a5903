"""Re-rooting a feed, and overlays on top of it."""

import hashlib
import shutil

import pytest
from tests.updates.publish.serving import served
from tests.updates.publisher import START, Publisher, Refused, command, hashes

from freehold.updates.content import segments
from freehold.updates.content.entries import Entry
from freehold.updates.content.segments import Segment
from freehold.updates.content.states import State


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    made = Publisher(tmp_path_factory.mktemp("upstream"))
    made.release(hdb=hashes(*range(10)))
    made.release(hdb=hashes(*range(3, 12)))
    return made


def root_of(publisher):
    return publisher.public / "metadata" / "1.root.json"


def resigned(own, upstream, *options, number=50):
    own.run("resign", upstream.public, "--root", root_of(upstream), "--published", START + 60 * number, *options)


def publish(own, upstream):
    own.run("sign", "--demo", "--upstream", upstream.public, "--root", root_of(upstream))
    own.run("publish")
    return own.current()


def test_the_same_state_under_other_keys(upstream, tmp_path):
    own = Publisher(tmp_path, feed="acme")
    with served(upstream.public) as url:
        sha256 = hashlib.sha256(root_of(upstream).read_bytes()).hexdigest()
        own.run("resign", url, "--root-sha256", sha256, "--published", START + 3000, "--rings", "1000@0")
    release, theirs = publish(own, upstream), upstream.current()
    assert (release.seq, release.state, release.segments, release.base) == (
        2,
        theirs.state,
        theirs.segments,
        theirs.base,
    )
    assert (release.feed, release.rings, release.published) == ("acme", ((1000, 0),), START + 3000)
    assert root_of(own).read_bytes() != root_of(upstream).read_bytes()
    with pytest.raises(Refused, match="nothing is new"):
        resigned(own, upstream)


def test_releases_may_be_left_out(tmp_path):
    upstream = Publisher(tmp_path / "upstream")
    upstream.release(hdb=hashes(1))
    own = Publisher(tmp_path / "own")
    resigned(own, upstream)
    publish(own, upstream)
    for count in range(2, 5):
        upstream.release(hdb=hashes(*range(count)))
    resigned(own, upstream, number=60)
    assert publish(own, upstream).state == upstream.current().state
    assert command("mirror", own.public, tmp_path / "copy", "--json")["seq"] == 4


def test_what_is_staged_is_compared_with_upstream(upstream, tmp_path):
    own = Publisher(tmp_path)
    resigned(own, upstream)
    other = Publisher(tmp_path / "other")
    other.release(hdb=hashes(5))
    other.release(hdb=hashes(5, 6))
    with pytest.raises(Refused, match="what is staged is not upstream's release 2"):
        publish(own, other)
    path = next((own.folder / "staged" / "targets" / "core").glob("*.seg-1-2.seg"))
    path.write_bytes(segments.pack(segments.encode(Segment((), frozenset()))))
    with pytest.raises(Refused, match="is damaged"):
        publish(own, upstream)


def test_upstream_is_believed_by_its_root_only(upstream, tmp_path):
    own = Publisher(tmp_path)
    with pytest.raises(Refused, match=r"the root has the SHA-256 [0-9a-f]{64}, not 00"):
        own.run("resign", upstream.public, "--root-sha256", "0" * 64)
    with pytest.raises(Refused, match="say by which root"):
        own.run("resign", upstream.public)
    stranger = Publisher(tmp_path / "stranger")
    stranger.release(hdb=hashes(1))
    with pytest.raises(Refused, match="signed by 0/"):
        own.run("resign", upstream.public, "--root", root_of(stranger))


def test_a_release_that_is_not_in_the_log_is_not_taken(upstream, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(upstream.public, copy)
    from freehold.updates.content import heads

    members = heads.decode((copy / "head").read_bytes())
    earlier = (copy / "log" / "proof" / "1.tlog-proof").read_bytes()
    (copy / "head").write_bytes(heads.encode(members | {heads.PROOF: earlier}))
    own = Publisher(tmp_path / "own")
    with pytest.raises(Refused, match="does not lead to the root"):
        own.run("resign", copy, "--root", root_of(upstream))


def test_resigned_releases_are_not_signed_as_if_they_were_built(upstream, tmp_path):
    own = Publisher(tmp_path)
    resigned(own, upstream)
    with pytest.raises(Refused, match=r"the input [0-9a-f]{64} is missing"):
        own.run("sign", "--demo")


def test_an_overlay_denies_allows_and_ignores(tmp_path):
    own = Publisher(tmp_path, feed="acme")
    shutil.rmtree(own.sources)
    bad, good = tmp_path / "bad.exe", tmp_path / "good.exe"
    bad.write_bytes(b"bad")
    good.write_bytes(b"good")
    digest = "ab" * 32
    answer = own.run("overlay", "--deny", bad, "--deny", digest, "--allow", good, "--ignore", "Win.Wrong-1")
    sha256 = hashlib.sha256(b"bad").hexdigest()
    assert answer["deny"] == [f"{sha256}:3:Acme.Denied-{sha256[:12]}", f"{digest}:*:Acme.Denied-{'ab' * 6}:73"]
    own.run("build", "--published", START)
    release = own.publish()
    assert release.counts == {"hsb": 2, "ign2": 1, "sfp": 1}
    expected = [Entry("hsb", line.encode()) for line in answer["deny"]]
    expected += [Entry("sfp", answer["allow"][0].encode()), Entry("ign2", b"Win.Wrong-1")]
    assert State(expected).root().hex() == release.state
    own.run("overlay", "--remove", digest)
    own.run("build", "--published", START + 60)
    assert own.publish().counts == {"hsb": 1, "ign2": 1, "sfp": 1}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--deny", "/missing"], "is no SHA-256 and no file"),
        (["--ignore", "two words"], "cannot be the name"),
        (["--ignore", "a:b"], "cannot be the name"),
        (["--remove", "nothing"], "on none of the lists"),
    ],
)
def test_what_cannot_be_on_a_list_is_refused(tmp_path, options, reason):
    with pytest.raises(Refused, match=reason):
        Publisher(tmp_path).run("overlay", *options)
