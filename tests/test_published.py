"""Published numbers, recomputed by our scoring from published counts. No text is needed."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import msgspec
import pytest

from data_fixtures import HEALTHBENCH, criterion, verdict
from preceptor import benchmarks
from preceptor.protocols.rubric import RubricProtocol
from preceptor.records import Example, Graded, Message, Response
from preceptor.scoring import LENGTH_SUFFIX, OVERALL, LengthRule, score_rubric, summarise

TABLES = HEALTHBENCH / "published_tables.json"
pytestmark = pytest.mark.skipif(
    not TABLES.exists(),
    reason="published tables: set PRECEPTOR_TEST_DATA to a folder with "
    "healthbench/published_tables.json",
)

MODELS = (
    "GPT-4.1",
    "Grok 3",
    "o3",
    "Gemini 2.5 Pro (Mar 2025)",
    "o1",
    "GPT-4o (Aug 2024)",
    "Claude 3.7 Sonnet (extended thinking)",
    "Llama 4 Maverick",
    "GPT-3.5 Turbo",
)


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(TABLES.read_text())
    return content


def consensus_run(tables: dict[str, Any], model: str) -> list[Graded]:
    """A run with as many criteria met, of each kind, as were published: which examples met them
    does not matter, since a mean of sums is a sum of means."""
    counts = tables["healthbench"]["table8_met_counts"]
    sizes = tables["healthbench"]["table8_category_n"]
    kinds: dict[str, list[str]] = defaultdict(list)
    for cluster in counts:
        (category,) = (name for name in sizes if cluster.startswith(name + "_"))
        kinds[category].append(cluster)
    run = []
    for category, size in sizes.items():
        for number in range(size):
            example = Example(
                f"{category}-{number}",
                (Message("user", "?"),),
                tuple(criterion(5, f"cluster:{kind}") for kind in kinds[category]),
                (f"physician_agreed_category:{category}",),
            )
            met = (number < counts[kind][model] for kind in kinds[category])
            verdicts = tuple(verdict(each, index) for index, each in enumerate(met))
            run.append(Graded(example, 0, Response("r", text="!"), verdicts))
    return run


@pytest.mark.parametrize("model", MODELS)
def test_table_8_by_mean_over_examples(tables: dict[str, Any], model: str) -> None:
    """From the published counts our summary gives the published scores, overall and by criterion;
    pooling all criteria gives another overall score."""
    run = consensus_run(tables, model)
    assert (len(run), sum(len(item.verdicts) for item in run)) == (3671, 8053)
    tags = {item.example.id: item.example.tags for item in run}
    metrics = summarise([score_rubric(item) for item in run], tags)
    published = tables["healthbench"]["table8_consensus"]
    assert published["overall"][model] == round(metrics[OVERALL].value or 0, 4)
    assert metrics[OVERALL].n == 3671
    clusters = {name: row for name, row in published.items() if name != "overall"}
    assert len(clusters) == 37
    for name, row in clusters.items():
        assert round(metrics[f"cluster:{name}"].value or 0, 4) == row[model], name
    met = sum(bool(v and v.met) for item in run for v in item.verdicts)
    assert round(met / 8053, 4) != published["overall"][model]


def test_pooling_gives_the_known_wrong_numbers(tables: dict[str, Any]) -> None:
    """The mistake has known results, from .9341 for GPT-4.1 to .7557 for GPT-3.5 Turbo."""
    counts = tables["healthbench"]["table8_met_counts"].values()
    pooled = {model: sum(row[model] for row in counts) / 8053 for model in MODELS}
    assert round(pooled["GPT-4.1"], 4) == 0.9341
    assert round(pooled["GPT-3.5 Turbo"], 4) == 0.7557


BENCHMARK_OF = {
    "HealthBench": "healthbench",
    "Hard": "healthbench-hard",
    "Consensus": "healthbench-consensus",
    "Professional": "healthbench-professional",
}


def rule_of(name: str) -> LengthRule:
    protocol = benchmarks.get(name).protocol
    assert isinstance(protocol, RubricProtocol)
    return protocol.scoring.length_rule


def test_the_rules_are_the_published_ones(tables: dict[str, Any]) -> None:
    """Points per 500 characters, centred on 2,000 characters."""
    published = tables["system_cards_pct"]
    for column, points in published["penalty_points_per_500_chars"].items():
        rule = rule_of(BENCHMARK_OF[column])
        assert (rule.points_per_500, rule.centre) == (points, published["center_chars"])
    assert rule_of("healthbench-professional").slope == pytest.approx(2.94e-5, rel=1e-12)


def test_all_rows_of_the_system_cards(tables: dict[str, Any]) -> None:
    """All 48 published (adjusted, unadjusted, mean characters) fit the rule, as far as rounding to
    0.1 point of both scores and to a whole character allows."""
    rows = [
        (model, column, *numbers)
        for model, row in tables["system_cards_pct"]["rows_adjusted_unadjusted_meanchars"].items()
        for column, numbers in row.items()
    ]
    assert len(rows) == 48
    for model, column, adjusted, unadjusted, chars in rows:
        rule = rule_of(BENCHMARK_OF[column])
        ours = 100 * rule.adjust(unadjusted / 100, chars)
        slack = 0.05 + 0.05 + rule.points_per_500 / 500 * 0.5
        assert ours == pytest.approx(adjusted, abs=slack), (model, column)


def test_real_pairs_of_raw_and_adjusted_scores(tables: dict[str, Any]) -> None:
    """Each of 14 published pairs implies a whole number of characters, and adjusting the raw score
    by that length gives the adjusted one, through the whole summary."""
    rule = rule_of("healthbench-professional")
    pairs = tables["healthbench_professional_pct"]["length_adjustment"]["vectors_raw_adjusted"]
    assert len(pairs) == 14
    for raw, adjusted in pairs:
        implied = rule.centre + (raw - adjusted) / rule.slope
        length = round(implied)
        assert length >= 0
        assert implied == pytest.approx(length, abs=0.001)  # the pairs have eight decimals
        assert rule.adjust(raw, length) == pytest.approx(adjusted, abs=1e-8)
        one = Example("e", (Message("user", "?"),), (criterion(1),))
        score = score_rubric(Graded(one, 0, Response("r", text="x" * length), (verdict(True),)))
        shifted = msgspec.structs.replace(score, values={OVERALL: raw})
        summary = summarise([shifted], {}, rule)[OVERALL + LENGTH_SUFFIX]
        assert summary.raw_mean == pytest.approx(adjusted, abs=1e-8)
        assert summary.value == pytest.approx(min(1, max(0, adjusted)), abs=1e-8)


def test_the_example_of_the_reference_implementation(tables: dict[str, Any]) -> None:
    """Score .8 with 2,500 characters at 2.2 points per 500 is .778."""
    check = tables["healthbench_professional_pct"]["length_adjustment"]["unit_test_upstream"]
    rule = LengthRule(100 * check["penalty_per_500"], check["center"])
    assert rule.adjust(check["raw"], check["chars"]) == pytest.approx(check["adjusted"])
    assert LengthRule(2.2).adjust(0.8, 2500) == pytest.approx(0.778)


def test_the_rule_is_symmetric() -> None:
    """As much is given below 2,000 characters as is taken above."""
    rule = LengthRule(1.47)
    assert rule.adjust(0.5, 2000) == 0.5
    assert rule.adjust(0.5, 1000) - 0.5 == pytest.approx(0.5 - rule.adjust(0.5, 3000))
