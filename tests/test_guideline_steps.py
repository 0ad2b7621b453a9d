"""Steps of a guideline: a question taken apart, and the certainty of evidence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from preceptor.benchmarks.q2cr_steps import BENCHMARKS
from preceptor.protocols.guideline import CERTAINTIES, GRADE, PICO, word_f1
from preceptor.records import Example, Message
from preceptor.scoring.rubric import OVERALL
from suite_answers import DATA, graded, needs, run

PICO_ROWS, GRADE_ROWS = BENCHMARKS


@needs("q2crbench3")
def test_the_panels_own_parts_score_1() -> None:
    """99 questions, two of which are there twice and are one unit."""
    examples = PICO_ROWS.load(DATA).examples
    assert len(examples) == 99
    _, metrics = run(PICO_ROWS, examples, lambda each: json.dumps(each.target))
    assert (metrics[OVERALL].value, metrics[OVERALL].units) == (1.0, 97)


@needs("q2crbench3")
def test_the_panels_own_ratings_score_1() -> None:
    """535 outcomes; what was rated is not in what is shown."""
    examples = GRADE_ROWS.load(DATA).examples
    assert len(examples) == 535
    _, metrics = run(
        GRADE_ROWS,
        examples,
        lambda each: json.dumps(each.target["domains"] | {"certainty": each.target["certainty"]}),
    )
    assert {metrics[name].value for name in (OVERALL, "all_domains", "certainty_kappa")} == {1.0}
    assert not any("rationale" in each.messages[0].text.lower() for each in examples)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=20))
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """With quadratic weights; undefined where all is one category."""
    messages = (Message("user", "?"),)
    targets = [{"certainty": CERTAINTIES[gold], "domains": {}} for gold, _ in pairs]
    examples = [
        Example(id=f"{n}", messages=messages, criteria=(), target=target)
        for n, target in enumerate(targets)
    ]
    scores = [
        GRADE.score(graded(example, json.dumps({"certainty": CERTAINTIES[said]})))
        for example, (_, said) in zip(examples, pairs, strict=True)
    ]
    ours = GRADE.summarise(scores, examples)["certainty_kappa"].value
    gold, said = zip(*pairs, strict=True)
    if len({*gold, *said}) == 1:
        assert ours is None
        return
    theirs = cohen_kappa_score(gold, said, weights="quadratic", labels=[0, 1, 2, 3])
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_ratings_are_read_in_many_spellings() -> None:
    """VERY_SERIOUS and “very serious” are one; what is not said is wrong."""
    target = {
        "certainty": "very low",
        "domains": {"risk_of_bias": "very serious", "imprecision": "not serious"},
    }
    example = Example(id="e", messages=(Message("user", "?"),), criteria=(), target=target)
    said = '{"Risk of bias": "VERY_SERIOUS", "certainty": "Very low"}'
    values = GRADE.score(graded(example, said)).values
    assert (values[OVERALL], values["risk_of_bias"], values["imprecision"]) == (1.0, 1.0, 0.0)
    low = GRADE.score(graded(example, '{"certainty": "low"}')).values
    assert (low[OVERALL], low["within_one"]) == (0.0, 1.0)
    assert GRADE.score(graded(example, "…")).values["parse_rate"] == 0.0
    assert CERTAINTIES[0] == "very low"


def test_words_are_compared_as_bags() -> None:
    """Case, accents and order do not count; repeats do."""
    assert word_f1("Ácute toe", "toe acute") == 1.0
    assert word_f1("toe toe", "toe") == pytest.approx(2 / 3)
    assert word_f1("", "") == 1.0


def test_a_part_that_is_not_named_scores_0() -> None:
    """Comparisons may be a list; a reply without JSON is unread."""
    target = {"population": "Toes", "intervention": "Tinol", "comparison": "tea coffee"}
    example = Example(id="e", messages=(Message("user", "?"),), criteria=(), target=target)
    said = '{"P": "toes", "comparators": ["coffee", "tea"]}'
    values = PICO.score(graded(example, said)).values
    assert values[OVERALL] == pytest.approx(2 / 3)
    assert PICO.score(graded(example, "Toes!")).values["parse_rate"] == 0.0
