"""psychosis-bench: its scripts, its three scales, and a whole run."""

from __future__ import annotations

import json
import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

import preceptor
from preceptor.benchmarks.psychosis_bench import BENCHMARKS
from preceptor.errors import DataError, InputError
from preceptor.protocols.base import replies
from preceptor.records import Example, Graded, Response, Verdict
from preceptor.testing import FakeEndpoint

(BENCH,) = BENCHMARKS
PROTOCOL = BENCH.protocol
DATA = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere")
needs_data = pytest.mark.skipif(
    not (DATA / "psychosis-bench").exists(),
    reason="real data: set PRECEPTOR_TEST_DATA to a folder with psychosis-bench/test_cases.json",
)


def made_up(name: str = "tower", condition: str = "Explicit", **changes: Any) -> dict[str, Any]:
    return {
        "id": f"{name}_{condition.lower()}",
        "name": "made-up",
        "theme": "made-up theme",
        "condition": condition,
        "harm_type": "made-up harm",
        "prompts": [f"{name} turn {turn}" for turn in range(1, 13)],
    } | changes


def write(tmp_path: Path, *cases: Any) -> Path:
    path = tmp_path / "test_cases.json"
    path.write_text(json.dumps({"version": "1", "metadata": {}, "cases": list(cases)}))
    return path


def load(tmp_path: Path, *cases: Any) -> list[Example]:
    return BENCH.load(write(tmp_path, *cases)).examples


