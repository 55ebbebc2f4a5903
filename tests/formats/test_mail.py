import base64
import binascii
import email.message
import email.policy
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import bombs
from tests.formats.driver import open_one

from freehold.model.limits import Limits
from freehold.model.report import ProblemKind

PAYLOAD = bytes(range(256)) * 40
BASE64 = base64.encodebytes(PAYLOAD)
TOP = b"From: a@example.org\nMIME-Version: 1.0\n"


def mixed(*parts: bytes, boundary: bytes = b"b") -> bytes:
    top = TOP + b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\n\n'
    return top + b"".join(b"--" + boundary + b"\n" + part + b"\n" for part in parts) + b"--" + boundary + b"--\n"


def attachment(encoding: bytes = b"base64", body: bytes = BASE64, extra: bytes = b"") -> bytes:
    return (
        b"Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: "
        + encoding
        + b"\n"
        + extra
        + b"\n"
        + body
    )


def made(attachments: dict[str, bytes]) -> email.message.EmailMessage:
    message = email.message.EmailMessage()
    message["From"] = "a@example.org"
    message.set_content("text")
    for name, content in attachments.items():
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message


@pytest.mark.parametrize("ending", [b"\r\n", b"\n", b"\r"])
@given(attachments=st.dictionaries(st.text("abcäß€ .", min_size=1, max_size=80), st.binary(min_size=1), max_size=3))
def test_attachments_are_what_was_put_in(attachments, ending):
    attachments = {name.strip(" .") or "x": content for name, content in attachments.items()}
    raw = made(attachments).as_bytes(policy=email.policy.SMTP).replace(b"\r\n", ending)
    opened = open_one("mail", raw)
    assert dict(opened.members).items() >= attachments.items()
    assert opened.collector.problems == []


@given(st.binary(min_size=1, max_size=2000), st.binary(max_size=3))
def test_base64_with_garbage_in_it(content, junk):
    junk = bytes(byte for byte in junk if not chr(byte).isalnum() and byte not in b"+/=-\r\n")
    body = junk.join(bytes([byte]) for byte in base64.b64encode(content))
    assert content in open_one("mail", mixed(attachment(body=body))).contents


@given(st.binary(min_size=1, max_size=2000))
def test_quoted_printable(content):
    content = content.replace(b"\r", b"").strip() or b"x"
    body = quopri.encodestring(content, quotetabs=True)
    assert any(content in found for found in open_one("mail", mixed(attachment(b"quoted-printable", body))).contents)


def test_quoted_printable_longer_than_a_piece():
    content = "".join(f"zeile {number} ä=ö\n" for number in range(60_000)).encode()
    raw = TOP + b"Content-Transfer-Encoding: quoted-printable\n\n" + quopri.encodestring(content)
    assert open_one("mail", raw).contents == [content]


def uuencoded(content: bytes, name: bytes = b"a.bin") -> bytes:
    lines = [binascii.b2a_uu(content[at : at + 45]) for at in range(0, len(content), 45)]
    return b"begin 644 " + name + b"\n" + b"".join(lines) + b"`\nend\n"


def test_uuencoded_text_inline_and_as_encoding():
    opened = open_one("mail", TOP + b"\nSee below.\n\n" + uuencoded(PAYLOAD) + b"\nRegards\n")
    assert opened.by_name("a.bin") == PAYLOAD
    opened = open_one("mail", mixed(attachment(b"x-uuencode", uuencoded(PAYLOAD))))
    assert opened.by_name("a.zip") == PAYLOAD


def test_uuencoded_content_ends_with_its_empty_line():
    cut = uuencoded(PAYLOAD).removesuffix(b"nd\n")
    assert open_one("mail", TOP + b"Content-Transfer-Encoding: x-uuencode\n\n" + cut).contents == [PAYLOAD]


