import subprocess

from tests.formats.driver import open_one

from freehold.model.report import ProblemKind

MAGIC = b"!<arch>\n"


def member(name: bytes, content: bytes) -> bytes:
    header = b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (name, 0, 0, 0, 0o644, len(content))
    return header + content + b"\n" * (len(content) & 1)


def test_members_are_what_was_put_in(tree, run, tmp_path):
    run("ar rcD out.a " + " ".join(tree))
    opened = open_one("ar", (tmp_path / "out.a").read_bytes())
    assert dict(opened.members) == {name.rsplit("/", 1)[1]: content for name, content in tree.items()}
    assert opened.collector.problems == []


def test_debian_package_opens(tree, run, tmp_path):
    control = tmp_path / "tree/DEBIAN/control"
    control.parent.mkdir()
    control.write_text("Package: a\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: a\n")
    run("dpkg-deb -Zxz --build tree out.deb")
    opened = open_one("ar", (tmp_path / "out.deb").read_bytes())
    assert opened.names == ["debian-binary", "control.tar.xz", "data.tar.xz"]
    (data,) = open_one("xz", opened.by_name("data.tar.xz")).contents
    listed = subprocess.run(["dpkg-deb", "--fsys-tarfile", tmp_path / "out.deb"], capture_output=True, check=True)
    assert data == listed.stdout
    assert open_one("tar", data).by_name("./text.txt") == tree["tree/text.txt"]


def test_bsd_names_are_in_front_of_the_content(tree, run, tmp_path):
    run("bsdtar --format arbsd -cf out.a tree/text.txt tree/" + "long-" * 30 + "name/" + "x" * 120)
    opened = open_one("ar", (tmp_path / "out.a").read_bytes())
    assert dict(opened.members) == {"text.txt": tree["tree/text.txt"], "x" * 120: b"long names"}


def test_member_behind_a_damaged_header_is_found():
    data = MAGIC + member(b"one/", b"1" * 50).replace(b"`\n", b"??") + member(b"two/", b"2" * 50)
    opened = open_one("ar", data)
    assert opened.by_name("two") == b"2" * 50
    assert opened.kinds == {ProblemKind.MALFORMED}


def test_size_beyond_the_end_is_clipped():
    opened = open_one("ar", MAGIC + member(b"one/", b"1" * 50)[:-20])
    assert opened.contents == [b"1" * 30]
    assert opened.kinds == {ProblemKind.TRUNCATED}


def test_name_beyond_the_table_is_harmless():
    opened = open_one("ar", MAGIC + member(b"//", b"name/\n") + member(b"/999", b"a") + member(b"/0", b"b"))
    assert opened.members == [("/999", b"a"), ("name", b"b")]
