"""The gate: what would do harm is not signed."""

import json

import pytest
from tests.updates.publisher import Publisher, Refused, hashes

MARKER = b"own marker of the gate"
RULE = f'rule own_gate {{ strings: $a = "{MARKER.decode()}" condition: $a }}\n'
SLOW = "rule own_slow { condition: for all i in (1..150000000) : ( i > 0 ) and filesize > 1MB }\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("files")
    for kind, content in (("good", b"hello, world\n" * 50), ("bad", b"begin " + MARKER), ("other", b"nothing")):
        (made / kind).mkdir()
        (made / kind / "file.txt").write_bytes(content)
    return made


def gate(publisher, folder, *options, status=0):
    return publisher.run(
        "gate", "--known-good", folder / "good", "--jobs", "1", "--slower", "900", *options, status=status
    )


def test_what_passed_is_signed_and_what_did_not_is_not(folder, tmp_path):
    made = Publisher(tmp_path, gate=True)
    made.write(yar=RULE, hdb=hashes(*range(30)))
    made.build()
    with pytest.raises(Refused, match="the gate was not asked about release 1 here"):
        made.run("sign", "--demo")
    answer = gate(made, folder, "--positive", folder / "bad")
    assert answer["passed"]
    assert (answer["files"], answer["false_positives"], answer["positives"], answer["missed"]) == (1, 0, 1, 0)
    made.publish()
    made.write(yar=RULE, ndb=f"Own.Too-Wide:0:*:{b'hello, world'.hex()}\n")
    made.build()
    answer = gate(made, folder, "--positive", folder / "bad", folder / "other", status=1)
    assert not answer["passed"]
    assert {reason.rpartition("/")[2] for reason in answer["reasons"]} == {
        "file.txt is known to be good: Own.Too-Wide",
        "file.txt is not detected",
    }
    with pytest.raises(Refused, match=r"did not pass the gate here: .*Own\.Too-Wide"):
        made.run("sign", "--demo")
    made.run("sign", "--demo", "--without-gate")


def test_a_gate_counts_for_the_state_that_it_tried_only(folder, tmp_path):
    made = Publisher(tmp_path, gate=True)
    made.write(yar=RULE)
    made.build()
    gate(made, folder)
    made.write(hdb=hashes(1))
    made.build()
    with pytest.raises(Refused, match="the gate was not asked"):
        made.run("sign", "--demo")


def test_a_mass_removal_needs_to_be_meant(folder, tmp_path):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(*range(30)))
    made.write(hdb=hashes(*range(20)))
    made.build()
    answer = gate(made, folder, status=1)
    assert answer["reasons"] == ["10 of 30 signatures would disappear, above 10 %"]
    assert gate(made, folder, "--most-removed", "40")["removed"] == 10


def test_what_makes_scans_much_slower_needs_to_be_meant(folder, tmp_path):
    made = Publisher(tmp_path)
    made.release(yar=RULE, hdb=hashes(*range(30)))
    made.write(yar=RULE + SLOW)
    made.build()
    answer = gate(made, folder, "--slower", "100", status=1)
    assert len(answer["reasons"]) == 1
    assert "times as long as with the release before" in answer["reasons"][0]


def test_signatures_that_cannot_be_honoured_are_counted(folder, tmp_path):
    made = Publisher(tmp_path)
    made.write(hdb=hashes(1) + "nonsense\n")
    made.build()
    assert gate(made, folder)["rejected"] == 1
    answer = gate(made, folder, "--strict", status=1)
    assert answer["reasons"][0].startswith("1 signatures cannot be honoured: ")


def test_a_damaged_record_is_no_gate(folder, tmp_path):
    made = Publisher(tmp_path, gate=True)
    made.write(yar=RULE)
    made.build()
    answer = gate(made, folder)
    record = made.folder / "gates" / f"{answer['state']}.json"
    assert json.loads(record.read_bytes())["passed"] is True
    record.write_bytes(b"{}")
    with pytest.raises(Refused, match="the gate was not asked"):
        made.run("sign", "--demo")


def test_there_must_be_something_to_try(tmp_path):
    made = Publisher(tmp_path)
    with pytest.raises(Refused, match="nothing is staged"):
        made.run("gate")
    made.write(yar=RULE)
    made.build()
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="found no known-good file"):
        made.run("gate", "--known-good", tmp_path / "empty")
