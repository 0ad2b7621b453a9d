"""MedAgentsBench: made-up rows of its shape, its real files, and 350 published runs."""

from __future__ import annotations

import csv
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from preceptor.analysis.pareto import Measure, mean_taken, on_front
from preceptor.benchmarks import get
from preceptor.bridges.imported import keep_one
from preceptor.bridges.predictions import Predictions
from preceptor.errors import DataError, InputError
from preceptor.records import Graded
from preceptor.results.load import load_result
from preceptor.store import Store

FOLDER = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere") / "medagents_bench"
needs_data = pytest.mark.skipif(
    not FOLDER.exists(),
    reason="real data: set PRECEPTOR_TEST_DATA to a folder with medagents_bench",
)
BENCHMARK = get("medagents-hard")
ROW: dict[str, Any] = {
    "realidx": 3,
    "question": "Made up: which organ pumps?",
    "options": {"A": "the heart", "B": "the liver"},
    "answer_idx": "A",
    "answer": "the heart",
}


def write(folder: Path, name: str, *rows: dict[str, Any]) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_hard_questions_are_those_of_the_full_set(tmp_path: Path) -> None:
    """A question of both files is one example, in the place it has in the full set, and tagged."""
    easy = {**ROW, "realidx": "x9"}
    write(tmp_path, "mmlu_test.jsonl", easy, ROW)
    write(tmp_path, "mmlu_test_hard.jsonl", ROW)
    first, second = BENCHMARK.load(tmp_path).examples
    assert (first.id, first.tags) == ("mmlu/x9", ("set:mmlu",))
    assert (second.id, second.tags) == ("mmlu/3", ("set:mmlu", "split:test_hard", "hard:mmlu"))
    assert second.target == {"options": ROW["options"], "answer": "A"}


