"""WorldMedQA-V: made-up rows of its shape, its real files, and 168 published runs."""

from __future__ import annotations

import csv
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from preceptor.benchmarks import get
from preceptor.bridges.imported import ImportedRun
from preceptor.bridges.predictions import Predictions
from preceptor.errors import DataError, InputError
from preceptor.protocols.bilingual import language_kappa
from preceptor.records import Example, Graded, Response, Score

FOLDER = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere") / "worldmedqa_v"
needs_data = pytest.mark.skipif(
    not FOLDER.exists(), reason="real data: set PRECEPTOR_TEST_DATA to a folder with worldmedqa_v"
)
BENCHMARK = get("worldmedqa-v")
OPTIONS = {"A": "one", "B": "two", "C": "three", "D": "four"}


def row(index: int, answer: str = "A") -> dict[str, Any]:
    return {"index": index, "question": f"Made up {index}?", "options": OPTIONS, "answer": answer}


def write(folder: Path, name: str, *rows: dict[str, Any]) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


def scored(examples: list[Example], said: list[str]) -> list[Score]:
    return [
        BENCHMARK.protocol.score(Graded(example, 0, Response(str(n), text), ()))
        for n, (example, text) in enumerate(zip(examples, said, strict=True))
    ]


def test_languages_and_countries_are_tags(tmp_path: Path) -> None:
    """Ids name country, language and number; the second question of a number has one of its own."""
    write(tmp_path, "israel_local.jsonl", row(84), row(84, "C"))
    write(tmp_path, "israel_english.jsonl", row(84))
    examples = BENCHMARK.load(tmp_path).examples
    ids = ["israel/english/84", "israel/local/84", "israel/local/84~2"]
    assert [example.id for example in examples] == ids
    assert examples[0].tags == ("country:israel", "language:en", "exam:israel-english")
    assert "language:he" in examples[1].tags


def test_gap_and_agreement_of_languages(tmp_path: Path) -> None:
    """English minus local accuracy by question, and scikit-learn's kappa of the letters."""
    from sklearn.metrics import cohen_kappa_score

    rows = [row(number, answer) for number, answer in enumerate("ABCDAB")]
    write(tmp_path, "spain_local.jsonl", *rows)
    write(tmp_path, "spain_english.jsonl", *rows)
    english, local = [*"ABCDAA"], ["A", "C", "C", "no idea", "A", "A"]
    examples = BENCHMARK.load(tmp_path).examples
    metrics = BENCHMARK.protocol.summarise(scored(examples, [*english, *local]), examples)
    assert metrics["language_gap"].value == pytest.approx(2 / 6)
    local[3] = ""
    expected = cohen_kappa_score(english, local)
    assert metrics["language_kappa"].value == pytest.approx(expected)
    assert metrics["language_kappa"].n == metrics["language_gap"].n == 6
    assert language_kappa([None, "A"], ["A", "A"]) == pytest.approx(0.0)
    assert metrics["overall_score"].value == pytest.approx(8 / 12)


def test_two_languages_of_a_question_are_not_two_questions(tmp_path: Path) -> None:
    """With the same letters in both languages the interval is that of the questions, √2 wider than
    of as many answers that are independent; one language alone has that of its answers.
    """
    rows = [row(number, "ABCD"[number % 4]) for number in range(200)]
    write(tmp_path, "spain_local.jsonl", *rows)
    write(tmp_path, "spain_english.jsonl", *rows)
    examples = BENCHMARK.load(tmp_path).examples
    metrics = BENCHMARK.protocol.summarise(scored(examples, ["A"] * 400), examples)
    half = 1.96 * (0.25 * 0.75 / 200) ** 0.5
    for name in ("overall_score", "country:spain"):
        assert metrics[name].n == 400
        assert metrics[name].ci95 == pytest.approx((0.25 - half, 0.25 + half), abs=0.01)
        assert metrics[name].units == len(examples) // 2
    assert metrics["language:es"].ci95 == pytest.approx((0.25 - half, 0.25 + half), abs=0.01)
    assert metrics["language:es"].wilson_ci95 is not None


