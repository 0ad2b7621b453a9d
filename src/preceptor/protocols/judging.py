"""Who judges answers, and what a judge is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from preceptor.errors import InputError
from preceptor.systems.base import Parameters

if TYPE_CHECKING:
    from preceptor.graders.judge import Judge

__all__ = ["NOT_JUDGED", "Judging", "ReferenceGrader"]


class ReferenceGrader(msgspec.Struct, frozen=True):
    """The grader that the benchmark's authors used, and how they called it.

    Where they named none (``published`` is False), our choice.
    """

    address: str
    parameters: Parameters
    published: bool = True

    def departures(self, address: str) -> list[str]:
        """The departures where another grader judges."""
        if not self.published:
            return [f"Graded by {address}; the authors name no grader."]
        if address != self.address:
            return [f"Graded by {address}; the reference grader is {self.address}."]
        return []


class Judging(msgspec.Struct, frozen=True):
    """How the criteria of an answer are judged.

    Attributes
    ----------
    grader
        None where the user must name one.
    judge
        How a label is asked for; None where criteria are met or not.
    prompt
        Which prompt such criteria are judged with, as `find_template` takes it; None for
        HealthBench's where it is here, else ours.
    healthbench
        Whether HealthBench's prompt may be asked for: it is the reference of its own family alone.
    judged
        False where nothing is judged: the answer itself is right or wrong.
    """

    grader: ReferenceGrader | None = None
    judge: Judge | None = None
    prompt: str | None = "preceptor"
    healthbench: bool = False
    judged: bool = True

    def reference(self, what: str) -> ReferenceGrader:
        """The reference grader, where one is needed; ``what`` says by whom.

        Raises InputError where nothing is judged, or what is judged is not met or unmet.
        """
        if not self.judged:
            raise InputError(f"{what}: needs criteria, and nothing is judged here")
        if self.judge is not None:
            raise InputError(f"{what}: needs criteria that are met or not, and these have labels")
        if self.grader is None:
            raise InputError(f"{what}: the benchmark states no grader: state one, or name one")
        return self.grader

    def prompt_choice(self, given: str | None) -> str | None:
        """The prompt, where the user gave this one or none.

        Raises InputError where HealthBench's is asked for elsewhere.
        """
        if given == "reference" and not self.healthbench:
            raise InputError(
                "--grader-template reference: that is the prompt of HealthBench's authors, and "
                "this benchmark is not theirs: leave it out, or name a file"
            )
        return given or self.prompt


NOT_JUDGED = Judging(judged=False)
