"""Signs small Windows programs with keys made for it: openssl makes certificates, osslsigncode signs."""

import subprocess
from pathlib import Path

from tests.formats.programs import two_sections

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
