"""Containers are built here with keys made by OpenSSL, whose signatures are the independent truth; and by sigtool."""

import base64
import contextlib
import gzip
import hashlib
import io
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.bundle.reader import Bundle
from freehold.model.errors import FreeholdError, MalformedInput, TrustError, UsageError
from freehold.model.pki.rsa import Key, legacy_valid, pss_valid
from freehold.signatures.clamav.container import CLAMAV, Header, Keys, Verified, open_container, parse_header
from freehold.signatures.compile import build

ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
FILES = {"test.hdb": b"00000000000000000000000000000001:5:A.B-1\n" * 40, "test.ndb": b"Own.Test-1:0:*:deadbeef\n"}

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")


def openssl(*arguments: str | Path, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, check=True).stdout


def public(key: Path) -> Key:
    return Key(int(openssl("rsa", "-in", key, "-noout", "-modulus").split(b"=")[1], 16), 65537)


def coded(signature: bytes) -> bytes:
    number, text = int.from_bytes(signature, "big"), ""
    while number:
        text += ALPHABET[number & 63]
        number >>= 6
    return text.encode()


@dataclass
class Publisher:
    """Somebody who publishes databases, with keys of their own."""

    folder: Path
    keys: Keys

    def legacy(self, archive: bytes) -> bytes:
        number = hashlib.md5(archive, usedforsecurity=False).digest().rjust(128, b"\0")
        key = self.folder / "legacy.pem"
        return coded(openssl("pkeyutl", "-decrypt", "-inkey", key, "-pkeyopt", "rsa_padding_mode:none", data=number))

    def pss(self, text: bytes) -> bytes:
        options = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32")
        return coded(openssl("dgst", "-sha256", "-sign", self.folder / "info.pem", *options, data=text))

    def sign(self, content: bytes, signer: str = "signer", *options: str) -> bytes:
        """Return a .sign file."""
        source = self.folder / "content"
        source.write_bytes(content)
        structure = openssl(
            "smime", "-sign", "-binary", "-outform", "DER", "-md", "sha256", "-in", source,
            "-signer", self.folder / f"{signer}.crt", "-inkey", self.folder / f"{signer}.pem",
            "-certfile", self.folder / "middle.crt", *options,
        )  # fmt: skip
        return b"#clamsign-1.0\n230::pkcs7-pem:" + base64.b64encode(structure) + b"\n"


def certificate(folder: Path, name: str, issuer: str, extensions: str, days: str = "30") -> None:
    openssl("genrsa", "-out", folder / f"{name}.pem", "2048")
    (folder / "extensions").write_text(extensions)
    request = openssl("req", "-new", "-key", folder / f"{name}.pem", "-subj", f"/O=Own/CN=Own {name}")
    by = (
        ("-signkey", folder / f"{name}.pem")
        if issuer == name
        else ("-CA", folder / f"{issuer}.crt", "-CAkey", folder / f"{issuer}.pem", "-CAcreateserial")
    )
    made = openssl("x509", "-req", "-days", days, *by, "-extfile", folder / "extensions", "-sha512", data=request)
    (folder / f"{name}.crt").write_bytes(made)


AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
LEAF = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"


@pytest.fixture(scope="session")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    folder = tmp_path_factory.mktemp("publisher")
    openssl("genrsa", "-out", folder / "legacy.pem", "1024")
    openssl("genrsa", "-out", folder / "info.pem", "2048")
    certificate(folder, "root", "root", AUTHORITY)
    certificate(folder, "middle", "root", AUTHORITY)
    certificate(folder, "signer", "middle", LEAF + "extendedKeyUsage=critical,codeSigning,emailProtection\n")
    certificate(folder, "web", "middle", LEAF + "extendedKeyUsage=serverAuth\n")
    certificate(folder, "expired", "middle", LEAF, days="-1")
    certificate(folder, "below", "signer", LEAF)
    certificate(folder, "other", "other", AUTHORITY)
    keys = Keys(public(folder / "legacy.pem"), public(folder / "info.pem"), (public(folder / "root.pem"),))
    return Publisher(folder, keys)


@dataclass(frozen=True)
class Signed:
    """A container and its .sign file."""

    container: bytes
    sign: bytes


