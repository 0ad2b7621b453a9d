"""A grader against physicians: official numbers, the procedure of table 5, failures, bad input."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_fixtures import HEALTHBENCH, isolate, needs_data, write_rows
from preceptor import cli
from preceptor.audit import forms, meta_eval
from preceptor.audit.agreement import Agreement
from preceptor.audit.card import card, cost_of
from preceptor.audit.failures import SelfPreference, Slice, self_preference
from preceptor.audit.families import family
from preceptor.audit.labels import Judged, Labels, choose_grader, read_meta_eval, theme_of
from preceptor.audit.meta_eval import Share
from preceptor.audit.panel import Panel, PanelAudit, RaterAgreement
from preceptor.audit.ratings import as_labels, read_ratings
from preceptor.audit.repeat import Repetition
from preceptor.audit.report import Audit, GraderAgreement, audit
from preceptor.errors import DataError, InputError
from preceptor.records import Usage, Verdict
from preceptor.testing import FakeEndpoint

PAGE = Path(__file__).parent.parent / "docs" / "audit.md"
META = HEALTHBENCH / "meta_eval_100_reconstructed.jsonl"
OFFICIAL = (
    HEALTHBENCH
    / "simple_evals_outputs"
    / "healthbench_meta_llama-3.1-8b-instruct-turbo_20250831_130730.json"
)
GRADER = "llama-3.1-8b-instruct-turbo"
HEDGING = "cluster:hedging_no-uncertainty_hedges"


def judged(met: bool | None, *labels: bool, again: bool | None = None, **changes: Any) -> Judged:
    """A made-up row; physicians are a, b, c … ."""
    verdicts = {"judge": met, "judge-2": again}
    return msgspec.structs.replace(
        Judged(
            prompt="made-up prompt",
            criterion="made-up criterion",
            category=HEDGING,
            labels=labels,
            physicians=tuple("abcdefgh"[: len(labels)]),
            verdicts={name: each for name, each in verdicts.items() if each is not None},
        ),
        **changes,
    )


def meta_row(**changes: Any) -> dict[str, Any]:
    """A made-up row in the schema of the meta-evaluation."""
    return {
        "prompt_id": "made-up",
        "prompt": [{"role": "user", "content": "made-up question"}],
        "completion": "made-up answer",
        "completion_id": "made-up",
        "rubric": "made-up criterion",
        "category": HEDGING,
        "binary_labels": [True, False],
        "anonymized_physician_ids": ["a", "b"],
        "graders": {"judge": {"criteria_met": True, "raw": "made up"}},
    } | changes


# Official numbers


@needs_data
def test_every_official_metric_is_reproduced() -> None:
    """The 498 keys of a real output, no more and no fewer; all but the random ones to 1e-12."""
    official = json.loads(OFFICIAL.read_text("utf-8"))
    found = audit(read_meta_eval(META), GRADER)
    assert set(found.metrics) == set(official)
    assert len(official) == 498
    assert found.score == official["score"] == 0.54296875
    for name, value in official.items():
        if name.endswith(":bootstrap_std"):
            # Both are of 1,000 random resamples, and of few rows.
            assert found.metrics[name] == pytest.approx(value, rel=0.12, abs=1e-12), name
        else:
            assert found.metrics[name] == pytest.approx(value, abs=1e-12), name


@needs_data
@pytest.mark.parametrize(
    ("grader", "score"),
    [
        ("llama-3.1-70b-instruct-turbo", 0.658),
        ("llama-3.3-70b-instruct-turbo-free", 0.633),
        ("llama-3.3-70b-instruct-turbo-free (run 2)", 0.654),
    ],
)
def test_scores_of_the_other_stored_graders(grader: str, score: float) -> None:
    """Pooled macro F1 of the other three as published; the last on the 50 rows that it judged."""
    found = audit(read_meta_eval(META), grader)
    assert found.score == pytest.approx(score, abs=5e-4)
    assert found.agreement.judged == (50 if "run 2" in grader else 100)
    assert found.agreement.rows == 100
    assert found.agreement.pairwise.macro_f1.value == pytest.approx(found.score)


@needs_data
def test_the_official_rows_are_read() -> None:
    """Rows of the official file, which have no verdicts, are read; choosing a grader says so."""
    path = HEALTHBENCH / "meta_eval_first5_official_rows.json"
    labels = read_meta_eval(path)
    assert len(labels.rows) == 5
    assert all(len(row.labels) >= 2 for row in labels.rows)
    with pytest.raises(InputError, match="no row has a grader's verdict"):
        choose_grader(labels, None)


def test_a_class_that_never_occurs_leaves_its_keys_out() -> None:
    """A grader who always says met has no precision of not met, and no balanced F1 or score."""
    found = meta_eval.metrics([judged(True, True, False), judged(True, True, True)], "judge")
    own = {name.removeprefix("pairwise_model_") for name in found if name.startswith("pairwise")}
    assert own == {"precision_pos", "recall_pos", "recall_neg", "recall_balanced", "f1_pos"}
    assert "score" not in found
    assert found["pairwise_model_recall_neg"] == 0
    assert found["num_physician_labels"] == 2
    assert found["percent_physician_pos"] == 0.75


def test_f1_is_zero_where_precision_and_recall_are() -> None:
    """A grader who is wrong each time has F1 of 0, which is not undefined."""
    found = meta_eval.metrics([judged(True, False, False), judged(False, True, True)], "judge")
    assert found["score"] == 0


@given(st.lists(st.tuples(st.booleans(), st.lists(st.booleans(), min_size=1, max_size=4))))
def test_metrics_are_those_of_counting_pair_by_pair(rows: list[tuple[bool, list[bool]]]) -> None:
    """Shares and their n equal the lists that the definition keeps, one entry for each pair."""
    lists: dict[str, list[bool]] = {}
    for met, labels in rows:
        for label in labels:
            lists.setdefault(f"precision_{'pos' if met else 'neg'}", []).append(met == label)
            lists.setdefault(f"recall_{'pos' if label else 'neg'}", []).append(met == label)
    made = [judged(met, *labels) for met, labels in rows]
    tables = meta_eval.pairs_by_category(made, "judge")
    found = meta_eval.by_class(tables[HEDGING]) if tables else {}
    assert {name for name in found if "f1" not in name and "balanced" not in name} == set(lists)
    for name, each in lists.items():
        assert found[name] == Share(len(each), pytest.approx(sum(each) / len(each)))
    for kind in ("pos", "neg"):
        precision, recall = lists.get(f"precision_{kind}"), lists.get(f"recall_{kind}")
        assert (f"f1_{kind}" in found) == bool(precision and recall)
        if precision and recall:
            n = len(precision) + len(recall) - sum(precision)
            assert found[f"f1_{kind}"].n == pytest.approx(n)
            assert found[f"f1_{kind}"].value == pytest.approx(
                2 * sum(precision) / (len(precision) + len(recall))
            )


# Table 5


def test_each_physician_is_compared_with_every_other() -> None:
    """Three labels make two pairs for each of the three physicians."""
    tables = meta_eval.by_physician([judged(None, True, True, False)])[HEDGING]
    assert tables["a"].tolist() == tables["b"].tolist() == [[0, 0], [1, 1]]
    assert tables["c"].tolist() == [[0, 2], [0, 0]]


def test_the_procedure_of_table_5_by_hand() -> None:
    """Weighted grader; a small physician is in the average but not in the percentile; ties half."""
    physicians = [Share(60, 0.5), Share(100, 0.7), Share(80, 0.6), Share(50, 0.1)]
    found = meta_eval.band("hedging", [Share(10, 0.9), Share(90, 0.6 - 0.3 / 9)], physicians)
    assert found.macro_f1 == pytest.approx(0.9 * 0.1 + (0.6 - 0.3 / 9) * 0.9)
    assert found.macro_f1 == pytest.approx(0.6)
    assert found.physicians == 3
    assert found.average == pytest.approx((30 + 70 + 48 + 5) / 290)
    tied = meta_eval.band("hedging", [Share(1, 0.6)], physicians)
    assert tied.percentile == pytest.approx(100 * 1.5 / 3)
    assert meta_eval.band("x", [], physicians).percentile is None
    assert meta_eval.band("x", [Share(1, 0.5)], []).average is None


def test_themes_join_their_categories() -> None:
    """A physician's values of several categories are weighted by n before they count."""
    rows = [
        judged(True, True, False, category="cluster:hedging_a"),
        judged(False, False, True, category="cluster:hedging_a"),
        *[judged(True, True, True, category="cluster:hedging_b")] * 30,
        *[judged(False, False, False, category="cluster:hedging_b")] * 30,
        judged(True, True, True, category="nothing of HealthBench"),
    ]
    (theme,) = meta_eval.theme_bands(rows, "judge")
    # In category a each physician has F1 of 0 on 2 + 2 pairs; in b F1 of 1 on 30 + 30.
    assert theme.name == "hedging"
    assert theme.average == pytest.approx(60 / 64)
    assert theme.physicians == 2
    own = meta_eval.by_class(meta_eval.pairs_by_category(rows, "judge")["cluster:hedging_a"])
    share = own["f1_balanced"]
    expected = (share.n * share.value + 120) / (share.n + 120)
    assert theme.macro_f1 == pytest.approx(expected)
    assert theme.percentile == pytest.approx(0 if expected < 60 / 64 else 100)
    assert [one.name for one in meta_eval.category_bands(rows, "judge")] == [
        "cluster:hedging_a",
        "cluster:hedging_b",
        "nothing of HealthBench",
    ]


