"""Signatures: given only for what was made again, by enough people, on machines of their own."""

import json
import shutil

import pytest
from tests.updates.publish.organisations import PEOPLE, ceremony, signed_at_home
from tests.updates.publisher import START, Publisher, Refused, command, hashes
from tuf.api.metadata import Metadata

from freehold.model.errors import TrustError
from freehold.updates.content import heads, releases, segments
from freehold.updates.content.segments import Segment
from freehold.updates.publish.repository import Repository
from freehold.updates.tlog.policies import Policy
from freehold.updates.tlog.proofs import Proof


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sources").mkdir()
    return tmp_path


def write(folder, *numbers):
    (folder / "sources" / "own.hdb").write_text(hashes(*numbers))
    return folder / "sources"


def waiting(answer):
    return {one["role"]: (one["signed"], one["wanted"]) for one in answer["waiting"]}


def test_a_ceremony_and_releases_of_three_organisations(folder):
    north, south, west = ceremony(folder)
    for person in PEOPLE[:2]:
        north.run("merge", signed_at_home(folder, person, north.repository))
    north.build(write(folder, 1, 2), 1)
    with pytest.raises(Refused, match=r"root 1 lacks 1 more signature\(s\)"):
        north.run("publish")
    answer = north.run("merge", signed_at_home(folder, PEOPLE[4], north.repository))
    signed, wanted = waiting(answer)["root"]
    assert (set(signed), wanted) == ({"ann", "ben", "eva"}, 0)
    assert waiting(answer)["targets"][1] == 0
    assert north.sign() == ["core"]
    with pytest.raises(Refused, match=r"core 1 lacks 1 more signature\(s\); it could be signed by .*south"):
        north.run("publish")
    south.take(north)
    assert south.sign() == ["core", "snapshot"]
    north.take(south)
    assert north.sign() == ["snapshot", "timestamp"]
    assert north.run("publish")["seq"] == 1
    for other in (south, west):
        other.follow(north)
    # The next release is made by others; north only logs it.
    south.build(write(folder, 2, 3), 2)
    assert south.sign() == ["core"]
    west.take(south)
    assert west.sign() == ["core", "snapshot"]
    south.take(west)
    assert south.sign() == ["snapshot", "timestamp"]
    north.take(south)
    with pytest.raises(Refused, match="who has the log's key publishes"):
        south.run("publish")
    assert north.run("publish")["seq"] == 2
    signed = json.loads((north.repository / "public" / "metadata" / "2.core.json").read_bytes())["signatures"]
    assert len(signed) == 2


def test_order_does_not_matter_and_nothing_is_signed_twice(folder):
    north, south, west = ceremony(folder, "--threshold", "root=1", "--threshold", "targets=1")
    north.run("merge", signed_at_home(folder, "dan", north.repository))
    north.build(write(folder, 1), 1)
    for other in (south, west):
        other.take(north)
    assert [south.sign(), west.sign(), north.sign()] == [["core"], ["core"], ["core"]]
    for other in (west, south):
        north.take(other)
    assert north.sign() == ["snapshot"]
    assert north.sign() == []
    west.take(north)
    assert west.sign() == ["snapshot", "timestamp"]
    north.take(west)
    assert north.run("publish")["seq"] == 1


def staged_target(made, pattern):
    return next((made.folder / "staged" / "targets" / "core").glob(pattern))


def restage(made, change):
    """Change the staged release as somebody could who builds with another program, consistently."""
    repository = Repository(made.folder)
    metadata = repository.staged_metadata("core")
    targets = metadata.signed.targets
    change(repository, targets)
    repository.stage("core", metadata)


def another_release(**fields):
    def change(repository, targets):
        release = json.loads(repository.read_target("core/release.json", targets["core/release.json"]))
        data = releases.canonical(release | fields)
        targets["core/release.json"] = repository.stage_target("core/release.json", data)

    return change


def another_segment(repository, targets):
    name = "core/seg-1-2.seg"
    content = segments.encode(Segment((), frozenset()))
    targets[name] = repository.stage_target(name, segments.pack(content))


def one_file_more(repository, targets):
    targets["core/extra.seg"] = repository.stage_target("core/extra.seg", b"x")


def one_file_less(repository, targets):
    del targets["core/seg-1-2.seg"]


