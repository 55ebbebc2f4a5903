"""Signatures of RSA and ECDSA keys, against the library that made them."""

import pytest
from cryptography import x509 as library
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.model.errors import MalformedInput
from freehold.model.pki import der, x509

HASHES = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}  # noqa: S303
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
EC_KEYS = {name: ec.generate_private_key(curve) for name, curve in CURVES.items()}
RSA_KEY = rsa.generate_private_key(65537, 2048)


def public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> der.Element:
    return der.parse(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(CURVES)), st.sampled_from(sorted(HASHES)), st.binary(max_size=100))
def test_ecdsa(curve: str, algorithm: str, content: bytes) -> None:
    key = EC_KEYS[curve]
    signature = key.sign(content, ec.ECDSA(HASHES[algorithm]))
    digest = x509.digest(algorithm, content)
    assert x509.verifies(public(key), algorithm, digest, signature)
    assert not x509.verifies(public(key), algorithm, x509.digest(algorithm, content + b"!"), signature)
    r, s = decode_dss_signature(signature)
    for wrong in ((s, r), (r, s + 1), (0, s), (r, 0)):
        assert not x509.verifies(public(key), algorithm, digest, encode_dss_signature(*wrong))
    other = ec.generate_private_key(CURVES[curve])
    assert not x509.verifies(public(other), algorithm, digest, signature)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(HASHES)), st.binary(max_size=100))
def test_rsa(algorithm: str, content: bytes) -> None:
    signature = RSA_KEY.sign(content, PKCS1v15(), HASHES[algorithm])
    digest = x509.digest(algorithm, content)
    assert x509.verifies(public(RSA_KEY), algorithm, digest, signature)
    assert not x509.verifies(public(RSA_KEY), algorithm, x509.digest(algorithm, content + b"!"), signature)
    for other in HASHES:
        if other != algorithm:
            assert not x509.verifies(public(RSA_KEY), other, digest, signature)


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256K1()), ec.generate_private_key(ec.SECP521R1())])
def test_other_curves_are_refused(key: ec.EllipticCurvePrivateKey) -> None:
    signature = key.sign(b"x", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(MalformedInput, match="unsupported curve"):
        x509.verifies(public(key), "sha256", x509.digest("sha256", b"x"), signature)


def test_points_beside_the_curve_are_refused() -> None:
    info = public(EC_KEYS["P-256"]).whole
    with pytest.raises(MalformedInput, match="no point of its curve"):
        x509.verifies(der.parse(info[:-1] + bytes([info[-1] ^ 1])), "sha256", bytes(32), encode_dss_signature(1, 1))


@pytest.mark.parametrize("name", ["Freehold", "Zürich Works", "北京"])
def test_names(name: str) -> None:
    subject = library.Name(
        [
            library.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            library.NameAttribute(NameOID.COMMON_NAME, name + " signer"),
        ]
    )
    element = der.parse(subject.public_bytes())
    assert x509.names(element, x509.ORGANISATION) == [name]
    assert x509.names(element, x509.COMMON_NAME) == [name + " signer"]
