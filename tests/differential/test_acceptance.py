"""A line is read here when clamscan loads it, and refused here when clamscan refuses or skips it."""

from pathlib import Path

import pytest
from tests.differential import clamscan

from freehold.model.interfaces import SignatureLanguage
from freehold.model.signature import Rejected
from freehold.signatures.languages import clamav_cdb, clamav_ldb, clamav_ndb, clamav_pe_hash

LANGUAGES: dict[str, SignatureLanguage] = {
    "ldb": clamav_ldb.LANGUAGE,
    "ndb": clamav_ndb.LANGUAGE,
    "db": clamav_ndb.LANGUAGE,
    "mdb": clamav_pe_hash.LANGUAGE,
    "imp": clamav_pe_hash.LANGUAGE,
    "cdb": clamav_cdb.LANGUAGE,
}
MD5 = "00112233445566778899aabbccddeeff"
LOADED = [
    "ldb A;Target:0;0;aabb",
    "ldb A;Target:0;0;AaBb\r",
    "ldb A;Engine:51-216,Target:0;0;aabb",
    "ldb A;Target:0; 0 & 1 ;aabb;ccdd",
    "ldb A;Target:0;0==2;aabb",
    "ldb A;Target:0;0=2,;aabb",
    "ldb A;Target:0;0>2,3&1;aabb;ccdd",
    "ldb A;Target:0;(((0&1)));aabb;ccdd",
    "ldb A;Target:0;(0&1)=2,2;aabb;ccdd",
    "ldb A;Target:0;0;aabb:1:2:3:iw",
    "ldb A;Target:0;0;aabb{0-0}ccdd",
    "ldb A;Target:0;0;aabb{}ccdd",
    "ldb A;Target:0;0;aabb{5-2}ccdd",
    "ldb A;Target:0;0;aa[0-32]bbcc[1]dd",
    "ldb A;Target:0;0;aabb(cc|dd(ee|ffff)??)",
    "ldb A;Target:0;0;aabb(cc|)dd",
    "ldb A;Target:0;0;EOF-5:aabb",
    "ldb A;Target:6;0;SE1,5:aabb",
    "ldb A;Engine:81-255,Target:0;0&1;aabb;0/x;y:z/i",
    "ldb A;Engine:81-255,Target:0;0&1;aabb;0(>>5#il4#=1,<0x20)",
    "ldb A;Engine:81-255,Target:0;0;fuzzy_img#af2ad01ed42993c7#0",
    "ldb PUA.A;Target:0;0;aabb",
    "ndb A:*:*:aabbcc",
    "ndb A:3:*:aabb",
    "ndb A:1:*:aabb",
    "ndb A:1:5,5:aabb",
    "ndb A:1:EP+0,5:aabbcc:51:216",
    "ndb A:0:$5$:aabb??",
    "db A (Clam)=aabbcc",
    f"mdb 512:{MD5}:A",
    f"mdb *:{MD5}:A:73",
    f"imp {MD5}:512:A",
    "cdb A:CL_TYPE_ZIP:*:exe$:*:1-5:0:*:*:*",
]
NOT_LOADED = [
    "ldb A;Target:0;0",
    "ldb A;Target:0;0;aabb;ccdd",
    "ldb A;Target:0;0;aabb::x",
    "ldb A;Target:0,Engine:51-255;0;aabb",
    "ldb A;FileSize:1-2,Target:0;0;aabb",
    "ldb A;Engine:217-255,Target:0;0;aabb",
    pytest.param(
        "ldb A;Engine:51-215,Target:0;0;aabb",
        marks=pytest.mark.skipif(not clamscan.is_followed(), reason=f"clamscan is not {clamscan.FOLLOWED}, level 216"),
    ),
    "ldb A;Engine:51-255,Colour:1,Target:0;0;aabb",
    "ldb A;Engine:51-255,Container:CL_TYPE_X,Target:0;0;aabb",
    "ldb A;Target:15;0;aabb",
    "ldb A;Target:0;(0)=1;aabb",
    "ldb A;Target:0;0&;aabb",
    "ldb A;Target:0;64;" + ";".join(["aabb"] * 65),
    "ldb A;Target:0;0;EP+0:aabb",
    "ldb A;Target:0;0;aa??bb",
    "ldb A;Target:0;0;aabb*",
    "ldb A;Target:0;0;aabb[1-33]cc",
    "ldb A;Target:0;0;aabb!(cc|dd)::i",
    "ldb A;Target:0;0;aabb!(cc|dddd)",
    "ldb A;Target:0;0;aabb(|cc)",
    "ldb A;Engine:81-255,Target:0;0&1;aabb;/x/",
    "ldb A;Engine:81-255,Target:0;0&1;aabb;1/x/",
    "ldb A;Engine:81-255,Target:0;0&1;aabb;0/x/q",
    "ldb A;Engine:81-255,Target:0;0&1;aabb;0(>>5#il3#=1)",
    "ldb A;Engine:81-255,Target:0;0;fuzzy_img#af2ad01ed42993c7#1",
    "ndb A:0:*:aabb",
    "ndb A:1:EP+0:aabb",
    "ndb A:1:5:aabb",
    "ndb A:0:5,5:aabb",
    "ndb A:0:*:aabbcc:217",
    "ndb A:0:*",
    "ndb A:15:*:aabbcc",
    "db A",
    f"mdb *:{MD5}:A",
    f"mdb 0:{MD5}:A",
    f"mdb 512:{MD5[2:]}:A",
    "cdb A:CL_TYPE_X:*:*:*:*:*:*:*:*",
    "cdb A:*:*:*:*:*:2:*:*:*",
]

pytestmark = pytest.mark.skipif(clamscan.CLAMSCAN is None, reason="clamscan is not installed")


def both(case: str, folder: Path) -> tuple[bool, bool]:
    suffix, _, line = case.partition(" ")
    (read,) = LANGUAGES[suffix].parse(line.encode(), f"a.{suffix}")
    known = clamscan.known_signatures({f"a.{suffix}": line.encode() + b"\n"}, folder)
    return not isinstance(read, Rejected), known == 1


@pytest.mark.parametrize("case", LOADED)
def test_what_clamscan_loads_is_read(case: str, tmp_path: Path) -> None:
    assert both(case, tmp_path) == (True, True)


@pytest.mark.parametrize("case", NOT_LOADED)
def test_what_clamscan_does_not_load_is_refused(case: str, tmp_path: Path) -> None:
    assert both(case, tmp_path) == (False, False)
