"""``freehold audit`` on synthetic systems: what is found, what is not, and how the evidence is dealt with."""

import csv
import io
import json
import os
import tarfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.frontends.conftest import Run
from tests.frontends.test_images import digest, folder, tar

DPKG = "Package: {}\nStatus: install ok {}\nVersion: 12.1.0\nArchitecture: amd64\n\n"

OWN = """\
[pack]
name = "own"
version = "1"

[[law]]
id = "rule-7"
title = "Rule 7"
authority = "IT"
citation = "Handbook"
jurisdiction = "own"
binds = "all"
entities = ["makers"]
covers = ["product"]
sources = ["Handbook"]
checked = 2026-01-31
prohibits = [{ since = 2026-03-01, what = "use on any machine" }]

[[entity]]
id = "makers"
name = "Makers Ltd"
country = "GB"

[[product]]
id = "tool"
name = "Tool"
entity = "makers"
indicators = [
  { kind = "package", value = "remote-tool", strength = "strong", source = "https://makers.example/" },
  { kind = "path", value = "/opt/remote-tool/*", strength = "weak", source = "https://makers.example/" },
]

[[product]]
id = "engine"
name = "Engine of Makers"
entity = "makers"
presence = "embedded"
indicators = [{ kind = "path", value = "*/bin/makers-engine", strength = "strong", source = "x" }]
"""

