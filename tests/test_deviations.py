"""Mistakes seen in other implementations: ours must differ, on data where it matters."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest

from data_fixtures import (
    HEALTHBENCH,
    example,
    graded,
    isolate,
    needs_data,
    professional_row,
    read_lines,
    row,
    write_rows,
)
from preceptor import benchmarks
from preceptor.errors import EndpointError
from preceptor.graders.base import Question
from preceptor.graders.rubric import RubricGrader, parse_verdict
from preceptor.graders.template import OWN, Template
from preceptor.records import Completion, Criterion, Graded, Message, Response
from preceptor.scoring import LENGTH_SUFFIX, OVERALL, LengthRule, score_rubric, summarise
from preceptor.statistics import bootstrap_std
from preceptor.systems.base import Ask, System


def overall(items: list[Graded], rule: LengthRule | None = None, suffix: str = "") -> float | None:
    scores = [score_rubric(item) for item in items]
    tags = {item.example.id: item.example.tags for item in items}
    return summarise(scores, tags, rule)[OVERALL + suffix].value


class Judge(System):
    """Answers with the next of the given texts, and keeps what it was asked."""

    def __init__(self, *replies: str | EndpointError) -> None:
        self.address = "judge"
        self.failures = Counter()
        self.replies = list(replies)
        self.asked: list[str] = []

    async def answer(self, ask: Ask) -> Completion:
        self.asked.append(ask.messages[-1].content)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, EndpointError):
            raise reply
        return Completion(reply)


# Clipping


def test_clipping_each_example_before_the_mean() -> None:
    """Mistake: clip every example to [0, 1] before the mean. It turns 0 into 0.5 here, and lifts
    runs on Hard whose real mean is negative."""
    items = [graded(example([5], "a"), [True]), graded(example([2, -10], "b"), [False, True])]
    each = [score_rubric(item).values[OVERALL] for item in items]
    wrong = np.mean([min(1, max(0, value)) for value in each])
    assert wrong == 0.5
    assert overall(items) == 0.0 != wrong


@needs_data
def test_clipping_each_example_before_the_mean_on_real_runs() -> None:
    """Mistake: the same, on real verdicts, where it makes a score of several points out of 0."""
    points = {
        r["prompt_id"]: [i["points"] for i in r["rubrics"]]
        for r in read_lines(HEALTHBENCH / "hard_892.jsonl")
    }
    rows = read_lines(HEALTHBENCH / "graded_responses_hard.jsonl.gz")
    run = [each for each in rows if each["run"].startswith("baseline/")]
    items = [
        graded(example(points[each["prompt_id"]], each["prompt_id"]), each["criteria_met"])
        for each in run
    ]
    each = [score_rubric(item).values[OVERALL] for item in items]
    assert np.mean(each) < -0.03
    assert np.mean(np.clip(each, 0, 1)) > 0.05
    assert overall(items) == 0.0


def test_clipping_each_example_after_the_length_penalty() -> None:
    """Mistake: clip an example's score once the penalty is taken off, or before it is. Ours
    leaves both alone, so a short good answer keeps what it gained."""
    rule = LengthRule(10)
    items = [
        graded(example([1], "a"), [True], text="x" * 1000),  # 1.2
        graded(example([1, -1], "b"), [False, True], text="x" * 3000),  # −1.2
        graded(example([1], "c"), [True], text="x" * 2000),  # 1.0
    ]
    adjusted = [rule.adjust(raw, n) for raw, n in ((1, 1000), (-1, 3000), (1, 2000))]
    wrong = np.mean(np.clip(adjusted, 0, 1))
    found = overall(items, rule, LENGTH_SUFFIX)
    assert found == pytest.approx(1 / 3)
    assert wrong == pytest.approx(2 / 3)


# Judges


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "not JSON",
        '{"criteria_met": "true"}',
        '{"criteria_met": 1}',
        '{"criteria_met": null}',
        '{"explanation": "made-up"}',
        '{"criteria_met": false',
        "[false]",
    ],
)
async def test_malformed_replies_as_not_met(reply: str) -> None:
    """Mistake: count a judge's malformed reply as "not met". Ours is ungraded with a reason, and
    the score stays open."""
    item = example([5, -5])
    response = Message("assistant", "made-up answer")
    judge = Judge(reply)
    grader = RubricGrader("judge", judge, OWN)
    prompt = grader.prompt((*item.messages, response), item.criteria[1])
    verdict = await grader.judge(Question("k", Ask((Message("user", prompt),))))
    assert verdict.met is None
    assert verdict.reason in ("unparseable", "empty")
    assert len(judge.asked) > 1, "a malformed reply is asked again before it is given up"
    done = graded(item, [True, False])
    wrong = score_rubric(done)
    ours = score_rubric(msgspec.structs.replace(done, verdicts=(done.verdicts[0], verdict)))
    assert wrong.values[OVERALL] == 1
    assert OVERALL not in ours.values
    assert (ours.low[OVERALL], ours.high[OVERALL]) == (0.0, 1.0)


def test_malformed_as_not_met_lifts_examples_with_penalties_and_lowers_others() -> None:
    """Mistake: the same, and which way it errs depends on the sign of the points."""
    for points, direction in ((-5, "high"), (5, "low")):
        item = example([5, points])
        wrong = score_rubric(graded(item, [True, False])).values[OVERALL]
        ours = score_rubric(graded(item, [True, None]))
        assert OVERALL not in ours.values
        assert getattr(ours, direction)[OVERALL] == wrong


def test_all_criteria_in_one_call() -> None:
    """Mistake: put all criteria into one call by default. Ours shows a judge one criterion."""
    item = Criterion("made-up alpha", 5), Criterion("made-up beta", -3)
    grader = RubricGrader("judge", Judge("{}"), OWN)
    prompts = [grader.prompt((Message("user", "made-up question"),), c) for c in item]
    assert "made-up alpha" in prompts[0]
    assert "made-up beta" not in prompts[0]
    assert "made-up alpha" not in prompts[1]
    assert "[-3] made-up beta" in prompts[1]
    with pytest.raises(ValueError, match="Expected"):
        parse_verdict('[{"criteria_met": true}, {"criteria_met": false}]')


def test_filling_the_template_with_str_format() -> None:
    """Mistake: fill the judge's prompt with `str.format`, which breaks on braces in the template's
    JSON example or in an answer. Ours takes any text as it is."""
    template = Template(
        "t", 'Look at <<conversation>> for <<rubric_item>>; reply {"criteria_met": true}'
    )
    with pytest.raises((KeyError, ValueError, IndexError)):
        template.text.replace("<<conversation>>", "{conversation}").format(conversation="x")
    hostile = "{0} {name} {{ %s \\1 $x"
    text = template.render(hostile, "[5] {braces}")
    assert text == f'Look at {hostile} for [5] {{braces}}; reply {{"criteria_met": true}}'


def test_a_slot_name_in_the_conversation_is_filled_again() -> None:
    """Mistake: with successive replacements, an answer that contains a slot's name is filled with
    the rubric item. Ours is not filled again."""
    template = Template("t", "<<conversation>> | <<rubric_item>>")
    assert template.render("say <<rubric_item>>", "[5] x") == "say <<rubric_item>> | [5] x"


# Tags and sets


def test_scores_of_tags_with_only_negative_criteria() -> None:
    """Mistake: score a tag whose criteria are all negative (0, 1 or −∞). Officially undefined: the
    example does not enter the tag's mean or n."""
    tags = [("axis:accuracy",), ("axis:completeness",)]
    items = [
        graded(example([5, -5], "a", criteria_tags=tags), [True, False]),
        graded(example([5, 5], "b", criteria_tags=tags), [True, False]),
    ]
    metrics = summarise([score_rubric(item) for item in items], {})
    assert (metrics["axis:accuracy"].value, metrics["axis:accuracy"].n) == (1.0, 2)
    assert (metrics["axis:completeness"].value, metrics["axis:completeness"].n) == (0.0, 1)
    alone = summarise([score_rubric(items[0])], {})
    assert "axis:completeness" not in alone


