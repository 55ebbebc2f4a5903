"""A year in the life of a feed, with everything that can happen to one; every client ends right.

Three organisations release, five people hold the keys of root, three witnesses watch. Everything goes through the
public command line and the client that ``freehold update`` runs; the clock alone is the story's.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from tests.updates.client.conftest import Serve, serve  # noqa: F401 - a fixture
from tests.updates.client.machine import Machine
from tests.updates.publish.organisations import PEOPLE, Organisation, ceremony, signed_at_home
from tests.updates.publisher import Publisher, Refused, command, hashes
from tests.updates.witnesses import log_key

from freehold.frontends.cli import repo_options
from freehold.updates.client.origins import Folder
from freehold.updates.client.refusals import Refusal
from freehold.updates.content.entries import Entry
from freehold.updates.monitoring.findings import Severity
from freehold.updates.monitoring.following import Monitor
from freehold.updates.monitoring.repository import Repository
from freehold.updates.publish import building
from freehold.updates.tlog.keys import Kind, SigningKey
from freehold.updates.tlog.witness import Witness

pytestmark = pytest.mark.slow

HOUR, DAY = 3600, 86_400
BAD = "Own.Hash-666"


class World:
    """What all share: the clock, the witnesses, the web, and the feed as its publishers make it.

    Attributes:
        now: seconds since 1970; a year that lies before us.
        asleep: names of witnesses that do not answer.
        mirrors: folder that the web serves: ``good`` is an honest copy, others are not.
    """

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.top = top
        self.now = float(int(time.time()) + DAY)
        self.asleep: set[str] = set()
        self.mirrors = top / "mirrors"
        self.mirrors.mkdir()
        monkeypatch.setattr(time, "time", lambda: self.now)
        monkeypatch.setattr(repo_options, "now", lambda: datetime.fromtimestamp(self.now, UTC))
        monkeypatch.setattr(building, "now", lambda: int(self.now))
        keys = {name: SigningKey.generate(f"witness.example/{name}", Kind.COSIGNATURE) for name in ("w1", "w2", "w3")}
        options = [word for name, key in keys.items() for word in ("--witness", f"{name} {key.verifier}")]
        (top / "orgs").mkdir()
        self.north, self.south, self.west = ceremony(top / "orgs", *options, "--quorum", 2)
        log = log_key(self.north.repository)
        self.witnesses = {name: Witness(top / name, [key], [log], lambda: self.now) for name, key in keys.items()}
        self.by_people(PEOPLE[:3])
        self.sources = top / "sources"
        self.sources.mkdir()
        self.monitor_folder = top / "monitor"

    def wait(self, *, days: float = 0, hours: float = 0) -> None:
        self.now += days * DAY + hours * HOUR

    @property
    def public(self) -> Path:
        return self.north.repository / "public"

    @property
    def root(self) -> bytes:
        return (self.public / "metadata" / "1.root.json").read_bytes()

    def by_people(self, people: Sequence[str]) -> None:
        """Let people sign at home what is staged at north's."""
        for person in people:
            self.north.run("merge", signed_at_home(self.top / "orgs", person, self.north.repository))

    def write(self, *numbers: int) -> None:
        (self.sources / "own.hdb").write_text(hashes(*numbers))

    def release(self, builder: Organisation, second: Organisation, *numbers: int) -> int:
        """Let one organisation build and two sign; north publishes."""
        self.wait(hours=1)
        self.write(*numbers)
        builder.run("build", self.sources, "--published", int(self.now))
        return self.sign_and_publish(builder, second)

    def sign_and_publish(self, builder: Organisation, second: Organisation) -> int:
        builder.sign()
        second.take(builder)
        second.sign()
        builder.take(second)
        builder.sign()
        if builder is not self.north:
            self.north.take(builder)
        seq = self.publish(self.north)
        for other in (self.south, self.west):
            other.follow(self.north)
        return seq

    def publish(self, publisher: Organisation, action: str = "publish", *options: object) -> int:
        """Publish with the witnesses that are awake; each is asked by a file that somebody carries."""
        carried = self.top / "carried"
        shutil.rmtree(carried, ignore_errors=True)
        try:
            publisher.run(action, *options, "--requests", carried)
        except Refused as error:
            if "too few witnesses" not in str(error):
                raise
        answers = []
        for name in sorted(set(self.witnesses) - self.asleep):
            answer = self.witnesses[name].add_checkpoint((carried / f"{name}.request").read_bytes())
            if answer.status == 200:
                answers.append(carried / f"{name}.answer")
                answers[-1].write_bytes(answer.body)
        files = [word for path in answers for word in ("--cosignature", path)]
        done = publisher.run(action, *options, *files)
        command("mirror", self.public, self.mirrors / "good", "--history", "--inputs", "--json")
        return int(done.get("seq", 0))

    def refresh(self) -> None:
        self.publish(self.north, "refresh", "--key", self.north.key)

    def alarms(self, tree: Path) -> set[str]:
        """Look at a tree with a monitor that remembers; return the kinds of its alarms."""
        first = None if (self.monitor_folder / "trust").exists() else self.root
        with Repository(Folder(tree), self.monitor_folder / "trust", first) as repository:
            found = list(Monitor(repository, self.monitor_folder).look())
        return {finding.kind for finding in found if finding.severity is Severity.ALARM}


