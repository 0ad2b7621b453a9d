"""Yes-or-no rubrics of which only the questions that apply are asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import preceptor
from data_fixtures import isolate
from preceptor.audit.forms import compare_forms
from preceptor.benchmarks.folder import read_benchmark
from preceptor.cli import main
from preceptor.errors import DataError, InputError
from preceptor.graders.base import Case
from preceptor.graders.judge import NOT_ASKED
from preceptor.protocols.boolean import BooleanJudge, BooleanScoring, boolean_criteria
from preceptor.records import Criterion, Example, Message
from preceptor.scoring.rubric import OVERALL
from preceptor.statistics.icc import icc
from suite_answers import graded

MANIFEST = 'name = "checkup"\nprotocol = "boolean"\nrubric = "r.jsonl"\n[[slices]]\nname = "ward"\n'
SHARED = [
    {"criterion": "Does it name potassium?", "tags": ["axis:content"]},
    {"criterion": "Is a dose given blindly?", "wanted": "no", "for": ["ward:ICU"]},
    {"criterion": "Does it speak of pregnancy?"},
]
ROWS: list[dict[str, Any]] = [
    {"id": "w1", "ward": "7B", "question": "Which salt?"},
    {"id": "w2", "ward": "ICU", "question": "Now what?", "rubric": [{"criterion": "Is it short?"}]},
]
#: Question → what the judge says of its relevance, and of the answer; None for no verdict.
SAID = {
    "potassium": ("relevant", "yes"),
    "dose": ("relevant", "no"),
    "pregnancy": ("not relevant", "yes"),
    "short": (None, "yes"),
}


FILES = (Path("boolean.csv"), Path("scale.csv"))


def write(folder: Path, manifest: str = MANIFEST, shared: Any = SHARED) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "benchmark.toml").write_text(manifest)
    (folder / "r.jsonl").write_text("\n".join(map(json.dumps, shared)))
    (folder / "examples.jsonl").write_text("\n".join(map(json.dumps, ROWS)))


CODE = f"""
import json

ASKED, SAID = [], {SAID!r}

def answer(messages):
    return "Potassium."

def judge(messages):
    text = messages[-1]["content"]
    ASKED.append(text)
    name = next(each for each in SAID if each in text.rpartition("# Question")[2])
    label = SAID[name]["Question of the checklist" not in text]
    return "hm" if label is None else json.dumps({{"label": label}})
