"""Warnings, while a run goes on, that its score may be meaningless."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from preceptor.protocols.base import Protocol
from preceptor.records import Graded, Message, Response, Usage
from preceptor.systems.tokens import fewest_tokens

__all__ = ["PromptWatch", "Watch"]

#: Answers in a row out of which nothing could be read.
_UNREADABLE = 20
#: Shorter prompts, in tokens, are not checked.
_LEAST_TOKENS = 256
#: Characters a token up to which a prompt counts as whole.
_NORMAL = 6


class PromptWatch:
    """Compares prompts with the tokens that the server counted: many servers cut silently.

    Parameters
    ----------
    say
        Shows a warning and keeps it with the run: once for each system.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[str] = set()

    def asked(
        self, address: str, messages: Callable[[], Sequence[Message]], usage: Usage, calls: int = 1
    ) -> None:
        """Check an answered prompt: ``calls`` calls had this usage in all."""
        # Some gateways do not count what was cached as input.
        counted = (usage.input_tokens + usage.cached_tokens) / calls
        if not usage.input_tokens or address in self._said:
            return
        texts = [message.text for message in messages()]
        characters = sum(map(len, texts))
        if characters <= _NORMAL * counted:
            return
        if sum(map(fewest_tokens, texts)) > max(counted, _LEAST_TOKENS):
            self._said.add(address)
            self._say(
                f"{address} probably saw only a part of its prompts: for one of "
                f"{characters:,} characters its server counted {counted:,.0f} tokens."
            )


class Watch:
    """Warns of unreadable answers in a row, where answers are read and not judged.

    Parameters
    ----------
    say
        Shows a sentence while the run goes on.
    """

    def __init__(self, protocol: Protocol, say: Callable[[str], None]) -> None:
        self._protocol, self._say = protocol, say
        self._unread = 0

    def answered(self, response: Response, graded: Graded) -> None:
        """Check an answer, from the system or the store."""
        judged = bool(graded.example.criteria) or not self._protocol.scoring.reads
        if judged or self._unread >= _UNREADABLE:
            return
        item = msgspec.structs.replace(graded, response=response)
        parsed = self._protocol.score(item).values.get(self._protocol.scoring.read_metric)
        self._unread = self._unread + 1 if parsed == 0 else 0
        if self._unread == _UNREADABLE:
            self._say(
                f"{_UNREADABLE} answers in a row could not be read: stop and look at some of them "
                f"with preceptor report before you pay for more"
            )
