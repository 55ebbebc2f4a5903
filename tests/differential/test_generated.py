"""Random signatures mean the same to clamscan and to the reference matcher."""

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from tests.differential import clamscan, generated, reference

from freehold.model.errors import MalformedInput
from freehold.model.signature import LogicalSignature
from freehold.signatures.languages.clamav_ldb import parse_line

pytestmark = pytest.mark.skipif(clamscan.CLAMSCAN is None, reason="clamscan is not installed")

SIGNATURES = 80
CONTENTS = 20


@pytest.mark.parametrize("seed", [101, 102, 103])
def test_logical_signatures(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    lines: dict[str, str] = {}
    signatures: dict[str, LogicalSignature] = {}
    while len(signatures) < SIGNATURES:
        name = f"S{len(signatures)}"
        lines[name] = generated.logical(rng, name, 60)
        with suppress(MalformedInput):
            signatures[name] = parse_line(lines[name], name)
    contents = [generated.data(rng, rng.choice([20, 60, 200])) for _ in range(CONTENTS)]
    contents += [content + generated.PADDING for content in contents]
    over_the_end = {name for name, signature in signatures.items() if generated.may_run_over_the_end(signature)}
    text = "".join(lines[name] + "\n" for name in signatures).encode()
    theirs = clamscan.scan({"generated.ldb": text}, contents, tmp_path)
    matched = 0
    for content, names in zip(contents, theirs, strict=True):
        ours = {n for n, s in signatures.items() if reference.matches(s, content, reference.Facts())}
        different = (ours ^ names) - (set() if content.endswith(generated.PADDING) else over_the_end)
        assert not different, [lines[name] for name in sorted(different)]
        matched += len(ours)
    assert matched > SIGNATURES


@pytest.mark.parametrize("seed", [201, 202])
def test_byte_comparisons(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    lines = [generated.comparing(rng, f"S{number}") for number in range(SIGNATURES)]
    signatures = [parse_line(line, "generated") for line in lines]
    contents = [generated.numbered(rng) for _ in range(CONTENTS)]
    theirs = clamscan.scan({"generated.ldb": "\n".join(lines).encode() + b"\n"}, contents, tmp_path)
    matched = 0
    for content, names in zip(contents, theirs, strict=True):
        ours = {s.about.name for s in signatures if reference.matches(s, content, reference.Facts())}
        assert ours == names, [lines[int(name[1:])] for name in sorted(ours ^ names)]
        matched += len(ours)
    assert matched > SIGNATURES