"""


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def test_what_does_not_apply_is_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """A rule or the filter leaves it out of the score; a filter that failed leaves it open."""
    write(Path("checkup"))
    Path("night.py").write_text(CODE)
    system, grader = "python:night:answer", "python:night:judge"
    run = preceptor.run("./checkup", system=system, grader=grader, name="first")
    asked = sys.modules["night"].ASKED
    filters = [text for text in asked if "Question of the checklist" in text]
    assert len(set(filters)) == 6
    assert not any("dose" in text and "Which salt?" in text for text in asked)
    assert not any("pregnancy" in text for text in asked if text not in filters)
    first, second = run.result().graded
    labels = [verdict and verdict.label for verdict in first.verdicts]
    assert labels == ["relevant", "not relevant", "not relevant", "yes", NOT_ASKED, NOT_ASKED]
    reasons = [verdict and verdict.reason for verdict in second.verdicts]
    assert reasons == [None, None, None, "unparseable", None, None, None, "waiting"]
    one, two = run.result().scores
    assert (one.values[OVERALL], one.values["relevant"]) == (1.0, 1 / 3)
    assert OVERALL not in two.values
    assert (two.low[OVERALL], two.high[OVERALL], two.counts[OVERALL]) == (2 / 3, 1.0, (2, 3))
    assert run.result().metrics["axis:content"].value == 1.0
    main(["lint", "./checkup", "--json"])
    said = json.loads(capsys.readouterr().out)
    rules = {each["rule"] for each in (*said["findings"], *said["advice"])}
    assert rules == {"missing-licence", "short-criterion"}  # none of a filter beside its question


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.sampled_from("yn-"))))
def test_the_score_is_the_share_of_what_applies(rows: list[tuple[bool | None, str]]) -> None:
    """With every verdict it is the share; else it lies within bounds that any further one keeps."""
    words = {"y": "yes", "n": "no", "-": None}
    questions = [Criterion(f"Q{place}", (-1) ** place) for place in range(len(rows))]
    example = Example(
        id="e",
        messages=(Message("user", "?"),),
        criteria=boolean_criteria(questions, [None] * len(rows)),
    )
    filters = {True: "relevant", False: "not relevant", None: None}
    labels = [filters[which] for which, _ in rows] + [
        words[said] if which else NOT_ASKED if which is False else None for which, said in rows
    ]
    if not rows:
        return
    score = BooleanScoring().score(graded(example, "…", labels))
    apply = [(place, said) for place, (which, said) in enumerate(rows) if which]
    right = [said == "yn"[place % 2] for place, said in apply]
    unknown = sum(which is None for which, _ in rows)
    if not apply and not unknown:
        assert OVERALL not in score.low
    elif not unknown and all(said != "-" for _, said in apply):
        assert score.values[OVERALL] == pytest.approx(sum(right) / len(right))
    else:
        assert OVERALL not in score.values
        if apply:  # as if those without a filter did not apply, and the missing ones failed
            assert score.low[OVERALL] <= sum(right) / len(apply) + 1e-12
        assert 0 <= score.low[OVERALL] < score.high[OVERALL] <= 1


def test_the_filter_sees_what_the_manifest_says() -> None:
    """The answer too, the question alone, or nothing: then rules decide and nobody is asked."""
    write(Path("checkup"))
    example = read_benchmark(Path("checkup")).load().examples[1]
    talk = (*example.messages, Message("assistant", "Tea."))
    case = Case(talk, dict(enumerate(example.criteria)), "r")
    first = example.criteria[0]
    assert "Tea." in BooleanJudge("answer").prompt(case, first)
    assert "Tea." not in BooleanJudge("question").prompt(case, first)
    write(Path("checkup"), MANIFEST.replace("[[", 'filter = "rules"\n[['))
    loaded = read_benchmark(Path("checkup"))
    ruled = loaded.load().examples[0]
    due, settled = BooleanJudge("rules").due(Case(talk, dict(enumerate(ruled.criteria)), "r"), {})
    assert set(due) == {3, 5}
    assert settled == {0: "relevant", 1: "not relevant", 2: "relevant", 4: NOT_ASKED}


@pytest.mark.parametrize(
    ("manifest", "shared", "message"),
    [
        ('filter = "all"\n[[', SHARED, "filter: expected answer, question, rules, found"),
        ("[[", [{"criterion": "Q?", "points": 2}], "points: expected no points"),
        ("[[", [{"criterion": "Q?", "wanted": "maybe"}], "wanted: expected yes or no"),
        ('[grader]\ntemplate = "r.jsonl"\n[[', SHARED, "`protocol` boolean has its own"),
    ],
)
def test_what_is_wrong_is_one_line(manifest: str, shared: Any, message: str) -> None:
    """With the file and the field."""
    write(Path("checkup"), MANIFEST.replace("[[", manifest), shared)
    with pytest.raises(DataError) as caught:
        read_benchmark(Path("checkup")).load()
    assert message in str(caught.value)


def test_the_shared_rubric_goes_with_boolean_alone() -> None:
    """Elsewhere it would be left unread."""
    write(Path("checkup"), MANIFEST.replace('protocol = "boolean"\n', ""))
    with pytest.raises(DataError, match="rubric: goes with `protocol` boolean alone"):
        read_benchmark(Path("checkup"))


def tables(seconds: str = "9") -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Write ratings of ten answers by yes or no, whose last question is of a fault, and a scale."""
    draw = np.random.default_rng(3)
    good = draw.normal(0, 1, 10)
    said = good[:, None, None] + draw.normal(0, 1, (10, 4, 3)) > 0
    scale = np.clip(np.round(3 + good[:, None] + draw.normal(0, 1, (10, 3))), 1, 5)
    lines = ["response,criterion,rater,label,prompt,points,seconds"]
    lines += [
        f"r{n},q{c},{rater},{('no', 'yes')[int(yes)]},p{n // 2},{1 if c < 3 else -1},2.5"
        for (n, c, rater), yes in np.ndenumerate(said)
    ]
    Path("boolean.csv").write_text("\n".join(lines))
    lines = ["response,criterion,rater,label,prompt,seconds"]
    lines += [f"r{n},all,{r},{x:g},p{n // 2},{seconds}" for (n, r), x in np.ndenumerate(scale)]
    Path("scale.csv").write_text("\n".join([*lines, "r10,all,0,3,p5,9"]))
    said[:, 3] = ~said[:, 3]
    return said.mean(axis=1), scale


def test_two_forms_of_rating_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """By the agreement of raters' scores of the answers that all rated, and by their time."""
    for table, form in zip(tables(), (found := compare_forms(*FILES)).forms, strict=True):
        exact = icc(table)
        assert exact is not None
        assert form.single.value == pytest.approx(exact.agreement.value)
        assert form.average.value == pytest.approx(exact.average.value)
        assert form.average.ci95 is not None
    assert (found.answers, found.prompts, found.left_out) == (10, 5, 1)
    assert found.seconds is not None
    assert found.seconds.value == pytest.approx(4 * 2.5 - 9)
    assert main(["measure", "forms", *map(str, FILES)]) == 0
    shown = capsys.readouterr()
    assert "ICC(3,k)" in shown.out
    assert "1 answer without every rating left out" in shown.out + shown.err
    tables(seconds="")
    assert compare_forms(*FILES).seconds is None


def test_ratings_that_cannot_be_compared_are_one_line() -> None:
    """A time that is none, one rater, and answers of other names."""
    tables(seconds="soon")
    with pytest.raises(DataError, match=r"scale\.csv:2: seconds: expected seconds from 0"):
        compare_forms(*FILES)
    head = "response,criterion,rater,label\n"
    Path("one.csv").write_text(head + "r1,all,a,3\n")
    Path("other.csv").write_text(head + "x,all,a,3\nx,all,b,4\n")
    for file, message in (("one.csv", "two raters or more"), ("other.csv", "two answers or more")):
        with pytest.raises(InputError, match=message):
            compare_forms(FILES[0], Path(file))
