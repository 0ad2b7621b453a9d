"""LiveQA-Med and MedicationQA: long answers on the axes of MultiMedQA."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import openpyxl
import pytest

from preceptor.benchmarks.multimedqa_long import BENCHMARKS
from preceptor.errors import DataError, InputError
from preceptor.graders.base import Case
from preceptor.protocols.axes import AXES
from preceptor.records import Example, Graded, Message, Response, Verdict

DATA = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere")
LIVE, MEDICATION = BENCHMARKS
PROTOCOL = LIVE.protocol
BEST = [axis.labels[0] for axis in AXES]
WORST = [axis.labels[-1] for axis in AXES]

COLUMNS = ("Question", "Focus (Drug)", "Question Type", "Answer", "Section Title", "URL")
XML = """<?xml version="1.0" encoding="UTF-8"?>
<LiveQA2017-Medical-Test-Set-Full>
  <NLM-QUESTION qid="TQ1">
    <Original-Question qfile="1.txt">
      <SUBJECT> made-up subject </SUBJECT>
      <MESSAGE>made-up &amp; message</MESSAGE>
    </Original-Question>
    <ANNOTATIONS><TYPE tid="T1">CAUSE</TYPE><TYPE tid="T2">CAUSE</TYPE></ANNOTATIONS>
    <ReferenceAnswers>
      <RefAnswer aid="A1"><ANSWER> made-up one </ANSWER></RefAnswer>
      <ReferenceAnswer aid="A2"><ANSWER>made-up two</ANSWER></ReferenceAnswer>
    </ReferenceAnswers>
  </NLM-QUESTION>
  <NLM-QUESTION qid="TQ2">
    <Original-Question qfile="2.txt"><SUBJECT/><MESSAGE>made-up other</MESSAGE></Original-Question>
    <ANNOTATIONS/>
    <ReferenceAnswers/>
  </NLM-QUESTION>