def test_uuencode_of_the_tool(tree, run, tmp_path):
    run("uuencode tree/deep/random.bin r.bin > uu; uuencode -m tree/text.txt t.txt > b64")
    raw = TOP + b"\n" + (tmp_path / "uu").read_bytes() + (tmp_path / "b64").read_bytes()
    opened = open_one("mail", raw)
    assert opened.by_name("r.bin") == tree["tree/deep/random.bin"]
    assert opened.by_name("t.txt") == tree["tree/text.txt"]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(
            mixed(attachment()).replace(b'boundary="b"', b"boundary=other"), id="boundary that does not occur"
        ),
        pytest.param(mixed(attachment()).replace(b'; boundary="b"', b""), id="no boundary"),
        pytest.param(mixed(attachment()).replace(b'"b"', b'"x"; boundary="b"'), id="two boundaries"),
        pytest.param(mixed(attachment()).replace(b"multipart/mixed", b"text/plain"), id="no multipart"),
        pytest.param(mixed(attachment()).replace(b"\n--b--\n", b""), id="no closing boundary"),
        pytest.param(mixed(attachment(b"base64 (really)")), id="comment behind the encoding"),
        pytest.param(mixed(attachment(b"\n base64")), id="folded encoding"),
        pytest.param(mixed(attachment(b"7bit\nContent-Transfer-Encoding: base64")), id="two encodings"),
        pytest.param(mixed(attachment(b"base64\nContent-Transfer-Encoding: 8bit")), id="two encodings, other order"),
        pytest.param(mixed(attachment(b"BaSe64")), id="mixed case"),
        pytest.param(mixed(attachment()).replace(b"Encoding:", b"Encoding :"), id="space before the colon"),
        pytest.param(mixed(attachment()).replace(b"Encoding:", b"Encoding(x):"), id="comment before the colon"),
        pytest.param(mixed(attachment(extra=b"garbage line\nX-Field: y\n")), id="garbage among the fields"),
        pytest.param(mixed(attachment()).replace(b"base64\n\n", b"base64\n"), id="no blank line"),
        pytest.param(TOP + attachment(), id="no parts"),
        pytest.param(b"\n\n" + TOP + attachment(), id="blank lines first"),
        pytest.param(mixed(b"Content-Type: message/rfc822\n\n" + mixed(attachment())), id="message in a message"),
        pytest.param(mixed(attachment()) + b"epilogue\n", id="epilogue"),
        pytest.param(mixed(attachment(body=BASE64[:770] + b"--b\n" + BASE64[770:])), id="boundary within"),
        pytest.param(
            mixed(attachment(body=BASE64[:770] + b"--" + BASE64[770:]), boundary=BASE64[770:846]),
            id="boundary that is content",
        ),
        pytest.param(mixed(attachment(body=BASE64[:770] + b"--c\n" + BASE64[770:])), id="false boundary within"),
    ],
)
def test_attachment_is_found_in_spite_of(raw):
    assert PAYLOAD in open_one("mail", raw).contents


def test_padding_in_the_middle_ends_a_group():
    body = base64.b64encode(b"first") + base64.b64encode(b"second")
    assert open_one("mail", TOP + b"Content-Transfer-Encoding: base64\n\n" + body).contents == [b"firstsecond"]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (b'attachment; filename="a b.zip"', "a b.zip"),
        (b"attachment; filename=a.zip", "a.zip"),
        (b"attachment;\n filename*=utf-8''a%20%C3%A4.zip", "a ä.zip"),
        (b"attachment; filename*=iso-8859-1'de'%E4.zip", "ä.zip"),
        (b"attachment; filename*0=aaa;\n filename*1=bbb.zip", "aaabbb.zip"),
        (b"attachment; filename*0*=utf-8''%C3;\n filename*1*=%A4.zip", "ä.zip"),
        (b'attachment; filename="=?utf-8?B?w6QuemlW?="', "ä.ziV"),
        (b'attachment; filename="=?utf-8?Q?=C3=A4_?= =?utf-8?q?x.zip?="', "ä x.zip"),
        (b'attachment; filename="a\\"b.zip"', 'a"b.zip'),
        (b"attachment; filename=\xff.zip", "\udcff.zip"),
    ],
)
def test_names(field, name):
    raw = TOP + b"Content-Disposition: " + field + b"\n\nbody\n"
    assert open_one("mail", raw).names == [name]


def test_text_parts_and_preamble_are_content():
    raw = mixed(b"Content-Type: text/plain\n\nhello", b"Content-Type: text/html\n\n<b>", b"\nno header")
    raw = raw.replace(b"\n\n--b", b"\n\npreamble\n--b", 1)
    opened = open_one("mail", raw)
    assert [content.strip() for content in opened.contents] == [b"preamble", b"hello", b"<b>", b"no header"]
    assert [name.rpartition(".")[2] for name in opened.names] == ["bin", "txt", "html", "txt"]


def test_deep_nesting_is_flat():
    assert open_one("mail", bombs.nested_mail(20_000, b"aGVsbG8=")).contents == [b"hello"]


def test_parts_are_limited_in_number():
    opened = open_one("mail", mixed(*[b"Content-Type: text/plain\n\nx"] * 3000), Limits(artifacts=100))
    assert len(opened.members) == 100
    assert opened.kinds == {ProblemKind.LIMIT}