def test_published_layout_and_single_files_are_read(tmp_path: Path) -> None:
    """Files as the repository has them, one file alone, and rows without a number."""
    bare = {key: value for key, value in ROW.items() if key != "realidx"}
    write(tmp_path, "data/medqa_5options/test.jsonl", bare)
    write(tmp_path, "data/medqa_5options/test_hard.jsonl", bare)
    (example,) = BENCHMARK.load(tmp_path).examples
    assert example.id.startswith("medqa_5options/")
    assert "split:test_hard" in example.tags
    (alone,) = BENCHMARK.load(write(tmp_path, "afrimedqa_test_hard.jsonl", ROW)).examples
    assert alone.id == "afrimedqa/3"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"question": ""}, "question: expected a text that is not empty"),
        ({"options": ["A"]}, "options: expected an object"),
        ({"options": {"A": 1}}, "options.A: expected a text"),
        ({"answer_idx": "C"}, "answer_idx: expected one of A, B, found 'C'"),
        ({"realidx": 1.5}, "realidx: expected a number or a text"),
        ({"realidx": 7}, "realidx: expected one that no row above has, found 7"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    """File, line and field of what is wrong in a row."""
    path = write(tmp_path, "mmlu_test.jsonl", {**ROW, "realidx": 7}, {**ROW, **changed})
    with pytest.raises(DataError) as raised:
        BENCHMARK.load(path)
    assert str(raised.value).startswith(f"{path}:2: {said}")


def test_other_folders_are_refused(tmp_path: Path) -> None:
    """A folder without any of the sets' files is an error that names one."""
    with pytest.raises(InputError, match=r"expected files such as medqa_test\.jsonl, found none"):
        BENCHMARK.load(tmp_path)


# Real data


@needs_data
def test_real_sets_have_their_counts() -> None:
    """8,251 questions in eight sets, 951 of them hard, as pinned."""
    dataset = BENCHMARK.load(FOLDER)
    assert dataset.official
    assert len(dataset.examples) == BENCHMARK.n_examples == 8251
    counts: dict[str, int] = defaultdict(int)
    for example in dataset.examples:
        for tag in example.tags:
            counts[tag] += 1
    assert counts["split:test_hard"] == 951
    assert (counts["set:medqa"], counts["hard:medqa_5options"]) == (1273, 357)
    assert (counts["set:medmcqa"], counts["hard:afrimedqa"]) == (2816, 32)


class Published(NamedTuple):
    """What a run of the file was read as, of each answer: example, score, tokens and seconds."""

    left_out: int
    scores: dict[str, list[float]]
    tokens: int
    seconds: float


@pytest.fixture(scope="module")
def published() -> dict[str, Published]:
    found = {}
    with Predictions(FOLDER / "predictions.csv") as file:
        for run in file.runs(BENCHMARK, FOLDER):
            scores: dict[str, list[float]] = defaultdict(list)
            for answer in run.answers:
                score = BENCHMARK.protocol.score(Graded(answer.example, 0, answer.response, ()))
                scores[answer.example.id].append(score.values["overall_score"])
            made = [answer.response for answer in run.answers]
            tokens = sum(each.usage.total for each in made)
            seconds = sum(each.latency_s for each in made)
            found[run.name] = Published(run.settings.left_out, scores, tokens, seconds)
    return found


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (FOLDER / "predictions.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@needs_data
def test_accuracy_of_350_published_runs(
    published: dict[str, Published], rows: list[dict[str, str]]
) -> None:
    """Each is the mean over questions of the answers that equal the key, recomputed from the file;
    only of the 30 runs with letters among words some are higher, by these.
    """
    keys: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    wordy = set()
    for row in rows:
        columns = ("dataset", "split", "model", "method")
        name = "/".join(["predictions", *(row[column] for column in columns)])
        said = row["predicted_answer"]
        keys[name][row["realidx"]].append(said == row["answer_idx"])
        if said not in {*"ABCDEFGHIJ", "", "nan"}:
            wordy.add(name)
    higher, answers = set(), 0
    for name, run in published.items():
        assert run.left_out == 0
        answers += sum(map(len, run.scores.values()))
        theirs = [sum(each) / len(each) for each in keys[name].values()]
        assert len(run.scores) == len(theirs)
        mine = sum(sum(each) / len(each) for each in run.scores.values())
        if mine != pytest.approx(sum(theirs), abs=1e-9):
            assert mine > sum(theirs)
            higher.add(name)
        del keys[name]
    assert (len(keys), answers) == (0, 93_621)
    assert len(wordy) == 30
    assert higher <= wordy
    assert len(higher) >= 8


@needs_data
def test_tokens_seconds_and_repeats_come_along(
    published: dict[str, Published], rows: list[dict[str, str]]
) -> None:
    """The numbers of the file add up in the runs; answers given twice to a question are repeats."""
    tokens = sum(run.tokens for run in published.values())
    seconds = sum(run.seconds for run in published.values())
    most = max(len(each) for run in published.values() for each in run.scores.values())
    stated = [
        int(row[name] or 0) for row in rows for name in ("prompt_tokens", "completion_tokens")
    ]
    assert tokens == sum(stated)
    assert seconds == pytest.approx(sum(float(row["time_s"]) for row in rows))
    assert most == 3


@needs_data
@pytest.mark.parametrize("measure", ["seconds", "tokens"])
def test_pareto_front_of_published_methods(
    tmp_path: Path, measure: Measure, rows: list[dict[str, str]]
) -> None:
    """On the hard questions of MedQA that gpt-4o was asked, the methods on the front are those
    that an exhaustive search in the file finds; methods without counted tokens are in none.
    """
    asked = ("medqa", "test_hard", "gpt-4o")
    rows = [row for row in rows if (row["dataset"], row["split"], row["model"]) == asked]
    with (tmp_path / "p.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    plain: dict[str, tuple[float, float]] = {}
    for method in {row["method"] for row in rows}:
        mine = [row for row in rows if row["method"] == method]
        named = ("prompt_tokens", "completion_tokens") if measure == "tokens" else ("time_s",)
        if not all(row[name] for row in mine for name in named):
            continue
        taken = [sum(float(row[name]) for name in named) for row in mine]
        right = [row["predicted_answer"] == row["answer_idx"] for row in mine]
        plain[method] = sum(taken) / len(mine), sum(right) / len(mine)
    best = {
        method
        for method, (taken, score) in plain.items()
        if not any(
            (other <= taken and better > score) or (other < taken and better == score)
            for other, better in plain.values()
        )
    }
    points = {}
    with Predictions(tmp_path / "p.csv") as found, Store(tmp_path / "s.db") as store:
        digests = found.digests()
        for run in found.runs(BENCHMARK, FOLDER):
            info, _ = keep_one(store, run, tmp_path / "p.csv", digests[run.name], None)
            result = load_result(store, info, metrics=False)
            scores = [score.values["overall_score"] for score in result.scores]
            method, amount = run.settings.columns["method"], mean_taken(result, measure)
            if amount is not None:
                assert amount == pytest.approx(plain[method][0])
                points[method] = amount, sum(scores) / len(scores)
    ours = dict(zip(points, on_front(list(points.values())), strict=True))
    assert len(ours) == {"seconds": 11, "tokens": 9}[measure]
    assert ours.keys() == plain.keys()
    assert {method for method, best_ in ours.items() if best_} == best
