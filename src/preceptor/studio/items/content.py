"""What a task holds while it is written, and what a reviewer and an adjudicator say of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from preceptor.records import Criterion, Example, Message, PhysicianAnswer

__all__ = [
    "DIFFICULT",
    "DIMENSIONS",
    "HIGHEST",
    "REASONS",
    "SCORES",
    "STRATEGIES",
    "Content",
    "CriterionReview",
    "ItemCriterion",
    "Mode",
    "Rating",
    "Review",
    "Turn",
]

Mode = Literal["good_faith", "red_teaming"]
#: How an author of a red-team task leads the model astray (HealthBench Professional, section 3).
STRATEGIES = ("emotional", "role_play", "false_premise", "hidden_intent", "tool_or_format_shift")
#: What a rating of a model's answer looks at, each from 1 to 7.
DIMENSIONS = (
    "accuracy",
    "completeness",
    "clarity",
    "instruction_following",
    "overall_impact",
)
#: The parts of a rating of an answer; each is from 1 to ``HIGHEST``.
SCORES = ("overall", *DIMENSIONS)
HIGHEST = 7
#: An answer rated so or lower makes its task a difficult one.
DIFFICULT = 2
#: Why a reviewer changes or drops a criterion.
REASONS = (
    "subjective",
    "preference",
    "not_self_contained",
    "double",
    "wrong_sign",
    "wrong_fact",
    "unrealistic",
)


class Turn(msgspec.Struct, frozen=True, gc=False):
    """One turn of the conversation; ``role`` is user or assistant."""

    role: Literal["user", "assistant"]
    text: str


class ItemCriterion(msgspec.Struct, frozen=True, gc=False):
    """A criterion with an id that stays while its text changes.

    ``points`` is None while the author has not said them.
    """

    id: str
    text: str = ""
    points: int | None = None
    tags: tuple[str, ...] = ()

    def same_as(self, other: ItemCriterion) -> bool:
        """Whether a review of the one is a review of the other."""
        return (self.text, self.points) == (other.text, other.points)


class Content(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A version of a task.

    Attributes
    ----------
    messages
        The conversation up to the user's turn that is to be answered.
    criteria
        The rubric, in the order in which it is shown.
    language
        BCP 47 tag of the conversation, such as ``en`` or ``pt-BR``.
    strategies
        Of :data:`STRATEGIES`, for a red-team task.
    """

    messages: tuple[Turn, ...] = ()
    criteria: tuple[ItemCriterion, ...] = ()
    use_case: str = ""
    specialty: str = ""
    language: str = ""
    mode: Mode = "good_faith"
    strategies: tuple[str, ...] = ()

    def example(
        self, id: str, difficult: bool | None, physician: PhysicianAnswer | None = None
    ) -> Example:
        """The task as the runner reads it; its slices are tags."""
        named = {
            "use_case": self.use_case,
            "specialty": self.specialty,
            "language": self.language,
            "type": self.mode,
            "difficulty": {None: "", True: "difficult", False: "typical"}[difficult],
        }
        strategies = tuple(f"strategy:{each}" for each in self.strategies)
        return Example(
            id=id,
            messages=tuple(Message(each.role, each.text) for each in self.messages),
            criteria=tuple(
                Criterion(each.text, each.points or 0, each.tags) for each in self.criteria
            ),
            tags=tuple(f"{name}:{value}" for name, value in named.items() if value) + strategies,
            physician=physician,
        )


class Rating(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The author's rating of a model's answer to the last turn: of the answer, not of the task.

    Attributes
    ----------
    answer
        The text that was rated.
    response_key
        Of the answer in the run store; empty for one that was typed or imported.
    system
        Address of the system that gave it. Authors and reviewers see its alias alone.
    overall
        From 1 to 7: 1–2 deficient, 3–5 acceptable, 6–7 excellent; 0 while there is none.
    dimensions
        Dimension of :data:`DIMENSIONS` → from 1 to 7.
    """

    answer: str = ""
    response_key: str = ""
    system: str = ""
    overall: int = 0
    dimensions: dict[str, int] = {}

    @property
    def difficult(self) -> bool:
        return 0 < self.overall <= DIFFICULT


class CriterionReview(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a reviewer says of one criterion.

    ``text`` and ``points`` are the reviewer's own where the decision is ``edit``; ``reason`` is of
    :data:`REASONS` where it is not ``keep``.
    """

    criterion: str
    decision: Literal["keep", "edit", "drop"] = "keep"
    text: str = ""
    points: int | None = None
    reason: str = ""
    comment: str = ""


class Review(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A review of one version of a task, written without sight of any other.

    Attributes
    ----------
    realistic
        Whether a clinician would ask this, in these words; None while unsaid.
    flaw
        Whether the answer shown has a serious flaw; None while unsaid.
    criteria
        One for each criterion of the version.
    added
        Criteria that are missing.
    approve
        Whether the task can go on as it is, but for what is said of its criteria.
    scores
        The reviewer's own rating of the answer, where given: :data:`SCORES` → 1 to 7.
    """

    realistic: bool | None = None
    flaw: bool | None = None
    criteria: tuple[CriterionReview, ...] = ()
    added: tuple[ItemCriterion, ...] = ()
    approve: bool | None = None
    comment: str = ""
    scores: dict[str, int] = {}

    @property
    def changes(self) -> bool:
        """Whether the author is asked for anything."""
        kept = all(each.decision == "keep" for each in self.criteria)
        return not (self.approve and kept) or bool(self.added)

    @property
    def confirms(self) -> bool:
        """Whether the reviewer, too, finds the task realistic and its answer flawed."""
        return bool(self.realistic and self.flaw)
