"""Keys in files, encrypted or not, and in devices."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from tests.updates.publisher import START, Publisher, Refused, command, hashes

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
ALONE = ["--threshold", "root=1", "--threshold", "targets=1", "--threshold", "core=1", "--threshold", "snapshot=1"]


def one_key_repository(folder, public):
    command("init", folder, "--key", f"root={public}", "--key", f"core={public}", *ALONE, "--no-gate", "--json")
    (folder.parent / "own.hdb").write_text(hashes(1))
    command("build", folder, folder.parent / "own.hdb", "--published", START, "--json")


def test_an_encrypted_key_signs_with_its_passphrase_only(tmp_path):
    key, right, wrong = tmp_path / "ann.pem", tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse\nanother line\n")
    wrong.write_text("incorrect horse\n")
    answer = command("key", "new", key, "--passphrase-file", right, "--json")
    assert (answer["holder"], answer["scheme"]) == ("ann", "ed25519")
    assert key.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    serialization.load_pem_private_key(key.read_bytes(), b"correct horse")
    one_key_repository(tmp_path / "repo", f"{key}.pub")
    with pytest.raises(Refused, match="or the passphrase is wrong"):
        command("sign", tmp_path / "repo", "--key", key, "--passphrase-file", wrong)
    with pytest.raises(Refused, match="there is no terminal to ask"):
        command("sign", tmp_path / "repo", "--key", key)
    signed = command("sign", tmp_path / "repo", "--key", key, "--passphrase-file", right, "--json")["signed"]
    assert signed == ["root", "targets", "core", "snapshot", "timestamp"]
    assert command("publish", tmp_path / "repo", "--json")["seq"] == 1


def test_keys_of_openssl_can_sign(tmp_path):
    """Whoever has an Ed25519 or P-256 key of another tool needs no new one."""
    for name, algorithm in (("ed", ["ed25519"]), ("ec", ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])):
        key = tmp_path / name
        subprocess.run(["openssl", "genpkey", "-algorithm", *algorithm, "-out", key], check=True, capture_output=True)
        answer = command("key", "describe", key, tmp_path / f"{name}.pub", "--holder", "zoë", "--json")
        assert answer["scheme"] == {"ed": "ed25519", "ec": "ecdsa-sha2-nistp256"}[name]
        folder = tmp_path / f"of {name}"
        folder.mkdir()
        one_key_repository(folder / "repo", tmp_path / f"{name}.pub")
        command("sign", folder / "repo", "--key", key, "--json")
        assert command("publish", folder / "repo", "--json")["seq"] == 1


@pytest.fixture
def token(tmp_path, monkeypatch):
    """A PKCS#11 token in software, with a P-256 key in slot 2."""
    pytest.importorskip("pkcs11", reason="needs python-pkcs11")
    if not SOFTHSM.exists() or not shutil.which("pkcs11-tool"):
        pytest.skip("needs Debian's softhsm2 and opensc")
    (tmp_path / "tokens").mkdir()
    config = tmp_path / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    monkeypatch.setenv("PYKCS11LIB", str(SOFTHSM))
    run = [
        ["softhsm2-util", "--init-token", "--free", "--label", "own", "--so-pin", "12345678", "--pin", "654321"],
        ["pkcs11-tool", "--module", str(SOFTHSM), "--token-label", "own", "--login", "--pin", "654321",
         "--keypairgen", "--key-type", "EC:prime256v1", "--id", "02", "--label", "own"],
    ]  # fmt: skip
    for line in run:
        subprocess.run(line, check=True, capture_output=True)
    pin = tmp_path / "pin"
    pin.write_text("654321\n")
    return pin


def test_a_key_in_a_device_signs(token, tmp_path):
    public = tmp_path / "device.pub"
    answer = command(
        "key", "device", "hsm:2?label=own", public, "--holder", "device", "--passphrase-file", token, "--json"
    )
    assert answer["uri"].startswith("hsm:2")
    one_key_repository(tmp_path / "repo", public)
    command("sign", tmp_path / "repo", "--key", public, "--passphrase-file", token, "--json")
    assert command("publish", tmp_path / "repo", "--json")["seq"] == 1
    root = json.loads((tmp_path / "repo" / "public" / "metadata" / "1.root.json").read_bytes())
    assert "hsm:" not in json.dumps(root)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be opened"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be opened"),
        (b"{}", "is no public key"),
        (b'{"keyid": 1}', "is no public key"),
        (b"x" * 100_000, "too large"),
    ],
    ids=["empty", "pem", "json", "fields", "large"],
)
def test_what_is_no_key_is_refused(tmp_path, content, reason):
    made = Publisher(tmp_path)
    made.write(hdb=hashes(1))
    made.build()
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(Refused, match=f"status 3.*{reason}"):
        made.run("sign", "--key", tmp_path / "key")


def test_a_public_key_does_not_sign(tmp_path):
    made = Publisher(tmp_path)
    with pytest.raises(Refused, match="to sign, name the private one"):
        made.run("sign", "--key", made.folder / "keys" / "alice.pem.pub")


@pytest.mark.parametrize("uri", ["file2:/etc/passwd", "nonsense:1", "hsm:x?label=y", "gnupg:"])
def test_other_places_for_keys_are_refused(tmp_path, uri):
    with pytest.raises(Refused, match="status 3"):
        command("key", "device", uri, tmp_path / "x.pub", "--passphrase-file", os.devnull)
    assert not (tmp_path / "x.pub").exists()


def test_ids_of_keys_are_their_hashes_and_one_key_counts_once(tmp_path):
    made = Publisher(tmp_path)
    root = json.loads((made.folder / "staged" / "metadata" / "1.root.json").read_bytes())["signed"]
    for keyid, key in root["keys"].items():
        assert set(key) == {"keytype", "scheme", "keyval"}
        text = json.dumps(key, sort_keys=True, separators=(",", ":"))
        assert keyid == hashlib.sha256(text.encode()).hexdigest()
    assert set(root["freehold"]["holders"].values()) >= {"alice", "bob", "north"}
    public = json.loads((made.folder / "keys" / "alice.pem.pub").read_bytes())
    (tmp_path / "again.pub").write_text(json.dumps(public | {"keyid": "ab" * 32, "holder": "somebody else"}))
    with pytest.raises(Refused, match="the id of the key is not its hash"):
        command("key", "show", tmp_path / "again.pub")
    (tmp_path / "renamed.pub").write_text(json.dumps(public | {"holder": "somebody else"}))
    same = ["--key", f"root={tmp_path / 'renamed.pub'}", "--key", f"root={made.folder / 'keys' / 'alice.pem.pub'}"]
    with pytest.raises(Refused, match="a key of root is named twice"):
        command("init", tmp_path / "new", *same)
