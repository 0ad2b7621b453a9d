"""What answers a system's turn: a script, a simulated patient, tools over a record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from preceptor.records import Example, Message, Turn
from preceptor.systems.base import Capability, ToolSpec

__all__ = ["Environment", "Session"]


class Session:
    """The interaction about one example, from its opening to its end.

    Attributes
    ----------
    tools
        Offered to the system with each question.
    max_turns, max_tool_calls
        Turns of the system, and its calls of tools, after which the interaction is ended, with the
        stop reason of that name; None for no limit.
    stop_reason
        Why the session ended it, where that is not that the system was done.
    party
        Whose turns its replies are.
    over
        Whether nothing follows on its last reply.
    alone
        Whether the system sees its last reply alone, without what was said before.
    ask
        Asks the model that plays the patient, in an environment that has one: a conversation in
        which the patient's own turns are the assistant's → its answer. A failure of that model
        raises, and must be let through.
    """

    tools: tuple[ToolSpec, ...] = ()
    max_turns: int | None = 100
    max_tool_calls: int | None = None
    stop_reason: str | None = None
    party: str = "environment"
    over: bool = False
    alone: bool = False
    ask: Callable[[tuple[Message, ...]], Awaitable[str]]

    async def begin(self) -> Message | None:
        """What is said before the system's first turn, behind the messages of the example."""
        return None

    async def reply(self, said: Message) -> Message | None:
        """What follows on the system's turn; None ends the interaction.

        Each call of a tool needs a `ToolResult` with its id. All calls are of tools that are
        offered, with arguments that are a JSON object: the others are answered already.

        What is raised is the environment's failure: the answer is ungraded, not wrong.
        """
        raise NotImplementedError

    async def serve(self) -> Mapping[str, str]:
        """Let a system work here by itself: what `Ask.addresses` are.

        What it did are then the `turns`, and `reply` is given its last words.
        """
        raise NotImplementedError

    @property
    def turns(self) -> tuple[Turn, ...]:
        """What a system did that worked by itself, from a log."""
        return ()

    @property
    def state(self) -> Any:
        """What is left at the end, as JSON, for scores; None where nothing is."""
        return None

    async def close(self) -> None:
        """Free what the session holds."""


class Environment:
    """Opens a session for each response. A resumed session is replayed: the turns that are stored
    are given to `Session.reply` again, so the same turns must have the same replies.
    """

    #: What a system must take beside words; with ``addresses``, it works by itself.
    needs: frozenset[Capability] = frozenset()
    #: Whether a model plays a patient: the user names it, and sessions may ask it.
    has_patient: bool = False
    #: Turns that a system usually has, where it decides: what an estimate assumes.
    usual_turns: int = 1
    #: Address of the model that plays the patient unless the user names another.
    reference_patient: str | None = None

    def furnished(self, materials: bytes) -> Self:
        """The same with a benchmark's `materials`: those of the run, also where it is resumed."""
        return self

    def check(self, what: str) -> None:
        """Raise Unavailable where it cannot be opened on this machine; ``what`` needs it.

        It is asked before the first call.
        """

    def open(self, example: Example) -> Session:
        raise NotImplementedError

    async def start(self) -> None:
        """Get ready before the first session of a run. Raises Unavailable where that cannot be."""

    async def stop(self) -> None:
        """Free what the sessions shared, at the end of a run."""
