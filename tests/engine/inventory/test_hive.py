"""Hives that hivex wrote, and what is left of them after damage."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from tests.engine.inventory import hives
from tests.engine.inventory.reading import read, values

from freehold.engine.inventory import items
from freehold.model.artifact import Artifact
from freehold.model.errors import FreeholdError, MalformedInput
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView

pytestmark = pytest.mark.skipif(not shutil.which("hivexsh"), reason="needs libhivex-bin")

SOFTWARE, SYSTEM = "Windows/System32/config/SOFTWARE", "Windows\\System32\\Config\\SYSTEM"
UNINSTALL = r"Microsoft\Windows\CurrentVersion\Uninstall\{1}"
WORD = "hex:1:" + ",".join(f"{byte:02x}" for byte in "Exämple\0".encode("utf-16-le"))


@pytest.fixture(scope="module")
def software(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    keys = {
        r"Vendor\Product\1.0": {"Path": "expandstring:C:/Tool", "Number": "dword:7"},
        UNINSTALL: {"Publisher": WORD, "DisplayName": "string:Tool", "Size": "dword:1"},
        r"Classes\CLSID\{2}": {"Name": "string:untold"},
        **{rf"Many\Key{number:04}": {} for number in range(1200)},
    }
    return hives.make(tmp_path_factory.mktemp("hive") / "SOFTWARE", keys)


def test_keys_and_their_texts(software: bytes) -> None:
    found = values(SOFTWARE, software)
    assert {kind for kind, _ in found} == {"registry"}
    told = [value for _, value in found if "\\Many\\" not in value]
    assert sorted(told) == sorted(
        [
            "HKLM\\SOFTWARE\\Vendor",
            "HKLM\\SOFTWARE\\Vendor\\Product",
            "HKLM\\SOFTWARE\\Vendor\\Product\\1.0",
            "HKLM\\SOFTWARE\\Vendor\\Product\\1.0:Path=C:/Tool",
            *("HKLM\\SOFTWARE\\" + UNINSTALL.rsplit("\\", up)[0] for up in range(5)),
            f"HKLM\\SOFTWARE\\{UNINSTALL}:Publisher=Exämple",
            f"HKLM\\SOFTWARE\\{UNINSTALL}:DisplayName=Tool",
            *("HKLM\\SOFTWARE\\Classes", "HKLM\\SOFTWARE\\Classes\\CLSID", "HKLM\\SOFTWARE\\Classes\\CLSID\\{2}"),
            "HKLM\\SOFTWARE\\Many",
        ]
    )
    assert sum("\\Many\\Key" in value for _, value in found) == 1200


def test_an_offset_leads_to_the_key(software: bytes) -> None:
    for item in read(SOFTWARE, software):
        name = item.value.split(":Pub")[0].rpartition("\\")[2].encode()
        assert software[item.offset + 4 : item.offset + 6] == b"nk"
        assert ":" in item.value or name in software[item.offset : item.offset + 200]


def test_services_drivers_and_the_current_set(tmp_path: Path) -> None:
    keys = {
        "Select": {"Current": "dword:2"},
        r"ControlSet001\Services\old": {"Type": "dword:0x10"},
        r"ControlSet002\Services\tool": {"Type": "dword:0x10", "ImagePath": "string:x.exe"},
        r"ControlSet002\Services\flt": {"Type": "dword:2", "ImagePath": r"string:system32\DRIVERS\toolflt.sys"},
        r"ControlSet002\Services\nothing\Parameters": {"Type": "dword:1"},
    }
    found = values(SYSTEM, hives.make(tmp_path / "SYSTEM", keys))
    assert sorted(item for item in found if item[0] != "registry") == [
        ("module", "flt"),
        ("module", "toolflt"),
        ("service", "old"),
        ("service", "tool"),
    ]
    assert ("registry", r"HKLM\SYSTEM\CurrentControlSet\Services\tool:ImagePath=x.exe") in found
    assert ("registry", r"HKLM\SYSTEM\ControlSet001\Services\old") in found
    assert ("registry", r"HKLM\SYSTEM\CurrentControlSet\Services\old") not in found


def test_authorities_that_windows_trusts(tmp_path: Path) -> None:
    make = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", tmp_path / "key", "-outform", "DER"]
    subprocess.run([*make, "-out", tmp_path / "a", "-subj", "/O=Lab/CN=Root"], check=True, capture_output=True)
    der = (tmp_path / "a").read_bytes()
    blob = struct.pack("<III", 3, 1, 4) + b"hash" + struct.pack("<III", 32, 1, len(der)) + der
    value = {"Blob": "hex:3:" + blob.hex(",")}
    keys = {
        r"Microsoft\SystemCertificates\ROOT\Certificates\0123456789ABCDEF": value,
        r"Microsoft\SystemCertificates\Other\Certificates\0123456789ABCDEF": value,
    }
    found = values(SOFTWARE, hives.make(tmp_path / "SOFTWARE", keys))
    assert [item for item in found if item[0] == "publisher"] == [("publisher", "Lab"), ("publisher", "Root")]


def test_a_users_hive(tmp_path: Path) -> None:
    found = values("Users/u/NTUSER.DAT", hives.make(tmp_path / "u", {r"Software\Vendor": {}}))
    assert ("registry", r"HKCU\Software\Vendor") in found


def test_elsewhere_it_says_nothing(software: bytes) -> None:
    assert values("home/u/SOFTWARE", software) == []


def test_what_is_no_hive_is_a_problem() -> None:
    with pytest.raises(MalformedInput):
        read(SOFTWARE, b"x" * 9000)


def test_a_damaged_key_hides_no_other(software: bytes) -> None:
    damaged = bytearray(software)
    at = next(item.offset for item in read(SOFTWARE, software) if item.value.endswith("\\Key0007"))
    damaged[at + 4 : at + 6] = b"xx"
    found = []
    with pytest.raises(MalformedInput, match="1 keys"):
        found.extend(items(Artifact(SOFTWARE, BytesView(bytes(damaged))), Budget(Limits())))
    assert {"HKLM\\SOFTWARE\\Many\\Key0006", "HKLM\\SOFTWARE\\Many\\Key0008"} <= {item.value for item in found}


def test_keys_that_lead_back_to_themselves_end(software: bytes) -> None:
    """The list of the keys below ``Many`` becomes that of the keys below ``Product``."""
    offsets = {item.value.rpartition("\\")[2]: item.offset for item in read(SOFTWARE, software)}
    damaged = bytearray(software)
    many, inner = offsets["Many"] + 4, offsets["Product"] + 4
    damaged[inner + 20 : inner + 32] = damaged[many + 20 : many + 32]
    with pytest.raises(MalformedInput):
        read(SOFTWARE, bytes(damaged))


def test_cut_off_anywhere_is_a_problem(software: bytes) -> None:
    for length in range(0, 30_000, 997):
        with pytest.raises(FreeholdError):
            read(SOFTWARE, software[:length])
