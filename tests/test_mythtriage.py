"""MythTriage: stances in messy answers, macro-F1 by myth, and deferring to a stronger model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from preceptor.benchmarks.mythtriage import BENCHMARKS, STANCES
from preceptor.errors import DataError, InputError
from preceptor.protocols.labelling import LabelScoring, deferral
from preceptor.records import Example
from preceptor.scoring.labels import deferral_curve, macro_f1
from suite_answers import DATA, graded, needs, run

(MYTHS,) = BENCHMARKS
PROTOCOL = MYTHS.protocol
HEADER = "video_id,video_url,ranking,query,sort_by_filter,label"


def load(folder: Path, *rows: str, header: str = HEADER) -> list[Example]:
    """These rows as the set of M1, and one row each for the other myths."""
    for number in range(1, 9):
        lines = (header, *rows) if number == 1 else (HEADER, "v0,address,1,q,rating,0")
        (folder / f"M{number}_evaluation_set.csv").write_text("\n".join(lines))
    return MYTHS.load(folder).examples


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ('{"LABEL": 0, "EXCERPTS": "1 of 3"}', "0"),
        ('{"label": "-1"}', "-1"),
        ('{"LABEL": "Supports the myth (1)", "WHY": "nobody opposes it"}', "1"),
        ('{"LABEL": "Opposes the myth (-1)"}', "-1"),
        ('```json\n{"label": 1, "confidence": 80}\n```', "1"),
        ('{"label": -1, "why": "he said "no" twice"}', "-1"),
        ("{'label': 'Neither (0)', 'why': 'it isn't about it'}", "0"),
        ("label: 1", "1"),
        ("-1", "-1"),
        ("−1", "-1"),
        ("The speaker is against it.\n\nAnswer: -1", "-1"),
        ("The video opposes the myth.", "-1"),
        ('{"label": 5}', None),
        ("It neither supports nor opposes it.", "0"),
        ("I cannot watch videos.", None),
        ("", None),
    ],
)
def test_stances_are_read_out_of_messy_answers(answer: str, label: str | None) -> None:
    """Under a key of JSON, broken or not, as a number or in words; two stances are none."""
    assert isinstance(PROTOCOL.scoring, LabelScoring)
    assert PROTOCOL.scoring.read(answer) == label


def test_unusable_labels_are_left_out(tmp_path: Path) -> None:
    """Labels 2, 3 and 4 say that nobody could judge the video: it is no example."""
    rows = [f"v{label},address,1,q,date,{label}" for label in (-1, 0, 1, 2, 3, 4)]
    examples = load(tmp_path, *rows)
    assert [each.id for each in examples[:3]] == ["M1/v-1", "M1/v0", "M1/v1"]
    assert len(examples) == 3 + 7
    assert examples[0].target == {"label": "-1", "cluster": "v-1"}


def test_a_transcript_is_shown_where_a_user_added_one(tmp_path: Path) -> None:
    """Without words of the video its address is shown; with them, these."""
    (without, *_) = load(tmp_path, "v1,address-of-v1,1,q,date,1")
    assert "address-of-v1" in without.messages[0].content
    (given, *_) = load(
        tmp_path,
        "v1,address-of-v1,1,q,date,1,All about toes,toes are blue",
        header=f"{HEADER},video_title,transcript",
    )
    shown = given.messages[0].content
    assert "Title: All about toes\nTranscript: toes are blue" in shown
    assert "address-of-v1" not in shown


@pytest.mark.parametrize(
    ("field", "row"), [("label", "v1,a,1,q,date,7"), ("video_id", ",a,1,q,date,1")]
)
def test_a_wrong_field_is_named(tmp_path: Path, field: str, row: str) -> None:
    """A wrong row is refused with its file, line and field."""
    with pytest.raises(DataError, match=rf"M1_evaluation_set\.csv:2: {field}: expected"):
        load(tmp_path, row)


def test_a_missing_myth_is_named(tmp_path: Path) -> None:
    """A folder without one of the eight sets says which it lacks."""
    with pytest.raises(InputError, match=r"expected M1_evaluation_set\.csv"):
        MYTHS.load(tmp_path)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 2)), min_size=1, max_size=30))
def test_macro_f1_is_that_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    """Over the labels that are there; what could not be read is a miss and no label's alarm."""
    gold, said = [a for a, _ in rows], [b for _, b in rows]
    there = sorted({*gold, *said} - {-1})
    expected = f1_score(gold, said, labels=there, average="macro", zero_division=0)
    found = macro_f1(gold, said, 3)(np.arange(len(rows)))
    assert found == pytest.approx(expected)


