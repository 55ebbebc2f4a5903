"""A bundle holds what was put in, is the same for the same input, and is refused when anything about it is wrong."""

import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.bundle import Bundle
from freehold.bundle.layout import ANY_SIZE, BLOCK, MANIFEST, SMALL, canonical
from freehold.bundle.writer import SegmentWriter, write_manifest
from freehold.model.about import About, HashedPart
from freehold.model.errors import TrustError
from freehold.model.report import Verdict
from freehold.model.signature import HashSignature

WIDTHS = {"md5": 16, "sha1": 20, "sha256": 32}

entries = st.builds(
    lambda algorithm, seed, size, name: (
        algorithm,
        hashlib.sha512(bytes([seed])).digest()[: WIDTHS[algorithm]],
        size,
        name,
    ),
    st.sampled_from(sorted(WIDTHS)),
    st.integers(0, 20),
    st.one_of(st.none(), st.integers(0, 5), st.just(2**63 - 1)),
    st.text(max_size=8),
)


def write(folder, signatures):
    folder.mkdir(parents=True)
    segment = SegmentWriter(folder / "base")
    for signature in signatures:
        size = ANY_SIZE if signature.size is None else signature.size
        entry = size.to_bytes(8) + signature.digest + segment.about(signature.about).to_bytes(4)
        segment.hashes(signature.part, signature.algorithm, entry)
    write_manifest(folder, [segment.finish({"test": len(signatures)}, {}, 0)])
    return folder


def names(bundle, algorithm, size, digest):
    (segment,) = bundle.segments
    table = segment.tables.get((HashedPart.CONTENT, algorithm))
    if table is None:
        return []
    found = [*table.find(table.of_size(size), digest), *table.find(table.any_size, digest)]
    return sorted(segment.about(number).name for number in found)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(entries, max_size=40))
def test_hashes_come_back(tmp_path_factory, given_entries):
    folder = tmp_path_factory.mktemp("bundle") / "b"
    write(folder, [HashSignature(About(name, "x.hdb:7"), a, digest, size) for a, digest, size, name in given_entries])
    bundle = Bundle.open(folder)
    for algorithm, digest, size, _ in given_entries:
        for asked in {size or 0, 3}:
            expected = sorted(n for a, d, s, n in given_entries if (a, d) == (algorithm, digest) and s in {None, asked})
            assert names(bundle, algorithm, asked, digest) == expected
        assert names(bundle, algorithm, size or 0, bytes(len(digest))) == []


