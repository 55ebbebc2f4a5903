"""Signs small Windows programs with keys made for it: openssl makes certificates, osslsigncode signs."""

import hashlib
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from tests.formats.programs import two_sections

from freehold.model.pki import der

SUBJECT = "/C=CH/O=Freehold Test Works/CN=Freehold Test Signer"
ROOT = "/C=CH/O=Freehold Test Authority/CN=Freehold Test Root"
RSA = ("-newkey", "rsa:2048")
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
EC_384 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384")
PURPOSE = ("-addext", "extendedKeyUsage=codeSigning", "-addext", "keyUsage=digitalSignature")


def run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)


class Signing:
    """Keys, certificates and programs in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "plain.exe").write_bytes(two_sections(size=0xC00).build())

    def self_signed(self, name: str, *key: str, subject: str = SUBJECT, extra: tuple[str, ...] = PURPOSE) -> None:
        """Make a key and a certificate that it signed itself."""
        run("openssl", "req", "-x509", "-nodes", "-days", "3650", *key, "-subj", subject, *extra,
            "-keyout", self.folder / f"{name}.key", "-out", self.folder / f"{name}.pem")  # fmt: skip

    def issued(self, name: str, authority: str, *key: str, subject: str = SUBJECT) -> None:
        """Make a key, and a certificate for it that an authority signed."""
        request, purposes = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        purposes.write_text("extendedKeyUsage=codeSigning\nkeyUsage=digitalSignature\n")
        run("openssl", "req", "-new", "-nodes", *key, "-subj", subject, "-keyout", self.folder / f"{name}.key",
            "-out", request)  # fmt: skip
        run("openssl", "x509", "-req", "-in", request, "-days", "3650", "-extfile", purposes, "-set_serial", "4711",
            "-CA", self.folder / f"{authority}.pem", "-CAkey", self.folder / f"{authority}.key",
            "-out", self.folder / f"{name}.pem")  # fmt: skip

    def sign(self, name: str, *options: str | Path, hashed: str = "sha256", program: str = "plain.exe") -> bytes:
        """Return a program, signed."""
        out = self.folder / f"{name}-{len(list(self.folder.iterdir()))}.exe"
        run("osslsigncode", "sign", "-certs", self.folder / f"{name}.pem", "-key", self.folder / f"{name}.key",
            "-h", hashed, *options, "-in", self.folder / program, "-out", out)  # fmt: skip
        return out.read_bytes()


def element(tag: int, *contents: bytes) -> bytes:
    """Encode a DER element."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def name(text: str) -> bytes:
    """Encode an OBJECT IDENTIFIER."""
    return element(6, der.oid(text))


NULL = b"\5\0"
ALGORITHMS = {"sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1"}


def catalogue(signing: Signing, signer: str, files: list[tuple[str, str, bytes]]) -> bytes:
    """Return a security catalogue of (kind of file, algorithm, digest), signed.

    Kinds are the names of SPC_PE_IMAGE_DATA and SPC_CAB_DATA.
    """
    members = b"".join(
        element(0x30, element(4, str(number).encode()), element(0x31, element(0x30,
            name("1.3.6.1.4.1.311.2.1.4"), element(0x31, element(0x30,
                element(0x30, name(kind), element(0x30, element(3, b"\0"))),
                element(0x30, element(0x30, name(ALGORITHMS[algorithm]), NULL), element(4, digest)),
            )),
        )))
        for number, (kind, algorithm, digest) in enumerate(files)
    )  # fmt: skip
    content = element(0x30,
        element(0x30, name("1.3.6.1.4.1.311.12.1.1")), element(4, b"\1" * 16), element(0x17, b"250101000000Z"),
        element(0x30, name("1.3.6.1.4.1.311.12.1.2"), NULL), element(0x30, members),
    )  # fmt: skip
    return _signed(signing, signer, "1.3.6.1.4.1.311.10.1", content)


def _signed(signing: Signing, signer: str, kind: str, content: bytes) -> bytes:
    key = load_pem_private_key((signing.folder / f"{signer}.key").read_bytes(), None)
    certificate = load_pem_x509_certificate((signing.folder / f"{signer}.pem").read_bytes())
    assert isinstance(key, rsa.RSAPrivateKey)
    whole = certificate.public_bytes(Encoding.DER)
    digest = hashlib.sha256(der.parse(content).content).digest()
    attributes = (
        element(0x30, name("1.2.840.113549.1.9.3"), element(0x31, name(kind))),
        element(0x30, name("1.2.840.113549.1.9.4"), element(0x31, element(4, digest))),
    )
    signature = key.sign(element(0x31, *attributes), PKCS1v15(), SHA256())
    sha256, one = element(0x30, name(ALGORITHMS["sha256"]), NULL), element(2, b"\1")
    issuer = certificate.issuer.public_bytes()
    serial = element(2, certificate.serial_number.to_bytes(21, "big").lstrip(b"\0"))
    info = element(0x30, one, element(0x30, issuer, serial), sha256, element(0xA0, *attributes),
        element(0x30, name("1.2.840.113549.1.1.1"), NULL), element(4, signature))  # fmt: skip
    signed = element(0x30, one, element(0x31, sha256), element(0x30, name(kind), element(0xA0, content)),
        element(0xA0, whole), element(0x31, info))  # fmt: skip
    return element(0x30, name("1.2.840.113549.1.7.2"), element(0xA0, signed))