@needs_data
def test_table_5_of_the_paper_can_be_read_as_bands() -> None:
    """The published rows are consistent: percentiles are whole or half physicians of n."""
    tables = json.loads((HEALTHBENCH / "published_tables.json").read_text("utf-8"))
    themes = tables["healthbench"]["table5_meta_by_theme"]
    assert all(theme_of(f"cluster:{name}_x") == name for name in themes)
    for row in themes.values():
        places = row["gpt41_percentile"] / 100 * row["n_physicians"]
        assert abs(2 * places - round(2 * places)) < 0.001 * row["n_physicians"] + 1e-9


# Agreement, failures, repeats


def many(**changes: Any) -> list[Judged]:
    """200 rows on 100 prompts: the grader is right 4 times in 5, physicians agree 9 in 10."""
    rows = []
    for place in range(200):
        truth = place % 3 != 0
        met = truth if place % 5 else not truth
        other = truth if place % 10 else not truth
        rows.append(
            judged(
                met,
                truth,
                other,
                again=met if place % 20 else not met,
                prompt=f"prompt {place // 2}",
                points=-4.0 if place % 2 else 5.0,
                criterion="x" * (50 if place % 2 else 300),
                model="gpt-made-up" if place % 4 else "claude-made-up",
                **changes,
            )
        )
    return rows


