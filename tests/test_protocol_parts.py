"""The parts of a protocol: each stands alone, and one can be put in the place of another."""

from __future__ import annotations

import pytest

from preceptor.benchmarks import all_benchmarks
from preceptor.errors import InputError
from preceptor.extend import (
    Asking,
    ChoiceScoring,
    Criterion,
    Example,
    Graded,
    Judging,
    LabelJudge,
    Message,
    Parameters,
    Protocol,
    ReferenceGrader,
    Response,
    RubricScoring,
    Scoring,
    Verdict,
    choice_asking,
    choice_example,
    scored,
)
from preceptor.scoring.ratings import Scale

QUESTION = choice_example("q", "Which?", {"A": "one", "B": "two"}, "B")
TALK = Example("t", (Message("user", "a"), Message("assistant", "b"), Message("user", "c")), ())
GRADER = ReferenceGrader("openai/made-up", Parameters())


@pytest.mark.parametrize(
    ("asking", "texts"),
    [
        (Asking(), ["a", "b", "c"]),
        (Asking("Do."), ["a", "b", "c\n\nDo."]),
        (Asking("Do.", "before"), ["a", "b", "Do.\n\nc"]),
        (Asking("Do.", "every"), ["a\n\nDo.", "b", "c\n\nDo."]),
        (Asking(lambda example: f"Do {example.id}."), ["a", "b", "c\n\nDo t."]),
    ],
)
def test_instructions_stand_where_asking_says(asking: Asking, texts: list[str]) -> None:
    """Nowhere, after or before the last message, or after each of the user's."""
    assert [message.text for message in asking.messages(TALK)] == texts


def test_examples_are_worked_only_where_their_answers_are_known() -> None:
    """Each worked example is asked as the question is, and answered."""
    assert Asking("Do.").shots([TALK]) is None
    turns = Asking("Do.", answer=lambda _: "x").shots([TALK])
    assert turns is not None
    assert [turn.text for turn in turns] == ["a", "b", "c\n\nDo.", "x"]


@pytest.mark.parametrize(
    ("judging", "why"),
    [
        (Protocol("p", scoring=Scoring()).judging, "nothing is judged here"),
        (Judging(GRADER, LabelJudge("{answer}", ("0", "1"))), "these have labels"),
        (Judging(), "states no grader"),
    ],
)
def test_a_reference_grader_is_needed_where_criteria_are_met_or_not(
    judging: Judging, why: str
) -> None:
    """The error says which of three it is."""
    with pytest.raises(InputError, match=why):
        judging.reference("rewards")
    assert Judging(GRADER).reference("rewards") == GRADER


def test_the_prompt_of_healthbench_is_its_familys_alone() -> None:
    """Elsewhere a prompt of ours, or the user's."""
    assert Judging().prompt_choice(None) == "preceptor"
    assert Judging().prompt_choice("mine.txt") == "mine.txt"
    assert Judging(prompt=None, healthbench=True).prompt_choice(None) is None
    assert Judging(healthbench=True).prompt_choice("reference") == "reference"
    with pytest.raises(InputError, match="this benchmark is not theirs"):
        Judging().prompt_choice("reference")


def test_two_protocols_share_how_they_ask_and_not_how_they_score() -> None:
    """The same object asks; a letter is right, or a criterion is met."""
    asking = choice_asking("Say it.")
    letters = Protocol("letters", asking=asking, scoring=ChoiceScoring())
    rubric = Protocol("rubric", asking=asking, judging=Judging(GRADER), scoring=RubricScoring())
    assert letters.messages(QUESTION) == rubric.messages(QUESTION)
    right = Graded(QUESTION, 0, Response("r", text="B"), ())
    assert letters.score(right).values["overall_score"] == 1
    criterion = Example("q", QUESTION.messages, (Criterion("Kind?", 5),))
    met = Graded(criterion, 0, Response("r", text="B"), (Verdict("v", met=False),))
    assert rubric.score(met).values["overall_score"] == 0


class Length(Scoring):
    """The answer's length, of 10."""

    scales = {"size": Scale(0, 10, "letters", higher_is_better=False)}  # noqa: RUF012

    def score(self, graded: Graded):  # type: ignore[no-untyped-def]
        assert graded.response is not None
        size = len(graded.response.text) / 10
        return scored(graded, {"overall_score": 1 - size, "size": size}, "read")


def test_scoring_stands_alone_and_gives_its_scales() -> None:
    """Means by default, those with a scale in its unit and with its good end."""
    scoring = Length()
    examples = [Example(name, (Message("user", name),), ()) for name in "ab"]
    answers = [Response("1", text="12"), Response("2", text="1234")]
    graded = [Graded(e, 0, r, ()) for e, r in zip(examples, answers, strict=True)]
    metrics = scoring.summarise(scoring.scores(graded), examples)
    assert metrics["overall_score"].value == pytest.approx(0.7)
    size = metrics["size"]
    assert (size.value, size.unit, size.higher_is_better) == (pytest.approx(3), "letters", False)


def test_each_benchmark_is_composed_of_the_four_parts() -> None:
    """None has a class of its own that overrides how it asks, judges or scores."""
    for benchmark in all_benchmarks():
        protocol = benchmark.protocol
        assert type(protocol).messages is Protocol.messages, benchmark.name
        assert type(protocol).score is Protocol.score, benchmark.name
        assert isinstance(protocol.asking, Asking)
        assert isinstance(protocol.judging, Judging)
        assert isinstance(protocol.scoring, Scoring)
