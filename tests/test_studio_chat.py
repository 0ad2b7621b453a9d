"""Live answers for authors: shown as they come, kept whole or not at all, found after a restart."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa

import studio_places
from preceptor.errors import InputError, StoreError, UnknownName
from preceptor.records import Message, Response
from preceptor.store import Store
from preceptor.store.writer import Writer
from preceptor.studio.chat import Desk, Job, Limits, Since
from preceptor.studio.chat.jobs import read
from preceptor.studio.database import Studio
from preceptor.systems import Ask, Parameters
from preceptor.testing import FakeEndpoint, Fault

pytestmark = pytest.mark.usefixtures("bare")

T = TypeVar("T")
ASK = Ask((Message("user", "My ear hurts. Name every number from 1 to 30."),))


class Place:
    """The two databases of a studio, and the answers that were given to it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "runs.db")
        self.database = Studio.open(studio_places.place(folder), create=True)
        self.given: list[tuple[str, Response]] = []

    @contextlib.asynccontextmanager
    async def desk(
        self, *addresses: str, limits: Limits | None = None, **values: Any
    ) -> AsyncIterator[Desk]:
        values = {"timeout": 20.0, "retries": 0, **values}
        allowed: Mapping[str, Parameters] = {each: Parameters(**values) for each in addresses}
        desk = Desk(self.store, self.database, allowed, self._finished, limits=limits or Limits())
        await desk.open()
        try:
            yield desk
        finally:
            await desk.close()

    def job(self, id_: str) -> Job:
        with self.database.read() as connection:
            found = read(connection, id_)
        assert found is not None
        return found

    def _finished(self, connection: sa.Connection, job: Job, response: Response) -> None:
        assert read(connection, job.id) == job
        self.given.append((job.id, response))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    yield found
    found.store.close()
    found.database.close()


async def all_of(desk: Desk, job: str, after: int = 0, text: str = "") -> tuple[str, Since]:
    """What a page shows at the end that follows the events."""
    since = None
    async for since in desk.events(job, "ann", after):
        if since is not None:
            text = since.text if since.anew else text + since.text
    assert since is not None
    return text, since


async def polled(desk: Desk, job: str, after: int = 0, text: str = "") -> tuple[str, Since]:
    """The same of a page that polls."""
    while True:
        since = desk.pieces(job, "ann", after)
        text, after = since.text if since.anew else text + since.text, since.after
        if since.ended:
            return text, since
        await asyncio.sleep(0.005)


@pytest.mark.both
async def test_an_answer_is_stored_and_given_once(place: Place) -> None:
    """It is in the run store under its key, the job names that, and both ways show all of it."""
    with FakeEndpoint(pace=0.001) as fake:
        async with place.desk(fake.address("m")) as desk:
            job = await desk.start("t", "ann", fake.address("m"), ASK)
            (text, since), (also, _) = await asyncio.gather(all_of(desk, job), polled(desk, job))
    assert since.state == "done", place.job(job)
    ((given, response),) = place.given
    assert (since.state, since.failure, given) == ("done", "", job)
    assert text == also == response.text != ""
    key = place.job(job).key
    assert place.store.find_responses([key])[key].text == text
    assert response.usage.total > 0


FAULTS = {
    "reset": "connection",
    "hang_up": "connection",
    "truncated": "malformed",
    "bad_event": "malformed",
    "html": "malformed",
    "nested": "malformed",
    "stall": "timeout",
    "stall_midway": "timeout",
    "error_500": "server_error",
    "error_502": "server_error",
    "error_503": "server_error",
    "error_in_reply": "server_error",
    "quota": "refused",
    "unauthorized": "refused",
    "bad_request": "bad_request",
    "content_filter": "content_filter",
    "empty": "empty",
    "null": "empty",
    "tool_calls": "tool_calls",
}


