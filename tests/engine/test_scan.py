"""The examination of nested content: what is found, what is reported, and where it ends."""

import bz2
import gzip
import io
import itertools
import lzma
import os
import random
import resource
import tarfile
import tempfile
import zipfile
from email.message import EmailMessage

import pytest

from freehold.engine.scan import Engine
from freehold.model.errors import MalformedInput
from freehold.model.limits import Limits
from freehold.model.report import Detection, ProblemKind, Verdict
from freehold.model.view import BytesView, ContentChanged, FileView, open_view

MARKER = b"the-marker-that-the-tests-look-for"


class MarkerMatcher:
    """Finds the marker wherever it is."""

    name = "marker"

    def __init__(self, verdict=Verdict.INFECTED):
        self.verdict = verdict

    def match(self, artifact, budget):
        for offset, window in artifact.view.windows(len(MARKER)):
            budget.tick()
            at = bytes(window).find(MARKER)
            if at >= 0:
                yield Detection("Test.Marker", artifact.lineage, offset + at, len(MARKER), "test", verdict=self.verdict)
                return


class FailingMatcher:
    name = "failing"

    def __init__(self, error):
        self.error = error

    def match(self, artifact, budget):
        raise self.error
        yield


def examine(data, matchers=None, name="root", spool=None, limits=None, **options):
    engine = Engine(matchers if matchers is not None else [MarkerMatcher()], spool)
    return engine.examine(BytesView(data), name, limits or Limits(), **options)


def lineages(report):
    return [d.artifact for d in report.detections]