def test_confidence_is_read_as_a_share(tmp_path: Path) -> None:
    """A number to 100, a share and a percentage are the same; nonsense is none."""
    (case, *_) = load(tmp_path, "v1,a,1,q,date,1")
    said = [0.8, 80, '"80%"', '"sure"', 900]
    values = [
        PROTOCOL.score(graded(case, f'{{"label": 1, "confidence": {each}}}')).values.get(
            "confidence"
        )
        for each in said
    ]
    assert values == [0.8, 0.8, 0.8, None, None]


def test_a_cascade_gains_what_it_defers(tmp_path: Path) -> None:
    """The curve begins with the cheap model and ends with the stronger one, least certain first."""
    cases = load(tmp_path, *[f"v{i},a,1,q,date,{i % 3 - 1}" for i in range(20)])

    def answer(label: Any, confidence: int) -> str:
        return json.dumps({"label": label, "confidence": confidence})

    cheap = [
        PROTOCOL.score(
            graded(case, answer(0 if i % 2 else int(case.target["label"]), 90 - 60 * (i % 2)))
        )
        for i, case in enumerate(cases)
    ]
    strong = [PROTOCOL.score(graded(case, answer(case.target["label"], 50))) for case in cases]
    curve = deferral(cheap, strong, cases, list(STANCES))
    assert (curve[0].share, curve[-1].share, curve[-1].macro_f1) == (0, 1, 1)
    assert curve[0].macro_f1 < 1
    assert next(each.share for each in curve if each.macro_f1 == 1) <= 0.55
    bare = [msgspec.structs.replace(score, values={"overall_score": 1.0}) for score in cheap]
    with pytest.raises(InputError, match="how sure they are"):
        deferral(bare, strong, cases, list(STANCES))


def test_a_cascade_by_myth_ends_at_the_runs_own_figures(tmp_path: Path) -> None:
    """With the tag's namespace, nothing and everything deferred are the macro-F1 of either run."""
    cases = load(tmp_path, *[f"v{i},a,1,q,date,{i % 3 - 1}" for i in range(12)])

    def said(case: Example, wrong: str) -> str:
        label = 0 if case.id.endswith(wrong) else int(case.target["label"])
        return json.dumps({"label": label, "confidence": 50})

    cheap, first = run(MYTHS, cases, lambda case: said(case, "2"))
    strong, last = run(MYTHS, cases, lambda case: said(case, "v9"))
    curve = deferral(cheap, strong, cases, list(STANCES), by="myth")
    ends = [first["macro_f1"].value, last["macro_f1"].value]
    assert [curve[0].macro_f1, curve[-1].macro_f1] == pytest.approx(ends)
    pooled = deferral(cheap, strong, cases, list(STANCES))
    assert pooled[0].macro_f1 != pytest.approx(ends[0])


def test_the_least_certain_go_first() -> None:
    """One step of four defers the one answer with the lowest certainty."""
    curve = deferral_curve(
        [0, 1, 0, 1], [0, 0, 0, 1], [0.9, 0.1, 0.8, 0.7], [0, 1, 0, 1], n_labels=2, steps=4
    )
    assert [each.share for each in curve] == [0, 0.25, 0.5, 0.75, 1]
    assert [each.macro_f1 == 1 for each in curve] == [False, True, True, True, True]


#: Macro-F1 of the stored outputs on the usable labels, computed with scikit-learn.
STORED = {
    "M1": 0.8707,
    "M2": 0.8461,
    "M3": 0.8584,
    "M4": 0.8248,
    "M5": 0.8301,
    "M6": 0.8564,
    "M7": 0.8540,
    "M8": 0.8815,
}


@needs("mythtriage")
def test_the_stored_outputs_of_gpt_4o() -> None:
    """All 2,360 outputs are read; macro-F1 by myth is scikit-learn's, and the mean is theirs."""
    dataset = MYTHS.load(DATA)
    assert (len(dataset.examples), dataset.official) == (2360, True)
    said = {
        f"{myth}/{video}": text
        for myth in STORED
        for video, text in json.loads(
            (DATA / "mythtriage" / f"gpt-4o-{myth}-few-shot-evaluation.json").read_text()
        ).items()
    }
    scores, metrics = run(MYTHS, dataset.examples, lambda each: said[each.id])
    assert metrics["parse_rate"].value == 1
    for myth, expected in STORED.items():
        pairs = [
            (each.target["label"], score.prediction)
            for each, score in zip(dataset.examples, scores, strict=True)
            if each.id.startswith(myth)
        ]
        own = f1_score([a for a, _ in pairs], [b for _, b in pairs], average="macro")
        assert metrics[f"macro_f1:{myth}"].value == pytest.approx(own)
        assert round(own, 4) == expected
    assert metrics["macro_f1"].value == pytest.approx(
        sum(metrics[f"macro_f1:{myth}"].value or 0 for myth in STORED) / 8
    )
    assert (metrics["macro_f1"].n, metrics["macro_f1"].units) == (2360, 295)
