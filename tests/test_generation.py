"""Texts against a reference: ROUGE of the whole and of sections, and three benchmarks."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

import preceptor
from data_fixtures import isolate
from preceptor import benchmarks
from preceptor.errors import DataError, InputError
from preceptor.protocols.generation import generation
from preceptor.records import Example, Graded, Message, Metric, Response, Score
from preceptor.scoring.divisions import divisions
from preceptor.scoring.overlap import ROUGE, rouge

DATA = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere")
needs_data = pytest.mark.skipif(
    not (DATA / "aci-bench").is_dir() or not (DATA / "clue-plus").is_dir(),
    reason="real data: set PRECEPTOR_TEST_DATA to a folder with aci-bench/ and clue-plus/",
)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def write(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


# ROUGE


def test_rouge_counts_words_pairs_and_lines() -> None:
    """Checked by hand: 3 of 4 words, 2 of 3 pairs, and the longest common run of words by line."""
    found = rouge("the knee is sore", "the knee is swollen")
    assert found == pytest.approx({"rouge1": 3 / 4, "rouge2": 2 / 3, "rougeLsum": 3 / 4})


def test_words_are_not_stemmed() -> None:
    """Another ending is another word."""
    assert rouge("knees", "knee")["rouge1"] == 0


def test_lines_are_sentences_for_rouge_lsum() -> None:
    """The same lines in another order are the same: each is compared with all."""
    one, other = "red swollen knee\nno fever", "no fever\nred swollen knee"
    assert rouge(one, other)["rougeLsum"] == 1
    assert rouge(one.replace("\n", " "), other.replace("\n", " "))["rougeLsum"] < 1


def test_an_empty_text_has_no_overlap() -> None:
    """Not even with a reference that has the word "nan" in it."""
    assert rouge("", "nan nan") == dict.fromkeys(ROUGE, 0.0)


# Sections

NOTE = """Some words before.

CHIEF COMPLAINT

Made-up knee pain.

Review of Systems:
No fever.

**Physical Exam**
Knee: swollen.

RESULTS: none. ASSESSMENT AND PLAN: Rest the knee. The plan is clear.
Instructions
Come back.
"""


def test_a_note_is_taken_apart_by_its_headings() -> None:
    """In capitals or not, with a colon or alone on a line, in the middle of one in capitals."""
    assert divisions(NOTE) == {
        "subjective": "Made-up knee pain.\nNo fever.",
        "exam": "Knee: swollen.",
        "results": "none.",
        "plan": "Rest the knee. The plan is clear.\nCome back.",
    }
    assert divisions("No heading at all, and a plan.") == {}


# The protocol

PROTOCOL = generation("made-up instructions", divisions)
EXAMPLE = Example(
    "v1", (Message("user", "made-up dialogue"),), (), ("split:test1",), target={"reference": NOTE}
)


def noted(text: str | None) -> Score:
    response = Response("r", text=text) if text is not None else Response("r", failure="timeout")
    return PROTOCOL.score(Graded(EXAMPLE, 0, response, ()))


def test_the_instructions_come_before_the_dialogue() -> None:
    """One message, with both."""
    assert PROTOCOL.messages(EXAMPLE) == (
        Message("user", "made-up instructions\n\nmade-up dialogue"),
    )


def test_sections_are_compared_one_by_one() -> None:
    """A section that the note lacks has 0, one that the reference lacks is not asked for."""
    found = noted("RESULTS\nnone.\nALLERGIES:\nnone known").values
    assert found["section:results:rouge1"] == 1
    assert found["section:plan:rouge1"] == found["section:exam:rouge2"] == 0
    assert 0 < found["overall_score"] == found["rouge1"] < 1
    assert len([name for name in found if name.startswith("section:")]) == 12


def test_an_empty_answer_is_counted_and_a_failed_one_is_missing() -> None:
    """Empty scores 0 and is seen in the rate; a failed call has no score."""
    empty = noted(" ")
    assert (empty.values["rouge1"], empty.values["parse_rate"]) == (0, 0)
    failed = noted(None)
    assert failed.values == {}
    assert (failed.low["overall_score"], failed.high["rougeLsum"]) == (0, 1)
    assert set(failed.low) == set(empty.values)


def test_the_text_is_not_kept_a_second_time() -> None:
    """A score that leaves for a report has no text in it."""
    assert noted("RESULTS\nnone.").prediction is None


# Loading

VISIT = {"dataset": "aci", "encounter_id": "V1", "dialogue": "made-up talk", "note": "made-up note"}
PART = {"ID": "0", "section_header": "CC", "section_text": "Made-up.", "dialogue": "made-up talk"}


def test_visits_come_from_the_three_test_files(tmp_path: Path) -> None:
    """The split is in the file's name; other files of the folder are not asked."""
    write(tmp_path / "clinicalnlp_taskB_test1.csv", VISIT)
    write(tmp_path / "train.csv", {**VISIT, "encounter_id": "V2"})
    (found,) = benchmarks.get("aci-bench").load(tmp_path).examples
    assert (found.id, found.tags) == ("V1", ("split:test1", "dataset:aci"))
    (other,) = benchmarks.get("aci-bench").load(tmp_path / "train.csv").examples
    assert (other.id, other.tags) == ("V2", ("dataset:aci",))