def test_an_audit_counts_what_it_rests_on() -> None:
    """Rows, prompts, physicians, labels and ties, with rows without a verdict left out."""
    rows = [*many(), judged(None, True, True, prompt="another")]
    found = audit(Labels("made-up.jsonl", rows, ("judge",)), "judge").agreement
    assert (found.rows, found.judged, found.prompts, found.labels) == (201, 200, 100, 400)
    assert found.physicians == 2
    assert found.ties == 20
    assert found.majority is not None
    assert found.majority.pairs == 180
    assert found.among_physicians is not None
    assert found.among_physicians.pairs == 400
    assert found.pairwise.prompts == 100


def test_the_gap_is_the_difference_of_two_macro_f1() -> None:
    """Grader and physicians minus physicians among themselves; negative here."""
    found = audit(Labels("made-up.jsonl", many(), ("judge",)), "judge").agreement
    assert found.among_physicians is not None
    ours, theirs = found.pairwise.macro_f1.value, found.among_physicians.macro_f1.value
    assert ours is not None
    assert theirs is not None
    assert found.gap.value == pytest.approx(ours - theirs)
    assert found.gap.ci95 is not None
    assert found.gap.ci95[0] < found.gap.value < 0
    assert found.gap.value < found.gap.ci95[1]


def test_chance_is_what_random_verdicts_get() -> None:
    """Half met on labels of which half are met: 0.5."""
    rows = [judged(met, label) for met in (True, False) for label in (True, False)]
    assert audit(Labels("x", rows, ("judge",)), "judge").agreement.chance == pytest.approx(0.5)