def in_zip(data, name="member"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def in_tar(data, name="member"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def in_mail(data, name="member"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "parcel"
    message.set_content("see the attachment")
    message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return bytes(message)


def in_ar(data, name="member"):
    return b"!<arch>\n" + f"{name + '/':16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data + b"\n"


WRAPPERS = {
    "zip": in_zip,
    "tar": in_tar,
    "mail": in_mail,
    "ar": in_ar,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("order", list(itertools.permutations(WRAPPERS, 3)), ids="-".join)
def test_three_layers_in_any_order(order):
    data = MARKER + b" and more"
    for name in order:
        data = WRAPPERS[name](data)
    report = examine(data, all_matches=True)
    assert max(lineages(report), key=len).count(" ▸ ") == 3
    assert report.problems == []


def test_the_lineage_names_every_layer():
    data = in_mail(in_zip(in_tar(MARKER, "invoice.exe"), "invoice.tar"), "invoice.zip")
    report = examine(data, name="mail.eml", all_matches=True)
    assert "mail.eml ▸ invoice.zip ▸ invoice.tar ▸ invoice.exe" in lineages(report)


def test_the_first_infection_ends_the_examination_unless_all_are_asked_for():
    data = in_zip(MARKER, "one") + in_zip(MARKER, "two")
    data = in_tar(MARKER, "one")[: -10240 + 1024] + in_tar(MARKER, "two")
    assert len(examine(data).detections) == 1
    assert len(examine(data, all_matches=True).detections) >= 2
    suspicious = examine(data, [MarkerMatcher(Verdict.SUSPICIOUS)])
    assert len(suspicious.detections) >= 2
    assert suspicious.verdict is Verdict.SUSPICIOUS


def test_depth_ends_the_branch_and_is_reported():
    data = MARKER
    for _ in range(4):
        data = gzip.compress(data)
    report = examine(data, limits=Limits(depth=3))
    assert report.verdict is Verdict.INCOMPLETE
    assert [p.kind for p in report.problems] == [ProblemKind.LIMIT]
    assert "depth = 3" in report.problems[0].detail
    assert examine(data, limits=Limits(depth=4)).verdict is Verdict.INFECTED


def test_pages_within_pages_end_at_their_limit_and_are_reported():
    page = b"<html>" + (b"<script>" + b"var padding = 'as long as a script is at least';\n" * 3) * 10
    report = examine(page, limits=Limits(pages=3))
    assert [(p.kind, p.detail) for p in report.problems] == [(ProblemKind.LIMIT, "limit pages = 3 reached")]
    assert report.artifacts == 4
    whole = examine(page, limits=Limits(pages=20))
    assert whole.verdict is Verdict.CLEAN
    assert whole.artifacts == 11


def test_a_bomb_ends_at_the_ratio_and_what_came_out_is_examined():
    bomb = gzip.compress(MARKER + bytes(8 << 20))
    limits = Limits(ratio=50, ratio_floor=1 << 20)
    report = examine(bomb, [MarkerMatcher(Verdict.SUSPICIOUS)], limits=limits)
    assert report.verdict is Verdict.SUSPICIOUS
    assert "ratio" in report.problems[0].detail


def test_nesting_cannot_multiply_the_bytes():
    random_megabyte = random.Random(5).randbytes(1 << 20)
    data = gzip.compress(in_zip(gzip.compress(random_megabyte)))
    report = examine(data, limits=Limits(unpacked_bytes=2 << 20))
    assert "unpacked_bytes" in report.problems[0].detail
    assert report.verdict is Verdict.INCOMPLETE


def test_artifacts_are_counted_over_all_layers():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i in range(50):
            archive.writestr(f"{i}", gzip.compress(b"x"))
    report = examine(out.getvalue(), limits=Limits(artifacts=30))
    assert report.artifacts == 30
    assert report.problems[0].kind is ProblemKind.LIMIT
    assert report.verdict is Verdict.INCOMPLETE


def test_time_ends_everything():
    report = examine(in_zip(MARKER), limits=Limits(seconds=-1))
    assert report.verdict is Verdict.INCOMPLETE
    assert "seconds" in report.problems[0].detail


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("hostile"), ProblemKind.INTERNAL),
        (RecursionError("deep"), ProblemKind.INTERNAL),
        (MalformedInput("broken"), ProblemKind.MALFORMED),
        (ContentChanged("shorter"), ProblemKind.CHANGED),
        (MemoryError(), ProblemKind.LIMIT),
        (OSError(5, "Input/output error"), ProblemKind.UNREADABLE),
    ],
)
def test_what_goes_wrong_in_one_matcher_is_a_problem_and_the_next_still_runs(error, kind):
    report = examine(MARKER, [FailingMatcher(error), MarkerMatcher()])
    assert report.verdict is Verdict.INFECTED
    assert [p.kind for p in report.problems] == [kind]


def test_problems_are_bounded_and_the_rest_is_counted():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i in range(40):
            archive.writestr(f"{i}", b"x")
    report = examine(out.getvalue(), [FailingMatcher(ValueError())], limits=Limits(problems=10))
    assert len(report.problems) == 11
    assert "31 more problems" in report.problems[-1].detail


def test_large_children_go_through_the_spool_and_leave_nothing():
    content = random.Random(3).randbytes(9 << 20) + MARKER
    data = gzip.compress(in_tar(content), 1)
    with tempfile.TemporaryFile() as spool:
        report = examine(data, spool=spool.fileno(), all_matches=True)
        assert ("root ▸ content ▸ member", 9 << 20) in [(d.artifact, d.offset) for d in report.detections]
        assert os.fstat(spool.fileno()).st_size == 0


def test_a_full_spool_is_a_problem():
    data = gzip.compress(random.Random(3).randbytes(9 << 20), 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with tempfile.TemporaryFile() as spool:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        try:
            report = examine(data, spool=spool.fileno())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert report.verdict is Verdict.INCOMPLETE
    assert any("File too large" in p.detail for p in report.problems)


def test_a_truncated_layer_is_incomplete_and_what_came_out_counts():
    data = gzip.compress(random.Random(4).randbytes(100_000) + MARKER + random.Random(5).randbytes(100_000))
    report = examine(data[: len(data) * 3 // 4], [MarkerMatcher(Verdict.SUSPICIOUS)])
    assert report.verdict is Verdict.SUSPICIOUS
    assert report.problems
    assert examine(data[: len(data) // 4]).verdict is Verdict.INCOMPLETE


def test_an_archive_behind_a_picture_is_opened():
    report = examine(b"GIF89a" + bytes(300) + in_zip(MARKER))
    assert report.detections[0].artifact == "root ▸ member"


def test_a_file_that_shrinks_is_a_problem(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(6 << 20))
    with path.open("r+b") as file:
        view = open_view(file.fileno(), 6 << 20)
        file.truncate(1000)
        report = Engine([MarkerMatcher()]).examine(view, "file", Limits())
    assert [p.kind for p in report.problems] == [ProblemKind.CHANGED]


def test_the_tree_has_a_node_for_each_artifact_with_its_stages():
    report = examine(in_zip(gzip.compress(b"x")), tree=True)
    assert [(n.depth, n.file_type) for n in report.nodes] == [(0, "zip"), (1, "gzip"), (2, "text")]
    assert {"identify", "marker", "unpack"} <= set(report.nodes[0].stages)
    assert report.nodes[2].size == 1


def test_parts_of_a_file_are_views_of_it():
    with tempfile.TemporaryFile() as file:
        file.write(in_tar(bytes(5 << 20) + MARKER))
        size = file.tell()
        view = FileView(file.fileno(), 0, size)
        report = Engine([MarkerMatcher()]).examine(view, "root", Limits(), all_matches=True)
    assert [(d.artifact, d.offset) for d in report.detections] == [
        ("root", (5 << 20) + 512),
        ("root ▸ member", 5 << 20),
    ]
