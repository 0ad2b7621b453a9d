"""What a system under test is, to the rest of the house."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import msgspec

from preceptor.records import Completion, Example, Message
from preceptor.systems.prices import Price
from preceptor.systems.streaming import Heard, Restarted, Shown, running, visible

if TYPE_CHECKING:
    from preceptor.systems.limiter import Limiter

__all__ = [
    "DECLINED",
    "EVERY",
    "MODEL",
    "PRACTICAL",
    "Ask",
    "Capability",
    "Meter",
    "Parameters",
    "Postponed",
    "System",
    "ToolSpec",
    "first_token_parameters",
    "without_text",
]

#: What a system may be able to take beside words; ``tool_media`` is images and files in the results
#: of tools, ``addresses`` those of a server in which it works by itself; and what it may give:
#: ``token_probabilities`` are those of the candidates for the first token of an answer.
Capability = Literal["images", "files", "tools", "tool_media", "addresses", "token_probabilities"]
#: What a model may take: it works nowhere by itself.
MODEL: frozenset[Capability] = frozenset(("images", "files", "tools", "tool_media"))
EVERY: frozenset[Capability] = MODEL | {"addresses"}

#: Finish reasons of a refusal, by the model or its provider's filter: that is an answer.
DECLINED = ("refusal", "content_filter")
_TOOL_ENDS = ("tool_calls", "function_call", "tool_use")


def without_text(completion: Completion) -> str | None:
    """Why a reply has no text, in a word: ``cut_off``, ``tool_calls`` or ``empty``.

    None where it has a text, or where the model or its provider's filter declined.
    """
    end = completion.finish_reason
    if completion.text.strip() or end in DECLINED:
        return None
    if completion.calls:
        return "tool_calls"
    return "cut_off" if end == "length" else "tool_calls" if end in _TOOL_ENDS else "empty"


class ToolSpec(msgspec.Struct, frozen=True):
    """A tool that is offered; ``parameters`` is the JSON schema of its arguments."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}


class Ask(msgspec.Struct, frozen=True):
    """One question to a system: a conversation, and for recorded systems the example it is from.

    Attributes
    ----------
    shared
        With how many characters of its last message other questions begin too, that are asked soon
        after this one was answered: what a provider should keep in its cache. 0 for none.
    tools
        Those that the system may call.
    addresses
        Where the system finds the server that it works in by itself: name of a variable → value.
        They are others in each attempt, and no answer depends on them: no part of any key.
    """

    messages: tuple[Message, ...]
    example: Example | None = None
    repeat: int = 0
    shared: int = 0
    tools: tuple[ToolSpec, ...] = ()
    addresses: Mapping[str, str] = {}


class Postponed(Exception):
    """The answer will be there in a later attempt: nothing failed, and nothing is to be kept."""


