"""Who signed Windows programs, against programs that osslsigncode signed."""

import subprocess
from datetime import UTC, datetime

import pytest
from tests.formats.driver import Collector
from tests.formats.programs import two_sections
from tests.formats.signing import EC, EC_384, ROOT, RSA, Signing, run

from freehold.formats import authenticode, pe
from freehold.formats.pe_inside import FORMAT
from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView

AUTHORITY = ("-addext", "basicConstraints=critical,CA:true")
PUBLISHERS = ["Freehold Test Works", "Freehold Test Signer"]
SIGNED_AT = 1_750_000_000


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Signing:
    made = Signing(tmp_path_factory.mktemp("signing"))
    made.self_signed("alone", *RSA)
    made.self_signed("root", *RSA, subject=ROOT, extra=AUTHORITY)
    made.issued("issued", "root", *RSA)
    stamping = ("-addext", "extendedKeyUsage=critical,timeStamping")
    made.self_signed("stamp", *RSA, subject="/CN=Freehold Test Clock", extra=stamping)
    return made


def read(program: bytes) -> authenticode.Signature | None:
    view = BytesView(program)
    return authenticode.read(view, pe.read(view), Budget(Limits()))


def facts(program: bytes) -> dict[str, str]:
    signature = read(program)
    assert signature is not None
    return dict(signature.facts())


@pytest.mark.parametrize("hashed", ["md5", "sha1", "sha256", "sha384", "sha512"])
def test_what_signed_itself_is_valid_and_not_trusted(signing: Signing, hashed: str) -> None:
    found = read(signing.sign("alone", hashed=hashed))
    assert found is not None
    assert found.words() == "valid, self-signed: not trusted"
    assert found.publishers == PUBLISHERS


def test_facts_are_those_that_openssl_prints(signing: Signing) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA1

    certificate = x509.load_pem_x509_certificate((signing.folder / "issued.pem").read_bytes())
    found = facts(signing.sign("issued"))
    assert found["thumbprint"] == certificate.fingerprint(SHA1()).hex()  # noqa: S303 - as Windows shows it
    assert int(found["serial"], 16) == certificate.serial_number == 4711
    assert found["issuer"] == "Freehold Test Root"
    assert found["signature"] == "valid, if Freehold Test Root is trusted"
    assert "signed-at" not in found


def test_an_authority_that_comes_along_proves_nothing(signing: Signing) -> None:
    found = read(signing.sign("issued", "-ac", signing.folder / "root.pem"))
    assert found is not None
    assert [authenticode.name_of(each.subject) for each in found.chain] == [PUBLISHERS[1], "Freehold Test Root"]
    assert found.words() == "valid, by an authority that came with it (Freehold Test Root): not trusted"


@pytest.mark.parametrize(("name", "key"), [("curve", EC), ("larger-curve", EC_384)])
def test_elliptic_curves(signing: Signing, name: str, key: tuple[str, ...]) -> None:
    signing.self_signed(name, *key)
    program = signing.sign(name, hashed="sha384")
    assert facts(program)["signature"] == "valid, self-signed: not trusted"
    assert "changed" in facts(_flipped(program, 0x500))["signature"]


def test_time_stamps_are_checked(signing: Signing) -> None:
    usage = subprocess.run(["osslsigncode", "sign", "--help"], capture_output=True, check=False)
    if b"-TSA-certs" not in usage.stdout + usage.stderr:
        pytest.skip("this osslsigncode makes no time stamps of its own: it is older than 2.6")
    stamped = signing.sign(
        *("issued", "-TSA-certs", signing.folder / "stamp.pem", "-TSA-key", signing.folder / "stamp.key"),
        *("-TSA-time", str(SIGNED_AT)),
    )
    assert facts(stamped)["signed-at"] == datetime.fromtimestamp(SIGNED_AT, UTC).isoformat()
    at = stamped.rindex(b"20250615150640")
    assert "signed-at" not in facts(stamped[:at] + b"2024" + stamped[at + 4 :])


@pytest.mark.parametrize("place", [0x10, 0x3F0, 0x500, 0xBFF])
def test_changed_programs_are_not_what_was_signed(signing: Signing, place: int) -> None:
    found = read(_flipped(signing.sign("alone"), place))
    assert found is not None
    assert found.words() == "not valid: the file was changed after it was signed"
    assert found.publishers == PUBLISHERS


def test_the_checksum_is_no_part_of_what_was_signed(signing: Signing) -> None:
    assert facts(_flipped(signing.sign("alone"), 64 + 24 + 64))["signature"].startswith("valid")


def test_a_stolen_certificate_does_not_make_a_signature(signing: Signing) -> None:
    """The message of one key with the certificate of another, which has the same name and number."""
    signing.self_signed("first", *RSA, extra=("-set_serial", "7"))
    signing.self_signed("second", *RSA, extra=("-set_serial", "7"))
    program = signing.sign("first")
    run("openssl", "x509", "-in", signing.folder / "first.pem", "-outform", "der", "-out", signing.folder / "first.der")
    run("openssl", "x509", "-in", signing.folder / "second.pem", "-outform", "der", "-out", signing.folder / "2.der")
    first, second = ((signing.folder / name).read_bytes() for name in ("first.der", "2.der"))
    assert len(first) == len(second)
    assert first in program
    assert facts(program.replace(first, second))["signature"] == "not valid: the signature is wrong"


def test_every_changed_byte_of_the_message_is_noticed_or_says_nothing(signing: Signing) -> None:
    program = signing.sign("alone")
    valid = read(program)
    assert valid is not None
    for place in range(0xC00 + 8, len(program), 29):
        try:
            found = read(_flipped(program, place))
        except MalformedInput:
            continue
        # Names of algorithms stand in several places, of which not all are looked at; certificates sign themselves.
        assert found is None or found.wrong or found.signer.key == valid.signer.key


def test_programs_without_a_signature(signing: Signing) -> None:
    assert read((signing.folder / "plain.exe").read_bytes()) is None


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ((0xFFFFFFF0, 0xFFFFFFFF), "behind the end"),
        ((0xC00, 0xFFFFFFFF), "behind the end"),
        ((0xBF0, 16), "cut off"),
        ((0, 5000), None),
        ((0x100, 0xB00), None),
        ((1, 1), None),
    ],
)
def test_tables_that_lie(table: tuple[int, int], complaint: str | None) -> None:
    content = {0xBF0: b"\x10\0\0\0\0\2\2\0\x30\x84\xff\xff\0\0\0\0"}
    program = two_sections(size=0xC00, directories={4: table}, content=content).build()
    if complaint is None:
        assert read(program) is None
    else:
        with pytest.raises(MalformedInput, match=complaint):
            read(program)


def test_explain_gets_the_facts(signing: Signing) -> None:
    collector = Collector(Budget(Limits()))
    list(FORMAT.children(BytesView(signing.sign("alone")), collector))
    assert collector.facts["signed-by"] == "Freehold Test Works, Freehold Test Signer"
    quiet = Collector(Budget(Limits()), wants_facts=False)
    list(FORMAT.children(BytesView(signing.sign("alone")), quiet))
    assert not quiet.facts


def test_a_damaged_signature_is_a_fact_too(signing: Signing) -> None:
    collector = Collector(Budget(Limits()))
    list(FORMAT.children(BytesView(_flipped(signing.sign("alone"), 0xC00 + 8)), collector))
    assert collector.facts["signature"].startswith("cannot be read: ")  # type: ignore[union-attr]


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