@pytest.fixture(scope="session")
def whole(publisher: Publisher) -> Signed:
    container = Recipe(publisher).container()
    return Signed(container, publisher.sign(container))


@dataclass
class Recipe:
    """How to make a container; every field can be made wrong."""

    publisher: Publisher
    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    version: int = 7
    outer_version: int | None = None
    compressed: bool = True
    order: tuple[str, ...] | None = None
    listed: dict[str, bytes] | None = None
    info_signature: bytes | None = None
    legacy_signature: bytes | None = None
    md5: bytes | None = None

    def line(self, version: int, md5: bytes, signature: bytes) -> bytes:
        return b"ClamAV-VDB:22 Jun 2021 14-58 -0400:%d:%d:81:%s:%s:tester:1624388302" % (version, 41, md5, signature)

    def info(self) -> bytes:
        listed = self.files if self.listed is None else self.listed
        lines = [self.line(self.version, b"X", b"X")]
        lines += [b"%s:%d:%s" % (n.encode(), len(d), hashlib.sha256(d).hexdigest().encode()) for n, d in listed.items()]
        text = b"\n".join(lines) + b"\n"
        code = self.publisher.pss(text) if self.info_signature is None else self.info_signature
        return text + (b"DSIG:" + code + b"\n" if code else b"")

    def tar(self) -> bytes:
        members = {"COPYING": b"May be copied.\n", "test.info": self.info(), **self.files}
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name in self.order or members:
                member = tarfile.TarInfo(name)
                member.size = len(members[name])
                tar.addfile(member, io.BytesIO(members[name]))
        return buffer.getvalue()

    def archive(self) -> bytes:
        return gzip.compress(self.tar(), mtime=0) if self.compressed else self.tar()

    def container(self) -> bytes:
        archive = self.archive()
        md5 = hashlib.md5(archive, usedforsecurity=False).hexdigest().encode() if self.md5 is None else self.md5
        signature = self.publisher.legacy(archive) if self.legacy_signature is None else self.legacy_signature
        return self.line(self.outer_version or self.version, md5, signature).ljust(512) + archive

    def write(self, folder: Path, name: str = "test.cvd") -> Path:
        path = folder / name
        path.write_bytes(self.container())
        return path


def content(path: Path, keys: Keys, *, accept_unsigned: bool = False) -> dict[str, tuple[bytes, bool]]:
    container = open_container(path, keys, accept_unsigned=accept_unsigned)
    return {member.name: (member.data, member.signed) for member in container.members()}


def signed(files: dict[str, bytes]) -> dict[str, tuple[bytes, bool]]:
    return {name: (data, True) for name, data in files.items()}


@pytest.mark.parametrize("compressed", [True, False])
def test_published_database(publisher: Publisher, tmp_path: Path, *, compressed: bool) -> None:
    path = Recipe(publisher, compressed=compressed).write(tmp_path)
    container = open_container(path, publisher.keys)
    assert container.header.version == 7
    assert container.header.builder == "tester"
    assert container.verified == Verified(legacy=True, info=True, sign="")
    assert content(path, publisher.keys) == signed(FILES)


def test_updated_database_needs_only_the_list(publisher: Publisher, tmp_path: Path) -> None:
    path = Recipe(publisher, compressed=False, md5=b"X", legacy_signature=b"X").write(tmp_path, "test.cld")
    assert open_container(path, publisher.keys).verified == Verified(legacy=False, info=True, sign="")
    assert content(path, publisher.keys) == signed(FILES)


def test_own_database_only_when_asked_for(publisher: Publisher, tmp_path: Path) -> None:
    recipe = Recipe(publisher, info_signature=b"", md5=b"X", legacy_signature=b"X")
    path = recipe.write(tmp_path, "test.cud")
    with pytest.raises(UsageError, match="signed by nobody"):
        open_container(path, publisher.keys)
    assert content(path, publisher.keys, accept_unsigned=True) == {n: (d, False) for n, d in FILES.items()}
    for name in ("test.cvd", "test.cld"):
        with pytest.raises(TrustError):
            open_container(recipe.write(tmp_path, name), publisher.keys, accept_unsigned=True)