Audit = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def audit(freehold: Run) -> Audit:
    def run(*args: str | Path) -> tuple[int, dict[str, Any]]:
        done = freehold("audit", "--format", "jsonl", *args)
        assert done.returncode < 3, done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A mounted system with nothing prohibited, but for names that look alike."""
    files = {
        "etc/hostname": b"host\n",
        "var/lib/dpkg/status": "".join(
            DPKG.format(name, "installed") for name in ("bash", "libkesl-perl", "python3-kaspersky-parser")
        ).encode(),
        "usr/bin/bash": b"",
        "home/someone/avp.exe": b"MZ",
        "usr/share/doc/bash/README": b"This is not made by Kaspersky Lab. KasperskyLab, kesl, 2Y8XE5CQ94.\n",
    }
    (tmp_path / "bin").mkdir()
    return folder(tmp_path, files)


def install(system: Path, package: str, state: str = "installed") -> None:
    with (system / "var/lib/dpkg/status").open("a") as status:
        status.write(DPKG.format(package, state))


def test_look_alikes_are_nothing(audit: Audit, system: Path) -> None:
    status, record = audit(system)
    assert (status, record["findings"], record["complete"]) == (0, [], True)
    assert record["examined"] > 1


def test_an_installed_package_is_found_with_its_rules(audit: Audit, system: Path) -> None:
    install(system, "kesl")
    status, record = audit(system)
    assert status == 1
    (finding,) = record["findings"]
    assert (finding["product"], finding["found"]) == ("kaspersky/endpoint-security-linux", True)
    (sign,) = finding["evidence"]
    assert (sign["kind"], sign["value"], sign["strength"]) == ("package", "kesl", "strong")
    assert (sign["target"], sign["where"]) == (str(system), "/var/lib/dpkg/status")
    assert sign["detail"] == "kesl 12.1.0, installed"
    assert {ruling["jurisdiction"] for ruling in finding["rulings"]} >= {"us", "us-federal", "au", "de"}
    assert finding["removal"]


def test_a_package_that_was_removed_is_nothing(audit: Audit, system: Path) -> None:
    install(system, "kesl", "not-installed")
    assert audit(system)[0] == 0


def test_what_a_removed_package_left_behind_says_look_here(audit: Audit, system: Path) -> None:
    install(system, "kesl", "config-files")
    status, record = audit(system)
    assert status == 2
    (finding,) = record["findings"]
    assert (finding["product"], finding["found"]) == ("kaspersky/endpoint-security-linux", False)
    (sign,) = finding["evidence"]
    assert (sign["strength"], sign["detail"]) == ("weak", "kesl 12.1.0, config-files")


def test_weak_signs_alone_say_look_here(audit: Audit, system: Path, freehold: Run) -> None:
    install(system, "klnagent64")
    status, record = audit(system)
    assert status == 2
    assert [finding["found"] for finding in record["findings"]] == [False]
    text = freehold("audit", system).stdout.decode()
    assert "LOOK HERE  Kaspersky Security Center Network Agent" in text
    assert "0 products found, 1 to look at" in text


def test_names_of_files_are_found_in_any_case_and_through_links(audit: Audit, system: Path) -> None:
    folder(system, {"opt/real/BL4Control": b""})
    (system / "run").mkdir()
    (system / "run/bl4control").symlink_to("/opt/nowhere")  # the name counts, also if it leads nowhere
    (system / "var/run").symlink_to("/run")  # as a mounted system has it: not the examiner's /run
    _, record = audit(system)
    (finding,) = record["findings"]
    assert {sign["where"] for sign in finding["evidence"]} == {"/run/bl4control", "/var/run/bl4control"}


def test_links_do_not_lead_out_of_a_mounted_system(audit: Audit, system: Path, tmp_path_factory: Any) -> None:
    outside = folder(tmp_path_factory.mktemp("outside"), {"status": DPKG.format("kesl", "installed").encode()})
    (system / "var/lib/dpkg/status").unlink()
    (system / "var/lib/dpkg/status").symlink_to(outside / "status")
    assert audit(system)[1]["findings"] == []


def test_windows_names_are_found(audit: Audit, tmp_path: Path) -> None:
    path = "PROGRAM FILES (X86)/Kaspersky Lab/endpoint agent/soyuz.exe"
    folder(tmp_path, {"windows/system32/drivers/KLIF.SYS": b"MZ", "etc/x": b"", path: b"MZ"})
    status, record = audit(tmp_path)
    (finding,) = record["findings"]
    assert (status, finding["product"]) == (1, "kaspersky/windows")
    assert [(sign["strength"], sign["kind"]) for sign in finding["evidence"]] == [
        ("strong", "path"),
        ("weak", "module"),
    ]
    assert finding["evidence"][0]["where"] == f"/{path}"


def test_an_embedded_engine_is_a_class_of_its_own(audit: Audit, system: Path, tmp_path: Path) -> None:
    pack = tmp_path / "own.policy"
    pack.write_text(OWN.replace('covers = ["product"]\n', 'covers = ["embedded"]\n'))
    folder(system, {"usr/bin/makers-engine": b""})
    status, record = audit(system, "--policy", pack)
    assert (status, [ruling["law"] for ruling in record["findings"][0]["rulings"]]) == (1, ["own/rule-7"])
    pack.write_text(OWN)
    status, record = audit(system, "--policy", pack)
    assert (status, record["findings"][0]["presence"], record["findings"][0]["rulings"]) == (1, "embedded", [])


def test_rules_of_other_jurisdictions_are_left_out(audit: Audit, system: Path, freehold: Run) -> None:
    install(system, "kesl")
    _, record = audit(system, "--jurisdiction", "us-federal,au")
    assert {ruling["jurisdiction"] for ruling in record["findings"][0]["rulings"]} == {"us-federal", "au"}
    done = freehold("audit", system, "--jurisdiction", "us-fedral")
    assert done.returncode == 3
    assert b"no pack has rules of 'us-fedral'; did you mean 'us-federal'?" in done.stderr


@pytest.mark.parametrize(
    ("as_of", "now", "later"),
    [
        ("2024-07-19", [], [("2024-07-20", 1), ("2024-09-29", 72)]),
        ("2024-07-20", ["2024-07-20"], [("2024-09-29", 71)]),
        ("2024-09-28", ["2024-07-20"], [("2024-09-29", 1)]),
        ("2024-09-29", ["2024-07-20", "2024-09-29"], []),
        # Days begin at midnight in New York, four hours behind UTC then
        ("2024-09-29T03:59:59+00:00", ["2024-07-20"], [("2024-09-29", 1)]),
        ("2024-09-29T04:00:00+00:00", ["2024-07-20", "2024-09-29"], []),
        ("2024-09-29T00:00-04:00", ["2024-07-20", "2024-09-29"], []),
        ("2024-09-29T12:59:00+09:00", ["2024-07-20"], [("2024-09-29", 1)]),
    ],
)
def test_dates(audit: Audit, system: Path, as_of: str, now: list[str], later: list[tuple[str, int]]) -> None:
    install(system, "kesl")
    _, record = audit(system, "--jurisdiction", "us", "--as-of", as_of)
    (ruling,) = record["findings"][0]["rulings"]
    assert [item["since"] for item in ruling["now"]] == now
    assert [(item["since"], item["days"]) for item in ruling["later"]] == later


def test_a_countdown_is_shown(freehold: Run, system: Path) -> None:
    install(system, "kesl")
    text = freehold("audit", system, "--as-of", "2024-09-28", "--guide").stdout.decode()
    assert "in 1 day, from 2024-09-29: anti-virus signature updates" in text
    assert "what to do (Freehold removes nothing by itself):" in text


def test_a_pack_brings_the_packs_that_it_needs(audit: Audit, system: Path) -> None:
    install(system, "kesl")
    status, record = audit(system, "--policy", "us", "--policy", "us")
    assert (status, sorted(pack["name"] for pack in record["packs"])) == (1, ["kaspersky", "us"])
    assert {ruling["law"].split("/")[0] for ruling in record["findings"][0]["rulings"]} == {"us"}


def test_options_may_stand_between_targets(audit: Audit, system: Path, tmp_path_factory: Any) -> None:
    other = tmp_path_factory.mktemp("other")
    assert audit(system, "--jurisdiction", "us", other)[1]["targets"] == [str(system), str(other)]


def test_mistakes_are_explained(freehold: Run, system: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.policy"
    own.write_text(OWN.split("[[product]]", maxsplit=1)[0])
    twin = tmp_path / "twin.policy"
    twin.write_text(OWN.replace('name = "own"', 'name = "us"'))
    for args, said in (
        (["/nowhere"], "there is no /nowhere"),
        (["verfy", "x"], "there is no verfy; did you mean 'verify'?"),
        (["--policy", "kasperky"], "did you mean 'kaspersky'?"),
        (["--policy", own], "no product is named there"),
        (["--policy", "us", "--policy", twin], "there is another pack 'us'"),
        (["--as-of", "2024-13-01"], "is not a day; write 2024-09-29"),
        (["--as-of", "2024-09-29T00:00"], "has no time zone"),
        ([f"sbom:{system}/etc/hostname"], "no CycloneDX or SPDX bill of materials"),
        ([f"oci:{system}/etc"], "No such file"),
        (["--key", "12"], "--key is for evidence"),
        (["verify"], "verify takes files of evidence"),
        (["compare", "x"], "compare takes two files"),
        (["verify", "x", "--policy", "us"], "--policy is for an audit"),
        (["verify", own], "no evidence of an audit"),
        ([system, "--evidence", "/nowhere/x"], "cannot write the evidence"),
    ):
        done = freehold("audit", *args)
        assert done.returncode == 3, args
        assert said in done.stderr.decode(), args
        assert b"Traceback" not in done.stderr


def test_a_path_of_an_own_pack_is_found_wherever_it_is(audit: Audit, system: Path, tmp_path: Path) -> None:
    pack = tmp_path / "own.policy"
    pack.write_text(OWN.replace("/opt/remote-tool/*", "/usr/share/odd/*/remote-tool"))
    folder(system, {"usr/share/odd/place/remote-tool": b""})
    status, record = audit(system, "--policy", pack)
    assert (status, record["findings"][0]["evidence"][0]["where"]) == (2, "/usr/share/odd/place/remote-tool")


def test_what_cannot_be_read_leaves_an_audit_incomplete(audit: Audit, system: Path, freehold: Run) -> None:
    (system / "var/lib/dpkg/status").unlink()
    os.mkfifo(system / "var/lib/dpkg/status")
    status, record = audit(system)
    assert (status, record["complete"]) == (2, False)
    (problem,) = record["problems"]
    assert (problem["target"], problem["where"]) == (str(system), "/var/lib/dpkg/status")
    assert "Not everything could be examined" in freehold("audit", system).stdout.decode()


def test_a_folder_is_walked_whole(audit: Audit, tmp_path: Path) -> None:
    folder(tmp_path, {"a/b/var/lib/dpkg/status": DPKG.format("kesl", "installed").encode()})
    status, record = audit(tmp_path)
    assert (status, record["findings"][0]["evidence"][0]["where"]) == (1, "/a/b/var/lib/dpkg/status")


def test_a_container_image_shows_what_is_visible(audit: Audit, tmp_path: Path) -> None:
    kesl = {"var/lib/dpkg/status": DPKG.format("kesl", "installed").encode()}
    layers = [tar(kesl), tar({"var/lib/dpkg/.wh.status": b""})]
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": list(map(digest, layers))}}).encode()
    manifest = [{"Config": "config.json", "RepoTags": ["t:1"], "Layers": ["0/layer.tar", "1/layer.tar"]}]
    files = {"0/layer.tar": layers[0], "1/layer.tar": layers[1], "config.json": config}
    image = folder(tmp_path, {"i.tar": tar(files | {"manifest.json": json.dumps(manifest).encode()})}) / "i.tar"
    status, record = audit(f"oci:{image}")
    (finding,) = record["findings"]
    (sign,) = finding["evidence"]
    assert (status, sign["target"]) == (1, f"oci:{image}")
    assert sign["where"].startswith("layer 1 of 2, sha256:")
    assert sign["where"].endswith(" ▸ var/lib/dpkg/status")
    assert "not visible in the finished image: layer 2 removes var/lib/dpkg/status" in sign["detail"]


def test_a_bill_of_materials_with_an_embedded_engine(audit: Audit, tmp_path: Path) -> None:
    bill = tmp_path / "bom.json"
    component = {"type": "library", "name": "Kaspersky Scan Engine", "version": "2.1"}
    bill.write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [component]}))
    status, record = audit(f"sbom:{bill}")
    embedded = next(finding for finding in record["findings"] if finding["presence"] == "embedded")
    assert (status, embedded["found"], embedded["product"]) == (2, False, "kaspersky/embedded-engine")
    laws = {ruling["law"] for ruling in embedded["rulings"]}
    assert laws == {"us/commerce-2024", "us/ndaa-2018-1634"}  # BOD 17-01 and the Australian direction exempt it
    assert embedded["evidence"][0]["target"] == f"sbom:{bill}"


def test_the_disk_of_a_system_in_an_archive(audit: Audit, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "root.tar.gz", "w:gz") as archive:
        content = DPKG.format("kesl", "installed").encode()
        member = tarfile.TarInfo("./var/lib/dpkg/status")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    status, record = audit(tmp_path / "root.tar.gz")
    assert (status, record["findings"][0]["product"]) == (1, "kaspersky/endpoint-security-linux")


def test_this_machine_has_nothing(audit: Audit) -> None:
    _, record = audit()
    signs = [sign for finding in record["findings"] for sign in finding["evidence"]]
    # Other tests may run beside this one, with programs that are called like what they test
    assert [sign for sign in signs if sign["kind"] != "process" and "pytest" not in sign["where"]] == []
    assert record["examined"] > 100


def test_what_runs_is_found(audit: Audit, tmp_path: Path) -> None:
    pack = tmp_path / "own.policy"
    name = Path("/proc/self/comm").read_text().strip()
    pack.write_text(OWN.replace('kind = "package", value = "remote-tool"', f'kind = "process", value = "{name}"'))
    status, record = audit("--policy", pack)
    assert status == 1
    assert {sign["where"] for sign in record["findings"][0]["evidence"]} >= {f"process {os.getpid()}"}


def test_tables_say_what_was_not_examined_and_take_no_formula(freehold: Run, system: Path, tmp_path: Path) -> None:
    def rows(*args: str | Path) -> list[dict[str, str]]:
        return list(
            csv.DictReader(io.StringIO(freehold("audit", "--format", "csv", *args).stdout.decode(), newline=""))
        )

    assert [row["state"] for row in rows(system)] == ["nothing found"]
    pack = tmp_path / "own.policy"
    pack.write_text(OWN.replace('"/opt/remote-tool/*"', '"*/=evil*"'))
    folder(system, {"opt/=evil()": b""})
    (row,) = rows(system / "opt", "--policy", pack)
    assert (row["state"], row["where"], row["value"]) == ("look here", "/=evil()", "*/=evil*")
    pack.write_text(OWN.replace('name = "Tool"', 'name = "=HYPERLINK(0)"'))
    install(system, "remote-tool")
    assert {row["name"] for row in rows(system, "--policy", pack)} == {"'=HYPERLINK(0)"}
    (system / "var/lib/dpkg/status").unlink()
    os.mkfifo(system / "var/lib/dpkg/status")
    assert "not examined" in {row["state"] for row in rows(system)}


def test_the_page_is_strict_and_escapes(freehold: Run, system: Path, tmp_path: Path) -> None:
    pack = tmp_path / "own.policy"
    pack.write_text(OWN.replace('name = "Tool"', 'name = "<script>alert(1)</script>"'))
    install(system, "remote-tool")
    page = freehold("audit", system, "--policy", pack, "--format", "html").stdout.decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'; style-src 'sha256-" in page


SETTINGS = """\
FirstAction=Recommended
UseExcludeMasks=Yes
ExcludeMasks.item_0000=*.bak
ExcludeThreats.item_0000=EICAR-Test-File