@pytest.mark.parametrize(
    "flood",
    [
        b"-" * 2_000_000,
        b"\n--" * 500_000,
        b"Content-Type: " * 100_000,
        b"\nContent-Type: a;" + b';a="' * 200_000,
        b"\nContent-Type: a; name=" + b"=?a?b?" * 100_000,
        b"\nContent-Type: a\n " + b"(" * 200_000,
        b"\nbegin 644 a" * 100_000,
        b"\n \n\t" * 200_000,
    ],
    ids=lambda flood: flood[:16].decode().strip(),
)
def test_floods_end(flood):
    opened = open_one("mail", TOP + b"\n" + flood, Limits(seconds=60, artifacts=1000))
    assert opened.kinds <= {ProblemKind.LIMIT}
    assert not any("seconds" in detail for _, detail in opened.collector.problems)


def test_message_beyond_the_limit_says_so(monkeypatch):
    monkeypatch.setattr("freehold.formats.mail.MESSAGE_BYTES", 1000)
    opened = open_one("mail", TOP + b"\n" + b"x" * 2000)
    assert opened.kinds == {ProblemKind.LIMIT}


MESSAGES = {
    "attachments": made({"a.bin": PAYLOAD, "b.txt": b"text\n" * 50}).as_bytes(),
    "nested": mixed(
        b"Content-Type: multipart/mixed; boundary=inner\n\n--inner\n" + attachment() + b"\n--inner--\n",
        boundary=b"outer",
    ),
    "rfc2231": mixed(attachment()).replace(b'boundary="b"', b'boundary*0="b"'),
    "quoted-printable": mixed(attachment(b"quoted-printable", quopri.encodestring(b"x = \xe4\n" * 100))),
    "uuencoded": TOP + b"\n" + uuencoded(PAYLOAD),
}


@pytest.mark.parametrize("name", sorted(MESSAGES))
@pytest.mark.parametrize("tool", ["ripmime -i mail -d out", "munpack -q -C out ../mail"])
def test_attachments_are_those_of_other_readers(name, tool, run, tmp_path):
    """What ripmime and munpack unpack, Freehold unpacks, too; texts may differ in their last line's end."""
    (tmp_path / "mail").write_bytes(MESSAGES[name])
    (tmp_path / "out").mkdir()
    run(tool)
    contents = {content.strip() for content in open_one("mail", MESSAGES[name]).contents}
    found = {path.read_bytes().strip() for path in (tmp_path / "out").iterdir()}
    assert found - {b""} <= contents
    assert any(len(content) > 200 for content in found) or tool.startswith("munpack")


def test_attachments_are_those_of_the_standard_library():
    raw = MESSAGES["attachments"]
    message = email.message_from_bytes(raw, policy=email.policy.default)
    expected = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert dict(open_one("mail", raw).members).items() >= expected.items()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\n=ybegin line=128 size=10 name=a.bin\n" + bytes((b + 42) & 255 for b in b"0123456789")
                     + b"\n=yend size=10\n", id="yEnc"),
        pytest.param(b"\nbegin 644 a.bin\n" + binascii.b2a_uu(b"0123456789") + b"`\nend\n", id="uuencode"),
        pytest.param(b"MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n" + base64.b64encode(b"0123456789"),
                     id="lies in the header"),
    ],
)  # fmt: skip
def test_files_in_the_text(body):
    assert b"0123456789" in open_one("mail", TOP + body).contents


@pytest.mark.parametrize("encoding", [b"7bit", b"quoted-printable", b"8bit", b"x-unknown", b"none"])
def test_body_that_is_base64_in_spite_of_its_encoding(encoding):
    """The mail yields the text, and the text yields what it hides."""
    program = b"MZ" + PAYLOAD
    contents = open_one("mail", mixed(attachment(encoding, base64.encodebytes(program)))).contents
    assert any(program in open_one("text", content).contents for content in contents)


def test_very_many_parts_cost_little():
    part = b"Content-Type: text/plain\n\nx"
    opened = open_one("mail", mixed(*[part] * 20_000), Limits(artifacts=200_000))
    assert len(opened.members) == 20_000


def test_piece_of_a_message_says_that_it_is_one():
    raw = TOP + b'Content-Type: message/partial; id="a@b"; number=1; total=3\n\n' + mixed(attachment())
    opened = open_one("mail", raw)
    assert opened.kinds == {ProblemKind.UNSUPPORTED}
    assert PAYLOAD in opened.contents
