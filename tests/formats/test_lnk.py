from tests.formats import documents
from tests.formats.driver import open_one


def test_arguments_and_what_is_appended_come_out():
    command = "/c powershell -w hidden " + "é" * 600
    opened = open_one("lnk", documents.lnk(command, target="%ComSpec%", overlay=b"MZ" + bytes(range(100))))
    assert opened.by_name("arguments").decode() == command
    assert opened.by_name("target") == b"%ComSpec%"
    assert opened.by_name("rest") == b"MZ" + bytes(range(100))
    assert opened.collector.facts["arguments"] == command
    assert opened.collector.problems == []


def test_list_of_targets_and_info_are_skipped():
    plain = bytearray(documents.lnk("run"))
    plain[20] |= 3
    data = bytes(plain[:76]) + b"\x04\x00abcd" + b"\x10\0\0\0" + bytes(12) + bytes(plain[76:])
    assert open_one("lnk", data).members == [("arguments", b"run")]
