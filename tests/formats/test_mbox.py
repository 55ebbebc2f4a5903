import mailbox

from tests.formats.driver import open_one

from freehold.formats import mbox


def test_messages_are_what_was_put_in(tmp_path):
    box = mailbox.mbox(tmp_path / "box")
    bodies = [b"Subject: %d\n\nbody %d\n" % (number, number) for number in range(20)]
    for body in bodies:
        box.add(body)
    box.close()
    opened = open_one("mbox", (tmp_path / "box").read_bytes())
    assert [content.strip() for content in opened.contents] == [body.strip() for body in bodies]
    assert opened.names[:2] == ["message-1", "message-2"]


def test_what_stands_before_the_first_separator_is_read():
    opened = open_one("mbox", b"a line that is not a separator at all\nFrom a b\nSubject: x\n\ny\n")
    assert opened.members == [
        ("rest", b"a line that is not a separator at all\n"),
        ("message-1", b"Subject: x\n\ny\n"),
    ]


def test_separators_at_the_edge_of_a_window_are_found(monkeypatch):
    data = b"".join(b"From a b\nSubject: %d\n\nFrom\n" % number for number in range(50))
    whole = open_one("mbox", data).contents
    assert len(whole) == 50
    for window in range(10, 60):
        monkeypatch.setattr(mbox, "_WINDOW", window)
        assert open_one("mbox", data).contents == whole


def test_line_that_only_some_readers_take_for_a_separator():
    first, second = b"Subject: x\n\nbefore\n", b"behind\n"
    dated = b"From a@b.example Thu Jan  1 00:00:00 1970\n"
    opened = open_one("mbox", dated + first + b"From here on\n" + second + dated + first)
    assert opened.contents == [first, second, first + b"From here on\n" + second, first]
    assert open_one("mbox", (dated + first) * 3).contents == [first] * 3
