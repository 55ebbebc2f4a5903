"""Whole lines of each language: what they mean, and that a bad one costs itself alone."""

from collections.abc import Iterator

import pytest

from freehold.model.body import ANYWHERE, Anchor, Offset
from freehold.model.filetype import Target
from freehold.model.interfaces import SignatureLanguage
from freehold.model.logical import (
    BodyMatch,
    ByteComparison,
    Comparison,
    ImageHash,
    Leaf,
    MacroMatch,
    Radix,
    Range,
    RegexMatch,
    Relation,
    TargetDescription,
)
from freehold.model.pki.trust import Purposes, Rule
from freehold.model.signature import (
    AddressRule,
    AllowedContent,
    ArchivePassword,
    CertificateRule,
    ContainerSignature,
    HashedPart,
    HashSignature,
    IconSignature,
    IgnoredSignature,
    LogicalSignature,
    Rejected,
)
from freehold.signatures.clamav.body import parse_body
from freehold.signatures.languages import (
    clamav_cdb,
    clamav_crb,
    clamav_idb,
    clamav_ldb,
    clamav_lists,
    clamav_ndb,
    clamav_other,
    clamav_pdb,
    clamav_pe_hash,
)

MD5 = "0123456789abcdef0123456789abcdef"


def all_of(language: SignatureLanguage, text: str, source: str) -> list[object]:
    return list(language.parse(text.encode("utf-8", "surrogateescape"), source))


def logical(line: str) -> LogicalSignature:
    (signature,) = all_of(clamav_ldb.LANGUAGE, line, "a.ldb")
    assert isinstance(signature, LogicalSignature), signature
    return signature


def refusal(line: str, language: SignatureLanguage = clamav_ldb.LANGUAGE, source: str = "a.ldb") -> str:
    (rejected,) = all_of(language, line, source)
    assert isinstance(rejected, Rejected), rejected
    return rejected.reason


def subsignatures(text: str, target: int = 1) -> Iterator[object]:
    count = len(text.split(";"))
    expression = "&".join(map(str, range(count)))
    yield from logical(f"A;Engine:81-255,Target:{target};{expression};{text}").subsignatures


def test_a_bad_line_costs_itself_alone() -> None:
    text = "# comment\r\n\r\nGood-1;Target:0;0;aabbcc\r\nBad;Target:0;0&1;aabbcc\nGood-2;Target:0;0;DDEEFF"
    first, bad, second = all_of(clamav_ldb.LANGUAGE, text, "x.ldb")
    assert isinstance(first, LogicalSignature)
    assert (first.about.name, first.about.source) == ("Good-1", "x.ldb:3")
    assert isinstance(bad, Rejected)
    assert (bad.source, bad.line) == ("x.ldb", 4)
    assert isinstance(second, LogicalSignature)
    assert second.about.name == "Good-2"


def test_a_line_that_is_too_long_is_refused() -> None:
    assert "32768 are allowed" in refusal("A;Target:0;0;" + "aa" * 20_000)
    assert "8191 are allowed" in refusal("A:0:*:" + "aa" * 5_000, clamav_ndb.LANGUAGE, "a.ndb")


def test_names_lose_what_follows_clam() -> None:
    assert logical("Eicar (Clam)x;Target:0;0;aabbcc").about.name == "Eicar"


def test_names_need_not_be_utf8() -> None:
    (signature,) = clamav_ldb.LANGUAGE.parse(b"A\xff;Target:0;0;aabbcc", "a.ldb")
    assert isinstance(signature, LogicalSignature)
    assert signature.about.name == "A\udcff"


def test_pua_names_have_a_category_and_pua_files_a_mark() -> None:
    assert logical("PUA.Win.X-1;Target:0;0;aabbcc").about.category == "pua"
    (signature,) = all_of(clamav_ldb.LANGUAGE, "A;Target:0;0;aabbcc", "a.ldu")
    assert isinstance(signature, LogicalSignature)
    assert signature.potentially_unwanted


