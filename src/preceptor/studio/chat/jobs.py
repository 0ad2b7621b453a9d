"""Answers that were asked for live, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeVar

import msgspec
import sqlalchemy as sa

from preceptor.records import Response
from preceptor.store.statements import Upsert
from preceptor.studio.chat.tables import chat_jobs
from preceptor.studio.ids import new_id
from preceptor.studio.ledger.chain import now

__all__ = [
    "ENDED",
    "Job",
    "Keeper",
    "NoAnswer",
    "State",
    "latest",
    "new_job",
    "preview_task",
    "put",
    "read",
    "unfinished",
    "whole",
]

T = TypeVar("T")

State = Literal["waiting", "running", "done", "failed", "stopped", "interrupted"]
ENDED: tuple[State, ...] = ("done", "failed", "stopped", "interrupted")

_PUT = Upsert(chat_jobs, replace=sa.true())


class Job(msgspec.Struct, frozen=True):
    """One answer that a person asked for. The fields are the columns of ``chat_job``."""

    id: str
    task: str
    person: str
    address: str
    at: str
    key: str = ""
    state: State = "waiting"
    failure: str = ""
    detail: str = ""

    @property
    def kind(self) -> str:
        """What is asked for: a ``preview`` of a rubric, or else an answer."""
        return "preview" if self.task.startswith(preview_task("")) else "answer"


def preview_task(item: str) -> str:
    """The ``task`` of a job that previews an item's rubric."""
    return f"preview {item}"


class NoAnswer(Exception):
    """A job ended without its result: the kind of failure, and words for the lead."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class Keeper(Protocol):
    """The studio's database."""

    async def write(self, command: Callable[[sa.Connection], T]) -> T:
        """Run a command in a transaction; return once it is on disk."""

    def read(self) -> AbstractContextManager[sa.Connection]:
        """A connection that reads."""


def new_job(task: str, person: str, address: str) -> Job:
    """A job that begins now."""
    return Job(new_id(), task, person, address, now())


def whole(response: Response) -> Response:
    """Return a response that has a text; raise NoAnswer otherwise."""
    if response.failure is not None or not response.text.strip():
        kind = response.failure or response.finish_reason
        raise NoAnswer(kind, response.detail or "the answer has no text")
    return response


def put(connection: sa.Connection, job: Job) -> None:
    """Save a job, over what was saved of it before."""
    _PUT(connection, [msgspec.structs.asdict(job)])


def read(connection: sa.Connection, id_: str) -> Job | None:
    """The job of that id, if there is one."""
    found = connection.execute(sa.select(chat_jobs).where(chat_jobs.c.id == id_)).mappings().first()
    return None if found is None else Job(**found)


def latest(connection: sa.Connection, task: str) -> Job | None:
    """The job that was begun last for a task, and for what may stand after its id."""
    of_task = (chat_jobs.c.task == task) | chat_jobs.c.task.startswith(f"{task} ", autoescape=True)
    query = sa.select(chat_jobs).where(of_task).order_by(chat_jobs.c.at.desc()).limit(1)
    found = connection.execute(query).mappings().first()
    return None if found is None else Job(**found)


def unfinished(connection: sa.Connection) -> list[Job]:
    """Jobs that a process left when it ended."""
    query = sa.select(chat_jobs).where(chat_jobs.c.state.not_in(ENDED)).order_by(chat_jobs.c.at)
    return [Job(**row) for row in connection.execute(query).mappings()]