class Parameters(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Settings of one system or grader, as the user gives them with ``key=value``.

    Only what is set is sent. ``extra_body`` is merged into the request's JSON as it is;
    ``price`` is dollars per million tokens, ``input/output`` or ``input/output/cached``; ``stream``
    asks for the reply in pieces, which a proxy's idle timeout does not cut.
    """

    system_prompt: str | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    seed: int | None = None
    api: Literal["chat", "responses"] | None = None
    stream: bool | None = None
    extra_body: dict[str, Any] | None = None
    api_key_env: str | None = None
    timeout: Annotated[float, msgspec.Meta(gt=0)] = 300.0
    concurrency: Annotated[int, msgspec.Meta(ge=1)] | None = None
    retries: Annotated[int, msgspec.Meta(ge=0)] = 6
    price: str | None = None


def first_token_parameters(given: Parameters, *, greedy: bool = True) -> Parameters:
    """The same with what makes a server list the candidates for the first token of an answer.

    ``greedy`` is at temperature 0, at which no server scales the probabilities that it lists;
    some models refuse it.
    """
    body = {"logprobs": True, "top_logprobs": 20, **(given.extra_body or {})}
    usual = 0.0 if greedy else None
    return msgspec.structs.replace(
        given,
        extra_body=body,
        max_tokens=given.max_tokens or 1,
        temperature=usual if given.temperature is None else given.temperature,
    )


#: Parameters that answers do not depend on.
PRACTICAL = ("api_key_env", "stream", "timeout", "concurrency", "retries", "price")


class Meter(Protocol):
    """Counts what calls take, against a cap."""

    async def answer(self, system: System, ask: Ask) -> Completion:
        """Ask once the cap has room. Raises BudgetExceeded if it never will."""


class System:
    """What is under test: a model, an agent, a function, recorded answers, the physicians.

    A grader's model is a system too, asked with the grader's prompt.
    """

    address: str
    #: What it takes beside words.
    capabilities: frozenset[Capability] = frozenset()
    #: What to do where it does not take something, in words.
    remedies: Mapping[Capability, str] = {}
    #: How many questions it answers at once at the most.
    concurrency: int = 1
    #: Whether the same question in another run may be answered from the store.
    reusable: bool = True
    #: Whether answers exist already, so that an interaction is not held again.
    recorded: bool = False
    #: All its answers as bytes that a run keeps, where they came with the benchmark.
    collection: bytes | None = None
    #: Whether answers depend on more of the example than its conversation.
    uses_example: bool = False
    #: Dollars per million tokens; None where nobody knows.
    price: Price | None = None
    #: Most tokens of an answer, reasoning included; None where not set.
    max_tokens: int | None = None
    #: Who says how many questions it answers at once for now; None where that is ``concurrency``.
    limiter: Limiter | None = None
    #: Whether the same question may be answered otherwise the next time.
    sampled: bool = True
    #: Whether an empty text is an answer, as of user code or a file, and not a failed reply.
    may_be_empty: bool = False
    #: Whether its provider caches only what it is told to: see ``Ask.shared``.
    marks_shared: bool = False
    #: Whether a reply may be hours away, so that no call should wait for another's.
    slow: bool = False
    #: The engine's budget, through which a grader asks so that each attempt counts.
    meter: Meter | None = None
    #: Whether it looks for documents in a benchmark's corpus.
    searches: bool = False
    #: The server it is asked at, where that is not the provider's own: part of its identity.
    server: str | None = None

    @functools.cached_property
    def failures(self) -> Counter[str]:
        """Failed attempts so far, by kind, for progress display."""
        return Counter()

    def identity(self) -> dict[str, Any]:
        """All that its answers depend on, as JSON: part of the key of every call. No secrets."""
        raise NotImplementedError

    def media_tokens(self, messages: Collection[Message]) -> int:
        """Most tokens that it counts for the images and files of messages."""
        return 0

    def covers(self, example: Example) -> int | None:
        """Number of recorded answers; None if unlimited."""
        return None

    def notes(self, ids: Collection[str]) -> list[str]:
        """Notes for a run's score, given the ids of all examples of its benchmark.

        Raises
        ------
        InputError
            It has an answer to none of them.
        """
        return []

    def files(self) -> dict[str, str]:
        """The user's files or modules behind its answers → their SHA-256."""
        return {}

    async def answer(self, ask: Ask) -> Completion:
        """Answer one question. Raises :class:`preceptor.errors.EndpointError`."""
        raise NotImplementedError

    async def hear(self, ask: Ask, heard: Heard) -> Completion:
        """As :meth:`answer`; ``heard`` is told the text as it comes, where that can be."""
        return await self.answer(ask)

    def visible(self, text: str) -> str:
        """What may be shown of an unfinished answer."""
        return visible(text)

    async def stream(self, ask: Ask) -> AsyncGenerator[str | Restarted | Completion, None]:
        """Pieces of an answer's text as it comes, and at the end the completion of :meth:`answer`.

        The pieces since the last ``Restarted``, joined, are the completion's text. Who stops
        listening closes the iterator; that ends the call.

        Raises as :meth:`answer` does: then what came is no answer.
        """
        heard: asyncio.Queue[str | Restarted | None] = asyncio.Queue()
        shown = Shown(heard.put_nowait, self.visible)
        async with running(self.hear(ask, shown.hear)) as call:
            call.add_done_callback(lambda _: heard.put_nowait(None))
            while (piece := await heard.get()) is not None:
                yield piece
            completion = call.result()
        shown.end(completion.text)
        while not heard.empty():
            if (piece := heard.get_nowait()) is not None:
                yield piece
        yield completion

    def furnish(self, materials: bytes) -> None:
        """Take what a benchmark has beside its examples: those of the run, before `open`."""

    async def open(self) -> None:
        """Get ready: start a server, read a file."""

    async def close(self) -> None:
        """Let go of everything."""
