"""ECDSA signatures on the curves of NIST, verified with plain arithmetic.

Nothing here is secret, so nothing needs constant time. A verification takes some milliseconds: few programs are signed
so, and loading a library for them would cost each start more.

Source: SEC 1 version 2 section 4.1.4, SEC 2 version 2, FIPS 186-4 section 6.4.
"""

from typing import NamedTuple

from freehold.model.errors import MalformedInput
from freehold.model.pki import der

_Point = tuple[int, int, int]
"""Jacobian coordinates; the last one is 0 for the point at infinity."""

_UNCOMPRESSED = 4


class _Curve(NamedTuple):
    """y² = x³ - 3 x + b modulo p, with a generator of prime order."""

    prime: int
    b: int
    generator: _Point
    order: int


_P256 = _Curve(
    2**256 - 2**224 + 2**192 + 2**96 - 1,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
        1,
    ),
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
)
_P384 = _Curve(
    2**384 - 2**128 - 2**96 + 2**32 - 1,
    0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    (
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
        1,
    ),
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
)
_CURVES = {der.oid("1.2.840.10045.3.1.7"): _P256, der.oid("1.3.132.0.34"): _P384}


def valid(curve_name: bytes, point: bytes, digest: bytes, signature: tuple[int, int]) -> bool:
    """Whether a key made a signature; raises ``MalformedInput`` for curves and keys that are not supported.

    Args:
        curve_name: content of the OBJECT IDENTIFIER.
        point: the public key, uncompressed.
        digest: of what was signed.
        signature: the numbers r and s.
    """
    curve = _CURVES.get(curve_name)
    if curve is None:
        raise MalformedInput("a certificate has a key on an unsupported curve")
    key, (r, s) = _key(curve, point), signature
    if not (0 < r < curve.order and 0 < s < curve.order):
        return False
    bits = curve.order.bit_length()
    number = int.from_bytes(digest, "big") >> max(len(digest) * 8 - bits, 0)
    inverse = pow(s, -1, curve.order)
    x, _, z = _sum_of_multiples(curve, number * inverse % curve.order, r * inverse % curve.order, key)
    if not z:
        return False
    return x * pow(z, -2, curve.prime) % curve.prime % curve.order == r


def _key(curve: _Curve, point: bytes) -> _Point:
    size = (curve.prime.bit_length() + 7) // 8
    if len(point) != 1 + 2 * size or point[0] != _UNCOMPRESSED:
        raise MalformedInput("a certificate has a key in an unsupported form")
    x, y = int.from_bytes(point[1 : 1 + size], "big"), int.from_bytes(point[1 + size :], "big")
    if x >= curve.prime or y >= curve.prime or (y * y - (x * x * x - 3 * x + curve.b)) % curve.prime:
        raise MalformedInput("a certificate has a key that is no point of its curve")
    return x, y, 1


def _sum_of_multiples(curve: _Curve, one: int, other: int, key: _Point) -> _Point:
    """Return the sum of ``one`` generators and ``other`` keys, both multiples in one run over their bits."""
    both = _add(curve.prime, curve.generator, key)
    result = (1, 1, 0)
    for bit in range(max(one.bit_length(), other.bit_length()) - 1, -1, -1):
        result = _double(curve.prime, result)
        addend = (None, curve.generator, key, both)[one >> bit & 1 | (other >> bit & 1) << 1]
        if addend is not None:
            result = _add(curve.prime, result, addend)
    return result


def _double(prime: int, point: _Point) -> _Point:
    x, y, z = point
    if not z or not y:
        return 1, 1, 0
    square, z_square = y * y % prime, z * z % prime
    four = 4 * x * square % prime
    slope = 3 * (x - z_square) * (x + z_square) % prime
    x_new = (slope * slope - 2 * four) % prime
    return x_new, (slope * (four - x_new) - 8 * square * square) % prime, 2 * y * z % prime


def _add(prime: int, one: _Point, other: _Point) -> _Point:
    if not one[2]:
        return other
    if not other[2]:
        return one
    z1, z2 = one[2] * one[2] % prime, other[2] * other[2] % prime
    u1, u2 = one[0] * z2 % prime, other[0] * z1 % prime
    s1, s2 = one[1] * other[2] * z2 % prime, other[1] * one[2] * z1 % prime
    if u1 == u2:
        return _double(prime, one) if s1 == s2 else (1, 1, 0)
    h, r = u2 - u1, s2 - s1
    hh = h * h % prime
    hhh, v = h * hh % prime, u1 * hh % prime
    x = (r * r - hhh - 2 * v) % prime
    return x, (r * (v - x) - s1 * hhh) % prime, h * one[2] * other[2] % prime
