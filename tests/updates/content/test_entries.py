"""Entries: the canonical form of signatures."""

import hashlib

import pytest

from freehold.model.errors import MalformedInput
from freehold.signatures.languages import clamav_other
from freehold.signatures.registry import BY_SUFFIX, LINE_LANGUAGES
from freehold.updates.content import entries
from freehold.updates.content.entries import Entry, check, entries_of, files_of, tombstone
from freehold.updates.content.states import State, state_root


def test_every_language_of_signatures_is_carried_and_nothing_else():
    known = {suffix[1:] for suffix in BY_SUFFIX} - {suffix[1:] for suffix in clamav_other.LANGUAGE.suffixes}
    assert known == entries.LANGUAGES
    assert {suffix[1:] for language in LINE_LANGUAGES for suffix in language.suffixes} <= entries.LINE_LANGUAGES


@pytest.mark.parametrize("language", ["cbc", "cfg", "ftm", "ioc", "py", "", "HDB"])
def test_code_and_settings_are_refused(language):
    with pytest.raises(MalformedInput, match="no signatures in"):
        entries_of(language, b"anything") or check(Entry(language, b"anything"))


def test_lines_are_taken_without_their_ends_comments_and_order():
    found = entries_of("ndb", b"# comment\r\n\r\nB:0:*:00\r\nA:0:*:11\nA:0:*:11\n")
    assert set(found) == {Entry("ndb", b"A:0:*:11"), Entry("ndb", b"B:0:*:00")}
    assert files_of(State(found)) == {"ndb": [b"A:0:*:11\nB:0:*:00\n"]}


def test_whole_files_are_one_entry():
    text = b"rule a { condition: false }\n"
    assert entries_of("yar", text) == [Entry("yar", text)]
    assert files_of([Entry("yar", text), Entry("yar", b"b")]) == {"yar": [b"b", text]}
    assert entries_of("yar", b"") == []


def test_an_id_is_the_hash_that_the_format_says():
    entry = Entry("hdb", b"x")
    assert entry.id == hashlib.sha256(b"hdb\0x").digest()
    assert tombstone(entry.id) == entry.id[:16]


@pytest.mark.parametrize("text", [b"", b"# no signature", b"two\nlines", b"return\r", b"x" * 32_769])
def test_what_is_no_line_is_refused(text):
    with pytest.raises(MalformedInput):
        check(Entry("ldb", text))


def test_the_longest_line_and_file_are_taken():
    check(Entry("ldb", b"x" * 32_768))
    check(Entry("yar", b"x" * (16 << 20)))
    with pytest.raises(MalformedInput, match="16,777,216 are allowed"):
        check(Entry("yar", b"x" * ((16 << 20) + 1)))


def test_state_roots_are_as_the_format_says():
    ids = [entry.id for entry in (Entry("ldb", b"%d" % number) for number in range(600))]
    buckets = [hashlib.sha256(b"".join(sorted(i for i in ids if i[0] == byte))).digest() for byte in range(256)]
    assert state_root(reversed(ids)) == hashlib.sha256(b"".join(buckets)).digest()
    assert state_root([]).hex() == "0e89e7ed74c9a5944c886585d634e3c68f4dccd0a31968fe52d6df0873ccdec6"