@pytest.mark.parametrize(("fault", "kind"), FAULTS.items())
async def test_a_fault_is_shown_kept_and_tried_again(place: Place, fault: str, kind: str) -> None:
    """It is never an answer, names no system to the author, and the next try gives the answer."""
    with FakeEndpoint(script=[Fault(fault, on="any")]) as fake:
        address = fake.address("secret-model")
        timeout = 0.3 if "stall" in fault else 20.0
        async with place.desk(address, timeout=timeout) as desk:
            job = await desk.start("t", "ann", address, ASK)
            _, since = await all_of(desk, job)
            assert (since.state, since.failure) == ("failed", kind)
            assert since.words
            assert "secret-model" not in since.words + since.failure
            assert fake.url not in since.words
            assert place.given == []
            assert (place.job(job).state, place.job(job).failure) == ("failed", kind)
            assert place.job(job).detail
            after = desk.pieces(job, "ann").after
            assert await desk.retry(job, "ann") == job
            text, since = await all_of(desk, job, after, "what was shown")
    assert since.state == "done"
    assert [(job, text)] == [(given, response.text) for given, response in place.given]


async def test_an_attempt_that_broke_off_does_not_double_the_text(place: Place) -> None:
    """The endpoint's own second attempt takes the place of what was shown of the first."""
    with FakeEndpoint(script=["stall_midway", Fault("rate_limit", seconds=0.05)]) as fake:
        async with place.desk(fake.address("m"), retries=2, timeout=0.4) as desk:
            job = await desk.start("t", "ann", fake.address("m"), ASK)
            text, since = await polled(desk, job)
    assert since.state == "done"
    assert [text] == [response.text for _, response in place.given]


async def test_a_cut_stream_of_events_is_completed_by_polling(place: Place) -> None:
    """A proxy that ends the connection costs nothing: the index says what is missing."""
    with FakeEndpoint(pace=0.002) as fake:
        async with place.desk(fake.address("m")) as desk:
            job = await desk.start("t", "ann", fake.address("m"), ASK)
            text, after = "", 0
            async with contextlib.aclosing(desk.events(job, "ann")) as events:
                async for since in events:
                    if since is not None:
                        text, after = text + since.text, since.after
                    if after:
                        break
            text, since = await polled(desk, job, after, text)
    assert since.state == "done"
    assert [text] == [response.text for _, response in place.given]


async def test_a_heartbeat_comes_where_nothing_is_new(place: Place) -> None:
    """Proxies cut what is silent; and who stops an answer hears that it ended."""
    with FakeEndpoint(script=["stall"]) as fake:
        async with place.desk(fake.address("m"), limits=Limits(heartbeat_s=0.02)) as desk:
            job = await desk.start("t", "ann", fake.address("m"), ASK)
            seen: list[Since | None] = []
            async for since in desk.events(job, "ann"):
                seen.append(since)
                if seen[-2:] == [None, None]:
                    await desk.stop(job, "ann")
    assert seen.count(None) >= 2
    assert seen[-1] is not None
    assert (seen[-1].state, place.job(job).state) == ("stopped", "stopped")
    assert place.given == []


async def test_bounds(place: Place) -> None:
    """One answer a person, so many at once, so long, so many characters, of allowed systems."""
    with FakeEndpoint(script=["stall", "stall", None], latency=0.0) as fake:
        limits = Limits(at_once=1, time_s=0.4, characters=20)
        address = fake.address("m")
        async with place.desk(address, limits=limits) as desk:
            with pytest.raises(InputError, match="expected one of the 1 of the project"):
                await desk.start("t", "ann", "command:rm", ASK)
            first = await desk.start("t", "ann", address, ASK)
            with pytest.raises(InputError, match="under way for you"):
                await desk.start("u", "ann", address, ASK)
            second = await desk.start("t", "bob", address, ASK)
            await asyncio.sleep(0.05)
            assert desk.pieces(second, "bob").state == "waiting"
            assert (await all_of(desk, first))[1].failure == "timeout"
            await desk.stop(second, "bob")
            third = await desk.start("t", "cyd", address, ASK)
            while not (since := desk.pieces(third, "cyd")).ended:
                await asyncio.sleep(0.01)
            assert since.failure in ("too_large", "timeout")
            if since.failure == "timeout":  # bob's call had begun before it was stopped
                await desk.retry(third, "cyd")
                while not (since := desk.pieces(third, "cyd")).ended:
                    await asyncio.sleep(0.01)
            assert since.failure == "too_large"
            with pytest.raises(UnknownName):
                desk.pieces(first, "bob")
    assert place.given == []