def test_every_attribute_of_the_target_description() -> None:
    description = logical(
        "A;Engine:51-255,Target:1,FileSize:1-2,EntryPoint:3-4,NumberOfSections:5-6,IconGroup1:G,Container:CL_TYPE_ZIP,"
        "Intermediates:CL_TYPE_ANY>CL_TYPE_ZIP,HandlerType:CL_TYPE_PDF;0;aabb"
    ).description
    assert description == TargetDescription(
        Target.PE,
        Range(1, 2),
        Range(3, 4),
        Range(5, 6),
        "CL_TYPE_ZIP",
        ("CL_TYPE_ANY", "CL_TYPE_ZIP"),
        "CL_TYPE_PDF",
        ("G", None),
    )


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ("Engine:51-255", "names no Target"),
        ("Target:0,Engine:51-255", "first attribute"),
        ("FileSize:1-2,Target:0", "Engine:51"),
        ("Engine:50-255,FileSize:1-2,Target:0", "Engine:51"),
        ("Engine:217-255,Target:0", "level 217"),
        ("Engine:51-215,Target:0", "up to 215"),
        ("Engine:51,Target:0", "no range"),
        ("Target:15", "target 15"),
        ("Target:x", "number"),
        ("Target:0,Colour:red", "'Colour' is not supported"),
        ("Target", "no value"),
        ("Engine:51-255,Target:0,Container:CL_TYPE_NONSENSE", "not known"),
        ("Engine:51-255,Target:0,IconGroup1:X", "Target:1"),
        ("Engine:51-255,Target:0,EntryPoint:1-2", "program"),
        ("Engine:51-255,Target:1,FileSize:5", "no range"),
        ("Engine:51-255," + "Target:0," * 10 + "Target:0", "more than 10"),
    ],
)
def test_target_descriptions_that_cannot_be_honoured(attributes: str, reason: str) -> None:
    assert reason in refusal(f"A;{attributes};0;aabbcc")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A;Target:0;0", "at least four"),
        (";Target:0;0;aabbcc", "no name"),
        ("A;Target:0;0;aabbcc;ddeeff", "asks for 1"),
        ("A;Target:0;64;" + ";".join(["aabb"] * 65), "above 63"),
        ("A;Target:0;0;EP+0:aabb", "needs a program"),
        ("A;Target:0;0;aabb::q", "unknown modifier"),
        ("A;Target:0;0&1;aabb;/regex/", "no trigger"),
        ("A;Target:0;0&1;aabb;1/regex/", "does not come before"),
        ("A;Target:0;0&1;aabb;0//", "empty"),
        ("A;Target:0;0&1;aabb;0/regex/q", "unknown flag"),
        ("A;Target:0;0;${5-9}32$", "no macro"),
        ("A;Target:0;0;fuzzy_img#0011", "no image hash"),
        ("A;Target:0;0;fuzzy_img#0011223344556677#3", "distance"),
        ("A;Target:0;0&1;aabb;0(>>5#il3#=1)", "3 bytes"),
        ("A;Target:0;0&1;aabb;0(>>5#l4#=1)", "how the number is written"),
        ("A;Target:0;0&1;aabb;0(>>5#dl4#=1)", "how the number is written"),
        ("A;Target:0;0&1;aabb;0(>>5#i4#=1)", "byte order"),
        ("A;Target:0;0&1;aabb;0(>>5#il4#~1)", "no comparison"),
        ("A;Target:0;0&1;aabb;0(>>5#hb19#=1)", "19 bytes"),
    ],
)
def test_logical_signatures_that_cannot_be_honoured(line: str, reason: str) -> None:
    assert reason in refusal(line)


def test_bodies_take_an_offset_and_modifiers() -> None:
    plain, placed, modified, both = subsignatures("aabb;12,3:aabb;6162::i;EP+4:6162::iw")
    assert plain == BodyMatch(parse_body("aabb"))
    assert placed == BodyMatch(parse_body("aabb"), Offset(Anchor.START, 12, 3))
    assert modified == BodyMatch(parse_body("6162", "i"))
    assert both == BodyMatch(parse_body("6162", "iw"), Offset(Anchor.ENTRY, 4))


def test_five_fields_leave_only_the_first() -> None:
    (body,) = subsignatures("aabb:1:2:3:iw")
    assert body == BodyMatch(parse_body("aabb"), ANYWHERE)


def test_regular_expressions_may_hold_delimiters() -> None:
    _, regex = logical(r"A;Engine:81-255,Target:0;0&1;aabb;4,8:0>1/a;b:c\/d/gis").subsignatures
    trigger = Leaf(0, Comparison(Relation.MORE, 1))
    assert regex == RegexMatch(trigger, rb"a;b:c\/d", "isg", Offset(Anchor.START, 4, 8))