def another_base(repository, targets):
    targets["core/base-1.seg"] = repository.stage_target("core/base-1.seg", segments.pack(b"x"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            another_release(state="0" * 64),
            "has the state root 0{64}; its inputs give [0-9a-f]{64} here. Do not sign it",
        ),
        (another_release(counts={"hdb": 7}), "differs from what its inputs give here, in: counts"),
        (another_release(urgent=True), "says something else than the release"),
        (another_release(rings=[[1000, 0]]), "says something else than the release"),
        (another_release(seq=3), "says something else|does not follow"),
        (another_release(feed="other"), "of the feed other"),
        (another_release(inputs="0" * 64), "the input 0{64} is missing"),
        (another_release(published=START + 10**7), "of the future"),
        (another_release(published=1 << 52), "of the future"),
        (another_segment, "seg-1-2.seg: a segment has"),
        (another_base, "base-1.seg is another file than the one that was published"),
        (one_file_more, "names other files"),
        (one_file_less, "names other files"),
    ],
    ids=[
        "state",
        "counts",
        "urgent",
        "rings",
        "seq",
        "feed",
        "inputs",
        "future",
        "never",
        "segment",
        "base",
        "more",
        "less",
    ],
)
def test_a_release_that_its_inputs_do_not_give_is_not_signed(tmp_path, change, reason):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1, 2))
    made.write(hdb=hashes(1, 3))
    made.build()
    restage(made, change)
    with pytest.raises(Refused, match=f"(?s)status 3: .*{reason}"):
        made.run("sign", "--demo")
    assert not Repository(made.folder).staged_metadata("core").signatures


def test_a_changed_input_is_not_signed(tmp_path):
    made = Publisher(tmp_path)
    made.write(hdb=hashes(1, 2))
    made.build()
    source = max((made.folder / "staged" / "inputs").iterdir(), key=lambda path: path.read_bytes().startswith(b"0000"))
    source.write_text(hashes(1, 2, 3))
    with pytest.raises(Refused, match="has other content than it had"):
        made.run("sign", "--demo")


def test_what_was_published_before_must_be_sound(tmp_path):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1, 2))
    base = next((made.public / "targets" / "core").glob("*.base-1.seg"))
    base.write_bytes(segments.pack(segments.encode(Segment((), frozenset()))))
    made.write(hdb=hashes(1, 3))
    with pytest.raises(Refused, match=r"no file has the content that was signed of base-1\.seg"):
        made.build()


def test_wrong_signatures_are_not_merged(folder):
    north, south, _ = ceremony(folder, "--threshold", "root=1", "--threshold", "targets=1")
    north.build(write(folder, 1), 1)
    south.take(north)
    path = south.repository / "staged" / "metadata" / "1.root.json"
    root = json.loads(path.read_bytes())
    for one in root["signatures"]:
        one["sig"] = "00" * 64
    root["signatures"] += [{"keyid": key, "sig": "11" * 64} for key in root["signed"]["keys"]]
    path.write_text(json.dumps(root))
    assert waiting(north.run("merge", south.repository))["root"] == ([], 1)
    assert not Metadata.from_bytes((north.repository / "staged" / "metadata" / "1.root.json").read_bytes()).signatures


def test_other_content_is_not_merged(folder):
    north, south, _ = ceremony(folder)
    north.build(write(folder, 1), 1)
    south.build(write(folder, 2), 1)
    with pytest.raises(Refused, match="staged there for core is something else than here"):
        north.take(south)


def test_a_new_root_needs_old_and_new_keys_and_clients_can_follow(folder):
    north, *_ = ceremony(folder, "--threshold", "core=1", "--threshold", "snapshot=1")
    for person in PEOPLE[:3]:
        north.run("merge", signed_at_home(folder, person, north.repository))
    north.build(write(folder, 1), 1)
    north.sign()
    north.run("publish")
    command("key", "new", folder / "people" / "fay.pem", "--no-passphrase", "--json")
    north.run("rotate", "--role", "root", "--add", folder / "people" / "fay.pem.pub", "--remove", "ann")
    for person in ("ben", "cleo", "fay"):
        north.run("merge", signed_at_home(folder, person, north.repository))
    with pytest.raises(Refused, match="root 2 lacks 1 more"):
        north.run("publish")
    answer = north.run("merge", signed_at_home(folder, "ann", north.repository))
    assert waiting(answer)["root"][1] == 0
    assert north.run("publish")["seq"] == 1
    roots = [
        Metadata.from_bytes((north.repository / "public" / "metadata" / f"{version}.root.json").read_bytes())
        for version in (1, 2)
    ]
    for delegator in roots:
        delegator.verify_delegate("root", roots[1])
    head = heads.decode((north.repository / "public" / "head").read_bytes())
    assert (head["root-version"], len(heads.tail(head))) == (b"2", 2)


