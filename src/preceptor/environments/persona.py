"""A patient who begins the talk and may end it."""

from __future__ import annotations

from preceptor.environments.base import Environment, Session
from preceptor.environments.patient import PatientSession
from preceptor.records import Example, Message

__all__ = ["MAX_TURNS", "PATIENT_ENDED", "Personas"]

#: Why a talk ended: the patient ended it, or the system had said all that it may.
PATIENT_ENDED, MAX_TURNS = "patient_ended", "max_turns"
_BEGIN = "Begin the conversation."


class Personas(Environment):
    """A model plays the persona of each example.

    The target has it under ``persona``: what the model is ``told``, and the ``reminder`` that
    stands before the system's last words.

    Parameters
    ----------
    replies
        Of the system, after which the talk ends.
    ending
        What the patient says to end it.
    reference
        Address of the model that plays the patient unless the user names another.
    """

    has_patient = True

    def __init__(self, replies: int, ending: str, reference: str | None = None) -> None:
        self._replies, self._ending = replies, ending
        self.reference_patient = reference

    def open(self, example: Example) -> Session:
        persona = example.target["persona"]
        return _Talk(persona["told"], persona["reminder"], self._replies, self._ending)


class _Talk(PatientSession):
    def __init__(self, told: str, reminder: str, replies: int, ending: str) -> None:
        super().__init__(told, reminder)
        self._left, self._ending = replies, ending.casefold()

    async def begin(self) -> Message | None:
        return self._said(await self.say(_BEGIN))

    async def reply(self, said: Message) -> Message | None:
        self._left -= 1
        if self.over:
            return None  # its first words were the last
        if not self._left:
            self.stop_reason = MAX_TURNS
            return None
        return self._said(await self.say(said.text, self._reminder))

    def _said(self, words: str) -> Message:
        if self._ending in words.casefold():
            self.over, self.stop_reason = True, PATIENT_ENDED
        return Message("user", words)
