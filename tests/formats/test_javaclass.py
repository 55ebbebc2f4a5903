"""Java classes: what ``javap`` says of one that ``javac`` made is what is told."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.formats.driver import open_one

SAMPLE = Path(__file__).parent / "golden/javaclass/Sample.class"


def test_class_says_what_it_is():
    facts = open_one("java-class", SAMPLE.read_bytes()).collector.facts
    assert facts["java-class"] == "Sample"
    assert facts["java-extends"] == "java.lang.Object"
    assert facts["java-implements"] == "java.lang.Runnable"
    assert facts["java-release"] == 11
    assert "java.lang.Runtime" in str(facts["java-classes"]).split(", ")


@pytest.mark.skipif(shutil.which("javap") is None, reason="javap is not installed")
def test_javap_names_the_same_classes():
    said = subprocess.run(["javap", "-v", str(SAMPLE)], check=True, capture_output=True, text=True).stdout
    theirs = {line.split()[-1].strip('"').replace("/", ".") for line in said.splitlines() if " = Class " in line}
    ours = str(open_one("java-class", SAMPLE.read_bytes()).collector.facts["java-classes"]).split(", ")
    assert {*ours, "Sample"} == theirs


def test_damage_is_a_fact_and_no_problem():
    opened = open_one("java-class", SAMPLE.read_bytes()[:200])
    assert str(opened.collector.facts["java-class"]).startswith("cannot be read")
    assert opened.collector.problems == []
