"""A talk with a patient whom a model plays."""

from __future__ import annotations

from preceptor.environments.base import Session
from preceptor.records import Message

__all__ = ["PatientSession", "beside", "spoken"]

#: Who has which part of the talk as the patient's model sees it.
_PARTIES = {"user": "Doctor", "assistant": "Patient"}


class PatientSession(Session):
    """Puts the system's words to the patient's model, and gives its words as the reply.

    The model sees the talk with the parts exchanged: the system's turns are the user's.

    Parameters
    ----------
    told
        What the model is told of the patient, before the talk.
    reminder
        What it is told again before the system's last words; earlier ones stand without it.
    """

    party = "patient"
    max_turns = None

    def __init__(self, told: str, reminder: str = "") -> None:
        self._talk, self._reminder = [Message("system", told)], reminder

    async def say(self, words: str, reminder: str = "") -> str:
        """The patient's answer to these words."""
        answer = await self.ask((*self._talk, Message("user", reminder + words)))
        self._talk += [Message("user", words), Message("assistant", answer)]
        return answer

    def transcript(self) -> str:
        """What doctor and patient have said."""
        return "\n\n".join(f"{_PARTIES[each.role]}: {each.text}" for each in self._talk[1:])

    async def reply(self, said: Message) -> Message | None:
        return Message("user", await self.say(said.text, self._reminder))


def beside(words: str, told: str) -> str:
    """Somebody's words, and behind them in brackets what the exam tells."""
    return f"{words}\n\n[{told}]" if words else f"[{told}]"


def spoken(text: str) -> str:
    """The words alone."""
    words, mark, aside = text.rpartition("\n\n[")
    if mark and aside.rstrip().endswith("]"):
        return words
    return "" if text.startswith("[") and text.rstrip().endswith("]") else text
