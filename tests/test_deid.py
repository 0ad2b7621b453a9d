"""De-identification: three forms of notes, answers in four forms, what leaks, and surrogates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nervaluate import Evaluator

from preceptor import api
from preceptor.benchmarks.deid import BENCHMARKS, read_texts
from preceptor.cli import main
from preceptor.errors import DataError, InputError
from preceptor.protocols.deidentification import deid_example, deidentification
from preceptor.records import Example
from preceptor.scoring.deidentification import Mention, compared, read_mentions
from preceptor.scoring.surrogates import Replaced, judged
from suite_answers import DATA, graded, needs, run

(SYNTH,) = BENCHMARKS
TEXT = "Ana Quill, 41, of Elm Row 3 saw Dr Holt. Ana Quill rang 555-0100."
NAMES = ("NAME", "AGE", "ADDRESS", "PHONE")
GOLD = [
    Mention(0, 9, "NAME"),
    Mention(11, 13, "AGE"),
    Mention(18, 27, "ADDRESS"),
    Mention(35, 39, "NAME"),
    Mention(41, 50, "NAME"),
    Mention(56, 64, "PHONE"),
]
CASE = deid_example("t1", TEXT, GOLD, NAMES)
PROTOCOL = deidentification()


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps([{"text": TEXT[m.start : m.end], "label": m.type} for m in GOLD]),
        json.dumps([{"start": m.start, "end": m.end, "type": m.type.lower()} for m in GOLD]),
        json.dumps(
            {
                "NAME": ["Ana Quill", "Holt", "Ana Quill"],
                "AGE": ["41"],
                "ADDRESS": ["Elm  Row 3"],
                "PHONE": ["555-0100"],
            }
        ),
        "<NAME>Ana Quill</NAME>, <AGE>41</AGE>, of <ADDRESS>Elm Row 3</ADDRESS> saw Dr "
        "<NAME>Holt</NAME>. <NAME>Ana Quill</NAME> rang <PHONE>555-0100</PHONE>.",
    ],
)
def test_an_answer_is_read_in_four_forms(answer: str) -> None:
    """Quoted, by places, by type, and as the text with tags."""
    assert read_mentions(f"Here:\n{answer}\n", TEXT, NAMES) == GOLD
    assert PROTOCOL.score(graded(CASE, answer)).values["overall_score"] == 1


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("[]", []),
        ("None.", []),
        (TEXT, []),
        ("I cannot help with that.", None),
        ('[{"start": 0, "end": 900, "label": "NAME"}]', []),
        ('[{"start": true, "end": 9, "label": "NAME"}, {"text": "Bo", "label": "NAME"}]', []),
        ('[{"text": "Holt", "label": "DOCTOR"}]', [Mention(35, 39, "DOCTOR")]),
    ],
)
def test_what_is_not_there_is_left_out(answer: str, found: list[Mention] | None) -> None:
    """A place outside the text, words that do not stand in it; a refusal cannot be read."""
    assert read_mentions(answer, TEXT, NAMES) == found


def test_what_leaks_is_counted() -> None:
    """A mention that is removed in part leaks; under a wrong name it does not."""
    said = [Mention(0, 3, "NAME"), Mention(18, 27, "NAME"), Mention(28, 31, "NAME")]
    counts = compared(TEXT, GOLD, said)
    assert counts.strict == {
        "ADDRESS": (0, 0, 1),
        "AGE": (0, 0, 1),
        "NAME": (0, 3, 3),
        "PHONE": (0, 0, 1),
    }
    assert counts.binary == (1, 3, 6)
    assert (counts.overlapped, counts.overlapping) == ((2, 6), (2, 3))
    assert counts.leaked == {"ADDRESS": (0, 1), "AGE": (1, 1), "NAME": (3, 3), "PHONE": (1, 1)}
    assert counts.characters == (41 - 12, 41)
    assert counts.tokens == (1, 5, 12)
    assert counts.tokens_binary == (4, 5, 12)
    assert counts.over == (1, 8)


@st.composite
def _sides(draw: st.DrawFn) -> tuple[str, list[Mention], list[Mention]]:
    text = draw(st.text("ab 1.", min_size=8, max_size=24))
    cuts = draw(st.lists(st.integers(0, len(text)), unique=True, min_size=2, max_size=8))
    cuts.sort()
    types = st.sampled_from(["A", "B"])
    spans = [
        Mention(start, end, draw(types)) for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    gold = [each for each in spans if draw(st.booleans())]
    said = [each for each in spans if draw(st.booleans())]
    return text, gold, said


@given(_sides())
def test_counts_agree_with_nervaluate(sides: tuple[str, list[Mention], list[Mention]]) -> None:
    """Strict mentions are its `strict`; what is removed and what leaks are all there is."""
    text, gold, said = sides
    counts = compared(text, gold, said)
    hits, removed, real = (sum(each[i] for each in counts.strict.values()) for i in range(3))
    assert (removed, real) == (len(said), len(gold))
    if gold:
        entities = [
            [[{"label": m.type, "start": m.start, "end": m.end} for m in side]]
            for side in (gold, said)
        ]
        strict = Evaluator(*entities, tags=["A", "B"]).evaluate()["overall"]["strict"]
        assert hits == strict.correct
    assert compared(text, gold, gold).characters[0] == 0
    leaked = [sum(each[i] for each in counts.leaked.values()) for i in range(2)]
    assert leaked[1] == len(gold)
    assert (leaked[0] == 0) is (counts.characters[0] == 0)


def test_surrogates_are_compared_within_a_patient() -> None:
    """One surrogate for one original, another for another, dates moved alike, numbers in form."""
    rows = [
        ("Ana Quill", "NAME", "Eva Reed"),
        ("ana  quill", "NAME", "Eva Reed"),
        ("Holt", "NAME", "Eva Reed"),
        ("03/02/2021", "DATE", "05/02/2021"),
        ("10 March 2021", "DATE", "12 March 2021"),
        ("555-0100", "PHONE", "5550-199"),
        ("41", "AGE", "Holt"),
    ]
    counts = judged([Replaced(*row) for row in rows])
    assert counts.consistent == (1, 1)
    assert counts.distinct == (4, 6)
    assert counts.shifted == (1, 1)
    assert counts.form == (2, 4)
    assert counts.returned == (1, 7)
    apart = rows[3], ("10 March 2021", "DATE", "1 May 2021")
    moved = judged([Replaced(*row) for row in apart])
    assert moved.shifted == (0, 1)


def test_surrogates_of_answers_have_their_metrics() -> None:
    """Two texts of a patient, in which one name has two surrogates."""
    cases = [deid_example(f"t{i}", TEXT, GOLD, NAMES, patient="p", cluster="p") for i in range(2)]

    def answer(case: Example) -> str:
        other = "Eva Reed" if case.id == "t0" else "Mia Reed"
        said = {"start": 0, "end": 9, "type": "NAME", "surrogate": other}
        return json.dumps([said, {**said, "start": 41, "end": 50}])

    _, metrics = run(SYNTH, cases, answer)
    assert metrics["surrogate_consistent"].value == 0
    assert metrics["surrogate_consistent"].n == 2
    assert metrics["surrogate_distinct"].value == 1
    assert not metrics["surrogate_returned"].higher_is_better
    assert "surrogate_shifted" not in metrics


def _row(**changes: Any) -> dict[str, Any]:
    spans = [{"start": m.start, "end": m.end, "type": m.type} for m in GOLD]
    return {"id": "n1", "patient": "p1", "text": TEXT, "spans": spans, **changes}


def test_notes_are_read_in_three_forms(tmp_path: Path) -> None:
    """Rows of one's own, rows as Presidio names them, and brat's pairs of files."""
    own, theirs, brat = (tmp_path / name for name in ("own.jsonl", "theirs.json", "brat"))
    own.write_text(json.dumps(_row()))
    spans = [
        {
            "entity_type": m.type,
            "entity_value": TEXT[m.start : m.end],
            "start_position": m.start,
            "end_position": m.end,
        }
        for m in GOLD
    ]
    theirs.write_text(json.dumps([{"full_text": TEXT, "spans": spans, "template_id": 7}]))
    brat.mkdir()
    (brat / "n1.txt").write_text(TEXT)
    words = [TEXT[m.start : m.end] for m in GOLD]
    lines = [f"T1\t{m.type} {m.start} {m.end}\t{said}" for m, said in zip(GOLD, words, strict=True)]
    (brat / "n1.ann").write_text("\n".join([*lines, "#1\tAnnotatorNotes T1\tsure"]))
    found = [list(read_texts(path)) for path in (own, theirs, brat)]
    assert [each.target["mentions"] for [each] in found] == [
        [[m.start, m.end, m.type] for m in GOLD]
    ] * 3
    assert [each.id for [each] in found] == ["n1", "0", "n1"]
    assert [each.target.get("cluster") for [each] in found] == ["p1", "7", None]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text": ""}, "text: expected a text that is not empty"),
        ({"spans": "x"}, "spans: expected a list"),
        ({"spans": [{"start": -1, "end": 2, "type": "NAME"}]}, "start: expected a place in a text"),
        ({"spans": [{"start": 3, "end": 3, "type": "NAME"}]}, "end: expected a place behind 3"),
        ({"spans": [{"start": 3, "end": 99, "type": "NAME"}]}, "end: expected a place behind 3"),
        ({"spans": [{"start": 0, "end": 9}]}, "type: missing"),
        (
            {"spans": [{"start": 0, "end": 9, "type": "NAME", "value": "Bo"}]},
            "value: expected 'Ana Quill', which stands there",
        ),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text(json.dumps(_row(**changes)))
    with pytest.raises(DataError, match=words):
        list(read_texts(path))


def test_a_wrong_folder_is_named(tmp_path: Path) -> None:
    """Nothing in it; an annotation without its text, or one that stands elsewhere."""
    with pytest.raises(InputError, match="found 0 files of rows"):
        list(read_texts(tmp_path))
    (tmp_path / "n1.ann").write_text("T1\tNAME 0 3\tBob\n")
    with pytest.raises(InputError, match=r"expected n1\.txt beside it"):
        list(read_texts(tmp_path))
    (tmp_path / "n1.txt").write_text("Ana rang.")
    with pytest.raises(DataError, match=r"n1\.ann:1: words: expected 'Ana', .* found 'Bob'"):
        list(read_texts(tmp_path))
    (tmp_path / "n1.ann").write_text("T1\tNAME zero\n")
    with pytest.raises(DataError, match=r"n1\.ann:1: expected T1, type, start and end"):
        list(read_texts(tmp_path))


@needs("deid-presidio-synth")
def test_rules_have_the_figures_computed_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,500 sentences, imported as a user does."""
    rules = DATA / "predictions-ref" / "deid_presidio_rules.json"
    words = ["import", "predictions", str(rules), "--benchmark", SYNTH.name, "--data", str(DATA)]
    monkeypatch.chdir(tmp_path)
    assert main([*words, "--answer", "spans"]) == 0
    metrics = api.load("deid_presidio_rules").result().metrics
    expected = {
        "span_strict_f1": 0.250114,
        "span_binary_f1": 0.337449,
        "overlap_recall": 0.413552,
        "overlap_precision": 0.882859,
        "token_binary_precision": 0.872829,
        "token_binary_recall": 0.397720,
        "token_binary_f1": 0.546443,
        "token_f1": 0.351272,
        "leaked": 0.705554,
        "leaked_characters": 0.597783,
        "leaked_texts": 0.748378,
        "over_redaction": 432 / (432 + 19_316),
    }
    assert {name: round(metrics[name].value or 0, 6) for name in expected} == {
        name: round(value, 6) for name, value in expected.items()
    }
    assert metrics["leaked"].n == 1500
    assert metrics["leaked"].units == 209