@pytest.mark.parametrize("name", ["aci-bench", "mts-dialog"])
def test_a_folder_without_the_files_says_which(tmp_path: Path, name: str) -> None:
    """The message names a file that was looked for."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"expected .*\.csv in this folder, found none"):
        benchmarks.get(name).load(tmp_path / "empty")


def test_each_file_of_mts_dialog_counts_for_itself(tmp_path: Path) -> None:
    """All three begin with ID 0; the section is told in words and is a slice."""
    for name in (
        "MTS-Dialog-TestSet-1-MEDIQA-Chat-2023.csv",
        "MTS-Dialog-TestSet-2-MEDIQA-Sum-2023.csv",
    ):
        write(tmp_path / name, PART)
    benchmark = benchmarks.get("mts-dialog")
    found = benchmark.load(tmp_path).examples
    assert [example.id for example in found] == ["test1/0", "test2/0"]
    assert found[0].tags == ("split:test1", "section:CC")
    assert "Section: Chief complaint" in benchmark.protocol.messages(found[0])[0].content


@pytest.mark.parametrize(
    ("name", "row", "field", "value"),
    [("aci-bench", VISIT, field, "") for field in VISIT]
    + [("mts-dialog", PART, field, "") for field in PART]
    + [("mts-dialog", PART, "section_header", "GOSSIP")]
    + [
        ("meqsum", {"File": "f", "CHQ": "made-up?", "Summary": "Made up?"}, field, "")
        for field in ("File", "CHQ", "Summary")
    ],
)
def test_a_malformed_row_names_file_line_and_field(
    tmp_path: Path, name: str, row: dict[str, str], field: str, value: str
) -> None:
    """Each field is checked where it is read."""
    path = write(tmp_path / "rows.csv", row, {**row, field: value})
    with pytest.raises(DataError, match=rf"rows\.csv:3: {field}: expected"):
        benchmarks.get(name).load(path)


# The whole way


def repeats_itself(messages: list[dict[str, str]]) -> str:
    """What comes last in the question, with a word more."""
    return messages[-1]["content"].split()[-1] + " indeed"


def test_a_summary_is_asked_and_scored(tmp_path: Path) -> None:
    """No grader is needed: the reference is all."""
    rows = [
        {"File": name, "CHQ": f"made up: {word}", "Summary": "knee indeed"}
        for name, word in (("q1.txt", "knee"), ("q2.txt", "hip"))
    ]
    run = preceptor.run(
        "meqsum",
        system="python:test_generation:repeats_itself",
        data=write(tmp_path / "meqsum.csv", *rows),
    )
    found = run.result().metrics
    assert (found["rouge1"].value, found["rouge2"].value) == (0.75, 0.5)
    assert found["overall_score"].n == 2


# Real data


def stored(name: str) -> tuple[list[Score], dict[str, Metric]]:
    """Scores and metrics of a file of notes that a system wrote."""
    benchmark = benchmarks.get("aci-bench")
    by_id = {example.id: example for example in benchmark.load(DATA).examples}
    with (DATA / "aci-bench" / "predictions" / name).open(encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    scores = [
        benchmark.protocol.score(
            Graded(by_id[row["encounter_id"]], 0, Response("r", text=row["note"]), ())
        )
        for row in rows
    ]
    asked: Sequence[Example] = [by_id[row["encounter_id"]] for row in rows]
    return scores, benchmark.protocol.summarise(scores, asked)


@needs_data
def test_published_rouge_of_stored_notes_comes_out() -> None:
    """GPT-4 on test 1 has the published 51.76 / 22.58 / 45.97, and every section a score."""
    _, found = stored("test1GPT-4_.csv")
    values = [f"{100 * (found[name].value or 0):.2f}" for name in ROUGE]
    assert values == ["51.76", "22.58", "45.97"]
    assert found["overall_score"].value == found["split:test1"].value == found["rouge1"].value
    assert found["overall_score"].n == 40
    assert [found[f"section:{part}:rouge1"].n for part in ("subjective", "plan")] == [40, 40]


@needs_data
def test_an_empty_note_of_real_answers_is_empty() -> None:
    """One note of ChatGPT on test 3 is not there: it scores 0 and is counted."""
    scores, found = stored("test3ChatGPT_.csv")
    (empty,) = [score for score in scores if not score.values["parse_rate"]]
    assert empty.example_id == "D2N179"
    assert set(empty.values.values()) == {0.0}
    assert found["parse_rate"].value == pytest.approx(39 / 40)


@needs_data
@pytest.mark.parametrize(
    ("name", "slices"),
    [
        ("aci-bench", {"split:test1": 40, "split:test2": 40, "split:test3": 40}),
        ("mts-dialog", {"split:test1": 200, "split:test2": 200, "split:validation": 100}),
        ("meqsum", {}),
    ],
)
def test_real_files_are_the_pinned_ones(name: str, slices: dict[str, int]) -> None:
    """Counts as published, and the hashes of the pinned revisions."""
    benchmark = benchmarks.get(name)
    found = benchmark.load(DATA)
    assert len(found.examples) == benchmark.n_examples
    assert found.official
    counts = {tag: sum(tag in example.tags for example in found.examples) for tag in slices}
    assert counts == slices
