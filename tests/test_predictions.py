"""Answers made elsewhere become runs: columns, ids, numbers, faults."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from preceptor import api
from preceptor.analysis.pareto import on_front
from preceptor.benchmarks import get
from preceptor.bridges.answer_files import answer_rows, find_columns
from preceptor.bridges.imported import ImportedRun
from preceptor.bridges.matching import QuestionIndex, Row
from preceptor.bridges.predictions import Predictions
from preceptor.cli import main
from preceptor.errors import DataError, InputError
from preceptor.protocols.choice import choice_example
from preceptor.records import Example
from preceptor.reports.figures import figures
from preceptor.store import Store
from preceptor.systems.prices import price_at

OPTIONS = {"A": "rest", "B": "surgery", "C": "an antibiotic", "D": "n/a"}
RIGHT = "ABCDAB"


def question(number: int, answer: str) -> dict[str, Any]:
    return {
        "realidx": 10 * number,
        "question": f"Made-up question {number}: what helps?",
        "options": OPTIONS,
        "answer_idx": answer,
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two made-up sets: six questions of medqa, of which 20, 30 and 50 are hard; two of mmlu."""
    folder = tmp_path / "exams"
    folder.mkdir()
    questions = [question(number, answer) for number, answer in enumerate(RIGHT)]
    lines(folder / "medqa_test.jsonl", questions)
    lines(folder / "medqa_test_hard.jsonl", [questions[place] for place in (2, 3, 5)])
    lines(folder / "mmlu_test.jsonl", [question(number, "C") for number in (7, 8)])
    return folder


def lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def table(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def answers(letters: str, **columns: Any) -> list[dict[str, Any]]:
    """One row for each question of medqa, in order."""
    return [
        {"dataset": "medqa", **columns, "realidx": 10 * number, "predicted_answer": letter}
        for number, letter in enumerate(letters)
    ]


def read(path: Path, data: Path, **columns: Any) -> list[ImportedRun]:
    with Predictions(path, **columns) as found:
        return list(found.runs(get("medagents-hard"), data))


def accuracy(run: ImportedRun) -> list[float]:
    from preceptor.records import Graded

    protocol = get(run.benchmark).protocol
    scores = [protocol.score(Graded(a.example, 0, a.response, ())) for a in run.answers]
    return [score.values["overall_score"] for score in scores]


# Columns


def test_columns_are_found_by_their_usual_names() -> None:
    """Ids, answers, runs and numbers are known in any spelling; what is right is no answer."""
    names = ["Model", "Question-ID", "answer", "LLM Answer", "prompt_tokens", "Time_s", "topic"]
    found = find_columns(names, Path("x.csv"))
    assert (found.id, found.answers, found.by) == ("Question-ID", ("LLM Answer",), ("Model",))
    assert found.right == "answer"
    assert found.numbers == {"input_tokens": "prompt_tokens", "seconds": "Time_s"}


def test_answer_is_the_answer_where_nothing_else_is() -> None:
    """A file of ids and answers alone has no column of what is right."""
    found = find_columns(["id", "answer"], Path("x.csv"))
    assert (found.answers, found.right, found.by) == (("answer",), None, ())


def test_the_only_id_is_the_id() -> None:
    """One column that ends in id is taken where none has a usual name; of two, neither."""
    assert find_columns(["encounter_id", "output"], Path("x.csv")).id == "encounter_id"
    with pytest.raises(InputError, match="--id COLUMN"):
        find_columns(["encounter_id", "doctor_id", "output"], Path("x.csv"))


def test_a_written_text_is_the_answer_where_nothing_else_is() -> None:
    """A note or summary is what was written, unless another column is the prediction."""
    names = ["Dialogues", "Reference Summaries", "note", "encounter_id"]
    assert find_columns(names, Path("x.csv")).answers == ("note",)
    assert find_columns([*names, "prediction"], Path("x.csv")).answers == ("prediction",)


def test_words_run_together_are_taken_apart() -> None:
    """`pairID` ends in id, as `pair_id` does."""
    found = find_columns(["pairID", "modelAnswer"], Path("x.csv"))
    assert (found.id, found.answers) == ("pairID", ("modelAnswer",))


def test_parts_of_the_data_are_one_run_where_no_system_is_named() -> None:
    """A file of one system's answers to two sets is one run; repetitions are one each."""
    names = ["dataset", "task", "seed", "id", "prediction"]
    found = find_columns(names, Path("x.csv"))
    assert (found.by, found.about) == (("seed",), ("dataset", "task"))
    assert find_columns([*names, "model"], Path("x.csv")).by == (*names[:3], "model")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '{"x/1": "B", "x/2": "C d"}'),
        ("a.json", '{"x/1": {"prediction": "B"}, "x/2": {"prediction": "C d"}}'),
        ("a.txt", "x/1 B\n\n  x/2 C d\n"),
    ],
)
def test_forms_that_are_no_table(tmp_path: Path, name: str, content: str) -> None:
    """An object of id and answer, and lines that begin with an id, are rows too."""
    (tmp_path / name).write_text(content)
    rows = [row for _, row in answer_rows(tmp_path / name)]
    assert rows == [{"id": "x/1", "prediction": "B"}, {"id": "x/2", "prediction": "C d"}]


