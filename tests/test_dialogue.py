"""Scripted dialogues: which turn comes next, what a judge is shown, and how ratings add up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from preceptor.errors import InputError
from preceptor.graders.base import Case
from preceptor.protocols.base import Protocol
from preceptor.protocols.dialogue import SCRIPT, DialogueScoring, TurnJudge
from preceptor.records import Criterion, Example, Graded, Message, Metric, Response, Verdict
from preceptor.scoring.ratings import Measure, Scale, in_points, ordinal, rated, share

FIVE = Scale(1, 5, "points of 5")
JUDGE = TurnJudge("{conversation} | {answer} | {criterion} | {target.reference}", tuple("12345"))
DIALOGUE = Protocol(
    "dialogue", environment=SCRIPT, scoring=DialogueScoring({"tone": FIVE, "content": FIVE})
)


def example(name: str = "d1", turns: int = 2) -> Example:
    return Example(
        id=name,
        messages=(Message("user", "first"),),
        criteria=tuple(
            Criterion(f"how is the {axis}?", 1, (f"axis:{axis}", f"turn:{turn}"))
            for turn in range(1, turns + 1)
            for axis in ("tone", "content")
        ),
        target={
            "turns": [f"turn {turn}" for turn in range(2, turns + 1)],
            "references": [f"reference {turn}" for turn in range(1, turns + 1)],
        },
    )


def labelled(item: Example, labels: Sequence[str | None], repeat: int = 0) -> Graded:
    """A response with a verdict for each label; None becomes one that was not given."""
    verdicts = tuple(
        Verdict(f"v{at}", None, label=label, reason=None if label else "timeout")
        for at, label in enumerate(labels)
    )
    return Graded(item, repeat, Response(f"r-{item.id}", text="made-up answer"), verdicts)


def replies_to(item: Example, said: str) -> list[Message]:
    """What the script says after each reply, to its end."""
    assert DIALOGUE.environment is not None
    session = DIALOGUE.environment.open(item)

    async def talk() -> list[Message]:
        found = []
        while (turn := await session.reply(Message("assistant", said))) is not None:
            found.append(turn)
        await session.close()
        return found

    return asyncio.run(talk())


def test_turns_follow_one_another_and_end() -> None:
    """After each reply comes the next turn of the script, and after the last none."""
    found = replies_to(example(turns=3), "whatever the system says")
    assert found == [Message("user", text) for text in ("turn 2", "turn 3")]


def test_an_example_without_a_script_is_one_question() -> None:
    """Nothing follows on the reply."""
    alone = Example("e", (Message("user", "only"),), ())
    assert replies_to(alone, "a reply") == []
    assert replies_to(example(turns=1), "a reply") == []


TALK = tuple(
    Message(role, text)  # type: ignore[arg-type]
    for role, text in [
        ("system", "be kind"),
        ("user", "first"),
        ("assistant", "reply 1"),
        ("user", "turn 2"),
        ("assistant", "reply 2"),
    ]
)


def case(conversation: Sequence[Message] = TALK) -> Case:
    item = example()
    return Case(tuple(conversation), dict(enumerate(item.criteria)), "mine", target=item.target)


def test_a_judge_sees_the_talk_up_to_the_reply_in_question() -> None:
    """What was said after it is not shown, and the reference is that of its turn."""
    first, _, second, _ = example().criteria
    assert JUDGE.prompt(case(), first) == (
        "system: be kind\n\nuser: first | reply 1 | how is the tone? | reference 1"
    )
    assert JUDGE.prompt(case(), second) == (
        "system: be kind\n\nuser: first\n\nassistant: reply 1\n\nuser: turn 2 | reply 2 | "
        "how is the tone? | reference 2"
    )


def test_a_criterion_without_a_turn_is_about_the_last_reply() -> None:
    """The whole conversation is shown."""
    judge = TurnJudge("{answer}", ("1",))
    assert judge.prompt(case(), Criterion("how is it?", 1)) == "reply 2"


def test_an_answer_that_is_no_whole_dialogue_is_refused_in_one_line() -> None:
    """A criterion about the second reply of an answer that has one says what to give."""
    with pytest.raises(InputError, match="expected 2 replies or more, found 1: give it with all"):
        JUDGE.prompt(case(TALK[:3]), example().criteria[-1])


# Labels as numbers


@pytest.mark.parametrize(
    ("label", "step", "part"),
    [("1", 1, 0.0), ("2", 2, 0.25), ("5", 5, 1.0), ("0", None, None), ("yes", None, None)],
)
def test_a_label_on_its_scale(label: str, step: int | None, part: float | None) -> None:
    """A step becomes its share of the scale; what is not on it is no rating."""
    verdict = Verdict("v", None, label=label)
    assert (ordinal(verdict, FIVE), share(verdict, FIVE)) == (step, part)


def test_a_missing_rating_bounds_what_it_decides() -> None:
    """Without all verdicts a metric has no value, but a lowest and a highest one."""
    score = rated(
        labelled(example(), ["5", None, "5", "3"]),
        {"mean": Measure((1.0, None, 0.5)), "least": Measure((0.0, None), min)},
    )
    assert score.values == {}
    assert score.low == {"mean": 0.5, "least": 0.0}
    assert score.high == {"mean": pytest.approx(2.5 / 3), "least": 0.0}
    assert score.counts == {"mean": (2, 3), "least": (1, 2)}


def test_ratings_of_a_dialogue() -> None:
    """Each axis is the mean of its ratings; the headline is the mean of them all, 0 to 1."""
    score = DIALOGUE.score(labelled(example(), ["5", "1", "3", "2"]))
    assert score.values == {
        "tone": 0.75,
        "content": 0.125,
        "overall_score": pytest.approx(0.4375),
    }
    assert score.length == len("made-up answer")


def test_a_failed_dialogue_is_missing() -> None:
    """No answer gives no value: it could have been anything."""
    failed = Graded(
        example(), 0, Response("r", failure="timeout"), (None,) * len(example().criteria)
    )
    score = DIALOGUE.score(failed)
    assert (score.values, score.length) == ({}, None)
    assert score.low["overall_score"] == 0
    assert score.high["overall_score"] == 1


def test_axes_are_given_in_points() -> None:
    """A mean of 0.75 on a scale from 1 to 5 is 4.0, and its interval is in points, too."""
    items = [
        msgspec.structs.replace(example(name), messages=(Message("user", name),))
        for name in ("d1", "d2", "d3")
    ]
    given = [["5", "1", "5", "1"], ["4", "1", "4", "1"], ["3", "1", "3", "1"]]
    scores = [DIALOGUE.score(labelled(item, each)) for item, each in zip(items, given, strict=True)]
    metrics = DIALOGUE.summarise(scores, items)
    tone = metrics["tone"]
    assert tone.value == pytest.approx(4.0)
    assert (tone.unit, tone.n) == ("points of 5", 3)
    assert tone.ci95 is not None
    assert tone.ci95[0] < 4.0 < tone.ci95[1]
    assert metrics["content"].value == 1.0
    assert metrics["overall_score"].value == pytest.approx(0.375)
    assert metrics["overall_score"].unit == "share"


def test_all_of_a_metric_is_rescaled() -> None:
    """Value, intervals, bounds and spread follow the scale; others stay as they are."""
    metric = Metric(0.5, 0.5, 4, (0.25, 0.75), (0.25, 0.75), 0.1, 0.9, (0.0, 1.0), (0.3, 0.6))
    scale = Scale(1, 5, "points of 5", higher_is_better=False)
    found = in_points({"a": metric, "b": metric}, {"a": scale})
    assert found["b"] == metric
    assert found["a"] == Metric(
        3.0,
        3.0,
        4,
        (2.0, 4.0),
        (2.0, 4.0),
        pytest.approx(0.4),  # type: ignore[arg-type]
        0.9,
        (1.0, 5.0),
        (pytest.approx(2.2), pytest.approx(3.4)),  # type: ignore[arg-type]
        unit="points of 5",
        higher_is_better=False,
    )