def test_other_keys_are_not_trusted(publisher: Publisher, tmp_path: Path) -> None:
    path = Recipe(publisher).write(tmp_path)
    keys = publisher.keys
    for strangers in (CLAMAV, Keys(CLAMAV.legacy, keys.info, keys.roots), Keys(keys.legacy, CLAMAV.info, keys.roots)):
        with pytest.raises(TrustError):
            open_container(path, strangers)


WRONG = {
    "list of other content": {"listed": {**FILES, "test.hdb": b"other"}},
    "member that is not listed": {"listed": {"test.hdb": FILES["test.hdb"]}},
    "listed member that is missing": {"listed": {**FILES, "test.ldb": b"more"}},
    "header with another version": {"outer_version": 99999},
    "unsigned list": {"info_signature": b""},
    "random signature of the list": {"info_signature": b"Abc" * 113},
    "signature of the list with strange characters": {"info_signature": b"Ab-" * 113},
    "signature that is too long": {"info_signature": b"Abc" * 10_000},
    "no legacy signature": {"legacy_signature": b"X"},
    "empty legacy signature": {"legacy_signature": b""},
    "random legacy signature": {"legacy_signature": b"Abc" * 57},
    "another MD5": {"md5": b"0" * 32},
    "no list": {"order": ("COPYING", "test.hdb", "test.ndb")},
    "list behind the files": {"order": ("COPYING", "test.hdb", "test.info", "test.ndb")},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_wrong_signatures(publisher: Publisher, tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(TrustError):
        open_container(Recipe(publisher, **wrong).write(tmp_path), publisher.keys)


def test_member_twice(publisher: Publisher, tmp_path: Path) -> None:
    path = Recipe(publisher, order=("COPYING", "test.info", "test.hdb", "test.ndb", "test.hdb")).write(tmp_path)
    with pytest.raises(MalformedInput, match="twice"):
        open_container(path, publisher.keys)


@pytest.mark.parametrize(
    "name", ["../test.hdb", "/etc/test.hdb", "a/test.hdb", ".hidden.hdb", "te\nst.hdb", "tést.hdb"]
)
def test_names_that_lead_elsewhere(publisher: Publisher, tmp_path: Path, name: str) -> None:
    path = Recipe(publisher, files={name: b"x"}, listed={}).write(tmp_path)
    with pytest.raises(MalformedInput):
        open_container(path, publisher.keys)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, b"x", b"L", b"S"]
)
def test_members_that_are_no_files(publisher: Publisher, tmp_path: Path, kind: bytes) -> None:
    tar = bytearray(Recipe(publisher).tar())
    at = tar.index(b"test.hdb\0")
    tar[at + 156 : at + 157] = kind
    path = tmp_path / "test.cld"
    path.write_bytes(Recipe(publisher).line(7, b"X", b"X").ljust(512) + bytes(tar))
    with pytest.raises(MalformedInput, match="regular"):
        open_container(path, publisher.keys)


@pytest.mark.parametrize(
    "size", [b"77777777777\0", b"-0000000001\0", b"0000000000x\0", b"\x80" + b"\xff" * 11, b"\0" * 12]
)
def test_sizes_are_not_trusted(publisher: Publisher, tmp_path: Path, size: bytes) -> None:
    tar = bytearray(Recipe(publisher).tar())
    at = tar.index(b"test.hdb\0")
    tar[at + 124 : at + 136] = size
    path = tmp_path / "test.cld"
    path.write_bytes(Recipe(publisher).line(7, b"X", b"X").ljust(512) + bytes(tar))
    with pytest.raises(MalformedInput):
        open_container(path, publisher.keys)


def test_bomb_ends_where_it_lies(publisher: Publisher, tmp_path: Path) -> None:
    """A member that unpacks to far more than the signed list says is not kept, and a huge one is not begun."""
    recipe = Recipe(publisher, files={"test.hdb": bytes(64 << 20)}, listed={"test.hdb": b"x"})
    path = recipe.write(tmp_path)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(TrustError):
        open_container(path, publisher.keys)
    padding = gzip.compress(Recipe(publisher).tar() + bytes(64 << 20), mtime=0)
    path = tmp_path / "test.cld"
    path.write_bytes(Recipe(publisher).line(7, b"X", b"X").ljust(512) + padding)
    with pytest.raises(MalformedInput, match="behind its end"):
        open_container(path, publisher.keys)