def test_byte_comparisons() -> None:
    _, little, text = subsignatures("aabb;0(>>0x10#il4#>5,<0xff);0(<<3#dbe2#=-7)")
    assert little == ByteComparison(
        0, 16, Radix.BINARY, True, False, 4, (Comparison(Relation.MORE, 5), Comparison(Relation.LESS, 255))
    )
    assert text == ByteComparison(0, -3, Radix.DECIMAL, False, True, 2, (Comparison(Relation.EQUAL, -7),))


def test_macros_and_image_hashes() -> None:
    _, macro, image = subsignatures("aabb;${6-7}12$;fuzzy_img#af2ad01ed42993c7#0")
    assert macro == MacroMatch(6, 7, 12)
    assert image == ImageHash(bytes.fromhex("af2ad01ed42993c7"))


def test_body_signatures() -> None:
    text = "A:1:EP+0:aabbcc\nB:*:*:aabbcc:51\nC:7:$3$:aabb??:51:255\n"
    a, b, c = all_of(clamav_ndb.LANGUAGE, text, "a.ndb")
    assert isinstance(a, LogicalSignature)
    assert a.subsignatures == (BodyMatch(parse_body("aabbcc"), Offset(Anchor.ENTRY)),)
    assert isinstance(b, LogicalSignature)
    assert b.description == TargetDescription(Target.ANY)
    assert isinstance(c, LogicalSignature)
    assert c.subsignatures == (BodyMatch(parse_body("aabb??"), Offset(Anchor.MACRO, number=3)),)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A:0:*", "four to six"),
        ("A:0:*:aabbcc:1:2:3", "four to six"),
        ("A:0:*:aabbcc:217", "level 217"),
        ("A:0:*:aabbcc:1:215", "up to 215"),
        ("A:0:*:aabbcc:x", "number"),
        ("A:15:*:aabbcc", "target 15"),
        ("A:0:EP+0:aabbcc", "program"),
        ("A:0:*:aabb", "shorter than 3"),
        ("A:1:EP+0:aabb", "shorter than 3"),
    ],
)
def test_body_signatures_that_cannot_be_honoured(line: str, reason: str) -> None:
    assert reason in refusal(line, clamav_ndb.LANGUAGE, "a.ndb")


def test_short_patterns_are_fine_elsewhere() -> None:
    (signature,) = all_of(clamav_ndb.LANGUAGE, "A:3:*:aabb", "a.ndb")
    assert isinstance(signature, LogicalSignature)


def test_old_body_signatures() -> None:
    good, foreign, bad = all_of(clamav_ndb.LANGUAGE, "A (Clam)=aabbcc\nB==aabbcc\nnothing", "a.db")
    assert isinstance(good, LogicalSignature)
    assert good.about.name == "A"
    assert isinstance(foreign, Rejected)
    assert isinstance(bad, Rejected)


def test_section_and_import_hashes() -> None:
    (section,) = all_of(clamav_pe_hash.LANGUAGE, f"512:{MD5}:A", "a.mdb")
    assert isinstance(section, HashSignature)
    assert (section.part, section.size, section.algorithm) == (HashedPart.PE_SECTION, 512, "md5")
    (imports,) = all_of(clamav_pe_hash.LANGUAGE, f"{MD5}:*:A", "a.imp")
    assert isinstance(imports, HashSignature)
    assert (imports.part, imports.size, imports.digest) == (HashedPart.PE_IMPORTS, None, bytes.fromhex(MD5))
    (any_size,) = all_of(clamav_pe_hash.LANGUAGE, f"*:{MD5}:A:73", "a.mdb")
    assert isinstance(any_size, HashSignature)
    assert any_size.size is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"*:{MD5}:A", "73"),
        (f"*:{MD5}:A:72", "73"),
        (f"0:{MD5}:A", "not possible"),
        (f"x:{MD5}:A", "number"),
        ("512:0123:A", "no MD5"),
        (f"512:{'g' * 32}:A", "no MD5"),
        (f"512:{MD5}", "fields"),
        (f"512:{MD5}:", "no name"),
        (f"512:{MD5}:A:300", "level 300"),
    ],
)
def test_section_hashes_that_cannot_be_honoured(line: str, reason: str) -> None:
    assert reason in refusal(line, clamav_pe_hash.LANGUAGE, "a.mdb")