def test_slices_split_the_pairs() -> None:
    """Slices of a kind have all pairs between them; their confusion is that of a count."""
    rows = many()
    found = audit(Labels("made-up.jsonl", rows, ("judge",)), "judge").agreement.slices
    assert [one.name for one in found if one.kind == "points"] == ["negative", "positive"]
    assert [one.name for one in found if one.kind == "length"] == ["1–100", "251–1,000"]
    for kind in ("points", "length", "theme", "category", "model"):
        assert sum(one.pairs for one in found if one.kind == kind) == 400
    negative = next(one for one in found if one.name == "negative")
    pairs = [
        (row.verdicts["judge"], label) for row in rows if row.points == -4 for label in row.labels
    ]
    assert negative.confusion.only_grader == sum(met and not label for met, label in pairs)
    assert negative.confusion.only_physician == sum(label and not met for met, label in pairs)
    assert negative.bias.value == pytest.approx(
        sum(met - label for met, label in pairs) / len(pairs)
    )


def test_self_preference_is_the_difference_of_bias() -> None:
    """A judge who passes its own failures: +0.5 on its own, 0 on others, +0.5 between them."""
    own = [
        judged(True, label, model="gpt-4o", prompt=f"{n}", verdicts={"openai/gpt-5": True})
        for n in range(40)
        for label in (True, False)
    ]
    others = [
        judged(True, label, model="claude-3", prompt=f"{n}", verdicts={"openai/gpt-5": label})
        for n in range(40)
        for label in (True, False)
    ]
    found = self_preference([*own, *others], "openai/gpt-5")
    assert found is not None
    assert found.family == "openai"
    assert (found.own.value, found.others.value) == (0.5, 0)
    assert found.difference.value == 0.5
    assert self_preference(own, "openai/gpt-5") is None
    assert self_preference([judged(True, True)], "judge") is None


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("openai/gpt-5.4-mini", "openai"),
        ("gpt4omini", "openai"),
        ("o4-mini", "openai"),
        ("yesno:local/qwen2.5-coder-1.5b", "qwen"),
        ("llama-3.3-70b-instruct-turbo-free (run 2)", "meta"),
        ("http://localhost:8000/v1#claude-opus-4-8", "anthropic"),
        ("acme-2b-chat", "acme"),
        ("", ""),
        ("42", "42"),
    ],
)
def test_the_family_of_a_model(name: str, maker: str) -> None:
    """Addresses and bare names lead to who makes the model."""
    assert family(name) == maker


def test_a_second_pass_is_compared_on_common_rows() -> None:
    """10 of 200 verdicts change; kappa and the change of macro F1 are on those 200."""
    rows = [*many(), judged(True, True, True, prompt="another")]
    labels = Labels("made-up.jsonl", rows, ("judge", "judge-2"))
    found = audit(labels, "judge", "judge-2").agreement.repeat
    assert found is not None
    assert (found.rows, found.prompts) == (200, 100)
    assert found.changed.value == 0.05
    assert found.to_met + found.to_not_met == 10
    second = audit(labels, "judge-2").agreement.pairwise.macro_f1.value
    assert found.second_f1.value == second
    assert found.first_f1.value is not None
    assert second is not None
    assert found.change.value == pytest.approx(second - found.first_f1.value)
    with pytest.raises(InputError, match="no row has verdicts of both it"):
        audit(labels, "judge", "judge-3")


@needs_data
def test_the_second_run_of_a_real_grader() -> None:
    """On 50 rows the second run changes one verdict."""
    name = "llama-3.3-70b-instruct-turbo-free"
    found = audit(read_meta_eval(META), name, f"{name} (run 2)").agreement.repeat
    assert found is not None
    assert (found.rows, found.to_met, found.to_not_met) == (50, 1, 0)


