"""ClamAV's hash files, line by line."""

import pytest

from freehold.model.signature import HashSignature, Rejected
from freehold.signatures.languages.clamav_hash import LANGUAGE

MD5 = b"aa15bcf478d165efd2065190eb473bcb"


@pytest.mark.parametrize(
    ("line", "size"),
    [
        (MD5 + b":544:Name", 544),
        (MD5.upper() + b":544:Name\r", 544),
        (MD5 + b":544:Name:73", 544),
        (MD5 + b":544:Name:73:255", 544),
        (MD5 + b":*:Name:73", None),
    ],
)
def test_good_lines(line, size):
    (signature,) = LANGUAGE.parse(b"# comment\n" + line + b"\n", "x.hdb")
    assert signature == HashSignature(signature.about, "md5", bytes.fromhex(MD5.decode()), size)
    assert (signature.about.name, signature.about.source) == ("Name", "x.hdb:2")


@pytest.mark.parametrize(
    "line",
    [
        MD5 + b":544",
        MD5[:-1] + b":544:Name",
        b"g" + MD5[1:] + b":544:Name",
        MD5 + b":x:Name",
        MD5 + b":-1:Name",
        MD5 + b":*:Name",
        MD5 + b":*:Name:72",
        MD5 + b":544:",
        MD5 + b":544:Name:217",
        MD5 + b":544:Name:1:215",
        MD5 + b":544:Name:x",
        MD5 + b":544:Name:1:255:9",
        b"\xff\xfe" * 16 + b":544:Name",
        b"x" * 100_000,
    ],
)
def test_bad_lines_cost_themselves_alone(line):
    rejected, good = LANGUAGE.parse(line + b"\n" + MD5 + b":544:Name\n", "x.hdb")
    assert isinstance(rejected, Rejected)
    assert (rejected.source, rejected.line) == ("x.hdb", 1)
    assert isinstance(good, HashSignature)