def test_consensus_as_the_default_set() -> None:
    """Mistake: take Consensus for "HealthBench", and call its score accuracy. Ours are three names
    with three sizes, and the plain one is the main set."""
    sizes = {b.name: b.n_examples for b in benchmarks.all_benchmarks()}
    assert sizes["healthbench"] == 5000
    assert (sizes["healthbench-hard"], sizes["healthbench-consensus"]) == (1000, 3671)
    names = {name for name in sizes if name.startswith("healthbench")} - {"healthbench-br"}
    sources = {benchmarks.get(name).source for name in names}
    assert len(sources) == 4
    metrics = summarise([score_rubric(graded(example([5]), [True]))], {})
    assert list(metrics) == ["overall_score"]


@pytest.mark.parametrize("end", [b"\n", b""], ids=["newline at the end", "none"])
def test_one_row_lost(tmp_path: Path, end: bytes) -> None:
    """Mistake: lose one row, first or last (3,670 of Consensus). Ours keeps both, whatever the
    file begins and ends with."""
    rows = [row(f"e{i}") for i in range(5)]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join(json.dumps(r).encode() for r in rows) + end)
    found = benchmarks.get("healthbench").load(path).examples
    assert [e.id for e in found] == ["e0", "e1", "e2", "e3", "e4"]
    assert benchmarks.get("healthbench-consensus").n_examples == 3671