class Client(Machine):
    """A machine, and where it asks."""

    def __init__(self, world: World, name: str, *places: str | Path, ring: str = "early") -> None:
        super().__init__(world.top / "clients" / name, world.public, sha256(world.root).hexdigest(), ring=ring)
        self.places = places
        self.had: set[Entry] = set()

    def get(self, *places: str | Path) -> str:
        """Update from some places, or the usual ones; return what came of it: a word, or that of the refusal."""
        try:
            word = self.update(*(places or self.places)).word
        except Refusal as error:
            word = error.word
        if self.seq:
            self.had |= self.signatures()
        return word


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path, monkeypatch)
    yield made
    for witness in made.witnesses.values():
        witness.close()


def test_a_year(world: World, serve: Serve) -> None:  # noqa: F811
    web = serve(world.mirrors).address
    good, lying = f"{web}/good", f"{web}/lying"

    # The first releases. Nobody had to be asked for trust but five people, once.
    assert world.release(world.north, world.south, 1, 2) == 1
    early = Client(world, "early", good)
    late = Client(world, "late", lying, good, ring="late")
    victim = Client(world, "victim", lying, ring="late")
    hospital = Client(world, "hospital")
    assert [client.get(good) for client in (early, late, victim)] == ["updated"] * 3  # nobody waits for the first
    assert early.get() == "current"
    assert world.alarms(world.public) == set()

    # A mirror that lies: it keeps what it has for ever.
    shutil.copytree(world.public, world.mirrors / "lying")
    world.wait(days=3)
    world.asleep = {"w3"}  # one witness of three may be away
    assert world.release(world.south, world.west, 1, 2, 3) == 2
    assert early.get() == "updated"
    assert victim.get() in {"expired", "stale"}
    assert victim.signatures() == set(own(1, 2))
    assert late.get() == "waiting"  # the other mirror tells the truth
    world.wait(hours=5)
    assert late.get() == "updated"
    world.wait(hours=15)
    world.refresh()  # nothing is new; the witnesses say so again
    world.wait(hours=15)
    assert early.get() == "current"
    # Then it shows the new release with a segment of its own making …
    shutil.rmtree(world.mirrors / "lying")
    shutil.copytree(world.mirrors / "good", world.mirrors / "lying")
    for path in (world.mirrors / "lying" / "targets" / "core").glob("*.seg"):
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert victim.get() == "damaged"
    assert victim.signatures() == set(own(1, 2))
    assert world.alarms(world.mirrors / "lying") == {"damaged"}
    assert victim.get(lying, good) == "updated"  # its owner adds another mirror
    world.asleep = set()

    # A key is stolen from west. Alone it opens nothing …
    world.wait(days=100)
    world.write(1, 2, 3, 4)
    thief = fork(world.west, world.top / "thief")
    thief.run("build", world.sources, "--published", int(world.now))
    assert thief.sign() == ["core"]
    shutil.copytree(world.north.repository / "keys", thief.repository / "keys")  # and the log's key, to be generous
    with pytest.raises(Refused, match=r"core \d+ lacks 1 more signature"):
        thief.run("publish")
    # … and after three of the five people have signed, it is worth nothing at all.
    east = Organisation(world.top / "east", "east")
    world.north.run("rotate", "--role", "core", "--remove", "west", "--add", f"{east.key}.pub")
    world.by_people(PEOPLE[2:])
    assert world.sign_and_publish(world.north, world.south) == 2
    world.write(1, 2, 3)
    for other in (early, late, victim):
        assert other.get(good) == "current"
    world.release(world.north, world.south, 1, 2, 3, 4)
    world.wait(hours=1)
    world.write(1, 2, 3, 4, 5)
    thief = fork(world.west, world.top / "thief again")
    thief.run("build", world.sources, "--published", int(world.now))
    with pytest.raises(Refused, match="these keys can sign nothing"):
        thief.sign()
    assert world.alarms(world.public) == set()
    assert early.get() == "updated"
    world.wait(hours=4)
    assert [client.get(good) for client in (late, victim)] == ["updated", "updated"]

    # A release that would take good files away. The first who get it notice, and nobody else ever has it.
    world.wait(days=30)
    bad = world.release(world.south, world.north, 1, 2, 3, 4, 666)
    early.tools.harmful = f"{BAD} fires on /usr/bin/env"
    assert early.get() == "held"
    assert BAD in early.store.state().refused
    assert late.get() == "waiting"
    world.wait(hours=1)
    world.north.run("revoke", BAD, "--published", int(world.now))
    assert world.sign_and_publish(world.north, world.south) == bad + 1
    early.tools.harmful = ""
    assert [client.get(good) for client in (early, late, victim)] == ["updated"] * 3  # nobody waits for its ring
    (segment,) = (world.public / "targets" / "core").glob(f"*.seg-{bad}-{bad + 1}.seg")
    assert segment.stat().st_size < 64

    # A hospital without a network: what is carried to it is verified as if it had come by wire.
    stick = world.top / "core.fhb"
    command("bundle", "export", world.public, stick, "--json")
    assert hospital.get(stick) == "updated"
    assert hospital.signatures() == early.signatures()
    old = world.top / "old.fhb"
    shutil.copy(stick, old)
    world.wait(days=20)
    newest = world.release(world.south, world.north, 1, 2, 3, 4, 7)
    command("bundle", "export", world.public, stick, "--json")
    world.wait(days=10)  # a slow journey
    assert hospital.get(stick) == "updated"
    assert hospital.get(old) == "rollback"
    assert hospital.seq == newest

    # Two organisations are forced to make a release for one victim. They have every key that it takes, and the log's.
    world.refresh()
    conspirators = fork(world.north, world.top / "conspiracy")
    shutil.copytree(world.north.repository / "keys", conspirators.repository / "keys")
    helper = fork(world.south, world.top / "helper")
    world.release(world.north, world.south, 1, 2, 3, 4, 7, 8)  # what everybody gets
    world.write(4, 7, 8)
    conspirators.run("build", world.sources, "--published", int(world.now))
    conspirators.sign()
    helper.take(conspirators)
    helper.sign()
    conspirators.take(helper)
    conspirators.sign()
    with pytest.raises(Refused, match="too few witnesses"):  # who has seen the one history signs no other
        world.publish(conspirators)
    assert early.get() == "updated"

    # The publishers disappear. What is there stays in use, and says how old it is.
    world.wait(hours=5)
    assert [client.get(good) for client in (late, victim)] == ["updated", "updated"]
    world.wait(days=4)
    last = early.signatures()
    assert [client.get(good) for client in (early, late, victim)] == ["expired"] * 3
    assert early.signatures() == late.signatures() == last == set(own(1, 2, 3, 4, 7, 8))
    # A city takes the last release over, under keys of its own: from any mirror, without anybody's leave.
    city = Publisher(world.top / "city")
    upstream = (world.mirrors / "good", "--root", world.top / "root.json")
    (world.top / "root.json").write_bytes(world.root)
    with pytest.raises(Refused, match="expired"):
        city.run("resign", *upstream)
    city.run("resign", *upstream, "--abandoned")
    city.run("sign", "--demo", "--upstream", *upstream, "--abandoned")
    city.run("publish")
    shutil.copytree(city.public, world.mirrors / "city")
    fingerprint = sha256((city.public / "metadata" / "1.root.json").read_bytes()).hexdigest()
    citizen = Machine(world.top / "clients" / "citizen", city.public, fingerprint, ring="early")
    assert citizen.update(f"{web}/city").word == "updated"
    assert citizen.signatures() == last

    # Every client ends right, and none ever had what it should not have.
    command("bundle", "export", world.mirrors / "good", stick, "--json")
    assert hospital.get(stick) == "updated"
    for client in (early, late, victim, hospital):
        assert client.signatures() == last
        assert client.had.isdisjoint(own(5, 666))
    assert world.alarms(world.public) <= {"expired"}


def own(*numbers: int) -> Iterator[Entry]:
    return (Entry("hdb", line.encode()) for line in hashes(*numbers).splitlines())


def fork(organisation: Organisation, folder: Path) -> Organisation:
    """Return somebody who has all that an organisation has, keys included, and is not it."""
    shutil.copytree(organisation.home, folder, ignore=shutil.ignore_patterns("keys"))
    other = Organisation.__new__(Organisation)
    other.name, other.home = organisation.name, folder
    other.key, other.repository = folder / organisation.key.name, folder / "repo"
    return other