def test_a_card_has_the_worst_and_the_cost() -> None:
    """The lowest categories with enough pairs; tokens and dollars for 1,000 verdicts."""
    rows = [
        *many(category="cluster:hedging_better"),
        *[judged(False, True, False, category="cluster:hedging_tiny")] * 2,
        *[
            judged(True, False, True, category="cluster:hedging_worse", prompt=f"{n}")
            for n in range(9)
        ],
        *[
            judged(False, False, True, category="cluster:hedging_worse", prompt=f"{n}")
            for n in range(9)
        ],
    ]
    verdicts = [Verdict(f"{n}", True, usage=Usage(300, 20), cost_usd=0.002) for n in range(4)]
    made = card(audit(Labels("x", rows, ("judge",)), "judge"), cost_of(verdicts))
    assert [one.name for one in made.worst] == ["cluster:hedging_worse", "cluster:hedging_better"]
    assert made.cost is not None
    assert made.cost.input_tokens == 300_000
    assert made.cost.output_tokens == 20_000
    assert made.cost.usd == pytest.approx(2)
    assert [one.name for one in made.by_points] == ["negative", "positive"]
    assert cost_of([]) is None
    assert cost_of([Verdict("a", True)]) is None
    unpriced = cost_of([Verdict("a", True, usage=Usage(1, 1))])
    assert unpriced is not None
    assert unpriced.usd is None


# Files


def test_forms_of_stored_verdicts(tmp_path: Path) -> None:
    """{"criteria_met": …}, a bare true, one criteria_met with its grader; null is no verdict."""
    rows = [
        meta_row(graders={"a": {"criteria_met": True}, "b": False, "c": None}),
        meta_row(graders=None, criteria_met=False, grader="d"),
        meta_row(graders=None, criteria_met=True),
        meta_row(graders=None),
    ]
    labels = read_meta_eval(write_rows(tmp_path / "meta.jsonl", rows))
    assert labels.graders == ("a", "b", "d", "grader")
    assert [dict(row.verdicts) for row in labels.rows] == [
        {"a": True, "b": False},
        {"d": False},
        {"grader": True},
        {},
    ]
    assert labels.rows[0].conversation[-1].content == "made-up answer"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"binary_labels": [1, 2]}, r":2: binary_labels\[1\]: expected true, false or null"),
        ({"binary_labels": [None, None]}, r":2: binary_labels: expected a label that is not null"),
        ({"binary_labels": "true"}, r":2: binary_labels: expected a list of true and false"),
        ({"binary_labels": []}, r":2: binary_labels: expected a list"),
        ({"anonymized_physician_ids": ["a"]}, r":2: anonymized_physician_ids: expected 2 texts"),
        ({"rubric": ""}, r":2: rubric: expected a text"),
        ({"prompt": []}, r":2: prompt: expected a list of objects"),
        ({"completion": None}, r":2: completion: expected a text"),
        ({"graders": {"a": "partly"}}, r":2: graders\.a: expected true, false or null"),
        ({"graders": {"a": {"met": 1}}}, r":2: graders\.a\.criteria_met: missing"),
        ({"graders": ["a"]}, r":2: graders: expected an object"),
        ({"points": 0}, r":2: points: expected points, not 0"),
    ],
)
def test_a_wrong_row_is_named(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    """File, line and field of each wrong field of a meta-evaluation row."""
    path = write_rows(tmp_path / "meta.jsonl", [meta_row(), meta_row(**changes)])
    with pytest.raises(DataError, match=problem):
        read_meta_eval(path)


HEADER = "response,criterion,rater,label"


def csv_file(path: Path, lines: Sequence[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return path


def test_ratings_become_labels(tmp_path: Path) -> None:
    """All raters but the grader are physicians; an empty label is missing."""
    lines = [
        "r1,c1,ann,met,hedging,p1,-3,gpt-x",
        "r1,c1,bob,0,hedging,p1,-3,gpt-x",
        "r1,c1,judge,TRUE,hedging,p1,-3,gpt-x",
        "r2,c1,ann,Not met,,p1,,",
        "r2,c1,bob,,,p1,,",
        "r3,c1,judge,1,,p2,,",
    ]
    path = csv_file(tmp_path / "r.csv", lines, f"{HEADER},category,prompt,points,model")
    labels = as_labels(read_ratings(path), ["judge"])
    first, second = labels.rows
    assert (first.labels, first.physicians, dict(first.verdicts)) == (
        (True, False),
        ("ann", "bob"),
        {"judge": True},
    )
    assert (first.points, first.model, first.category, first.prompt) == (
        -3,
        "gpt-x",
        "hedging",
        "p1",
    )
    assert (second.labels, second.physicians, dict(second.verdicts)) == ((False,), ("ann",), {})


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["r1,c1,ann,perhaps"], r":2: label: expected 0 or 1.*--kind nominal"),
        (["r1,c1,ann,1", "r1,c1,ann,0"], r":3: rater: 'ann' has already rated"),
        (["r1,c1,,1"], r":2: rater: expected a text"),
        (["r1,c1,ann"], r":2: expected 4 columns, found 3"),
        (['r1,"c1,ann,1'], r"is not CSV"),
        ([], "expected ratings, found an empty table"),
    ],
)
def test_a_wrong_line_of_ratings_is_named(lines: list[str], problem: str, tmp_path: Path) -> None:
    """File, line and column of each fault of a CSV file."""
    with pytest.raises(InputError, match=problem):
        read_ratings(csv_file(tmp_path / "r.csv", lines))