def test_every_cut_is_noticed(publisher: Publisher, tmp_path: Path) -> None:
    whole = Recipe(publisher, md5=b"X", legacy_signature=b"X").container()
    path = tmp_path / "test.cld"
    for length in [0, 1, 100, 511, 512, 513, *range(514, len(whole), 37), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises((MalformedInput, TrustError)):
            open_container(path, publisher.keys)
    path.write_bytes(whole + b"x")
    with pytest.raises(MalformedInput):
        open_container(path, publisher.keys)


HEADERS = [
    b"", b"ClamAV-VDB", b"ClamAV-VDC:t:1:1:1:X:X:b:1", b"ClamAV-VDB:t:x:1:1:X:X:b:1", b"ClamAV-VDB:t:1::1:X:X:b:1",
    b"ClamAV-VDB:t:1:1:-1:X:X:b:1", b"ClamAV-VDB:t:1:1:1:X:X:b:1:2", b"ClamAV-VDB:t:99999999999:1:1:X:X:b:1",
    b"ClamAV-VDB:t:1:1:1:X:X", b"ClamAV-VDB:t:1:1:1:X:X:\xff:1", b"ClamAV-VDB:t:1:1:1:X:X:b:12 34",
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_damaged_headers(header: bytes) -> None:
    with pytest.raises(MalformedInput):
        parse_header(header.ljust(512))


def test_header_without_time_in_seconds() -> None:
    header = parse_header(b"ClamAV-VDB:1 Jan 2004:1:2:3:ABC:X:me".ljust(512))
    assert header == Header("1 Jan 2004", 1, 2, 3, b"abc", b"X", "me", 0)


def test_change_after_checking_is_noticed(publisher: Publisher, tmp_path: Path) -> None:
    path = Recipe(publisher).write(tmp_path)
    container = open_container(path, publisher.keys)
    Recipe(publisher, files={"test.hdb": b"other"}).write(tmp_path)
    with pytest.raises(TrustError):
        list(container.members())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_never_goes_unnoticed_and_never_crashes(
    publisher: Publisher, whole: Signed, tmp_path: Path, data: st.DataObject
) -> None:
    damaged = bytearray(whole.container)
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "test.cvd"
    path.write_bytes(damaged)
    try:
        found = content(path, publisher.keys)
    except FreeholdError:
        return
    assert found == signed(FILES)  # in what is not covered: the time as text, the builder, padding


class TestSignFile:
    def database(self, publisher: Publisher, folder: Path, sign: bytes | None = None, **fields) -> Path:
        path = Recipe(publisher, **fields).write(folder)
        (folder / "test-7.cvd.sign").write_bytes(publisher.sign(path.read_bytes()) if sign is None else sign)
        return path

    def test_signed(self, publisher: Publisher, tmp_path: Path) -> None:
        path = self.database(publisher, tmp_path)
        verified = open_container(path, publisher.keys).verified
        assert verified == Verified(legacy=True, info=True, sign="Own signer")
        assert str(verified) == "certificate of Own signer, signed list of files, legacy signature"

    def test_stands_in_for_the_legacy_signature(self, publisher: Publisher, tmp_path: Path) -> None:
        path = self.database(publisher, tmp_path, legacy_signature=b"X")
        assert open_container(path, publisher.keys).verified == Verified(legacy=False, info=True, sign="Own signer")

    def test_without_signed_attributes(self, publisher: Publisher, tmp_path: Path) -> None:
        path = Recipe(publisher).write(tmp_path)
        sign = publisher.sign(path.read_bytes(), "signer", "-noattr")
        (tmp_path / "test-7.cvd.sign").write_bytes(sign)
        assert open_container(path, publisher.keys).verified.sign == "Own signer"

    @pytest.mark.parametrize(
        ("signer", "reason"),
        [("web", "purpose"), ("expired", "time"), ("other", "authority|purpose"), ("below", "authority")],
    )
    def test_certificates_that_do_not_count(
        self, publisher: Publisher, tmp_path: Path, signer: str, reason: str
    ) -> None:
        path = Recipe(publisher).write(tmp_path)
        more = ("-certfile", str(publisher.folder / "signer.crt")) if signer == "below" else ()
        (tmp_path / "test-7.cvd.sign").write_bytes(publisher.sign(path.read_bytes(), signer, *more))
        with pytest.raises(TrustError, match=reason):
            open_container(path, publisher.keys)

    def test_of_another_file(self, publisher: Publisher, tmp_path: Path) -> None:
        for options in ((), ("-noattr",)):
            path = self.database(publisher, tmp_path, publisher.sign(b"another file", "signer", *options))
            with pytest.raises(TrustError):
                open_container(path, publisher.keys)

    @pytest.mark.parametrize(
        "text",
        [b"", b"#clamsign-2.0\n", b"#clamsign-1.0\n", b"#clamsign-1.0\n230::pkcs7-pem:!!!!\n", b"#clamsign-1.0\nx\n",
         b"#clamsign-1.0\n230::pkcs7-pem:MAA=\n", b"#clamsign-1.0\n" + b"\n" * (1 << 20)],
    )  # fmt: skip
    def test_damaged(self, publisher: Publisher, tmp_path: Path, text: bytes) -> None:
        with pytest.raises(TrustError):
            open_container(self.database(publisher, tmp_path, text), publisher.keys)

    def test_one_good_signature_is_enough(self, publisher: Publisher, tmp_path: Path) -> None:
        path = Recipe(publisher).write(tmp_path)
        first, good = publisher.sign(path.read_bytes()).split(b"\n", 1)
        bad = publisher.sign(b"another file").split(b"\n", 1)[1]
        (tmp_path / "test-7.cvd.sign").write_bytes(first + b"\n# comment\n\n" + bad + good)
        assert open_container(path, publisher.keys).verified.sign == "Own signer"

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_any_damage_is_an_error_or_harmless(
        self, publisher: Publisher, whole: Signed, tmp_path: Path, data: st.DataObject
    ) -> None:
        path = tmp_path / "test.cvd"
        path.write_bytes(whole.container)
        structure = bytearray(base64.b64decode(whole.sign.split(b":")[3]))
        at = data.draw(st.integers(0, len(structure) - 1))
        structure[at] ^= data.draw(st.integers(1, 255))
        damaged = b"#clamsign-1.0\n230::pkcs7-pem:" + base64.b64encode(structure)
        (tmp_path / "test-7.cvd.sign").write_bytes(damaged)
        with contextlib.suppress(TrustError):
            assert open_container(path, publisher.keys).verified.sign == "Own signer"


class TestAgainstSigtool:
    pytestmark = pytest.mark.skipif(not shutil.which("sigtool"), reason="sigtool (clamav) is not installed")

    def build(self, folder: Path) -> Path:
        folder.mkdir()
        for name, data in (FILES | {"COPYING": b"May be copied."}).items():
            (folder / name).write_bytes(data)
        command = ["sigtool", "--build=test.cvd", "--unsigned", "--cvd-version=7", f"--datadir={folder}"]
        subprocess.run(command, cwd=folder, input=b"tester\n", check=True, capture_output=True)
        return folder / "test.cvd"

    def test_reads_what_sigtool_writes(self, tmp_path: Path) -> None:
        path = self.build(tmp_path / "build")
        with pytest.raises(TrustError):
            open_container(path)
        own = path.rename(tmp_path / "test.cud")
        header = open_container(own, accept_unsigned=True).header
        assert (header.version, header.signatures, header.builder) == (7, 41, "tester")
        assert content(own, CLAMAV, accept_unsigned=True) == {n: (d, False) for n, d in FILES.items()}

    def test_sigtool_reads_what_is_written_here(self, publisher: Publisher, tmp_path: Path) -> None:
        path = Recipe(publisher, info_signature=b"").write(tmp_path, "test.cud")
        told = subprocess.run(["sigtool", "--info", path], capture_output=True, text=True, check=False).stdout
        for line in ("Version: 7", "Signatures: 41", "Functionality level: 81", "Builder: tester"):
            assert line in told
        target = tmp_path / "unpacked"
        target.mkdir()
        subprocess.run(["sigtool", "--unpack", path], cwd=target, check=True, capture_output=True)
        assert {name: (target / name).read_bytes() for name in FILES} == FILES


class TestPublishedKeys:
    """Signatures that the ClamAV project has published."""

    def test_legacy(self) -> None:
        code = (
            b"u1zx79ANlYhjROCU1oZTRrgWIeOzEKWpF0i3Qzz5jW9RRuLuW3pHDM2LB28kcAStuzM2lURMP9/diA0Q13qvK4Sx82+HS5aMKbOWtMz3"
            b"OKPWrnk6A/KbAz+GG8N8bL3yRcTeGTHJn9d8zWL1Lb411Kpid+JYEwszbTMaUIi6xig"
        )
        assert legacy_valid(bytes.fromhex("f341ae79c7e73561b89d4e0b8f6a79c0"), code, CLAMAV.legacy)
        assert not legacy_valid(bytes.fromhex("f341ae79c7e73561b89d4e0b8f6a79c1"), code, CLAMAV.legacy)
        assert not legacy_valid(bytes.fromhex("f341ae79c7e73561b89d4e0b8f6a79c0"), code[:-1], CLAMAV.legacy)

    def test_info(self) -> None:
        text = (
            b"ClamAV-VDB:14 May 2010 09-57 -0400:19:3:51:X:X:nervous:1273845430\n"
            b"767944.cbc:7626:a2e47a37d58fb91500fb55117083f79a3c282cf79e4d3ad75dbed8842cfcb6fd\n"
            b"782872.cbc:185167:3c112dbee22076b774a5ef2ebc7e42e75f0d47445c43bc664c965836700221fa\n"
            b"767942.cbc:8802:3ea813943f7644aa16de9f62e1d65034c6fe0d2ff98333bb288e356b664d37f2\n"
            b"last.hdb:114:d0bd9f94f9a58b21449d23ea14c9a4a5e3b817106e4ce43793fda8a09d435e55\n"
        )
        code = (
            b"niRMaerB39p6TvAIEMdBwQgaa+hUwPdhwXJjUxzCqitYz3xJGCBkIY/Ag+Xp7+jrKIuV3mCEfEMB7RMO3Mi0bA2iAkLUsAB3aIedKMp3"
            b"OK3g/NDcmlhmnO/j55nwc4jaETSJBiEN3esikNC0szFvfm4DUgNupXvnBhtE6RSbTkMKd2d6BCTYm5YmfRbXoUfCIcQNLw2ghn9Pq0GQ"
            b"spCagBrWjPMncXdWVY50r036YrNA2zH+idR/Y9T98mukp1hrWz+DPQWUt2+Ya44Vh9mMRG1B8ITZ6tXrzxZk1O1eNVEO1W186l0HAOZg"
            b"0PdgHoK/GQ42QEKwbuxrvgZjfLSae"
        )
        assert pss_valid(hashlib.sha256(text).digest(), code, CLAMAV.info)
        assert not pss_valid(hashlib.sha256(text[:-1]).digest(), code, CLAMAV.info)


class TestCompiling:
    def test_members_are_compiled_like_files(self, publisher: Publisher, tmp_path: Path) -> None:
        Recipe(publisher).write(tmp_path, "main.cvd")
        (tmp_path / "own.hdb").write_text("11111111111111111111111111111111:7:Own.Test-2\n")
        result = build([tmp_path], tmp_path / "out", keys=publisher.keys)
        assert result.counts == {"clamav-hash": 41, "clamav-ndb": 1}
        segment = Bundle.open(tmp_path / "out").segments[0]
        sources = {segment.about(number).source for number in range(42)}
        assert f"{tmp_path.name}/main.cvd/test.ndb:1" in sources
        assert f"{tmp_path.name}/own.hdb:1" in sources

    def test_a_container_that_cannot_be_trusted_stops_the_build(self, publisher: Publisher, tmp_path: Path) -> None:
        Recipe(publisher).write(tmp_path, "main.cvd")
        with pytest.raises(FreeholdError):
            build([tmp_path / "main.cvd"], tmp_path / "out")
        assert not (tmp_path / "out").exists()