def test_one_language_has_no_gap(tmp_path: Path) -> None:
    """A run of one language has neither a gap nor an agreement."""
    examples = BENCHMARK.load(write(tmp_path, "japan_local.jsonl", row(1), row(2))).examples
    metrics = BENCHMARK.protocol.summarise(scored(examples, ["A", "B"]), examples)
    assert metrics["overall_score"].value == 0.5
    assert not {"language_gap", "language_kappa"} & set(metrics)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"index": "x"}, "index: expected an integer"),
        ({"question": None}, "question: expected a text"),
        ({"options": {}}, "answer: expected one of"),
        ({"answer": "E"}, "answer: expected one of A, B, C, D, found 'E'"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    """File, line and field of what is wrong in a row."""
    path = write(tmp_path, "brazil_local.jsonl", row(1), {**row(2), **changed})
    with pytest.raises(DataError) as raised:
        BENCHMARK.load(path)
    assert str(raised.value).startswith(f"{path}:2: {said}")


def test_other_folders_are_refused(tmp_path: Path) -> None:
    """A folder without any of the files is an error that names one."""
    with pytest.raises(InputError, match=r"brazil_english\.jsonl"):
        BENCHMARK.load(tmp_path)


# Real data


def runs(**columns: Any) -> dict[str, ImportedRun]:
    with Predictions(FOLDER / "predictions.csv", **columns) as found:
        return {run.name: run for run in found.runs(BENCHMARK, FOLDER)}


def right(run: ImportedRun) -> dict[str, float]:
    """Question → whether its answer is right."""
    scores = scored(
        [answer.example for answer in run.answers], [a.response.text for a in run.answers]
    )
    return {score.example_id: score.values["overall_score"] for score in scores}


@needs_data
def test_real_files_have_their_counts() -> None:
    """568 questions in two languages each."""
    examples = BENCHMARK.load(FOLDER).examples
    assert len(examples) == BENCHMARK.n_examples == 1136
    assert sum("language:en" in example.tags for example in examples) == 568
    assert sum("country:israel" in example.tags for example in examples) == 2 * 186


@needs_data
def test_accuracy_of_168_published_runs() -> None:
    """Each of the 120 runs whose answers the file has as letters comes out exactly; in the other 48
    the letter is in the text alone, and bare letters there are a lower bound.
    """
    letters: dict[str, list[bool]] = defaultdict(list)
    texts: dict[str, list[bool]] = defaultdict(list)
    extracted: dict[str, bool] = defaultdict(bool)
    with (FOLDER / "predictions.csv").open(newline="") as stream:
        for each in csv.DictReader(stream):
            columns = ("setting", "model", "country", "lang")
            name = "/".join(["predictions", *(each[column] for column in columns)])
            letters[name].append(each["extracted"] == each["correct_option"])
            texts[name].append(each["prediction_head"] == each["correct_option"])
            extracted[name] |= bool(each["extracted"])
    exact = 0
    for name, run in runs().items():
        assert run.settings.left_out == 0
        hits = sum(right(run).values())
        if extracted[name]:
            assert hits == sum(letters[name])
            exact += 1
        else:
            assert sum(texts[name]) <= hits
    assert (exact, len(letters)) == (120, 168)


@needs_data
def test_gap_lift_and_kappa_of_a_published_model() -> None:
    """Of GPT-4o: English minus local, with minus without images, and the languages' agreement, each
    recomputed from the letters of the file.
    """
    from sklearn.metrics import cohen_kappa_score

    said: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    with (FOLDER / "predictions.csv").open(newline="") as stream:
        for each in csv.DictReader(stream):
            if each["model"] == "GPT4o":
                letter = each["extracted"] if each["extracted"] in {*"ABCD"} else ""
                said[each["setting"], each["lang"]].append((letter, each["correct_option"]))
    hits = {key: [letter == key_ for letter, key_ in pairs] for key, pairs in said.items()}
    found = runs(by=["setting", "model"])
    shown, blind = (found[f"predictions/{setting}/GPT4o"] for setting in ("w_images", "blind"))
    assert blind.system == "GPT4o [blind]"
    examples = [answer.example for answer in shown.answers]
    metrics = BENCHMARK.protocol.summarise(
        scored(examples, [answer.response.text for answer in shown.answers]), examples
    )
    english, local = hits["w_images", "english"], hits["w_images", "local"]
    gap = (sum(english) - sum(local)) / 568
    assert metrics["language_gap"].value == pytest.approx(gap)
    pair = [[letter for letter, _ in said["w_images", lang]] for lang in ("english", "local")]
    assert metrics["language_kappa"].value == pytest.approx(cohen_kappa_score(*pair))
    with_images, without = right(shown), right(blind)
    assert with_images.keys() == without.keys()
    lift = sum(with_images.values()) - sum(without.values())
    assert lift == sum(english) + sum(local) - sum(
        hits["blind", "english"] + hits["blind", "local"]
    )