[ScanScope.item_0000]
AreaDesc=All objects
Path=/

[ExcludedFromScanScope.item_0000]
AreaDesc=
UseScanArea=Yes
Path=/tmp/notchecked
AreaMask.item_0000=*

[ExcludedFromScanScope.item_0001]
UseScanArea=Yes
Path="/usr/share/doc"
AreaMask.item_0000=*

[ExcludedFromScanScope.item_0002]
UseScanArea=No
Path=/srv
AreaMask.item_0000=*

[ExcludedFromScanScope.item_0003]
UseScanArea=Yes
Path=AllRemoteMounted
"""


def test_exclusions_become_a_draft_with_warnings(freehold: Run, system: Path, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("drafts")
    settings, draft = folder / "settings.ini", folder / "draft.toml"
    settings.write_text(SETTINGS)
    install(system, "kesl")
    done = freehold("audit", system, settings, "--guide", "--draft-exclusions", draft)
    assert (done.returncode, b"a draft of 3 exclusions" in done.stderr) == (1, True)
    text = draft.read_text()
    assert tomllib.loads(text) == {"scan": {"exclude": ["/usr/share/doc"]}}  # whatever needs thought is a comment
    assert '# "/tmp/notchecked",' in text
    assert "WARNING: /tmp/notchecked/ is in a place for temporary files" in text
    assert "WARNING: whoever calls a file *.bak escapes the scan" in text
    assert "left out: /srv: was switched off" in text
    assert "left out: AllRemoteMounted: is no path on this machine" in text
    again = freehold("audit", system, settings, "--draft-exclusions", draft)
    assert (again.returncode, b"nothing is overwritten" in again.stderr) == (3, True)
    none = freehold("audit", system, "--draft-exclusions", folder / "x.toml")
    assert (none.returncode, b"kesl-control --get-settings 1" in none.stderr) == (3, True)


@pytest.fixture
def evidence(freehold: Run, system: Path, tmp_path: Path) -> Callable[..., Path]:
    count = iter(range(100))

    def make(*args: str | Path, **options: Any) -> Path:
        path = tmp_path / f"{next(count)}.evidence"
        done = freehold("audit", *(args or [system]), "--evidence", path, **options)
        assert done.returncode < 3, done.stderr
        assert b"anybody can check it: freehold audit verify" in done.stderr
        return path

    return make


def test_evidence_is_verified_elsewhere(
    freehold: Run, system: Path, evidence: Callable[..., Path], environment: dict[str, str], tmp_path: Path
) -> None:
    install(system, "kesl")
    made = evidence()
    elsewhere = environment | {"XDG_STATE_HOME": str(tmp_path / "elsewhere")}
    done = freehold("audit", "verify", made, env=elsewhere)
    assert done.returncode == 0
    first, *_ = done.stdout.decode().splitlines()
    assert first.startswith("The signature is right. Key: ")
    key = first.rpartition(" ")[2]
    assert freehold("audit", "verify", "--key", key, made).returncode == 0
    refused = freehold("audit", "verify", made, "--key", "00" * 32)
    assert (refused.returncode, b"signed by another key" in refused.stderr) == (3, True)
    assert not (tmp_path / "elsewhere").exists()  # nobody needs a key to check


def test_evidence_that_was_changed_is_refused(freehold: Run, system: Path, evidence: Callable[..., Path]) -> None:
    install(system, "kesl")
    made = evidence()
    changed = json.loads(made.read_text())
    changed["record"]["findings"] = []
    made.write_text(json.dumps(changed))
    for verb in ("verify", "merge"):
        done = freehold("audit", verb, made)
        assert (done.returncode, b"the signature is not right" in done.stderr) == (3, True)


def test_keys_are_private_and_last(evidence: Callable[..., Path], environment: dict[str, str], tmp_path: Path) -> None:
    state = environment | {"XDG_STATE_HOME": str(tmp_path / "state")}
    first, second = evidence(env=state), evidence(env=state)
    assert json.loads(first.read_text())["key"] == json.loads(second.read_text())["key"]
    (key,) = (tmp_path / "state" / "freehold").iterdir()
    assert key.stat().st_mode & 0o777 == 0o600


def test_gone_still_there_and_new(freehold: Run, system: Path, evidence: Callable[..., Path]) -> None:
    clean = system / "var/lib/dpkg/status"
    before = clean.read_bytes()
    install(system, "kesl")
    first = evidence()
    still = freehold("audit", "compare", first, evidence())
    assert (still.returncode, b"still there on" in still.stdout) == (1, True)
    clean.write_bytes(before)
    last = evidence()
    gone = freehold("audit", "compare", first, last)
    assert (gone.returncode, b"gone since" in gone.stdout) == (0, True)
    install(system, "kesl")
    new = freehold("audit", "compare", last, evidence(), "--format", "jsonl")
    assert (new.returncode, json.loads(new.stdout)["state"]) == (1, "new")


def test_absence_is_proved_by_no_less_than_the_same_audit(
    freehold: Run, system: Path, evidence: Callable[..., Path], environment: dict[str, str], tmp_path: Path
) -> None:
    clean = system / "var/lib/dpkg/status"
    before = clean.read_bytes()
    install(system, "kesl")
    first = evidence()
    clean.write_bytes(before)
    own = tmp_path / "own.policy"
    own.write_text(OWN)
    doubtful = {
        "did not look at": evidence(system / "etc"),
        "did not use the pack kaspersky": evidence(system, "--policy", own),
        "signed by different keys": evidence(env=environment | {"XDG_STATE_HOME": str(tmp_path / "other")}),
    }
    install(system, "klnagent64")
    clean.unlink()
    os.mkfifo(clean)
    doubtful["could not examine everything"] = evidence()
    for doubt, last in doubtful.items():
        done = freehold("audit", "compare", first, last)
        assert (done.returncode, b"proves no absence" in done.stdout) == (2, True), doubt
        assert doubt in done.stdout.decode()


def test_many_are_merged(
    freehold: Run, system: Path, evidence: Callable[..., Path], environment: dict[str, str], tmp_path: Path
) -> None:
    other = evidence(env=environment | {"XDG_STATE_HOME": str(tmp_path / "other")})
    install(system, "kesl")
    mine = evidence()
    # One name and two keys: these are two machines
    text = freehold("audit", "merge", mine, other).stdout.decode()
    assert text.startswith("1 of 2 machines with a prohibited product\n")
    assert "  1  Kaspersky Endpoint Security for Linux" in text
    page = freehold("audit", "merge", mine, other, "--format", "html").stdout.decode()
    assert "<h1>1 of 2 machines with a prohibited product</h1>" in page
    lines = freehold("audit", "merge", mine, other, "--format", "jsonl").stdout.splitlines()
    assert len({json.loads(line)["fingerprint"] for line in lines}) == 2
    states = [
        line.split(b",")[3] for line in freehold("audit", "merge", mine, other, "--format", "csv").stdout.splitlines()
    ]
    assert {b"found", b"nothing found"} < set(states)