def test_allow_lists() -> None:
    sha256 = "ab" * 32
    (allowed,) = all_of(clamav_lists.LANGUAGE, f"{sha256}:77:Good", "a.sfp")
    assert isinstance(allowed, AllowedContent)
    assert (allowed.algorithm, allowed.size, allowed.about.name) == ("sha256", 77, "Good")


def test_ignore_lists() -> None:
    text = f"Name-1\nName-2:{MD5}\nmain.ndb:5:Name-3\nName-4:xyz\n:x:\n"
    assert all_of(clamav_lists.LANGUAGE, text, "a.ign2") == [
        IgnoredSignature("a.ign2:1", "Name-1"),
        IgnoredSignature("a.ign2:2", "Name-2", bytes.fromhex(MD5)),
        IgnoredSignature("a.ign2:3", "Name-3"),
        Rejected("a.ign2", 4, "'xyz' is no MD5"),
        Rejected("a.ign2", 5, "no signature is named"),
    ]


def test_container_metadata() -> None:
    (signature,) = all_of(clamav_cdb.LANGUAGE, r"A:CL_TYPE_ZIP:1-9:\.exe$:*:5:1:2-3:*:*:51:255", "a.cdb")
    assert isinstance(signature, ContainerSignature)
    assert (signature.container, signature.container_size, signature.name) == ("CL_TYPE_ZIP", Range(1, 9), r"\.exe\Z")
    assert (signature.compressed_size, signature.size) == (None, Range(5, 5))
    assert (signature.encrypted, signature.position) == (True, Range(2, 3))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A:*:*:*:*:*:*:*:*", "ten to twelve"),
        ("A:CL_TYPE_X:*:*:*:*:*:*:*:*", "not known"),
        ("A:*:*:(:*:*:*:*:*:*", "regular expression"),
        ("A:*:*:*:*:*:2:*:*:*", "0, 1 or *"),
        ("A:*:x:*:*:*:*:*:*:*", "number"),
        ("A:*:*:*:*:*:*:*:*:*:300", "level 300"),
    ],
)
def test_container_metadata_that_cannot_be_honoured(line: str, reason: str) -> None:
    assert reason in refusal(line, clamav_cdb.LANGUAGE, "a.cdb")


ICON = (
    "10" + "0ff0102" * 3 + "0000304" * 3 + "800506" * 3 + "100708" * 3 + "ff090a" * 3 + "010b0c" * 3 + "0a141e28"
)  # the eight kinds of numbers, each its own


def test_icons() -> None:
    (icon,) = all_of(clamav_idb.LANGUAGE, f"A:FIRST:SECOND:{ICON}", "a.idb")
    assert isinstance(icon, IconSignature)
    assert (icon.about.name, icon.groups) == ("A", ("FIRST", "SECOND"))
    metrics = icon.metrics
    assert (metrics.side, metrics.color[0], metrics.gray[2]) == (16, (255, 1, 2), (0, 3, 4))
    assert (metrics.bright[1], metrics.dark[0], metrics.edge[2], metrics.noedge[1]) == (
        (128, 5, 6),
        (16, 7, 8),
        (255, 9, 10),
        (1, 11, 12),
    )
    assert metrics[7:] == (10, 20, 30, 40)
    assert metrics.digits() == ICON


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"A:B:{ICON}", "3 fields"),
        (f"A:B:C:{ICON}0", "124 hexadecimal digits"),
        (f"A:B:C:x{ICON[1:]}", "124 hexadecimal digits"),
        (f"A:B:C:11{ICON[2:]}", "17 pixels"),
        (f"A:B:C:10fff{ICON[5:]}", "color average is 4095"),
        (f"A:B:C:100ff0f{ICON[7:]}", "outside of the icon"),
        (f"A:B:C:{ICON[:-8]}40282000", "more than all of it"),
        (f"A:B:C:{ICON[:-2]}65", "more than all of it"),
        (f":B:C:{ICON}", "no name"),
    ],
)
def test_icons_that_cannot_be_honoured(line: str, reason: str) -> None:
    assert reason in refusal(line, clamav_idb.LANGUAGE, "a.idb")