@given(
    st.builds(
        About,
        name=st.text(),
        source=st.builds("{}:{}".format, st.text(max_size=10), st.integers(0, 10**7)),
        category=st.text(max_size=5),
        verdict=st.sampled_from([Verdict.INFECTED, Verdict.SUSPICIOUS, Verdict.PROHIBITED]),
        description=st.text(max_size=20),
        severity=st.sampled_from(["", "low", "critical"]),
        references=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    )
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_abouts_come_back(tmp_path_factory, about):
    folder = write(tmp_path_factory.mktemp("bundle") / "b", [HashSignature(about, "md5", bytes(16), 1)])
    (segment,) = Bundle.open(folder).segments
    assert segment.about(0) == about


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A bundle whose digests and names are verified block by block."""
    numbers = range(70_000)
    signatures = [HashSignature(About(f"n{n}", "x.hdb:1"), "md5", digest_of(n), size_of(n)) for n in numbers]
    folder = write(tmp_path_factory.mktemp("large") / "b", signatures)
    assert (folder / "base" / "hash.content.md5.digests").stat().st_size > SMALL
    return folder


def digest_of(number):
    return hashlib.md5(b"%d" % number, usedforsecurity=False).digest()


def size_of(number):
    return number % 5000


def test_large_tables_find_everything(large):
    bundle = Bundle.open(large)
    for number in range(0, 70_000, 137):
        assert names(bundle, "md5", size_of(number), digest_of(number)) == [f"n{number}"]
        assert names(bundle, "md5", size_of(number) + 1, digest_of(number)) == []
    bundle.verify()


def test_damage_in_a_large_table_is_found_where_it_is(large, tmp_path):
    """What is not touched need not be read; what is touched is right or refused."""
    folder = shutil.copytree(large, tmp_path / "b")
    path = folder / "base" / "hash.content.md5.digests"
    data = bytearray(path.read_bytes())
    data[10 * BLOCK + 5] ^= 4
    path.write_bytes(data)
    bundle = Bundle.open(folder)
    refused = 0
    for number in range(0, 70_000, 11):
        try:
            assert names(bundle, "md5", size_of(number), digest_of(number)) == [f"n{number}"]
        except TrustError:
            refused += 1
    assert 0 < refused < 1000
    with pytest.raises(TrustError, match="damaged"):
        bundle.verify()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    signatures = [
        HashSignature(About(f"n{n}", "x.hdb:1"), algorithm, bytes([n]) * WIDTHS[algorithm], n or None)
        for n in range(5)
        for algorithm in WIDTHS
    ]
    return write(tmp_path_factory.mktemp("small") / "b", signatures)


def answers(folder):
    bundle = Bundle.open(folder)
    bundle.verify()
    return [names(bundle, a, n, bytes([n]) * WIDTHS[a]) for n in range(5) for a in WIDTHS]


def test_every_flipped_bit_is_refused_or_harmless(small, tmp_path):
    folder = shutil.copytree(small, tmp_path / "b")
    expected = answers(folder)
    choose = random.Random(7)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        positions = range(len(data)) if path.name != MANIFEST else choose.sample(range(len(data)), 400)
        for position in positions:
            path.write_bytes(
                data[:position] + bytes([data[position] ^ 1 << choose.randrange(8)]) + data[position + 1 :]
            )
            try:
                assert answers(folder) == expected
                assert path.name == MANIFEST  # only white space there does not matter
            except TrustError:
                continue
        path.write_bytes(data)


def test_every_truncation_is_refused(small, tmp_path):
    folder = shutil.copytree(small, tmp_path / "b")
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        for length in {length for length in (0, 1, len(data) // 2, len(data) - 2) if 0 <= length < len(data)}:
            path.write_bytes(data[:length])
            with pytest.raises(TrustError):
                answers(folder)
        path.unlink()
        with pytest.raises(TrustError):
            answers(folder)
        path.write_bytes(data)
    assert answers(folder)


def rewrite_manifest(folder, change):
    """Change the manifest and make its checksum right again, as somebody who means harm would."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    del manifest["checksum"]
    change(manifest)
    manifest["checksum"] = hashlib.sha256(canonical(manifest)).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: m.update(format=99), "layout 99"),
        (lambda m: m.update(machine="vax"), "another CPU"),
        (lambda m: m.pop("segments"), "does not fit together"),
        (lambda m: m.update(segments=3), "does not fit together"),
        (lambda m: m["segments"][0].update(name="../base"), "names files"),
        (lambda m: m["segments"][0].update(name=7), "does not fit together"),
        (lambda m: m["segments"][0]["files"].update({"../../etc/passwd": [1, ""]}), "names files"),
        (lambda m: m["segments"][0]["files"].update({"sources.json": ["x", ""]}), "names files"),
        (lambda m: m["segments"][0]["files"].pop("abouts.blob"), "does not fit together"),
        (lambda m: m["segments"][0].update(hashes=[["content", "md6"]]), "does not fit together"),
        (lambda m: m["segments"][0].update(roots=[["pe", 0]]), "does not fit together"),
    ],
)
def test_foreign_manifests_are_refused(small, tmp_path, change, sentence):
    folder = shutil.copytree(small, tmp_path / "b")
    rewrite_manifest(folder, change)
    with pytest.raises(TrustError, match=sentence):
        Bundle.open(folder)


def test_other_directories_are_refused(tmp_path):
    with pytest.raises(TrustError, match="not a compiled database"):
        Bundle.open(tmp_path)
    with pytest.raises(TrustError, match="not a compiled database"):
        Bundle.open(Path("/dev/null"))
    (tmp_path / MANIFEST).write_text("[" * 100_000)
    with pytest.raises(TrustError):
        Bundle.open(tmp_path)
