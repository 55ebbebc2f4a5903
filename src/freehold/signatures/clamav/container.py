"""ClamAV's database containers: ``.cvd`` as published, ``.cld`` as updated on the spot, ``.cud`` of one's own.

A container is a header of 512 bytes and a tar archive of signature files. Three signatures may stand for it:

* *legacy*: in the header, textbook RSA of 1024 bits over the MD5 of the archive; the header itself is not covered.
* *info*: a member ``NAME.info`` lists size and SHA-256 of every other member and repeats the header's numbers; an
  RSASSA-PSS signature of 2048 bits covers it. This is the one that carries the trust here: no byte is handed out that
  is not in this list, and it outlives the edits that make a ``.cld``.
* *sign*: a file ``NAME-VERSION.cvd.sign`` beside the container (ClamAV 1.5 and later), see ``signfile``.

A ``.cvd`` needs info and one of the other two; a ``.cld`` can only have info; a ``.cud`` has none. A signature that is
there and wrong always refuses the container. Neither protects from an old database; that is the feed's business.
"""

import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from freehold.model.errors import MalformedInput, TrustError, UsageError
from freehold.model.pki.rsa import Key, legacy_valid, pss_valid
from freehold.signatures.clamav import archive, signfile

SUFFIXES = frozenset({".cvd", ".cld", ".cud"})

CONTAINER_BYTES = 1 << 30
"""Size that a container may have."""