def test_a_line_without_an_answer_is_named(tmp_path: Path) -> None:
    """A line of one word is an id and nothing else."""
    (tmp_path / "a.txt").write_text("x/1 B\nx/2\n")
    with pytest.raises(DataError, match=r"a\.txt:2: expected an id, a space and the answer"):
        list(answer_rows(tmp_path / "a.txt"))


@pytest.mark.parametrize(
    ("names", "columns", "said"),
    [
        (["nr", "prediction"], {}, "with the id of each row, found the columns nr, prediction"),
        (["id", "letter"], {}, "name it with --answer COLUMN"),
        (
            ["id", "prediction"],
            {"by": ["modle"]},
            "--by 'modle': not in x.csv, which has the columns id",
        ),
    ],
)
def test_unknown_columns_are_named(names: list[str], columns: dict[str, Any], said: str) -> None:
    """What cannot be found is one line with the columns that there are and the option."""
    with pytest.raises(InputError, match=said) as raised:
        find_columns(names, Path("x.csv"), **columns)
    assert "\n" not in str(raised.value)


# Runs


def test_each_combination_is_a_run(tmp_path: Path, data: Path) -> None:
    """Rows are grouped wherever they stand; system, name and columns are those of the run."""
    rows = [
        row
        for pair in zip(
            answers("ABCDAB", split="test", model="gpt-x", method="cot"),
            answers("AAAAAA", split="test", model="gpt-x", method="zero shot"),
            strict=True,
        )
        for row in pair
    ]
    first, second = read(table(tmp_path / "made.csv", rows), data)
    assert first.name == "made/medqa/test/gpt-x/cot"
    assert (first.system, second.system) == ("gpt-x [cot]", "gpt-x [zero shot]")
    assert second.name == "made/medqa/test/gpt-x/zero_shot"
    assert first.settings.columns["method"] == "cot"
    assert accuracy(first) == [1.0] * 6
    assert accuracy(second) == [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def test_names_that_look_alike_stay_apart(tmp_path: Path, data: Path) -> None:
    """Two methods whose names differ in signs alone are two runs of two names."""
    rows = answers("A", model="m", method="a b") + answers("A", model="m", method="a/b")
    names = [run.name for run in read(lines(tmp_path / "p.jsonl", rows), data)]
    assert len(set(names)) == 2


def test_numbers_come_along(tmp_path: Path, data: Path) -> None:
    """Tokens, seconds and cost are the response's; an empty cell is an unknown number."""
    known: dict[str, object] = {
        "prompt_tokens": 120,
        "completion_tokens": "30",
        "time_s": 2.5,
        "cost_usd": 0.01,
    }
    empty: dict[str, object] = dict.fromkeys(known, "")
    rows = [{**row, **numbers} for row, numbers in zip(answers("AB"), (known, empty), strict=True)]
    (run,) = read(table(tmp_path / "p.csv", rows), data)
    full, bare = (answer.response for answer in run.answers)
    assert (full.usage.input_tokens, full.usage.output_tokens) == (120, 30)
    assert (full.latency_s, full.cost_usd) == (2.5, 0.01)
    assert (bare.usage.total, bare.latency_s, bare.cost_usd) == (0, 0.0, None)


def test_tokens_without_dollars_are_priced(tmp_path: Path, data: Path) -> None:
    """By the list, where the model is plainly somebody's; not where it is sold by many."""
    price = price_at("openai/gpt-4o")
    assert price is not None
    numbers = {"prompt_tokens": 1000, "completion_tokens": 100}
    rows = [*answers("AB", model="gpt-4o", **numbers), *answers("AB", model="llama-3", **numbers)]
    with Predictions(table(tmp_path / "answers.csv", rows)) as found:
        known, unknown = found.runs(get("medagents-hard"), data)
    expected = (1000 * price.input + 100 * price.output) / 1e6
    assert [each.response.cost_usd for each in known.answers] == pytest.approx([expected] * 2)
    assert [each.response.cost_usd for each in unknown.answers] == [None, None]
    assert any(price.source in note for note in known.settings.notes)
    assert not any("Cost" in note for note in unknown.settings.notes)


def test_part_of_the_questions_is_said_to_be_a_part(tmp_path: Path, data: Path) -> None:
    """And that some have more answers than others."""
    rows = [*answers("ABC"), *answers("A")]
    with Predictions(table(tmp_path / "answers.csv", rows)) as found:
        [run] = found.runs(get("medagents-hard"), data)
    assert len(run.answers) == 4
    assert "Answers to 3 of the 8 examples." in run.settings.notes
    assert "Examples with more answers than others: 1, scored by their mean." in run.settings.notes


def test_a_missing_answer_is_wrong_where_the_benchmark_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The denominator of SafetyBench is all ids; what is missing is not what cannot be read."""
    folder = tmp_path / "safety"
    folder.mkdir()
    asked = [
        {"id": n, "question": f"{n}?", "options": ["x", "y"], "category": "Mental Health"}
        for n in range(4)
    ]
    (folder / "test_zh_subset.json").write_text(json.dumps(asked))
    key = {str(n): {"answer": 0} for n in range(4)}
    (folder / "test_answers_zh_subset.json").write_text(json.dumps(key))
    given = [{"id": 0, "response": "A"}, {"id": 1, "response": "no idea"}]
    file, store = lines(tmp_path / "said.jsonl", given), str(tmp_path / "p.db")
    command = ["import", "predictions", str(file), "--benchmark", "safetybench-zh"]
    assert main([*command, "--data", str(folder), "--store", store]) == 0
    capsys.readouterr()
    assert main(["score", "said", "--store", store, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    accuracy = found["metrics"]["overall_score"]
    assert (accuracy["value"], accuracy["n"]) == (0.25, 4)
    assert found["unparsed"] == 1
    assert "Answers to 2 of the 4 examples; the others count as wrong." in found["notes"]
    assert main(["score", "said", "--store", store]) == 0
    assert "† 1 of 2 answers could not be read (unparsed): the score" in "".join(
        capsys.readouterr()
    )


def test_empty_is_unread_and_null_is_missing(tmp_path: Path, data: Path) -> None:
    """An empty cell is an answer in which nothing can be read; null is a call that failed."""
    rows = answers("AB")
    rows[0]["predicted_answer"], rows[1]["predicted_answer"] = "", None
    (run,) = read(lines(tmp_path / "p.jsonl", rows), data)
    empty, null = (answer.response for answer in run.answers)
    assert (empty.text, empty.failure) == ("", None)
    assert null.failure == "no_answer"


def test_the_first_filled_column_is_the_answer(tmp_path: Path, data: Path) -> None:
    """Of several columns the first that is filled; one sign that is no option is passed over."""
    rows = answers("BBBB")
    for row, extracted in zip(rows, ("A", "", "I", "I"), strict=True):
        row["extracted"] = extracted
    rows[3]["predicted_answer"] = ""
    path = table(tmp_path / "p.csv", rows)
    (run,) = read(path, data, answer=["extracted", "predicted_answer"])
    assert [answer.response.text for answer in run.answers] == ["A", "B", "B", "I"]


def test_parquet_is_read_too(tmp_path: Path, data: Path) -> None:
    """A parquet file with numbers as ids and a missing answer."""
    pytest.importorskip("pyarrow")
    import pyarrow
    import pyarrow.parquet

    columns = {"dataset": ["medqa"] * 2, "realidx": [0.0, 10.0], "prediction": ["A", None]}
    path = tmp_path / "p.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    (run,) = read(path, data)
    assert [answer.example.id for answer in run.answers] == ["medqa/0", "medqa/10"]
    assert run.answers[1].response.failure == "no_answer"


# Ids


def test_unknown_ids_are_counted(tmp_path: Path, data: Path) -> None:
    """Rows that the benchmark has no question for are left out, and the run says how many."""
    rows = [*answers("AB"), {"dataset": "medqa", "realidx": 999, "predicted_answer": "A"}]
    (run,) = read(table(tmp_path / "p.csv", rows), data)
    assert len(run.answers) == 2
    assert run.settings.left_out == 1
    assert "1 answer to questions missing in the data: left out." in run.settings.notes


def test_another_right_answer_is_said(tmp_path: Path, data: Path) -> None:
    """Where the file's key and the benchmark's differ, the benchmark's counts and it is said."""
    rows = [{**row, "answer_idx": "D"} for row in answers("AB")]
    (run,) = read(table(tmp_path / "p.csv", rows), data)
    assert accuracy(run) == [1.0, 1.0]
    assert any("For 2 questions the file states another" in note for note in run.settings.notes)


@pytest.mark.parametrize(("stated", "differ"), [("09/12/2014", 0), ("09/13/2014", 1)])
def test_a_date_is_compared_as_a_date(stated: str, differ: int) -> None:
    """However it is written, the same day is no other right answer."""
    due = Example("1", (), (), target={"kind": "date", "answer": "2014-09-12"})
    assert QuestionIndex([due]).match([Row("1", stated, ())]).contradicted == differ


def test_places_are_ids_where_the_right_answers_agree(tmp_path: Path, data: Path) -> None:
    """Ids 0, 1, 2 that count the hard questions are read so, as their right answers show."""
    rows = [
        {"dataset": "medqa", "split": "test_hard", "idx": n, "prediction": "C", "answer_idx": right}
        for n, right in enumerate("CDB")
    ]
    (run,) = read(table(tmp_path / "p.csv", rows), data)
    assert [answer.example.id for answer in run.answers] == ["medqa/20", "medqa/30", "medqa/50"]
    assert accuracy(run) == [1.0, 0.0, 0.0]
    rows[1]["answer_idx"] = "A"
    (run,) = read(table(tmp_path / "q.csv", rows), data)
    assert [answer.example.id for answer in run.answers] == ["medqa/0"]


def test_two_questions_of_one_number() -> None:
    """Rows with the number of two questions are about one each, by what they state as right."""
    known = QuestionIndex(
        [
            choice_example("spain/7", "One?", OPTIONS, "A"),
            choice_example("spain/7~2", "Two?", OPTIONS, "C"),
        ]
    )
    about = ("spain",)
    found = known.match([Row("7", "C", about), Row("7", "A", about), Row("7", "C", about)])
    assert [each and each.id for each in found.examples] == ["spain/7~2", "spain/7", "spain/7~2"]
    assert (found.unknown, found.contradicted) == (0, 0)
    silent = known.match([Row("7", None, about), Row("7", None, about)])
    assert [each and each.id for each in silent.examples] == ["spain/7", "spain/7~2"]


def known_paths() -> QuestionIndex:
    """Three sets; the second question of the first two has one last part."""
    ids = ("M1/a1", "M1/v2", "M2/b1", "M2/v2", "M3/c1", "M3/c2", "M3/c3", "M3/7")
    return QuestionIndex([choice_example(id, f"{id}?", OPTIONS, "A") for id in ids])


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (Row("b1", None), "M2/b1"),
        (Row("v2", None), None),
        (Row("v2", None, hints=("other", "m2")), "M2/v2"),
        (Row("v2", None, hints=("M1", "M2")), None),
        (Row("7", None), None),
        (Row("7", None, hints=("M3",)), None),
    ],
)
def test_the_last_part_of_an_id_is_enough_where_one_question_has_it(
    row: Row, found: str | None
) -> None:
    """Words of other columns settle which of several; a bare number may count the rows."""
    (example,) = known_paths().match([row]).examples
    assert (example and example.id) == found


