"""What follows from a finding when those who should see to it do not answer."""

import asyncio
import os
import time

import pytest

from freehold.model.report import Detection, ProblemKind, Report, Verdict
from freehold.service import concluding
from freehold.service.clerks import Clerks
from freehold.service.concluding import Conclusions, Consequences, Hour
from freehold.service.entry import Entry, Finished

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


class Lists:
    """Judges nothing, in its own way."""

    wants_all_matches = False

    def concern(self, item: Finished) -> bool:
        return True

    def judge(self, item: Finished, *, all_matches: bool) -> None:
        word = os.pread(item.fd or 0, 10, 0)
        if word == b"hang":
            time.sleep(600)
        if word == b"die":
            os._exit(1)
        item.report.file_type = "judged"


@pytest.mark.parametrize("content", [b"hang", b"die"])
def test_a_finding_stays_and_nothing_becomes_clean(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(concluding, "PATIENCE", 1.0)

    async def run() -> None:
        consequences = Consequences(Lists())  # type: ignore[arg-type]
        clerks = Clerks(consequences.errands(), most=1)
        conclusions = Conclusions(consequences, clerks, Hour())

        async def draw(content: bytes, report: Report) -> Report:
            fd = os.memfd_create("content")
            os.write(fd, content)
            try:
                return await conclusions.draw(Entry(b"name", fd, len(content)), report, all_matches=False)
            finally:
                os.close(fd)

        clean, found = Report(1), Report(1, detections=[Detection("Evil", "name", 0, 1, "x.ndb:1")])
        assert (await draw(content, found)).verdict is Verdict.INFECTED
        judged = await draw(content, clean)
        assert [problem.kind for problem in judged.problems] == [ProblemKind.INTERNAL]
        assert clean.problems == []
        for _ in range(60):  # a clerk that hangs gets a moment before it is ended
            if (judged := await draw(b"fine", clean)).file_type == "judged":
                break
            await asyncio.sleep(0.5)
        assert judged.file_type == "judged"
        clerks.close()

    asyncio.run(run())