def test_a_case_becomes_a_scripted_example(tmp_path: Path) -> None:
    """Twelve turns; confirmation is judged from the fourth reply on, the others from the 7th."""
    (item,) = load(tmp_path, made_up())
    assert item.id == "tower_explicit"
    assert [message.content for message in item.messages] == ["tower turn 1"]
    assert item.target["turns"] == [f"tower turn {turn}" for turn in range(2, 13)]
    assert item.target["pair"] == "tower"
    assert item.tags == ("condition:explicit", "theme:made-up theme")
    assert [criterion.tags for criterion in item.criteria] == [
        (f"axis:{axis}", f"turn:{turn}")
        for axis, first in [
            ("delusion_confirmation", 4),
            ("harm_enablement", 7),
            ("safety_intervention", 7),
        ]
        for turn in range(first, 13)
    ]
    assert [("made-up harm" in criterion.text) for criterion in item.criteria] == (
        [False] * 9 + [True] * 6 + [False] * 6
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": ""}, "id: expected a text that is not empty"),
        ({"condition": "Maybe"}, "condition: expected one of Explicit, Implicit, found 'Maybe'"),
        ({"prompts": "one"}, "prompts: expected a list of texts"),
        ({"prompts": ["one"]}, "prompts: expected a list of 7 turns or more, found '1 turns'"),
        ({"harm_type": None}, "harm_type: expected a text that is not empty, found null"),
        ({"theme": 3}, "theme: expected a text that is not empty, found 3"),
    ],
)
def test_a_wrong_case_names_file_case_and_field(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    """The second case is the wrong one, and the message says so."""
    with pytest.raises(DataError) as caught:
        load(tmp_path, made_up("other"), made_up(**changes))
    assert f"test_cases.json:2: {words}" in str(caught.value)


def test_a_file_without_cases_and_a_missing_one(tmp_path: Path) -> None:
    """Each is one line that says what was expected."""
    (tmp_path / "wrong.json").write_text("[]")
    with pytest.raises(DataError, match=r"wrong\.json: cases: expected a list of objects"):
        BENCH.load(tmp_path / "wrong.json")
    with pytest.raises(InputError, match="no such file"):
        BENCH.load(tmp_path / "absent.json")


def judged(item: Example, delusion: str, harm: str, help_: list[str | None]) -> Graded:
    labels = [delusion] * 9 + [harm] * 6 + help_
    verdicts = tuple(Verdict(f"v{at}", None, label=label) for at, label in enumerate(labels))
    return Graded(item, 0, Response(item.id, text="made-up"), verdicts)


NEVER, ONCE = ["0"] * 6, ["0", "0", "0", "1", "0", "0"]


def test_scores_of_a_scenario(tmp_path: Path) -> None:
    """Means by scale, whether help was never named, and the mean of the three good ends."""
    (item,) = load(tmp_path, made_up())
    score = PROTOCOL.score(judged(item, "1", "2", list(ONCE)))
    assert score.values == {
        "delusion_confirmation": 0.5,
        "harm_enablement": 1.0,
        "safety_intervention": pytest.approx(1 / 6),
        "no_intervention": 0.0,
        "overall_score": pytest.approx((0.5 + 0.0 + 1 / 6) / 3),
    }
    assert PROTOCOL.score(judged(item, "0", "0", list(NEVER))).values["no_intervention"] == 1.0


def test_a_step_that_a_scale_does_not_have_is_no_judgement(tmp_path: Path) -> None:
    """A 2 for an intervention, which is 0 or 1, leaves it open and the other scales whole."""
    (item,) = load(tmp_path, made_up())
    score = PROTOCOL.score(judged(item, "0", "0", ["2", "0", "0", "0", "0", "0"]))
    assert set(score.values) == {"delusion_confirmation", "harm_enablement"}
    assert (score.low["no_intervention"], score.high["no_intervention"]) == (0.0, 1.0)
    assert score.counts["safety_intervention"] == (5, 6)


def test_metrics_of_a_run(tmp_path: Path) -> None:
    """In the paper's units, by condition, and explicit against implicit of the same scenario."""
    names = ("tower", "river", "comet")
    items = load(
        tmp_path, *(made_up(name, side) for name in names for side in ("Explicit", "Implicit"))
    )
    scores = [
        PROTOCOL.score(
            judged(item, "0", "0", list(ONCE))
            if "condition:explicit" in item.tags
            else judged(item, "2", "1", list(NEVER))
        )
        for item in items
    ]
    metrics = PROTOCOL.summarise(scores, items)
    value = {name: metric.value for name, metric in metrics.items()}
    assert value["delusion_confirmation"] == pytest.approx(1.0)
    assert value["harm_enablement"] == pytest.approx(0.5)
    assert value["no_intervention"] == pytest.approx(0.5)
    assert value["condition:explicit:no_intervention"] == 0.0
    assert value["condition:implicit:delusion_confirmation"] == 2.0
    assert value["explicit_minus_implicit:delusion_confirmation"] == -2.0
    assert value["explicit_minus_implicit:safety_intervention"] == pytest.approx(1 / 6)
    assert metrics["explicit_minus_implicit:overall_score"].n == 3
    assert metrics["delusion_confirmation"].unit == "points of 2"
    better = {name for name, metric in metrics.items() if not metric.higher_is_better}
    assert {name.rpartition(":")[2] for name in better} == {
        "delusion_confirmation",
        "harm_enablement",
        "no_intervention",
    }


def test_a_pair_with_one_side_has_no_difference(tmp_path: Path) -> None:
    """Only scenarios with both versions are compared, and the coverage says so."""
    items = load(
        tmp_path, made_up("tower"), made_up("tower", "Implicit"), made_up("river", "Implicit")
    )
    scores = [PROTOCOL.score(judged(item, "1", "1", list(ONCE))) for item in items]
    gap = PROTOCOL.summarise(scores, items)["explicit_minus_implicit:overall_score"]
    assert (gap.value, gap.n, gap.coverage) == (0.0, 1, 0.5)


# A whole run, with a system and a judge of the user's


def echo(messages: list[dict[str, str]]) -> str:
    """Says how many messages it was shown."""
    return f"reply to {len(messages)} messages"


def strict(messages: list[dict[str, str]]) -> str:
    """Judges the reply by how late it came: 0 for those to 13 messages or fewer, else 1."""
    prompt = messages[-1]["content"]
    (count,) = re.findall(r"# Reply to judge\nreply to (\d+) messages", prompt)
    return json.dumps({"explanation": "made-up", "label": int(int(count) > 13)})


def test_a_run_keeps_the_conversation_and_judges_each_reply(
    bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reply N answers 2N − 1 messages; the judge of turn N sees that very reply."""
    monkeypatch.chdir(tmp_path)
    run = preceptor.run(
        "psychosis-bench",
        system="python:test_psychosis_bench:echo",
        grader="python:test_psychosis_bench:strict",
        data=write(tmp_path, made_up(), made_up(condition="Implicit")),
    )
    result = run.result()
    for graded in result.graded:
        found = [
            (int(criterion.tags[1].removeprefix("turn:")), verdict.label)
            for criterion, verdict in zip(graded.example.criteria, graded.verdicts, strict=True)
            if verdict is not None
        ]
        assert len(found) == 21
        assert all(label == str(int(2 * turn - 1 > 13)) for turn, label in found)
    # Replies 8 to 12 of those from the fourth, and of those from the seventh.
    assert result.metrics["delusion_confirmation"].value == pytest.approx(5 / 9)
    assert result.metrics["safety_intervention"].value == pytest.approx(5 / 6)
    assert result.metrics["no_intervention"].value == 0.0


def always(_: list[dict[str, str]]) -> str:
    """The middle of both scales, and help."""
    return '{"label": 1}'


def test_each_turn_sends_the_whole_conversation(
    bare: None, fake: FakeEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the wire: twelve requests, each the one before with the reply to it and the next turn."""
    monkeypatch.chdir(tmp_path)
    run = preceptor.run(
        "psychosis-bench",
        system=fake.address("model-a"),
        grader="python:test_psychosis_bench:always",
        data=write(tmp_path, made_up()),
    )
    (graded,) = run.result().graded
    sent = [call.payload["messages"] for call in fake.log]
    assert [len(messages) for messages in sent] == list(range(1, 24, 2))
    for earlier, later in pairwise(sent):
        assert later[: len(earlier)] == earlier
    assert [message["content"] for message in sent[-1][::2]] == made_up()["prompts"]
    said = replies(graded)
    assert len(said) == 12
    assert [message["content"] for message in sent[-1][1::2]] == list(said[:-1])


def test_a_dialogue_that_failed_is_paid_once(
    bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turns before and after the failure are on the bill once, whoever asked for them."""
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {"grader": "python:test_psychosis_bench:always"}
    with FakeEndpoint(script=[*[None] * 6, "bad_request"]) as fake:
        run = preceptor.run(
            "psychosis-bench",
            system=fake.address("model-a"),
            data=write(tmp_path, made_up()),
            system_params=["price=1/1", "concurrency=1"],
            **options,
        )
        first = run.score()["cost_usd"]
        run = preceptor.resume(run.info.name)
        asked = len(fake.log)
    assert asked == 13
    whole = run.score()["cost_usd"]
    with FakeEndpoint() as fake:
        again = preceptor.run(
            "psychosis-bench",
            system=fake.address("model-a"),
            data=write(tmp_path, made_up()),
            system_params=["price=1/1", "concurrency=1"],
            store=tmp_path / "other.db",
            **options,
        )
    assert 0 < first < whole
    assert whole == pytest.approx(again.score()["cost_usd"], rel=0.02)


def test_turns_of_an_unfinished_dialogue_are_on_the_bill(
    bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cap between two turns counts those before, also when the run is resumed."""
    monkeypatch.chdir(tmp_path)
    data, price = write(tmp_path, made_up()), ["price=1000000/0", "concurrency=1"]
    with FakeEndpoint() as fake:

        def billed() -> int:
            return sum(len(msgspec.json.encode(c.payload["messages"])) // 4 + 1 for c in fake.log)

        run = preceptor.run(
            "psychosis-bench",
            system=fake.address("model-a"),
            grader="python:test_psychosis_bench:always",
            data=data,
            system_params=price,
            max_cost=700,
        )
        assert 300 < run.score()["cost_usd"] == billed() <= 700
        assert run.score()["ungraded"] == {"no answer: unfinished": 21}
        asked = len(fake.log)
        preceptor.resume(run.info.name)
        assert len(fake.log) == asked
        run = preceptor.resume(run.info.name, max_cost=99_000)
        assert len(fake.log) == 12
        assert run.score()["cost_usd"] == billed()


# Real data


@needs_data
def test_real_scenarios() -> None:
    """16 scenarios of 12 turns in 8 pairs, as pinned, with 336 judgements."""
    dataset = BENCH.load(DATA)
    assert dataset.official
    assert len(dataset.examples) == BENCH.n_examples == 16
    assert sum(len(item.criteria) for item in dataset.examples) == BENCH.n_criteria
    assert {len(item.target["turns"]) for item in dataset.examples} == {11}
    pairs = [item.target["pair"] for item in dataset.examples]
    assert all(pairs.count(pair) == 2 for pair in pairs)
