"""AES (FIPS 197) in as few passes over the data as possible, for formats that encrypt with a known password.

Decryption treats all blocks at once: the data is cut into sixteen planes, one for each byte of a block, so that a step
of the cipher is a table look-up or an exclusive or over a whole plane. Encryption is only needed for key derivation,
where every block depends on the one before.
"""

from functools import cache

BLOCK = 16
_INVERSE_SHIFT = (0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3)
_SHIFT = (0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11)


def _double(value: int) -> int:
    return (value << 1) ^ (0x11B if value & 0x80 else 0)


def _times(value: int, factor: int) -> int:
    product = 0
    while factor:
        if factor & 1:
            product ^= value
        value = _double(value)
        factor >>= 1
    return product


@cache
def _sbox() -> bytes:
    box = bytearray(256)
    power = inverse = 1
    while True:
        power ^= _double(power)  # times 3, a generator; ``inverse`` is divided by it
        inverse ^= inverse << 1
        inverse ^= inverse << 2
        inverse ^= inverse << 4
        inverse &= 0xFF
        inverse ^= 0x09 if inverse & 0x80 else 0
        turned = inverse
        for shift in range(1, 5):
            turned ^= (inverse << shift | inverse >> (8 - shift)) & 0xFF
        box[power] = turned ^ 0x63
        if power == 1:
            break
    box[0] = 0x63
    return bytes(box)


@cache
def _inverse_sbox() -> bytes:
    box = bytearray(256)
    for value, substitute in enumerate(_sbox()):
        box[substitute] = value
    return bytes(box)


@cache
def _multiples(factor: int) -> bytes:
    return bytes(_times(value, factor) for value in range(256))


@cache
def round_keys(key: bytes) -> tuple[bytes, ...]:
    """Return the round keys of a key of 16, 24 or 32 bytes."""
    box, words = _sbox(), [key[at : at + 4] for at in range(0, len(key), 4)]
    size, constant = len(words), 1
    for number in range(size, 4 * (size + 7)):
        word = words[-1]
        if number % size == 0:
            word = (word[1:] + word[:1]).translate(box)
            word = bytes((word[0] ^ constant,)) + word[1:]
            constant = _double(constant)
        elif size > 6 and number % size == 4:
            word = word.translate(box)
        words.append(_xor(words[-size], word))
    return tuple(b"".join(words[at : at + 4]) for at in range(0, len(words), 4))


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "little") ^ int.from_bytes(other, "little")).to_bytes(len(one), "little")


def decrypt_blocks(data: bytes, key: bytes) -> bytes:
    """Decrypt whole blocks, each on its own (ECB)."""
    keys = round_keys(key)
    count = len(data) // BLOCK
    planes = [_keyed(data[at : count * BLOCK : BLOCK], keys[-1][at], count) for at in range(BLOCK)]
    for round_key in keys[-2:0:-1]:
        planes = _unmixed(_substituted(planes, round_key, count), count)
    planes = _substituted(planes, keys[0], count)
    out = bytearray(count * BLOCK)
    for at, plane in enumerate(planes):
        out[at::BLOCK] = plane
    return bytes(out)


def _keyed(plane: bytes, key: int, count: int) -> bytes:
    return _xor(plane, bytes((key,)) * count)


def _substituted(planes: list[bytes], round_key: bytes, count: int) -> list[bytes]:
    """Undo the shift of rows and the substitution, then add the round key."""
    box = _inverse_sbox()
    return [_keyed(planes[_INVERSE_SHIFT[at]].translate(box), round_key[at], count) for at in range(BLOCK)]


def _unmixed(planes: list[bytes], count: int) -> list[bytes]:
    """Undo the mixing of columns."""
    out: list[bytes] = []
    for column in range(0, BLOCK, 4):
        by_factor = {
            factor: [
                int.from_bytes(plane.translate(_multiples(factor)), "little") for plane in planes[column : column + 4]
            ]
            for factor in (9, 11, 13, 14)
        }
        for row in range(4):
            mixed = (
                by_factor[14][row]
                ^ by_factor[11][(row + 1) & 3]
                ^ by_factor[13][(row + 2) & 3]
                ^ by_factor[9][(row + 3) & 3]
            )
            out.append(mixed.to_bytes(count, "little"))
    return out


def decrypt_cbc(data: bytes, key: bytes, start: bytes) -> bytes:
    """Decrypt whole blocks that were chained behind ``start``; padding is left in place."""
    data = data[: len(data) // BLOCK * BLOCK]
    return _xor(decrypt_blocks(data, key), (start + data)[: len(data)]) if data else b""


@cache
def _encryption_table() -> tuple[tuple[int, ...], ...]:
    """For each row of a column: what one byte contributes to the mixed column, as a 32-bit number."""
    two, three, box = _multiples(2), _multiples(3), _sbox()
    columns = [(two[s] << 24) | (s << 16) | (s << 8) | three[s] for s in box]
    return tuple(tuple((c >> turn | c << (32 - turn)) & 0xFFFFFFFF for c in columns) for turn in (0, 8, 16, 24))


def encrypt_cbc(data: bytes, key: bytes, start: bytes) -> bytes:
    """Encrypt whole blocks, chained behind ``start``."""
    keys = [int.from_bytes(round_key, "big") for round_key in round_keys(key)]
    tables, box = _encryption_table(), _sbox()
    state = int.from_bytes(start, "big")
    out: list[bytes] = []
    for at in range(0, len(data), BLOCK):
        state ^= int.from_bytes(data[at : at + BLOCK], "big")
        block = _encrypt_block(state, keys, tables, box)
        out.append(block)
        state = int.from_bytes(block, "big")
    return b"".join(out)


def _encrypt_block(state: int, keys: list[int], tables: tuple[tuple[int, ...], ...], box: bytes) -> bytes:
    one, two, three, four = tables
    state ^= keys[0]
    for key in keys[1:-1]:
        s = state.to_bytes(16, "big")
        state = key ^ (
            (one[s[0]] ^ two[s[5]] ^ three[s[10]] ^ four[s[15]]) << 96
            | (one[s[4]] ^ two[s[9]] ^ three[s[14]] ^ four[s[3]]) << 64
            | (one[s[8]] ^ two[s[13]] ^ three[s[2]] ^ four[s[7]]) << 32
            | (one[s[12]] ^ two[s[1]] ^ three[s[6]] ^ four[s[11]])
        )
    last = state.to_bytes(16, "big").translate(box)
    return (int.from_bytes(bytes([last[at] for at in _SHIFT]), "big") ^ keys[-1]).to_bytes(16, "big")