def test_passwords() -> None:
    text = "A;Engine:81-255;0;infected\nB;Engine:81-255,Container:CL_TYPE_ZIP;1;70617373\n"
    a, b = all_of(clamav_cdb.LANGUAGE, text, "a.pwdb")
    assert isinstance(a, ArchivePassword)
    assert (a.password, a.container) == (b"infected", None)
    assert isinstance(b, ArchivePassword)
    assert (b.password, b.container) == (b"pass", "CL_TYPE_ZIP")
    assert "CL_TYPE_PDF" in refusal("C;Engine:81-255,Container:CL_TYPE_PDF;0;x", clamav_cdb.LANGUAGE, "a.pwdb")
    assert "storage" in refusal("C;Engine:81-255;2;x", clamav_cdb.LANGUAGE, "a.pwdb")
    assert "hexadecimal" in refusal("C;Engine:81-255;1;xx", clamav_cdb.LANGUAGE, "a.pwdb")


@pytest.mark.parametrize("suffix", sorted(clamav_other.LANGUAGE.suffixes))
def test_what_is_not_supported_is_counted(suffix: str) -> None:
    rejected = all_of(clamav_other.LANGUAGE, "one\n# comment\ntwo\n", f"a{suffix}")
    assert len(rejected) == (1 if suffix in {".cbc", ".ioc"} else 2)
    assert all(isinstance(r, Rejected) and r.reason for r in rejected)


CERTIFICATE = f"A;1;{'ab' * 20};{'cd' * 20};c0ffee;010001;1;0;1;1300000000;comment"


def test_certificates() -> None:
    trusted, blocked, *rejected = all_of(
        clamav_crb.LANGUAGE,
        f"{CERTIFICATE}\n;0;{'ab' * 20};;C0FFEE;;0;0;0;;;51\n{CERTIFICATE};300\n{CERTIFICATE};51;100\n",
        "a.crb",
    )
    assert isinstance(trusted, CertificateRule)
    assert trusted.about.name == "A"
    assert trusted.rule == Rule(
        True, b"\xab" * 20, b"\xcd" * 20, 0xC0FFEE, Purposes(code=True, time=False, certificates=True), 1_300_000_000
    )
    assert isinstance(blocked, CertificateRule)
    assert blocked.about.name == "(unnamed CRB rule)"
    assert (blocked.rule.trusted, blocked.rule.serial, blocked.rule.since) == (False, None, 0)
    assert [type(one) for one in rejected] == [Rejected, Rejected]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (CERTIFICATE.replace("A;1;", "A;2;"), "trusted is '2'"),
        (CERTIFICATE.replace("ab", "a"), "SHA-1"),
        (CERTIFICATE.replace("cd", "c"), "SHA-1"),
        (CERTIFICATE.replace("c0ffee", "coffee"), "hexadecimal"),
        (CERTIFICATE.replace(";1;0;1;", ";1;x;1;"), "TimeSign is 'x'"),
        (CERTIFICATE.replace("1300000000", "-1"), "first day"),
        ("A;1", "2 fields"),
    ],
)
def test_what_is_no_certificate(line: str, reason: str) -> None:
    assert reason in refusal(line, clamav_crb.LANGUAGE, "a.crb")


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ("H:bank.example", "H", "bank.example"),
        ("H010:bank.example:17-", "H", "bank.example"),
        ("R:.+real:.+shown([/?].*)?", "R", ".+real:.+shown/"),
    ],
)
def test_addresses_that_are_imitated(line: str, kind: str, text: str) -> None:
    (rule,) = all_of(clamav_pdb.LANGUAGE, line, "a.pdb")
    assert isinstance(rule, AddressRule)
    assert (rule.kind, rule.text, rule.about.source) == (kind, text, "a.pdb:1")


@pytest.mark.parametrize("line", ["M:real.example:shown.example", "X:a:b", "Y:a:b"])
def test_pairs_that_belong_together(line: str) -> None:
    (rule,) = all_of(clamav_pdb.LANGUAGE, line, "a.wdb")
    assert isinstance(rule, AddressRule)
    assert rule.kind == line[0].replace("Y", "X")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("S1:P:abcdef12", "prefixes"),
        ("S1:F:abc", "SHA-256"),
        ("M:a:b", "one of H, R"),
        ("bank.example", "one of H, R"),
        ("H:", "no address"),
        ("H:a:300-", "level 300"),
    ],
)
def test_what_is_no_address(line: str, reason: str) -> None:
    assert reason in refusal(line, clamav_pdb.LANGUAGE, "a.pdb")
