"""Large signature files are compiled in pieces, by any number of processes, with the same result."""

import hashlib
from pathlib import Path
from random import Random

from freehold.bundle import Bundle
from freehold.model.about import HashedPart
from freehold.signatures import linewise
from freehold.signatures.compile import build


def sources(folder: Path) -> list[Path]:
    rng = Random(3)
    folder.mkdir()
    hashes = folder / "x.hdb"
    lines = (f"{rng.randbytes(16).hex()}:{rng.randint(1, 5000)}:Name.{n}" for n in range(140_000))
    hashes.write_text("\r\n".join(lines) + "\nbroken\n")
    logical = folder / "x.ldb"
    logical.write_text(
        "".join(
            f"Logical.{n};Engine:51-255,Target:{n % 2};0&1;{rng.randbytes(9).hex()};414243\n" for n in range(30_000)
        )
    )
    (folder / "x.ign2").write_text("Name.7\n")
    return [hashes, logical, folder / "x.ign2"]


def test_any_number_of_processes_writes_the_same_bytes(tmp_path: Path) -> None:
    given = sources(tmp_path / "sources")
    assert sum(source.stat().st_size for source in given) > 2 * linewise.PIECE
    results = [build(given, tmp_path / f"bundle{jobs}", jobs=jobs) for jobs in (1, 2)]
    assert results[0] == results[1]
    assert results[0].counts == {"clamav-hash": 139_999, "clamav-ldb": 30_000, "clamav-lists": 1}
    assert [(r.source, r.line) for r in results[0].rejected] == [("x.hdb", 140_001)]
    assert results[0].ignored == 1
    digests = [
        {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (tmp_path / f"bundle{jobs}/base").iterdir()
        }
        for jobs in (1, 2)
    ]
    assert digests[0] == digests[1]


def test_every_entry_says_where_it_came_from(tmp_path: Path) -> None:
    given = sources(tmp_path / "sources")
    build(given, tmp_path / "bundle", jobs=2)
    (segment,) = Bundle.open(tmp_path / "bundle").segments
    table = segment.tables[HashedPart.CONTENT, "md5"]
    for number in (0, 6, 70_000, 139_999):
        digest, size, name = given[0].read_text().splitlines()[number].split(":")
        found = [segment.about(about) for about in table.find(table.of_size(int(size)), bytes.fromhex(digest))]
        assert [(about.name, about.source) for about in found] == [(name, f"x.hdb:{number + 1}")]
