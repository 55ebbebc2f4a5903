"""Nothing is shown to clients that too few witnesses have seen."""

import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO

import pytest
from tests.updates.publisher import Publisher, Refused, hashes

from freehold.frontends import witness as front
from freehold.service.log import Log
from freehold.updates.content import heads
from freehold.updates.tlog.keys import Kind, SigningKey, VerifierKey
from freehold.updates.tlog.policies import Policy
from freehold.updates.tlog.proofs import Proof
from freehold.updates.tlog.witness import Witness

NAMES = ("w1", "w2", "w3")
KEYS = {
    name: SigningKey.of_seed(f"{name}.example/w", Kind.COSIGNATURE, bytes([n]) * 32) for n, name in enumerate(NAMES)
}


class World:
    """A publisher and three witnesses on ports of their own, each of which can be away."""

    def __init__(self, folder, ports):
        self.folder = folder
        self.ports = ports
        witnesses = [
            word
            for name, port in ports.items()
            for word in ("--witness", f"{name} {KEYS[name].verifier} http://127.0.0.1:{port}")
        ]
        self.publisher = Publisher(folder, "--log", "example.com/core", *witnesses, "--quorum", 2)
        policy = next(self.publisher.folder.glob("staged/targets/policy/*.core.tlog-policy"))
        self.policy = Policy.parse(policy.read_bytes())
        self.log = self.policy.logs[0].key

    @contextmanager
    def awake(self, *names, ahead=0):
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(serving(self.folder / name, KEYS[name], self.log, self.ports[name], ahead))
            yield

    def seen(self):
        return self.policy.verify(Proof.parse(self.publisher.head()[heads.PROOF]).checkpoint)


@contextmanager
def serving(folder, key: SigningKey, log: VerifierKey, port, ahead):
    witness = Witness(folder, [key], [log], lambda: time.time() + ahead)
    server = front.Server(socket.create_server(("127.0.0.1", port)), witness, Log(StringIO()))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        witness.close()


@pytest.fixture
def world(tmp_path):
    with ExitStack() as stack:
        yield World(tmp_path, {name: stack.enter_context(reserved()) for name in NAMES})


@contextmanager
def reserved():
    """Keep a port on which nobody listens, so that connections are refused until somebody does."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def test_all_witnesses_cosign(world):
    with world.awake(*NAMES):
        for count in range(1, 4):
            world.publisher.release(hdb=hashes(*range(count)))
            assert (set(world.seen().times), world.seen().checkpoint.size) == (set(NAMES), count)


def test_one_may_be_away_and_catches_up(world):
    with world.awake("w1", "w2"):
        world.publisher.release(hdb=hashes(1))
        world.publisher.write(hdb=hashes(1, 2))
        world.publisher.build()
        world.publisher.run("sign", "--demo")
        answer = world.publisher.run("publish")
    assert "the witness w3 has not cosigned" in answer["stderr"]
    assert set(world.seen().times) == {"w1", "w2"}
    with world.awake("w2", "w3"):
        world.publisher.release(hdb=hashes(1, 3))
    assert (set(world.seen().times), world.seen().checkpoint.size) == ({"w2", "w3"}, 3)


def test_two_away_and_nothing_is_shown_until_one_is_back(world):
    with world.awake(*NAMES):
        world.publisher.release(hdb=hashes(1))
    before = (world.publisher.public / "head").read_bytes()
    with (
        world.awake("w1"),
        pytest.raises(Refused, match=r"the policy wants 2 of w1, w2, w3; it has w1\. Nothing was published"),
    ):
        world.publisher.release(hdb=hashes(1, 2))
    assert (world.publisher.public / "head").read_bytes() == before
    assert (world.publisher.public / "metadata" / "timestamp.json").read_bytes() == heads.decode(before)[
        heads.TIMESTAMP
    ]
    with world.awake("w1", "w2"):
        world.publisher.run("publish")
    assert (world.publisher.current().seq, world.seen().checkpoint.size) == (2, 2)


def test_what_the_witnesses_have_seen_need_not_be_remembered(world):
    with world.awake(*NAMES):
        world.publisher.release(hdb=hashes(1))
        (world.publisher.folder / "witnesses.json").write_text("damaged")
        world.publisher.release(hdb=hashes(2))
    assert set(world.seen().times) == set(NAMES)


def test_a_refresh_brings_newer_cosignatures_of_the_same_head(world):
    with world.awake(*NAMES):
        world.publisher.release(hdb=hashes(1))
        before = world.seen()
    with world.awake("w1", "w3", ahead=100):
        world.publisher.run("refresh", "--key", world.publisher.folder / "keys" / "north.pem")
    after = world.seen()
    assert after.checkpoint == before.checkpoint
    assert after.times["w1"] > before.times["w1"]
    assert after.times["w2"] == before.times["w2"]
    head = world.publisher.public / "head"
    assert head.stat().st_mtime == max(after.times.values())


def test_witnesses_without_an_address_are_asked_by_files(tmp_path):
    words = [word for name in NAMES[:2] for word in ("--witness", f"{name} {KEYS[name].verifier}")]
    publisher = Publisher(tmp_path, *words, "--quorum", 2)
    publisher.write(hdb=hashes(1))
    publisher.build()
    publisher.run("sign", "--demo")
    with pytest.raises(Refused, match="for the witness w1"):
        publisher.run("publish", "--requests", tmp_path / "asked")
    log = Policy.parse(next(publisher.public.glob("targets/policy/*.core.tlog-policy")).read_bytes()).logs[0].key
    for name in NAMES[:2]:
        witness = Witness(tmp_path / name, [KEYS[name]], [log])
        answer = witness.add_checkpoint((tmp_path / "asked" / f"{name}.request").read_bytes())
        assert answer.status == 200, answer
        (tmp_path / f"{name}.txt").write_bytes(answer.body)
        witness.close()
    with pytest.raises(Refused, match="it has w1"):
        publisher.run("publish", "--cosignature", tmp_path / "w1.txt")
    publisher.run("publish", "--cosignature", tmp_path / "w1.txt", "--cosignature", tmp_path / "w2.txt")
    assert publisher.current().seq == 1


class Liar(BaseHTTPRequestHandler):
    """Answers with what the test wants."""

    answer = (200, b"")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


STRANGER = "— stranger.example/w " + "A" * 103 + "=\n"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, b""), "signatures"),
        ((200, b"\xff" * 500), "."),
        ((200, STRANGER.encode()), "no new cosignature"),
        ((302, b""), "answers 302"),
        ((403, b"go away\x1b[31m"), r"answers 403: go away\\x1b"),
        ((409, b"7\n"), "it has seen 7 entries of this log, which has 1: the log was cut off"),
        ((409, b"1\n"), "answers 409"),
        ((500, b"x" * 100_000), "answers 500"),
    ],
    ids=["empty", "noise", "stranger", "redirect", "refusal", "cut", "stubborn", "broken"],
)
def test_a_witness_that_lies_is_not_counted(tmp_path, answer, reason):
    handler = type("Handler", (Liar,), {"answer": answer})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        word = f"w1 {KEYS['w1'].verifier} http://127.0.0.1:{server.server_port}"
        publisher = Publisher(tmp_path, "--witness", word, "--quorum", 1)
        with pytest.raises(Refused, match=f"(?s)the witness w1 has not cosigned: .*{reason}.*Nothing was published"):
            publisher.release(hdb=hashes(1))
        server.shutdown()
    assert not (publisher.public / "head").exists()
