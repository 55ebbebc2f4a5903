"""Rules over certificates and security catalogues, against ``clamscan`` on programs that osslsigncode signed."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from tests.differential import clamscan, engine
from tests.formats.programs import two_sections
from tests.formats.signing import EC, ROOT, RSA, Signing, catalogue

from freehold.formats import authenticode, pe
from freehold.model.limits import Budget, Limits
from freehold.model.pki import der, x509
from freehold.model.view import BytesView

pytestmark = pytest.mark.skipif(not clamscan.is_followed(), reason="clamscan 1.4.6 is not installed")

AUTHORITY = ("-addext", "basicConstraints=critical,CA:true")
BAD = "Bad.Program:1:*:02700051"
PROGRAM, CABINET = "1.3.6.1.4.1.311.2.1.15", "1.3.6.1.4.1.311.2.1.25"


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Signing:
    made = Signing(tmp_path_factory.mktemp("signing"))
    program = two_sections(size=0xC00, content={0x600: bytes.fromhex("02700051")}).build()
    (made.folder / "plain.exe").write_bytes(program)
    made.self_signed("alone", *RSA)
    made.self_signed("root", *RSA, subject=ROOT, extra=AUTHORITY)
    made.issued("issued", "root", *RSA)
    made.issued("curve", "root", *EC)
    made.self_signed("mail", *RSA, subject="/CN=Mail", extra=("-addext", "extendedKeyUsage=emailProtection"))
    made.self_signed("bare", *RSA, subject="/CN=Bare", extra=())
    return made


def rule(
    signing: Signing, name: str, *, trusted: int, serial: bool = True, purposes: str = "1;1;1", since: str = ""
) -> str:
    """Return the line of a .crb file for a certificate."""
    whole = load_pem_x509_certificate((signing.folder / f"{name}.pem").read_bytes())
    certificate = x509.parse(der.parse(whole.public_bytes(Encoding.DER)))
    key = whole.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    subject = x509.digest("sha1", certificate.subject.content).hex()
    number = x509.digest("sha1", certificate.serial.content).hex() if serial else ""
    return f"Rule.{name};{trusted};{subject};{number};{key.public_numbers().n:x};010001;{purposes};{since};comment"


@pytest.fixture(scope="module")
def programs(signing: Signing) -> dict[str, bytes]:
    folder = signing.folder
    signed = {name: signing.sign(name) for name in ("alone", "issued", "curve", "mail", "bare")}
    signed |= {
        f"alone-{hashed}": signing.sign("alone", hashed=hashed) for hashed in ("md5", "sha1", "sha384", "sha512")
    }
    signed["with-root"] = signing.sign("issued", "-ac", folder / "root.pem")
    signed["plain"] = (folder / "plain.exe").read_bytes()
    for name in ("alone", "issued"):
        for place in (0x500, 64 + 24 + 64, 0xC00 + 300, len(signed[name]) - 40):
            flipped = bytearray(signed[name])
            flipped[place] ^= 1
            signed[f"{name}-changed-{place}"] = bytes(flipped)
        signed[f"{name}-longer"] = signed[name] + bytes(8)
    return signed


RULES = {
    "trusts itself": [("alone", {"trusted": 1})],
    "any serial": [("alone", {"trusted": 1, "serial": False})],
    "trusts the root": [("root", {"trusted": 1})],
    "the root may not issue": [("root", {"trusted": 1, "purposes": "1;1;0"})],
    "the root may not for code": [("root", {"trusted": 1, "purposes": "0;1;1"})],
    "not for code": [("alone", {"trusted": 1, "purposes": "0;1;1"})],
    "only for code": [("alone", {"trusted": 1, "purposes": "1;0;0"})],
    "only from later on": [("alone", {"trusted": 1, "since": "4000000000"})],
    "from earlier on": [("alone", {"trusted": 1, "since": "1000000000"})],
    "blocks itself": [("alone", {"trusted": 0})],
    "blocks the root": [("root", {"trusted": 0})],
    "trusts the root and blocks one": [("root", {"trusted": 1}), ("issued", {"trusted": 0})],
    "others": [("mail", {"trusted": 1}), ("bare", {"trusted": 1})],
}


@pytest.mark.parametrize("name", RULES)
def test_rules(name: str, signing: Signing, programs: dict[str, bytes], tmp_path: Path) -> None:
    text = "\n".join(rule(signing, who, **how) for who, how in RULES[name])  # type: ignore[arg-type]
    databases = {"own.ndb": BAD.encode(), "own.crb": text.encode()}
    theirs = clamscan.scan(databases, list(programs.values()), tmp_path / "theirs")
    ours = engine.scan(databases, list(programs.values()), tmp_path / "ours")
    assert dict(zip(programs, ours, strict=True)) == dict(zip(programs, theirs, strict=True))


def test_the_rules_do_something(signing: Signing, programs: dict[str, bytes], tmp_path: Path) -> None:
    databases = {"own.ndb": BAD.encode(), "own.crb": rule(signing, "root", trusted=1).encode()}
    found = dict(zip(programs, engine.scan(databases, list(programs.values()), tmp_path), strict=True))
    assert found["issued"] == found["with-root"] == set()
    assert found["alone"] == found["issued-changed-1280"] == found["plain"] == {"Bad.Program"}


def test_catalogues(signing: Signing, programs: dict[str, bytes], tmp_path: Path) -> None:
    """Programs are listed by what they are without their signature, cabinets as they are."""
    view = BytesView(programs["plain"])
    digests = authenticode.digest(view, pe.read(view), ["sha1", "sha256"], Budget(Limits()))
    other = b"something that is no program at all, \x02\x70\x00\x51, but listed" + bytes(range(256))
    # ClamAV trusts what a catalogue brings along in all programs, even in those whose own certificate is damaged.
    contents = [*(content for name, content in programs.items() if name != "alone-changed-3372"), other]
    lists = {
        "programs": [(PROGRAM, algorithm, digest) for algorithm, digest in digests.items()],
        "sha1": [(PROGRAM, "sha1", digests["sha1"])],
        "whole": [(CABINET, "sha1", x509.digest("sha1", other)), (PROGRAM, "sha256", bytes(32))],
    }
    signatures = {"own.ndb": (BAD + "\nBad.Other:0:*:736f6d657468696e672074686174206973206e6f").encode()}
    for name, files in lists.items():
        for trusted in (True, False):
            who = "alone" if trusted else "issued"
            databases = signatures | {
                "own.crb": rule(signing, "alone", trusted=1).encode(),
                "own.cat": catalogue(signing, who, files),
            }
            theirs = clamscan.scan(databases, contents, tmp_path / "theirs")
            ours = engine.scan(databases, contents, tmp_path / "ours")
            assert ours == theirs, (name, trusted)
