"""Clerks: errands get their answers, and who hangs costs nobody else anything."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from freehold.service.clerks import ClerkLost, Clerks, Item

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def count(fd: int, most: int) -> Iterator[Item]:
    for number in range(most):
        yield Item([number, os.getpid()])


def echo(fd: int, text: str) -> Iterator[Item]:
    with open(fd, "rb") as file:
        yield Item([text, file.read().decode()], os.open("/dev/null", os.O_RDONLY))


def hang(fd: int) -> Iterator[Item]:
    yield Item([os.getpid()])
    while True:
        time.sleep(1)


def fail(fd: int) -> Iterator[Item]:
    yield Item([])
    raise OSError("the disk is gone")


def die(fd: int) -> Iterator[Item]:
    yield Item([])
    os.kill(os.getpid(), signal.SIGKILL)


ERRANDS = {"count": count, "echo": echo, "hang": hang, "fail": fail, "die": die}


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def run(work: Callable[[Clerks], Awaitable[None]], most: int = 2) -> None:
    async def main() -> None:
        clerks = Clerks(ERRANDS, most)
        try:
            await work(clerks)
        finally:
            clerks.close()

    before = descriptors()
    asyncio.run(main())
    assert descriptors() == before


async def counted(clerks: Clerks, most: int, ahead: int = 1) -> list[list[int]]:
    async with clerks.errand("count", most, ahead=ahead) as errand:
        values = [item.values async for item in errand]
        assert await anext(errand, None) is None  # the end stays the end
        return values


def test_answers_come_in_order_and_clerks_are_used_again() -> None:
    async def work(clerks: Clerks) -> None:
        found = [await counted(clerks, number, ahead) for number in range(5) for ahead in (1, 3, 9)]
        assert [[n for n, _ in values] for values in found] == [list(range(n)) for n in range(5) for _ in range(3)]
        assert len({pid for values in found for _, pid in values}) == 1
        many = await asyncio.gather(*(counted(clerks, 50, 4) for _ in range(20)))
        assert all([n for n, _ in values] == list(range(50)) for values in many)

    run(work)


@pytest.mark.parametrize("length", [3, 65_520, 65_536, 200_000])
def test_long_texts_and_descriptors_arrive(length: int) -> None:
    async def work(clerks: Clerks) -> None:
        text = "é" * length
        fd = os.memfd_create("content")
        os.write(fd, b"content")
        os.lseek(fd, 0, os.SEEK_SET)
        async with clerks.errand("echo", text, fd=fd) as errand:
            async for item in errand:
                assert item.values == [text, "content"]
                assert os.fstat(item.fd).st_rdev == os.makedev(1, 3)
                os.close(item.fd)
        os.close(fd)

    run(work)


def test_an_errand_that_is_given_up_leaves_its_clerk_to_the_next() -> None:
    async def work(clerks: Clerks) -> None:
        pids = set()
        for _ in range(5):
            async with clerks.errand("count", 1_000, ahead=7) as errand:
                pids.add((await anext(errand)).values[1])
        pids |= {pid for _, pid in await counted(clerks, 3)}
        assert len(pids) <= 2

    run(work)


def test_a_clerk_that_hangs_is_replaced_and_holds_nobody_up() -> None:
    async def work(clerks: Clerks) -> None:
        async with clerks.errand("hang") as errand:
            pid = (await anext(errand)).values[0]
            assert len(await counted(clerks, 3)) == 3  # by the other one meanwhile
        both = await asyncio.gather(counted(clerks, 3), counted(clerks, 3))
        assert all(len(values) == 3 for values in both)
        for _ in range(100):
            if not is_there(pid):
                break
            await asyncio.sleep(0.1)
        assert not is_there(pid)

    run(work)


@pytest.mark.parametrize(("kind", "words"), [("fail", "the disk is gone"), ("die", "died")])
def test_who_fails_or_dies_says_so_and_the_next_one_works(kind: str, words: str) -> None:
    async def work(clerks: Clerks) -> None:
        for _ in range(4):
            async with clerks.errand(kind) as errand:
                await anext(errand)
                with pytest.raises(ClerkLost, match=words):
                    await anext(errand)
        assert len(await counted(clerks, 2)) == 2

    run(work)


def test_waiting_for_a_clerk_can_be_given_up() -> None:
    async def work(clerks: Clerks) -> None:
        async with clerks.errand("hang"):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(counted(clerks, 1), 0.1)
        assert len(await counted(clerks, 1)) == 1

    run(work, most=1)