def test_use_cases_counted_from_the_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mistake: read use cases off `type` and `difficulty` (256 and 78 are counts of good faith,
    typical and difficult). Ours keeps each field a slice of its own."""
    isolate(monkeypatch, tmp_path)
    cases = [("consult", "good_faith", "typical")] * 3 + [("writing", "red_teaming", "difficult")]
    cases.append(("research", "good_faith", "difficult"))
    rows = [
        professional_row(f"p{i}", use_case=use, type=kind, difficulty=hard)
        for i, (use, kind, hard) in enumerate(cases)
    ]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    examples = benchmarks.get("healthbench-professional").load(path).examples
    counts = Counter(tag for e in examples for tag in e.tags)
    assert {name: n for name, n in counts.items() if name.startswith("use_case:")} == {
        "use_case:consult": 3,
        "use_case:writing": 1,
        "use_case:research": 1,
    }
    assert counts["type:good_faith"] == 4
    assert counts["difficulty:difficult"] == 2
    scores = [score_rubric(Graded(e, 0, Response("r"), (None,) * 2)) for e in examples]
    metrics = summarise(scores, {e.id: e.tags for e in examples})
    assert {name for name in metrics if name.startswith("type:")} == {
        "type:good_faith",
        "type:red_teaming",
    }


# Statistics


def test_sample_standard_deviation_for_the_bootstrap() -> None:
    """Mistake: a sample standard deviation (ddof 1) or the spread of scores instead of `np.std` of
    the resampled means. Ours is the population's, of clipped means."""
    scores = np.array([0.1, 0.9, 0.4, 0.6])
    rng = np.random.default_rng(0)
    means = [scores[rng.integers(0, 4, 4)].mean() for _ in range(1000)]
    found = bootstrap_std(scores)
    assert found == pytest.approx(np.std(means), abs=1e-12)
    assert found != pytest.approx(np.std(means, ddof=1), abs=1e-7)
    assert found != pytest.approx(np.std(scores), rel=0.2)


def test_an_unclipped_mean_as_the_score() -> None:
    """Mistake: print the unclipped mean as the score. Ours is clipped, with the raw mean beside
    it."""
    metrics = summarise([score_rubric(graded(example([1, -5]), [False, True]))], {})
    assert (metrics[OVERALL].value, metrics[OVERALL].raw_mean) == (0.0, -5.0)


def test_pooling_criteria_over_examples() -> None:
    """Mistake: add up all criteria of a run. Ours is a mean over examples, so a long rubric weighs
    no more than a short one."""
    items = [graded(example([5], "a"), [True]), graded(example([5] * 9, "b"), [False] * 9)]
    assert overall(items) == 0.5 != 1 / 10
