"""Pieces of live answers, as they are kept in memory and shown to the one who asked."""

from __future__ import annotations

import asyncio

import msgspec

from preceptor.studio.chat.jobs import ENDED, Job, State
from preceptor.systems.base import Ask
from preceptor.systems.streaming import Restarted

__all__ = ["Live", "Since", "since_of", "words_of"]

#: Kind of a failure → what a person reads, who may not learn which system it is.
_WORDS = {
    "rate_limit": "The system has too much to do: try again in a minute.",
    "timeout": "The answer took too long: try again.",
    "too_large": "The answer was longer than it may be: try again.",
    "refused": "The system cannot be asked: tell the lead of the project.",
    "unavailable": "The system cannot be asked: tell the lead of the project.",
    "store": "The answer could not be saved: tell the lead of the project.",
    "cap": "The project may spend no more on answers: tell its lead. What you wrote is saved.",
    "bad_request": "The system does not take this conversation: change it, or choose another.",
    "no_answers": "No system gave an answer to preview the rubric on: try again.",
    "refusal": "The system declined without a word: try again, or change the conversation.",
    "content_filter": "A filter stopped the answer: try again, or change the conversation.",
    "stopped": "Stopped.",
    "interrupted": "The server was restarted before the answer was whole: try again.",
}
_OTHERWISE = "No answer came: try again."


class Since(msgspec.Struct, frozen=True):
    """What is new of an answer, for the one who asked. Nothing in it names the system.

    Attributes
    ----------
    text
        To be added to what is shown; put in its place where ``anew``.
    after
        What to ask for next.
    failure, words
        Kind of the failure and a sentence on it; empty where there is none.
    """

    job: str
    state: State
    text: str
    after: int
    anew: bool = False
    failure: str = ""
    words: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more comes. Only in the state ``done`` is the text an answer."""
        return self.state in ENDED


class Live:
    """A job of this process, with the pieces that came."""

    def __init__(self, job: Job, ask: Ask | None = None) -> None:
        self.job, self.ask = job, ask
        self.pieces: list[str | Restarted] = []
        self.news = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        #: What it is where its task is cancelled; None once nothing ends it any more.
        self.cancelled: State | None = "interrupted"

    def add(self, piece: str | Restarted) -> None:
        self.pieces.append(piece)
        self._tell()

    def become(self, job: Job) -> None:
        self.job = job
        self._tell()

    def since(self, after: int) -> Since:
        anew = not 0 <= after <= len(self.pieces)
        text: list[str] = []
        for piece in self.pieces[0 if anew else after :]:
            if isinstance(piece, Restarted):
                anew, text = True, []
            else:
                text.append(piece)
        return since_of(self.job, "".join(text), len(self.pieces), anew=anew)

    @property
    def text(self) -> str:
        return self.since(0).text

    def _tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


def since_of(job: Job, text: str, after: int, *, anew: bool) -> Since:
    """What is shown of a job to the one who asked."""
    ends = job.state if job.state in ("stopped", "interrupted") else job.failure
    words = words_of(ends) if ends else ""
    return Since(job.id, job.state, text, after, anew, job.failure, words)


def words_of(kind: str) -> str:
    """What a person reads of a failure who may not learn which system it is."""
    return _WORDS.get(kind, _OTHERWISE)