@pytest.mark.parametrize("kind", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize(
    "labels",
    [
        {"r1": (1, 1), "r2": (1, 1), "r3": (1, 1)},
        {"r1": (1, 0)},
        {"r1": (1, 0), "r2": (1, 0), "r3": (1, 0)},
        {"r1": (1, 1), "r2": (1, 1)},
    ],
)
def test_agreement_without_a_value_is_said_and_null(
    kind: str,
    labels: dict[str, tuple[int, int]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All equal, one item, or one label of each rater: null, and a sentence says why."""
    lines = [
        f"{name},c,{rater},{label}"
        for name, both in labels.items()
        for rater, label in zip(("ann", "bob"), both, strict=True)
    ]
    path = str(csv_file(tmp_path / "r.csv", lines))
    assert cli.main(["audit", path, "--kind", kind]) == 0
    said = capsys.readouterr()
    assert not re.search(r"\bnan\b", said.out)
    if kind != "nominal":
        assert "An ICC needs two items" in said.err
    assert cli.main(["audit", path, "--kind", kind, "--json"]) == 0
    panel = json.loads(capsys.readouterr().out)["panel"]
    icc = panel["icc"]
    assert icc is None or icc["consistency"]["value"] is None
    if len({label for both in labels.values() for label in both}) == 1:
        assert panel["alpha"] == {"value": None, "ci95": None}
        assert "Agreement beyond chance is undefined" in said.err


@pytest.mark.parametrize("label", ["1e300", "-1e308", "1e-320", "1" * 400, "1" * 5000])
def test_a_rating_that_cannot_be_computed_with_is_named(label: str, tmp_path: Path) -> None:
    """Its square would be infinite, or 0."""
    path = csv_file(tmp_path / "r.csv", ["r,c,ann,1", f"r,c,bob,{label}"])
    with pytest.raises(DataError, match=r":3: label: expected (0, or )?a number"):
        read_ratings(path, "interval")


def test_wrong_files_of_ratings(tmp_path: Path) -> None:
    """A missing column, numbers that are none, differing columns of one item, another encoding."""
    with pytest.raises(DataError, match=r":1: rater: expected one column rater"):
        read_ratings(csv_file(tmp_path / "a.csv", ["r,c,1"], "response,criterion,label"))
    with pytest.raises(DataError, match=r":2: label: expected a number, found 'nan'"):
        read_ratings(csv_file(tmp_path / "b.csv", ["r,c,ann,nan"]), "interval")
    header = f"{HEADER},prompt"
    with pytest.raises(DataError, match=r":3: response: expected the same prompt"):
        read_ratings(csv_file(tmp_path / "c.csv", ["r,c,ann,1,p", "r,c,bob,1,q"], header))
    with pytest.raises(DataError, match=r":2: points: expected a number, not 0"):
        read_ratings(csv_file(tmp_path / "d.csv", ["r,c,ann,1,0"], f"{HEADER},points"))
    (tmp_path / "e.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="expected UTF-8"):
        read_ratings(tmp_path / "e.csv")
    with pytest.raises(InputError, match="no such file"):
        read_ratings(tmp_path / "f.csv")


# The command


@pytest.fixture
def meta(tmp_path: Path) -> Path:
    rows = [
        meta_row(
            prompt=[{"role": "user", "content": f"made-up question {n}"}],
            binary_labels=[n % 3 != 0, n % 3 != 0 if n % 10 else n % 3 == 0],
            graders={
                "judge": {"criteria_met": n % 3 != 0 if n % 5 else n % 3 == 0},
                "judge 2": {"criteria_met": n % 3 != 0 if n % 4 else n % 3 == 0},
            },
            points=5 if n % 2 else -5,
            model="gpt-made-up" if n % 4 else "claude-made-up",
        )
        for n in range(120)
    ]
    return write_rows(tmp_path / "meta.jsonl", rows)


def test_the_tables_of_the_command(meta: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The headline, the slices and the second pass are printed for people."""
    assert cli.main(["audit", str(meta), "--grader", "judge", "--again", "judge 2"]) == 0
    shown = capsys.readouterr()
    for words in (
        "macro F1",
        "grader and each physician",
        "by chance, of this grader",
        "Responding under uncertainty",
        "points: negative",
        "physicians among themselves",
    ):
        assert words in shown.out
    assert "240 labels by 2 physicians on 120 prompts" in shown.err
    assert "judge 2 changes" in shown.err


def test_the_command_asks_for_a_grader(meta: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several graders and none named, or one that is not there: one line that lists them."""
    assert cli.main(["audit", str(meta)]) == 2
    assert "choose one with --grader: 'judge', 'judge 2'" in capsys.readouterr().err
    assert cli.main(["audit", str(meta), "--grader", "nobody"]) == 2
    assert "which has 'judge', 'judge 2'" in capsys.readouterr().err


def test_the_only_grader_needs_no_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With one stored grader that one is audited; JSON has score, metrics and agreement."""
    rows = [meta_row(binary_labels=[True, False]), meta_row(binary_labels=[True, True])]
    path = write_rows(tmp_path / "meta.jsonl", rows)
    assert cli.main(["audit", str(path), "--json"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out)
    assert list(found) == list(Audit.__struct_fields__)
    assert found["score"] is None
    assert found["metrics"]["pairwise_model_precision_pos"] == 0.75
    assert found["agreement"]["grader"] == "judge"


def test_ratings_on_a_scale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers: ICC, bias and rank correlations of each rater with the others, tables and JSON."""
    lines = [
        f"r{n},c,{rater},{min(5, 1 + (n * 7) % 5 + shift)},p{n // 2}"
        for n in range(30)
        for rater, shift in (("ann", 0), ("bob", 0), ("judge", 1))
    ]
    path = str(csv_file(tmp_path / "r.csv", lines, f"{HEADER},prompt"))
    assert cli.main(["audit", path, "--kind", "ordinal"]) == 0
    shown = capsys.readouterr().out
    for words in ("Krippendorff's alpha", "ICC(A,1)", "Spearman", "ann", "judge"):
        assert words in shown
    assert cli.main(["audit", path, "--kind", "ordinal", "--grader", "judge", "--json"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out, type=PanelAudit)
    (one,) = found.raters
    assert one.bias is not None
    assert one.bias.value == pytest.approx(24 / 30)
    assert found.panel is not None
    assert found.panel.raters == ["ann", "bob"]
    assert found.panel.alpha.value == 1
    assert found.panel.unanimous == 30


def test_words_as_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Any words with --kind nominal: counts by word, kappas, no ICC."""
    words = ["entails", "neutral", "contradicts"]
    lines = [
        f"r{n},c,{rater},{words[(n + (n % 4 == 0) * place) % 3]}"
        for n in range(24)
        for place, rater in enumerate(("ann", "bob", "eve"))
    ]
    path = str(csv_file(tmp_path / "r.csv", lines))
    assert cli.main(["audit", path, "--kind", "nominal", "--json"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out)
    assert sorted(found["panel"]["counts"]) == sorted(words)
    assert found["panel"]["unanimous"] == 18
    assert found["panel"]["majority"] == 18
    assert found["panel"]["icc"] is None
    assert [one["name"] for one in found["raters"]] == ["ann", "bob", "eve"]
    assert cli.main(["audit", path, "--kind", "nominal"]) == 0
    assert "Fleiss' kappa" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["meta.jsonl", "--kind", "ordinal"], "--kind ordinal: is for ratings as .csv"),
        (["meta.jsonl", "--kind", "great"], "--kind: expected one of met, nominal"),
        (["r.csv", "--again", "bob"], "--again needs a --grader"),
        (
            ["r.csv", "--grader", "nobody"],
            "--grader 'nobody': not in r.csv, which has 'ann', 'bob'",
        ),
        (["r.csv", "--grader", "ann", "--again", "eve"], "--again 'eve': not in"),
        (["alone.csv"], "expected items with two raters or more"),
        (["fine.csv", "--kind", "ordinal"], "at most 30 different labels, found 40"),
        (["none.jsonl"], "no such file"),
    ],
)
def test_wrong_use_is_one_line(
    arguments: list[str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is wrong with the options or the table, and exit code 2."""
    monkeypatch.chdir(tmp_path)
    write_rows(Path("meta.jsonl"), [meta_row()])
    csv_file(Path("r.csv"), ["r,c,ann,1", "r,c,bob,1"])
    csv_file(Path("alone.csv"), ["r,c,ann,1"])
    fine = [f"r{n},c,{rater},{n}" for n in range(40) for rater in ("ann", "bob")]
    csv_file(Path("fine.csv"), fine)
    assert cli.main(["audit", *arguments]) == 2
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1


# The page


def test_keys_of_an_audit_are_those_documented() -> None:
    """Each table of docs/audit.md has exactly the fields of what is printed, in order."""
    real = {
        "audit": Audit,
        "agreement": GraderAgreement,
        "pairs": Agreement,
        "band": meta_eval.Band,
        "slice": Slice,
        "self_preference": SelfPreference,
        "repeat": Repetition,
        "ratings": PanelAudit,
        "panel": Panel,
        "rater": RaterAgreement,
        "forms": forms.FormComparison,
        "form": forms.Form,
    }
    parts = re.split(r"^<!-- keys: ([\w ]+) -->$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    described = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert set(described) == set(real)
    for name, section in described.items():
        table = section[section.index("|---") :].split("\n\n", 1)[0]
        keys = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
        assert keys == list(real[name].__struct_fields__), name


def test_the_commands_of_the_page_run(
    meta: Path,
    fake: FakeEndpoint,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every command of docs/audit.md ends with 0, on the labels that it shows."""
    isolate(monkeypatch, meta.parent)
    monkeypatch.chdir(meta.parent)
    monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    page = PAGE.read_text("utf-8")
    shown = re.findall(r"^```text\n(response,.*?)^```$", page, re.MULTILINE | re.DOTALL)[0]
    Path("labels.csv").write_text(shown, "utf-8")
    marks = [f"r{n},c,{rater},{1 + n % 5}" for n in range(9) for rater in ("ann", "bob")]
    for name in ("ratings", "boolean", "likert"):
        csv_file(Path(f"{name}.csv"), marks)
    commands = re.findall(r"^\$ preceptor (.*)$", page, re.MULTILINE)
    assert len(commands) == 6
    for command in commands:
        assert cli.main(shlex.split(command)) == 0, command
    assert capsys.readouterr().out