@pytest.mark.both
async def test_a_restart_interrupts_what_was_under_way(place: Place) -> None:
    """It can be asked again with its conversation; a finished one is shown from the store."""
    with FakeEndpoint(script=[None, "stall_midway"]) as fake:
        address = fake.address("m")
        async with place.desk(address) as desk:
            done = await desk.start("t", "ann", address, ASK)
            text, _ = await all_of(desk, done)
            other = Ask((Message("user", "And my nose?"),))
            cut = await desk.start("t", "ann", address, other)
            while not desk.pieces(cut, "ann").text:
                await asyncio.sleep(0.005)
        async with place.desk(address) as desk:
            assert desk.pieces(done, "ann", 17) == Since(done, "done", text, 0, anew=True)
            since = desk.pieces(cut, "ann")
            assert (since.state, since.text) == ("interrupted", "")
            assert since.words
            with pytest.raises(InputError, match="give its conversation"):
                await desk.retry(cut, "ann")
            await desk.retry(cut, "ann", other)
            assert (await all_of(desk, cut))[1].state == "done"
    assert [given for given, _ in place.given] == [done, cut]


async def test_an_answer_stored_before_a_crash_is_given_after_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was under way and is in the store is done; the rest is interrupted."""

    async def crash(*_: object) -> None:
        await asyncio.sleep(3600)

    with FakeEndpoint() as fake:
        address = fake.address("m")
        desk = Desk(place.store, place.database, {address: Parameters()}, place._finished)
        await desk.open()
        monkeypatch.setattr(desk, "_done", crash)
        job = await desk.start("t", "ann", address, ASK)
        while not (place.job(job).key and place.store.find_responses([place.job(job).key])):
            await asyncio.sleep(0.005)
        task = desk._live[job].task
        assert task is not None
        task.cancel()
        monkeypatch.setattr(desk, "_keep", crash)  # the process is gone
        assert place.given == []
        async with place.desk(address) as again:
            assert again.pieces(job, "ann").state == "done"
            assert again.pieces(job, "ann").text
        await asyncio.wait([task], timeout=0.05)
        task.cancel()
        await desk.close()
    assert [given for given, _ in place.given] == [job]


async def test_an_answer_that_cannot_be_stored_is_none(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is acknowledged is on disk: the author hears that it was not saved."""

    async def full(*_: object) -> None:
        raise StoreError("store runs.db: the disk is full")

    with FakeEndpoint() as fake:
        async with place.desk(fake.address("m")) as desk:
            monkeypatch.setattr(Writer, "put", full)
            job = await desk.start("t", "ann", fake.address("m"), ASK)
            _, since = await all_of(desk, job)
    assert (since.state, since.failure) == ("failed", "store")
    assert place.given == []


async def test_a_system_that_is_not_there_is_a_failure(place: Place) -> None:
    """An address of a later version or without its key ends the job, and no page."""
    async with place.desk("openai/gpt-5", "nothing/at-all") as desk:
        for address in ("openai/gpt-5", "nothing/at-all"):
            _, since = await all_of(desk, await desk.start("t", "ann", address, ASK))
            assert (since.state, since.failure) == ("failed", "unavailable")


async def test_the_same_question_is_paid_for_once(place: Place) -> None:
    """Another repeat is another answer."""
    with FakeEndpoint() as fake:
        address = fake.address("m")
        async with place.desk(address) as desk:
            for ask in (ASK, ASK, Ask(ASK.messages, repeat=1)):
                await all_of(desk, await desk.start("t", "ann", address, ask))
    assert len(fake.log) == 2
    assert len(place.given) == 3