def test_rows_in_the_order_of_the_data() -> None:
    """A few rows with ids of nobody are about what stands there, if all others stand so."""
    known = known_paths()
    ids = ["M3/c1", "M3/nobody", "M3/c3", "M3/7"]
    found = known.match([Row(id, None) for id in ids])
    assert [each and each.id for each in found.examples] == ["M3/c1", "M3/c2", "M3/c3", "M3/7"]
    assert (found.unknown, found.placed) == (0, 1)
    for changed in (ids[:3], [*ids[2:], *ids[:2]], [ids[0], "M3/x", "M3/y", ids[3]]):
        found = known.match([Row(id, None) for id in changed])
        assert found.placed == 0
        assert None in found.examples
    wrong = known.match([Row(id, "B" if id == "M3/nobody" else None) for id in ids])
    assert wrong.placed == 0


def test_a_part_of_the_questions_is_said(tmp_path: Path, data: Path) -> None:
    """A run that answers some of the questions says how many of how many."""
    (run,) = read(table(tmp_path / "p.csv", answers("AB")), data)
    assert "Answers to 2 of the 8 examples." in run.settings.notes


# The command


def test_command_imports_scores_and_does_nothing_twice(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The runs are in the store with their scores; the same file again changes nothing."""
    path = table(tmp_path / "p.csv", answers("ABCDAA", model="m", time_s=2))
    where = ["--store", str(tmp_path / "s.db"), "--json"]
    words = ["import", "predictions", str(path), "--benchmark", "medagents-hard", "--data"]
    words += [str(data), *where]
    assert main(words) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == [{"run": "p/medqa/m", "n": 6, "new": True}]
    assert "id: realidx; answer: predicted_answer" in said.err
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)[0]["new"] is False
    assert main(["score", "p/medqa/m", *where]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert metrics["overall_score"]["raw_mean"] == pytest.approx(5 / 6)
    assert metrics["split:test_hard"]["n"] == 3
    assert metrics["parse_rate"]["raw_mean"] == 1.0
    table(path, answers("BBCDAA", model="m", time_s=2))
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("benchmark", "said"),
    [
        ("starter", "its answers are judged by a grader"),
        ("medagents-hard", "none of its 1 rows has the id of a question"),
    ],
)
def test_nothing_is_imported_on_a_fault(
    tmp_path: Path, data: Path, benchmark: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A judged benchmark, or a file of other questions, is refused and no run is made."""
    path = table(tmp_path / "p.csv", [{"id": "nobody", "prediction": "A"}])
    store = tmp_path / "s.db"
    where = [] if benchmark == "starter" else ["--data", str(data)]
    words = ["import", "predictions", str(path), "--benchmark", benchmark, *where]
    assert main([*words, "--store", str(store)]) == 2
    assert said in capsys.readouterr().err
    if store.exists():
        with Store(store) as opened:
            assert opened.runs() == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"realidx": ""}, "p.csv:3: realidx: expected the id of a question, found ''"),
        ({"time_s": "soon"}, "p.csv:3: time_s: expected a number"),
        ({"time_s": "-1"}, "p.csv:3: time_s: expected a number from 0"),
        ({"time_s": "1e30"}, "p.csv:3: time_s: expected a number up to 1,000,000,000,000"),
        ({"time_s": "1e400"}, "p.csv:3: time_s: expected a number, found"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    """File, line and field of what is wrong in a row."""
    rows = [{**row, "time_s": 1} for row in answers("AB")]
    rows[1].update(changed)
    path = table(tmp_path / "p.csv", rows)
    with pytest.raises(DataError, match=said.partition(":")[2]):
        Predictions(path)


@pytest.mark.parametrize("value", [10**400, 10**30, 2**63, 1e300])
def test_a_number_beyond_all_bounds_is_named(tmp_path: Path, value: float) -> None:
    """Neither hundreds of digits nor what a database cannot hold is a traceback."""
    path = lines(tmp_path / "p.jsonl", [{**row, "prompt_tokens": value} for row in answers("A")])
    with pytest.raises(DataError, match="prompt_tokens: expected a number"):
        Predictions(path)


def test_a_row_without_the_answer_is_named(tmp_path: Path) -> None:
    """A row that has none of the columns with the answer is no failed call, but a faulty row."""
    path = lines(tmp_path / "p.jsonl", [*answers("A"), {"realidx": 10}])
    with pytest.raises(DataError, match=r"jsonl:2: predicted_answer: missing; expected an"):
        Predictions(path)


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    """A table without rows holds no answers."""
    path = tmp_path / "p.csv"
    path.write_text("id,prediction\n")
    with pytest.raises(InputError, match="expected answers, found an empty file"):
        Predictions(path)


# Methods against each other


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([(1, 0.5), (2, 0.4), (3, 0.7)], [True, False, True]),
        ([(1, 0.5), (1, 0.6)], [False, True]),
        ([(1, 0.5), (2, 0.5)], [True, False]),
        ([(1, 0.5), (1, 0.5)], [True, False]),
        ([(2, -0.1)], [True]),
        ([], []),
    ],
)
def test_pareto_front(points: list[tuple[float, float]], front: list[bool]) -> None:
    """On it is what nothing beats at its price, or undercuts at its score."""
    assert on_front(points) == front