def test_a_builder_is_replaced(folder):
    north, south, west = ceremony(folder, "--threshold", "root=1", "--threshold", "targets=1")
    north.run("merge", signed_at_home(folder, "ann", north.repository))
    north.build(write(folder, 1), 1)
    north.sign()
    south.take(north)
    south.sign()
    north.take(south)
    north.sign()
    north.run("publish")
    command("key", "new", folder / "east.pem", "--no-passphrase", "--json")
    north.run("rotate", "--role", "core", "--add", folder / "east.pem.pub", "--remove", "south")
    north.run("merge", signed_at_home(folder, "ben", north.repository))
    assert north.sign() == ["core"]
    assert north.run("sign", "--key", folder / "east.pem")["signed"] == ["core"]
    west.follow(north)
    west.take(north)
    assert west.sign() == ["snapshot"]
    north.take(west)
    assert north.sign() == ["snapshot", "timestamp"]
    assert north.run("publish")["seq"] == 1
    published = Metadata.from_bytes((north.repository / "public" / "metadata" / "2.targets.json").read_bytes())
    feed = Metadata.from_bytes((north.repository / "public" / "metadata" / "2.core.json").read_bytes())
    published.signed.verify_delegate("core", feed.signed_bytes, feed.signatures)


def test_renewing_says_the_same_for_longer(tmp_path):
    made = Publisher(tmp_path)
    before = made.release(hdb=hashes(1))
    made.run("rotate", "--renew", "core")
    made.publish()
    assert made.current() == before
    metadata = [json.loads((made.public / "metadata" / f"{n}.core.json").read_bytes())["signed"] for n in (1, 2)]
    assert metadata[0]["targets"] == metadata[1]["targets"]
    assert metadata[0]["expires"] < metadata[1]["expires"]


def test_mirrors_and_policy_can_be_changed(tmp_path):
    made = Publisher(tmp_path, "--mirror", "https://one.example/")
    made.release(hdb=hashes(1))
    made.run("rotate", "--set-mirrors", "--mirror", "https://two.example/core/", "--mirror", "https://three.example/")
    made.publish()
    found = {path.read_text() for path in (made.public / "targets" / "policy").glob("*.core.mirrors")}
    assert found == {"https://one.example/\n", "https://two.example/core/\nhttps://three.example/\n"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--role", "core"], "say one of"),
        (["--role", "core", "--remove", "nobody"], "'nobody' is 0 keys of core"),
        (["--role", "core", "--threshold", "4"], "would need 4 of 3 keys"),
        (["--role", "nonsense", "--threshold", "1"], "there is no role 'nonsense'"),
        (["--renew", "timestamp"], "can be renewed; not 'timestamp'"),
        (["--role", "core", "--add", "/missing.pub"], "No such file"),
    ],
)
def test_changes_that_make_no_sense_are_refused(tmp_path, options, reason):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1))
    with pytest.raises(Refused, match=f"(?s)status 3.*{reason}"):
        made.run("rotate", *options)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "name keys with --key"),
        (["--key", "root=a.pub"], r"a.pub: No such file"),
        (["--demo", "--threshold", "root=6"], "root needs 6 signatures and has 5 keys"),
        (["--demo", "--threshold", "rot=1"], "no role 'rot'"),
        (["--demo", "--feed", "root"], "cannot be the name of a feed"),
        (["--demo", "--feed", "Core"], "cannot be the name of a feed"),
        (["--demo", "--quorum", "1"], "a quorum of 1 is asked for, of 0 witnesses"),
        (["--demo", "--witness", "w"], "a witness is"),
        (["--demo", "--witness", "w nonsense"], "a key has three parts"),
        (["--demo", "--log", "two words"], "neither spaces"),
    ],
    ids=str,
)
def test_ceremonies_that_make_no_sense_are_refused(tmp_path, options, reason):
    with pytest.raises(Refused, match=f"(?s)status 3.*{reason}"):
        command("init", tmp_path / "repo", *options, "--json")


