"""``freehold scan --policy``: files of prohibited products are a detection, where that was asked for."""

import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.formats.signing import RSA, Signing
from tests.frontends.conftest import Run

PACK = """
[pack]
name = "own"
version = "1"
description = "A pack of one's own."

[[entity]]
id = "makers"
name = "Makers"
country = "GB"

[[product]]
id = "tool"
name = "Tool"
entity = "makers"
indicators = [
  { kind = "package", value = "tool", strength = "strong", source = "here" },
  { kind = "path", value = "/opt/tool/*", strength = "strong", source = "here" },
  { kind = "publisher", value = "tool makers*", strength = "strong", source = "here" },
  { kind = "publisher", value = "others", strength = "weak", source = "here" },
  { kind = "path", value = "*/engine.dll", strength = "weak", source = "here" },
  { kind = "sha256", value = "SHA_STRONG", strength = "strong", source = "here" },
  { kind = "sha256", value = "SHA_WEAK", strength = "weak", source = "here" },
]
"""
STRONG, WEAK = b"the tool's own licence", b"a text that others have, too"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hashlib import sha256

    path = tmp_path_factory.mktemp("pack") / "own.policy"
    text = PACK.replace("SHA_STRONG", sha256(STRONG).hexdigest()).replace("SHA_WEAK", sha256(WEAK).hexdigest())
    path.write_text(text)
    return path


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """The root of a system with the product and with what looks like it."""
    files = {
        "etc/hostname": b"host",
        "usr/lib/engine.dll": b"engine",
        "usr/share/licence": STRONG,
        "usr/share/text": WEAK,
        "opt/tool/program": b"program",
        "home/u/opt/tool/program": b"program",
        "var/lib/dpkg/status": b"Package: tool\nStatus: install ok installed\nVersion: 1\n",
        "home/u/status": b"Package: tool\nStatus: install ok installed\nVersion: 1\n",
    }
    for name, content in files.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_bytes(content)
    return tmp_path / "root"


def prohibited(freehold: Run, *args: object, **options: object) -> tuple[int, dict[str, list[str]]]:
    done = freehold("scan", "--format", "jsonl", *args, **options)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {
        line["path"]: [found["name"] for found in line["detections"]]
        for line in lines
        if line["verdict"] == "prohibited"
    }


def test_only_what_proves_something_counts(freehold: Run, system: Path, pack: Path) -> None:
    status, found = prohibited(freehold, "--policy", pack, system)
    expected = ["opt/tool/program", "usr/share/licence", "var/lib/dpkg/status"]
    assert (status, sorted(found)) == (1, [str(system / name) for name in expected])
    assert {name for names in found.values() for name in names} == {"own/tool"}


def test_without_a_policy_nothing_is_prohibited(freehold: Run, system: Path) -> None:
    assert prohibited(freehold, system) == (0, {})


def test_paths_count_from_the_root_of_a_system(freehold: Run, system: Path, pack: Path) -> None:
    _, found = prohibited(freehold, "--policy", pack, system / "opt", system / "usr")
    assert [Path(path).name for path in found] == ["licence"]
    relative = prohibited(freehold, "--policy", pack, ".", cwd=system)[1]
    assert sorted(relative) == ["./opt/tool/program", "./usr/share/licence", "./var/lib/dpkg/status"]


def test_a_path_as_long_as_may_be(freehold: Run, system: Path, pack: Path) -> None:
    deep = system / "opt/tool" / "/".join(["d" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "program").write_bytes(b"")
    assert str(deep / "program") in prohibited(freehold, "--policy", pack, system)[1]


def test_what_was_clean_before_a_folder_got_another_name(freehold: Run, system: Path, pack: Path) -> None:
    os.rename(system / "opt/tool", system / "opt/other")  # noqa: PTH104
    assert str(system / "opt/other/program") not in prohibited(freehold, "--policy", pack, system)[1]
    os.rename(system / "opt/other", system / "opt/tool")  # noqa: PTH104
    assert str(system / "opt/tool/program") in prohibited(freehold, "--policy", pack, system)[1]


def test_members_of_archives_and_standard_input(freehold: Run, system: Path, pack: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "image.tar", "w") as archive:
        archive.add(system, arcname=".")
    with (tmp_path / "image.tar").open("rb") as file:
        assert freehold("scan", "--policy", pack, "--stdin", stdin=file).returncode == 1
    status, found = prohibited(freehold, "--policy", pack, "--all-matches", tmp_path / "image.tar")
    assert (status, len(found[str(tmp_path / "image.tar")])) == (1, 3)


@pytest.mark.skipif(not shutil.which("osslsigncode"), reason="needs osslsigncode")
def test_programs_that_a_listed_publisher_signed(freehold: Run, pack: Path, tmp_path: Path) -> None:
    signing = Signing(tmp_path)
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, owner in {"makers": "Tool Makers Ltd.", "others": "Others", "third": "Old Tool Makers"}.items():
        signing.self_signed(name, *RSA, subject=f"/O={owner}/CN=Somebody")
        (folder / f"{name}.bin").write_bytes(signing.sign(name))
    with zipfile.ZipFile(folder / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "makers.bin", "setup.exe")
    status, found = prohibited(freehold, "--policy", pack, folder)
    assert (status, sorted(Path(path).name for path in found)) == (1, ["makers.bin", "packed.zip"])


def test_the_report_says_what_it_is(freehold: Run, system: Path, pack: Path) -> None:
    lines = [" ".join(line.split()) for line in freehold("scan", "--policy", pack, system).stdout.decode().splitlines()]
    assert f"{system}/opt/tool/program: PROHIBITED own/tool (at offset 0)" in lines
    assert "Prohibited: 3" in lines
    assert lines[-1].endswith("freehold audit")


def test_a_configuration_may_ask_for_it(freehold: Run, system: Path, pack: Path, environment: dict[str, str]) -> None:
    home = system.parent / "home"
    (home / "freehold").mkdir(parents=True)
    (home / "freehold/freehold.toml").write_text(f'[scan]\npolicy = ["{pack}"]\n')
    status, found = prohibited(freehold, system, env=environment | {"XDG_CONFIG_HOME": str(home)})
    assert (status, len(found)) == (1, 3)


def test_a_pack_that_does_not_exist_or_has_faults(freehold: Run, tmp_path: Path) -> None:
    done = freehold("scan", "--policy", "nope", tmp_path)
    assert done.returncode >= 3
    assert b"there is no policy pack 'nope'; there are kaspersky" in done.stderr
    (tmp_path / "bad.policy").write_text("[pack]\nname = 3\n")
    done = freehold("scan", "--policy", tmp_path / "bad.policy", tmp_path)
    assert (done.returncode >= 3, b"bad.policy:" in done.stderr) == (True, True)