def test_imported_runs_compare_and_show_time(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two imported methods get McNemar's test and the bootstrap, and a figure of score by time."""
    rows = [
        {**row, "split": "test", "model": "m", "method": method, "time_s": seconds}
        for method, letters, seconds in (("cot", "ABCDAB", 9.0), ("zero", "ABAAAC", 2.0))
        for row in answers(letters)
    ]
    path, where = table(tmp_path / "p.csv", rows), ["--store", str(tmp_path / "s.db")]
    words = ["import", "predictions", str(path), "--benchmark", "medagents-hard"]
    assert main([*words, "--data", str(data), *where]) == 0
    sides = [f"{method}=p/*/m/{method}" for method in ("zero", "cot")]
    capsys.readouterr()
    assert main(["compare", *sides, *where, "--json"]) == 0
    contrast = json.loads(capsys.readouterr().out)["contrasts"][0]
    assert contrast["overall"]["difference"] == pytest.approx(3 / 6)
    assert (contrast["mcnemar"]["only_a"], contrast["mcnemar"]["only_b"]) == (3, 0)
    assert contrast["tests"]["bootstrap_ci95"] is not None
    found = {figure.name: figure for figure in figures(api.sides(sides, store=tmp_path / "s.db"))}
    assert "cost" not in found
    assert [
        (row["seconds_per_answer"], row["mean"], row["on_front"]) for row in found["time"].rows
    ] == [(2.0, 0.5, True), (9.0, 1.0, True)]


def test_the_page_is_true(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command of docs/predictions.md prints what the page shows, and its columns are known."""
    docs = Path(__file__).parent.parent / "docs"
    page = (docs / "predictions.md").read_text("utf-8")
    shown = page.split("```console\n")[1].split("```")[0].splitlines()[2:]
    file, exam = docs / "examples" / "answers-by-method.csv", docs / "examples" / "exam"
    words = ["import", "predictions", str(file), "--benchmark", "medagents-hard"]
    monkeypatch.setenv("PRECEPTOR_STORE", str(tmp_path / "s.db"))
    assert main([*words, "--data", str(exam)]) == 0
    said = capsys.readouterr()
    assert sorted([*said.err.splitlines(), *said.out.splitlines()]) == sorted(shown)
    rows = re.findall(r"^\| (?:the|a run|tokens)[^|]*\| (.*?) \|", page, re.MULTILINE)
    for cells in rows[1:]:
        for name in re.findall(r"`(\w+)`", cells.split("; else")[0]):
            # A part of the data makes a run only where a system is named.
            named = dict.fromkeys(["id", "prediction", "model", name])
            found = find_columns([*named], Path("x"))
            known = (*found.answers, *found.by, found.right, *found.numbers.values(), found.id)
            assert name in known, name
    scores = {run.info.name: run.score()["metrics"] for run in api.runs(store=tmp_path / "s.db")}
    reasoned = scores["answers-by-method/medqa/model-a/reasoned"]
    assert reasoned["overall_score"]["raw_mean"] == pytest.approx(2 / 3)
    assert reasoned["parse_rate"]["raw_mean"] == pytest.approx(2 / 3)


def test_what_an_extractor_could_not_read_is_read_from_beside_it(
    tmp_path: Path, data: Path
) -> None:
    """Words for a missing answer yield to another column, unless an option has that text."""
    rows = answers("BBBBBB")
    for row, extracted in zip(rows, ("None", "nan", "[invalid]", "N/A", "-1", "A"), strict=True):
        row["extracted"], row["response"] = extracted, row.pop("predicted_answer")
    (run,) = read(lines(tmp_path / "p.jsonl", rows), data, answer=("extracted", "response"))
    assert [answer.response.text for answer in run.answers] == ["B", "B", "B", "N/A", "B", "A"]
    notes = " ".join(run.settings.notes)
    assert "4 rows have no answer in extracted, first " in notes
    assert ": taken from response." in notes


def test_answers_in_other_shapes(tmp_path: Path, data: Path) -> None:
    """Parts, a chat log as text, and log-likelihoods are read; rows without an answer are noted."""
    rows = answers("BBBB")
    said = [{"role": "user", "content": "A?"}, {"role": "assistant", "content": "B"}]
    shapes = ([{"type": "text", "text": "B"}], str(said), {"A": -2.5, "B": -0.1}, said[:1])
    for row, shape in zip(rows, shapes, strict=True):
        row["predicted_answer"] = shape
    (run,) = read(lines(tmp_path / "p.jsonl", rows), data)
    assert [answer.response.text for answer in run.answers] == ["B", "B", "B", ""]
    assert run.answers[-1].response.failure == "no_answer"
    assert "1 of 4 rows have no answer, first line 4" in " ".join(run.settings.notes)


@pytest.mark.parametrize("form", ["openai", "anthropic", "google", "log", "ollama", "lm-eval"])
def test_a_row_may_be_a_reply(tmp_path: Path, data: Path, form: str) -> None:
    """Lines of a batch, chat logs and replies are answers as they are, as in recorded answers."""
    log = [{"role": "user", "content": "A?"}, {"role": "assistant", "content": "B"}]
    parts = [{"text": "A", "thought": True}, {"text": "B"}]
    told = {"status_code": 200, "body": {"choices": [{"message": log[1]}]}}
    shapes: dict[str, dict[str, Any]] = {
        "openai": {"id": "batch_req_1", "custom_id": "medqa/20", "response": told, "error": None},
        "anthropic": {"custom_id": "medqa/20", "result": {"message": log[1]}},
        "google": {"key": "medqa/20", "response": {"candidates": [{"content": {"parts": parts}}]}},
        "log": {"id": "medqa/20", "messages": log},
        "ollama": {"id": "medqa/20", "message": log[1], "done": True},
        "lm-eval": {"doc_id": "medqa/20", "filtered_resps": [[-9.0, False], [-0.1, True]]},
    }
    (run,) = read(lines(tmp_path / "p.jsonl", [shapes[form]]), data)
    assert [(each.example.id, each.response.text) for each in run.answers] == [("medqa/20", "B")]


def test_a_failed_line_of_a_batch_says_why(tmp_path: Path, data: Path) -> None:
    """The error stands in another column than the reply."""
    row = {"custom_id": "medqa/20", "response": None, "error": {"message": "expired"}}
    (run,) = read(lines(tmp_path / "p.jsonl", [row]), data)
    assert run.answers[0].response.failure == "no_answer"
    assert "first line 1 (an error: expired)" in " ".join(run.settings.notes)