def test_nothing_is_overwritten(tmp_path):
    made = Publisher(tmp_path)
    with pytest.raises(Refused, match="is not empty"):
        made.run("init", "--demo")
    key = made.folder / "keys" / "alice.pem"
    before = key.read_bytes()
    with pytest.raises(Refused, match=r"never overwritten|is there already"):
        command("key", "new", key, "--no-passphrase")
    assert key.read_bytes() == before
    assert key.stat().st_mode & 0o777 == 0o600


def test_demo_keys_are_refused_elsewhere(folder):
    north, *_ = ceremony(folder)
    with pytest.raises(Refused, match="was not made with --demo"):
        north.run("sign", "--demo")


def test_two_processes_do_not_work_on_one_repository(tmp_path):
    made = Publisher(tmp_path)
    made.write(hdb=hashes(1))
    with Repository(made.folder).locked(), pytest.raises(Refused, match="another process is working"):
        made.build()


def test_what_expired_meanwhile_is_not_published(tmp_path):
    made = Publisher(tmp_path)
    made.write(hdb=hashes(1))
    made.build("--published", START - 15 * 86_400)
    made.run("sign", "--demo")
    with pytest.raises(Refused, match="has expired meanwhile"):
        made.run("publish")
    assert not (made.public / "head").exists()


def test_publishing_goes_on_where_it_was_ended(tmp_path):
    """Whatever the step is after which it ends: doing it again completes it, and the log has one entry."""
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1))
    made.write(hdb=hashes(1, 2))
    made.build()
    made.run("sign", "--demo")
    staged = made.folder.parent / "kept"
    shutil.copytree(made.folder / "staged", staged)
    made.run("publish")
    expected = (made.public / "head").read_bytes()
    shutil.copytree(staged, made.folder / "staged")  # as if it had ended before its last step
    made.run("publish")
    assert (made.public / "head").read_bytes() == expected
    assert len(heads.tail(made.head())) == 2


def test_a_release_that_was_never_published_leaves_nothing_behind(tmp_path):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1))
    made.write(hdb=hashes(1, 2))
    made.build()
    made.run("sign", "--demo")
    for count in range(3, 7):  # the number of what was signed is used again
        made.release(hdb=hashes(*range(count)))
    assert made.current().seq == 5
    assert [part.start for part in made.current().segments] == [4, 3, 1]
    assert command("mirror", made.public, tmp_path / "copy", "--history", "--json")["seq"] == 5


def test_a_tree_without_its_metadata_does_not_begin_anew(tmp_path):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1))
    made.write(hdb=hashes(1, 2))
    for path in (made.public / "metadata").glob("*.core.json"):
        path.unlink()
    with pytest.raises(Refused, match="not the metadata that belongs to it"):
        made.build()


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"feed":1,"rings":[]}', '{"feed":"core"}', '{"feed":"../x","rings":[]}']
)
def test_damaged_settings_are_refused(tmp_path, content):
    made = Publisher(tmp_path)
    (made.folder / "repo.json").write_text(content)
    with pytest.raises(Refused, match=r"status 3: .*repo\.json is damaged"):
        made.run("build", tmp_path)


def test_a_log_whose_key_is_lost_goes_on_under_another(tmp_path):
    made = Publisher(tmp_path)
    with pytest.raises(Refused, match="nothing is logged yet"):
        made.run("rotate", "--new-log-key")
    made.release(hdb=hashes(1))
    before = heads.tail(made.head())
    (made.folder / "keys" / "log.skey").unlink()
    made.write(hdb=hashes(1, 2))
    made.build()
    made.run("sign", "--demo")
    with pytest.raises(Refused, match="who has the log's key publishes"):
        made.run("publish")
    assert "for witnesses" in made.run("rotate", "--new-log-key")["stderr"]
    made.publish()
    tail = heads.tail(made.head())
    assert (made.current().seq, tail[:1], len(tail)) == (2, before, 2)
    policies = [Policy.parse(path.read_bytes()) for path in made.public.glob("targets/policy/*.core.tlog-policy")]
    proof = Proof.parse(made.head()[heads.PROOF])
    logs = {str(policy.logs[0].key): policy for policy in policies}
    assert len(logs) == 2
    refused = 0
    for policy in policies:
        try:
            policy.verify(proof.checkpoint)
        except TrustError:
            refused += 1
    assert refused == 1
