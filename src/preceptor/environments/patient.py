"""A talk with a patient whom a model plays."""

from __future__ import annotations

from preceptor.environments.base import Session
from preceptor.records import Message

__all__ = ["PatientSession"]


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

    async def reply(self, said: Message) -> Message | None:
        return Message("user", await self.say(said.text, self._reminder))