_HEADER_BYTES = 512
_INFO_BYTES = 1 << 20
_CHUNK = 1 << 20
_NUMBER = re.compile(rb"[0-9]{1,10}")
_LISTED = re.compile(rb"([A-Za-z0-9_][A-Za-z0-9._+-]{0,99}):([0-9]{1,10}):([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class Keys:
    """Whom to trust.

    Attributes:
        legacy: verifies the signature in the header.
        info: verifies the ``.info`` member.
        roots: verify the certificates in a ``.sign`` file.
    """

    legacy: Key
    info: Key
    roots: tuple[Key, ...]


CLAMAV = Keys(
    legacy=Key(
        int(
            "a8f34c7b2bae902e1e608cfcec44c024375370c09cd460e1917a98546ddfc53a90c608bb48ba8cb7eed1ff342085ecdd"
            "1491428ca8a895972403a3db2a452dd80173bb07e1e23acbc84fab2e2586930f62909d56d2e25256c989d399fa722ab2"
            "5ab628df79bcfce43b86a0e049263171352b75048f2d4778b69a5e574a6130ad",
            16,
        ),
        100001027,
    ),
    info=Key(
        int(
            "57d749b7e7d61160421a14aeadb263bbaec4422cabda76e94db3fa98cd63bfe32a54c72b3026f2356dfa9543f9020219"
            "cbdcbdae9e642c4441c23a2523cf4fa6d444722ec227b89e04dad097c38eeef93b588baabecc6fc20199fea6ea47a66c"
            "736d4fec15b5a8d4411e1ae838e2a0a55b7398f4d48b346a7d747134c62bfdf95a4bce381fa151a2118b6788ccb32895"
            "12a6c8b3a84d640e0fca01d0f4611d7dd1a47452027ddecfc1572d08370e63c51d9bd4773153ce7ad95c4ffb2f4a1147"
            "e35304f827f34a4d5ef388bab077f7cae0b2fbbbfea09936b656b4c0c7c4e9907c6c6d392e01b047746d2b8694bede7a"
            "5e0861f8d95ef844a29b71e7f8b8f0c9",
            16,
        ),
        100002049,
    ),
    roots=(
        Key(
            int(
                "d788683dbcea6713ebf16aa9ab61feb4e89bf839103fcd2650feb3030deebbe78dca077e8ce0427a73ba07bb29d6ca82"
                "453f10050590c4d1d57957cc40dd6f8ccaea10c361fde7e556d386cb7d946e4b90ad5ce3d87f86d4fb6378c40a6b6e8b"
                "0fc5cf0d420ea63f6bccf76328515fcf5ded9b6d60348895493237e13e414b904d1108f56fe55083ed246c034238e4e2"
                "4e1f87fe0c61a5746ff05dd5354aeb3f103b6b7585e638596683c19ecd4bb810d6d1f4346afeaafee116b5fc4c75236c"
                "0316165613bdd0dc78921388480d45b358759251ac79ee576642ca75459e7594336d4cf57fb54f4715fe75d70ad09b36"
                "54fbf17a631fd966936e4ac48badb2fdc39ac6a0ecdb10d35845eb80e61811f43e468798a5bcc109a12ba99bc278e82b"
                "9d71521d2cb277df9d4cec49bb2a411fe0162ad9a440c410ed14094a41afacff4d811c433176f5538929567ee410486f"
                "ead7a557d13c47adf9666e21fc7f454327362eb2ceb8be543dec0c316b7c1ea3dbb365dc9f59132efa440dc88324346f"
                "bb85ee06c8e040c034ae5b7904702665d18ee43ab8f80456018af337df8cd1d2bed298534fd38e1c8b482fac17708898"
                "2d90499477e27a6081c8870104461a47076ddd53fdb53974177ef44ad236b7544c0cf82dc4772c62a374f501bfb56cf0"
                "affc8d72416156cffe506416b25bf6fd6e9e88a81ee5111416ec53ea2ed5ea85",
                16,
            ),
            65537,
        ),
    ),
)
"""The published keys of the ClamAV project, and the certification authority of its publisher."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a container says of itself, and a signed ``.info`` repeats.

    Attributes:
        created: when it was built, as text.
        version: counts up with every publication.
        signatures: how many there are.
        level: the oldest functionality level of ClamAV that can use all of it.
        md5: of the archive, in hexadecimal digits; something else where there is none.
        signature: of that MD5; ``X`` or shorter where there is none.
        builder: who built it.
        time: when it was built, seconds since 1970; 0 when unknown.
    """

    created: str
    version: int
    signatures: int
    level: int
    md5: bytes
    signature: bytes
    builder: str
    time: int

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """What must be the same in header and ``.info``."""
        return self.version, self.signatures, self.level, self.time


@dataclass(frozen=True, slots=True)
class Verified:
    """Which signatures were there and right.

    Attributes:
        legacy: the one in the header.
        info: the one of the list of members.
        sign: the common name in the signer's certificate of the ``.sign`` file; "" when there was no such file.
    """

    legacy: bool
    info: bool
    sign: str

    def __str__(self) -> str:
        """Say it to people."""
        made = [f"certificate of {self.sign}"] if self.sign else []
        made += ["signed list of files"] if self.info else []
        made += ["legacy signature"] if self.legacy else []
        return ", ".join(made) or "not signed"


@dataclass(frozen=True, slots=True)
class Member:
    """A signature file of a container; with ``signed``, names of its signatures carry no ``.UNOFFICIAL``."""

    name: str
    data: bytes
    signed: bool


@dataclass(frozen=True, slots=True)
class _Info:
    header: Header
    listed: dict[str, tuple[int, bytes]]
    signed: bool


class Container:
    """A container whose signatures and members have all been checked.

    Attributes:
        header: what it says of itself.
        verified: which signatures stand for it.
    """

    __slots__ = ("_info", "_path", "header", "verified")

    def __init__(self, path: Path, header: Header, verified: Verified, info: _Info) -> None:
        self._path = path
        self._info = info
        self.header = header
        self.verified = verified

    def members(self) -> Iterator[Member]:
        """Yield the signature files, one at a time; each is compared once more with the list that was verified.

        Raises:
            MalformedInput, TrustError, UsageError: the file was changed since it was opened.
        """
        with _opened(self._path) as file:
            file.seek(_HEADER_BYTES)
            for entry in _signature_files(file):
                yield self._member(entry)  # not kept in a variable: while the next one is read, this one may go

    def _member(self, entry: archive.Entry) -> Member:
        listed = _listed_digest(entry, self._info)
        data = b"".join(entry.chunks)
        if hashlib.sha256(data).digest() != listed:
            raise TrustError(f"{entry.name} was changed while it was read")
        return Member(entry.name, data, self._info.signed)


def open_container(path: Path, keys: Keys = CLAMAV, *, accept_unsigned: bool = False) -> Container:
    """Check every signature of a container and every member against the signed list.

    Args:
        path: its suffix says which signatures it must have; a ``.sign`` file is looked for beside it.
        keys: whom to trust.
        accept_unsigned: take a ``.cud``, which nobody has signed.

    Raises:
        UsageError: the file cannot be read, or is unsigned and ``accept_unsigned`` is not set.
        MalformedInput: the container is damaged.
        TrustError: a signature or a digest is wrong or missing.
    """
    kind = path.suffix.lower()
    if kind == ".cud" and not accept_unsigned:
        raise UsageError(f"{path.name} is signed by nobody; unpack it with sigtool and use the files in it")
    with _opened(path) as file:
        header = parse_header(file.read(_HEADER_BYTES))
        info = _read_info(file, keys.info, unsigned=kind == ".cud")
        if info.header.numbers != header.numbers:
            raise TrustError(f"{path.name}: the header contradicts the signed list of files")
        sign = legacy = None
        if kind == ".cvd":
            sign = _external(path, file, header.version, keys.roots)
            legacy = _legacy(file, header, keys.legacy)
            if not (sign or legacy):
                raise TrustError(f"{path.name} carries no signature")
        _check_members(file, info)
    return Container(path, header, Verified(bool(legacy), info.signed, sign or ""), info)


def parse_header(data: bytes) -> Header:
    """Parse the first 512 bytes of a container; raises ``MalformedInput``."""
    fields = data.rstrip(b" \r\n\x00").split(b":")
    if fields[0] != b"ClamAV-VDB" or not 8 <= len(fields) <= 9 or not data.isascii():
        raise MalformedInput("this is not a ClamAV database: its header is damaged")
    numbers = [*fields[2:5], *fields[8:9]]
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        raise MalformedInput("the header of this ClamAV database has something else where numbers belong")
    version, signatures, level, *built = map(int, numbers)
    return Header(
        created=fields[1].decode(),
        version=version,
        signatures=signatures,
        level=level,
        md5=fields[5].lower(),
        signature=fields[6],
        builder=fields[7].decode(),
        time=built[0] if built else 0,
    )


def _opened(path: Path) -> BinaryIO:
    try:
        file = path.open("rb")
        size = file.seek(0, 2)
        file.seek(0)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if size > CONTAINER_BYTES:
        file.close()
        raise MalformedInput(f"{path.name}: {size} bytes are too many for a database")
    return file


def _read_info(file: BinaryIO, key: Key, *, unsigned: bool) -> _Info:
    """Read the list of members, which ClamAV writes before all signature files."""
    file.seek(_HEADER_BYTES)
    for entry in archive.entries(file):
        if entry.name.endswith(".info"):
            if entry.size > _INFO_BYTES:
                raise MalformedInput(f"{entry.name}: {entry.size} bytes are too many")
            return _parse_info(b"".join(entry.chunks), key, unsigned=unsigned)
        if entry.name != "COPYING":
            break
    raise TrustError("the database has no list of its files before them")


def _parse_info(text: bytes, key: Key, *, unsigned: bool) -> _Info:
    covered, mark, code = text.partition(b"\nDSIG:")
    covered += b"\n" if mark else b""
    signed = bool(mark) and pss_valid(hashlib.sha256(covered).digest(), code.rstrip(b"\r\n"), key)
    if not signed and (mark or not unsigned):
        raise TrustError("the signature of the database's list of files is wrong" if mark else "the list is not signed")
    first, *lines = covered.splitlines() or [b""]
    listed = {}
    for line in lines:
        match = _LISTED.fullmatch(line)
        if match is None or match[1].decode() in listed:
            raise MalformedInput("the database's list of its files is damaged")
        listed[match[1].decode()] = int(match[2]), bytes.fromhex(match[3].decode())
    return _Info(parse_header(first), listed, signed)


def _external(path: Path, file: BinaryIO, version: int, roots: tuple[Key, ...]) -> str | None:
    """Return who signed the ``.sign`` file, None when there is none; raises ``TrustError``."""
    stem = re.split("[-.]", path.name, maxsplit=1)[0]
    beside = path.with_name(f"{stem}-{version}.cvd.sign")
    try:
        with beside.open("rb") as signature:
            text = signature.read(signfile.SIGN_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{beside}: {error.strerror}") from error
    return signfile.signer(text, lambda algorithm: _digest(file, algorithm, 0), roots, time.time())


def _legacy(file: BinaryIO, header: Header, key: Key) -> bool:
    """Whether the header carries a signature; raises ``TrustError`` when it is wrong."""
    if len(header.signature) < 2:
        return False
    md5 = _digest(file, "md5", _HEADER_BYTES)
    if md5.hex().encode() != header.md5 or not legacy_valid(md5, header.signature, key):
        raise TrustError("the database's legacy signature is wrong: the file was damaged or changed")
    return True


def _digest(file: BinaryIO, algorithm: str, start: int) -> bytes:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    file.seek(start)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.digest()


def _check_members(file: BinaryIO, info: _Info) -> None:
    file.seek(_HEADER_BYTES)
    missing = set(info.listed)
    for entry in _signature_files(file):
        listed = _listed_digest(entry, info)
        digest = hashlib.sha256()
        for chunk in entry.chunks:
            digest.update(chunk)
        if digest.digest() != listed:
            raise TrustError(f"{entry.name} is not what the database's list of files says")
        missing.discard(entry.name)
    if missing:
        raise TrustError(f"the database lacks {len(missing)} of its files, among them {min(missing)}")


def _signature_files(file: BinaryIO) -> Iterator[archive.Entry]:
    return (entry for entry in archive.entries(file) if entry.name != "COPYING" and not entry.name.endswith(".info"))


def _listed_digest(entry: archive.Entry, info: _Info) -> bytes:
    """Return the digest that a member must have; its size is compared before any of it is unpacked."""
    size, digest = info.listed.get(entry.name, (-1, b""))
    if entry.size != size:
        raise TrustError(f"{entry.name} is not in the database's list of files, or not of this size")
    return digest
