"""Icons of programs have the metrics that ``clamscan`` measures, and the same signatures ask for them."""

import random
from pathlib import Path

import pytest
from tests.differential import clamscan, engine
from tests.formats.icons import DEPTHS, dib, icon_program, line_bytes, random_dib

from freehold.engine.matchers.logical.iconmetrics import measure
from freehold.formats import pe
from freehold.formats.peicons import icons
from freehold.model.icon import IconMetrics, read_metrics
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView

pytestmark = pytest.mark.skipif(clamscan.CLAMSCAN is None, reason="clamscan is not installed")

SIDES = [16, 24, 32, 48, 64, 72, 96, 120, 128, 160, 168, 192, 216, 224, 256]
SEED = 3


def pictures(rng: random.Random) -> list[bytes]:
    """Icons of every depth in every size that is scaled in its own way, and some that are not square."""
    sizes = [(side, side) for side in SIDES]
    sizes += [(17, 17), (29, 29), (33, 33), (100, 100), (16, 21), (24, 18), (40, 50), (256, 192)]
    made = [random_dib(rng, *size, rng.choice(DEPTHS)) for size in sizes]
    made += [random_dib(rng, side, side, depth) for side in (16, 24, 32) for depth in DEPTHS]
    plain = b"\x40\x80\xc0" * 32 + bytes(line_bytes(32, 24) - 96)
    return [*made, dib(32, 32, 24, plain * 32), dib(16, 16, 32, b"\x10\x20\x30\0" * 256)]


def metrics(program: bytes) -> list[IconMetrics]:
    view = BytesView(program)
    return [measure(picture) for picture in icons(view, pe.read(view), Budget(Limits()))]


def test_metrics(tmp_path: Path) -> None:
    made = pictures(random.Random(SEED))
    programs = [icon_program(made[start : start + 3]) for start in range(0, len(made), 3)]
    theirs = clamscan.icon_metrics(programs, tmp_path)
    assert len(theirs) == len(made)
    assert [one.digits() for program in programs for one in metrics(program)] == theirs


def test_what_is_no_icon_that_counts(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    good = random_dib(rng, 32, 32, 24)
    programs = [
        icon_program([good], characteristics=0x2002),
        icon_program([b"\x89PNG\r\n\x1a\n" + bytes(60), good]),
        icon_program([random_dib(rng, 15, 15, 24), random_dib(rng, 257, 257, 1), good]),
        icon_program([random_dib(rng, 40, 29, 8), random_dib(rng, 40, 30, 8)]),
        icon_program([good, random_dib(rng, 16, 16, 4)], ids=[2, 2]),
        icon_program([dib(32, 32, depth, bytes(4096)) for depth in (0, 2, 15)]),
        icon_program([good])[:-1400],
    ]
    theirs = clamscan.icon_metrics(programs, tmp_path)
    ours = [one.digits() for program in programs for one in metrics(program)]
    assert dict.fromkeys(ours) == dict.fromkeys(theirs)  # it measures an icon again when a group names it again
    assert theirs


def changed(rng: random.Random, one: IconMetrics) -> IconMetrics:
    """Return metrics that are more or less close to these."""
    amount = rng.choice([0, 0.2, 0.5, 1])
    side = one.side if one.side in {16, 24, 32} else rng.choice([16, 24])

    def areas(three, most):
        return tuple(
            area._replace(
                average=min(most, max(0, area.average + rng.randint(-most // 4, most // 4) * (rng.random() < amount))),
                x=min(side * 3 // 4, max(0, area.x + rng.randint(-4, 4) * (rng.random() < amount))),
                y=min(side * 3 // 4, max(0, area.y + rng.randint(-4, 4) * (rng.random() < amount))),
            )
            for area in three
        )

    colored = rng.choice([one.colored, one.colored, 0, min(100, one.colored + 3)])
    return IconMetrics(
        side,
        *(areas(three, 4072) for three in one[1:3]),
        *(areas(three, 255) for three in one[3:7]),
        *((0, 0, 0) if not colored else (max(0, part - rng.choice([0, 0, 2, 9])) for part in one[7:10])),
        colored,
    )


def test_signatures_that_ask_for_icons(tmp_path: Path) -> None:
    rng = random.Random(SEED + 1)
    made = [picture for picture in pictures(rng) if rng.random() < 0.6]
    programs = [icon_program(made[start : start + 2]) for start in range(0, len(made), 2)]
    known = [read_metrics(digits) for digits in clamscan.icon_metrics(programs, tmp_path)]
    variants = [changed(rng, rng.choice(known)) for _ in range(120)]
    idb = [f"I{n}:G{n}:H{n % 11}:{one.digits()}" for n, one in enumerate(variants)]
    asked = [f"IconGroup1:G{n}" for n in range(120)] + [f"IconGroup2:H{n}" for n in range(11)]
    asked += [f"IconGroup1:G{n},IconGroup2:H{n % 11 if n % 2 else 0}" for n in range(60)] + ["IconGroup1:*"]
    ldb = [f"S{n};Engine:51-255,{icon},Target:1;0;0:4d5a" for n, icon in enumerate(asked)]
    databases = {"a.idb": "\n".join(idb).encode() + b"\n", "b.ldb": "\n".join(ldb).encode() + b"\n"}
    theirs = clamscan.scan(databases, programs, tmp_path)
    assert engine.scan(databases, programs, tmp_path) == theirs
    found = [name for names in theirs for name in names]
    assert 100 < len(found) < len(programs) * len(ldb) / 2


def test_all_files_with_icons_count(tmp_path: Path) -> None:
    """``clamscan`` forgets the icons of all files but the last."""
    program = icon_program([random_dib(random.Random(SEED), 32, 32, 24)])
    [digits] = clamscan.icon_metrics([program], tmp_path)
    signatures = "A;Engine:51-255,IconGroup1:A,Target:1;0;0:4d5a\nB;Engine:51-255,IconGroup1:B,Target:1;0;0:4d5a\n"
    databases = {name + ".idb": f"I:{name.upper()}:X:{digits}\n".encode() for name in "ab"}
    databases["c.ldb"] = signatures.encode()
    assert engine.scan(databases, [program], tmp_path) == [{"A", "B"}]
    assert len(clamscan.scan(databases, [program], tmp_path)[0]) == 1