</LiveQA2017-Medical-Test-Set-Full>
"""


def needs(folder: str) -> pytest.MarkDecorator:
    reason = f"real data: set PRECEPTOR_TEST_DATA to a folder with {folder}"
    return pytest.mark.skipif(not (DATA / folder).exists(), reason=reason)


def live(path: Path, text: str = XML) -> list[Example]:
    path.write_text(text, encoding="utf-8")
    return LIVE.load(path).examples


def sheet(path: Path, *rows: tuple[object, ...]) -> Path:
    book = openpyxl.Workbook()
    book.active.append(COLUMNS)
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def medication(
    question: object = "made-up question", answer: object = "made-up"
) -> tuple[object, ...]:
    return (question, "made-up drug", "Dose", answer, None, "https://example.org")


def judged(*labels: str | None) -> Graded:
    item = Example("e", (Message("user", "made-up"),), LIVE_CRITERIA)
    verdicts = tuple(
        Verdict("v", None, label=label, reason=None if label else "timeout") for label in labels
    )
    return Graded(item, 0, Response("r", text="made-up answer"), verdicts)


LIVE_CRITERIA = tuple(axis.criterion() for axis in AXES)


def test_a_question_of_liveqa_becomes_an_example(tmp_path: Path) -> None:
    """Subject and message are asked; types are tags; both spellings of a reference are read."""
    first, second = live(tmp_path / "live.xml")
    assert first.messages == (Message("user", "made-up subject\n\nmade-up & message"),)
    assert (first.id, first.tags) == ("TQ1", ("type:cause",))
    assert first.target == {"references": ["made-up one", "made-up two"]}
    assert second.messages == (Message("user", "made-up other"),)
    assert second.tags == ()
    assert first.criteria == LIVE_CRITERIA


def test_a_wrong_question_is_named(tmp_path: Path) -> None:
    """With the line on which it begins."""
    with pytest.raises(DataError, match=r"live\.xml:14: MESSAGE: expected"):
        live(tmp_path / "live.xml", XML.replace("made-up other", ""))
    with pytest.raises(DataError, match=r"live\.xml:3: qid: expected"):
        live(tmp_path / "live.xml", XML.replace(' qid="TQ1"', ""))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (XML[:200], r"live\.xml:\d+: expected XML"),
        ("{}", "expected XML"),
        (XML.replace("<Live", "<!DOCTYPE x [<!ENTITY a 'b'>]><Live", 1), "document type"),
    ],
)
def test_what_is_not_the_xml_is_named(tmp_path: Path, text: str, problem: str) -> None:
    """Cut off, another format, or with entities that could grow without end."""
    with pytest.raises(DataError, match=problem):
        live(tmp_path / "live.xml", text)


def test_a_folder_without_the_file_is_named(tmp_path: Path) -> None:
    """The message has the file that is expected."""
    with pytest.raises(InputError, match=r"w-summaries\.xml: no such file"):
        LIVE.load(tmp_path)


def test_a_row_of_medication_becomes_an_example(tmp_path: Path) -> None:
    """The question is asked; its type is a tag; its id is its place."""
    path = sheet(tmp_path / "m.xlsx", medication(" one "), medication("two"))
    first, second = MEDICATION.load(path).examples
    assert (first.id, second.id) == ("1", "2")
    assert first.messages == (Message("user", "one"),)
    assert first.tags == ("type:Dose",)
    assert first.target == {"references": ["made-up"]}


@pytest.mark.parametrize(
    ("row", "field"), [(medication(None), "Question"), (medication(answer=3), "Answer")]
)
def test_a_wrong_row_of_medication_is_named(
    tmp_path: Path, row: tuple[object, ...], field: str
) -> None:
    """File, line and field are in the message."""
    with pytest.raises(DataError, match=rf"m\.xlsx: sheet Sheet, cell [AD]3: {field}: expected"):
        MEDICATION.load(sheet(tmp_path / "m.xlsx", medication(), row))


def test_no_two_axes_share_a_label() -> None:
    """So that a label says on which axis it is."""
    labels = [label for axis in AXES for label in axis.labels]
    assert len(labels) == len(set(labels))


def test_the_best_class_counts() -> None:
    """Each axis is 1 in its best class and else 0; the overall score is their mean."""
    labels = [*WORST[:2], *BEST[2:]]
    score = PROTOCOL.score(judged(*labels))
    assert score.values["overall_score"] == 6 / 8
    assert score.values["axis:consensus"] == score.values["axis:harm_extent"] == 0.0
    assert score.values["axis:bias"] == 1.0
    assert score.values["rater:clinician"] == pytest.approx(4 / 6)
    assert score.values["rater:lay"] == 1.0
    middle = PROTOCOL.score(judged("no consensus exists", *BEST[1:]))
    assert middle.values["axis:consensus"] == 0.0


@pytest.mark.parametrize("label", [None, AXES[0].labels[0], "harmless"])
def test_an_ungraded_axis_leaves_the_score_open(label: str | None) -> None:
    """Missing, of another axis, or unknown: bounds and no value, but for the other axes."""
    score = PROTOCOL.score(judged(BEST[0], label, *BEST[2:]))
    assert "overall_score" not in score.values
    assert "axis:harm_extent" not in score.values
    assert (score.low["overall_score"], score.high["overall_score"]) == (7 / 8, 1.0)
    assert score.values["axis:consensus"] == 1.0
    assert score.counts["overall_score"] == (7, 8)


def test_metrics_are_shares_of_answers() -> None:
    """With n, coverage and an interval by axis."""
    graded = [judged(*BEST), judged(*WORST)]
    items = []
    for number, each in enumerate(graded):
        items.append(Example(f"e{number}", each.example.messages, LIVE_CRITERIA, ("type:cause",)))
    scores = [
        PROTOCOL.score(Graded(item, 0, each.response, each.verdicts))
        for item, each in zip(items, graded, strict=True)
    ]
    found = PROTOCOL.summarise(scores, items)
    for name in ("overall_score", "axis:intent", "rater:lay", "type:cause"):
        assert (found[name].value, found[name].n, found[name].coverage) == (0.5, 2, 1.0)
    assert found["axis:intent"].wilson_ci95 is not None


def test_the_judge_is_asked_one_axis_without_the_reference() -> None:
    """Its prompt has the axis with its labels, and no reference answer."""
    conversation = (Message("user", "made-up question"), Message("assistant", "made-up answer"))
    criteria = dict(enumerate(LIVE_CRITERIA))
    case = Case(conversation, criteria, "run", {"references": ["made-up reference"]})
    assert PROTOCOL.judging.judge is not None
    prompt = PROTOCOL.judging.judge.prompt(case, LIVE_CRITERIA[1])
    assert all(f"- {label}" in prompt for label in AXES[1].labels)
    assert "made-up answer" in prompt
    assert "made-up reference" not in prompt
    assert PROTOCOL.judging.judge.read('{"label": "No harm", "explanation": 1}') == ("no harm", "1")


@needs("liveqa-med")
def test_liveqa_is_read_whole() -> None:
    """104 questions with 167 reference answers, from the pinned file."""
    data = LIVE.load(DATA)
    assert len(data.examples) == LIVE.n_examples == 104
    assert data.official
    assert sum(len(item.target["references"]) for item in data.examples) == 167
    assert all(all(item.target["references"]) for item in data.examples)
    assert Counter(tag for item in data.examples for tag in item.tags)["type:treatment"] == 20


@needs("medication-qa")
def test_medication_is_read_whole() -> None:
    """690 questions, some of which stand there several times, from the pinned file."""
    data = MEDICATION.load(DATA)
    assert len(data.examples) == MEDICATION.n_examples == 690
    assert data.official
    assert Counter(item.tags[0] for item in data.examples)["type:Information"] == 112
    assert len({item.prompt_key for item in data.examples}) < 690
