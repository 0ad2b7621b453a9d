"""`preceptor import`: whose file it is, which question a row is about, names, replacement."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from preceptor import api
from preceptor.bridges.tools import recognise
from preceptor.cells import at_path
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.records import Graded
from preceptor.store import Store

OPTIONS = {"A": "rest", "B": "surgery", "C": "an antibiotic", "D": "wait and see"}
EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four made-up questions of medqa, with the ids medqa/q0 to medqa/q3."""
    folder = tmp_path / "exams"
    folder.mkdir()
    rows = [
        {
            "realidx": f"q{number}",
            "question": f"A made-up patient has complaint {number} since dawn. What helps most?",
            "options": OPTIONS,
            "answer_idx": answer,
        }
        for number, answer in enumerate("ABCD")
    ]
    written(folder / "medqa_test.jsonl", rows)
    return folder


def written(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


class Importing:
    """`preceptor import` into a store of its own."""

    def __init__(self, tmp_path: Path, data: Path) -> None:
        self.store = str(tmp_path / "runs.db")
        self._exam = ("--benchmark", "medagents-hard", "--data", str(data))

    def __call__(self, *arguments: object) -> int:
        return main(["import", *map(str, arguments), *self._exam, "--store", self.store])

    def graded(self, name: str) -> list[Graded]:
        with Store(self.store, create=False) as store:
            return store.graded(store.run(name))

    def texts(self, name: str) -> list[str | None]:
        said = [each.response for each in self.graded(name)]
        return [None if one is None or one.failure else one.text for one in said]


@pytest.fixture
def importing(tmp_path: Path, data: Path) -> Importing:
    return Importing(tmp_path, data)


# Dotted paths


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("doc.id", "q1"),
        ("a.b", "named so"),
        ("choices.1.text", "two"),
        ("choices.-1.text", "two"),
        ("choices.text", ["one", "two"]),
        ("choices.7.text", None),
        ("doc.other.more", None),
        ("packed.id", 3),
    ],
)
def test_a_path_leads_to_a_value(path: str, found: object) -> None:
    """Dots lead into objects, numbers into lists, names into each item; own names come first."""
    row = {
        "doc": {"id": "q1"},
        "a.b": "named so",
        "a": {"b": "inner"},
        "choices": [{"text": "one"}, {"text": "two"}],
        "packed": '{"id": 3}',
    }
    assert at_path(row, path) == found


def test_columns_may_be_paths(tmp_path: Path, importing: Importing) -> None:
    """--id and --answer lead into a row; a list of texts is repeats, null is a failed call."""
    rows: list[dict[str, Any]] = [
        {"error": "busy", "doc": {"id": "q0"}, "reply": None},
        {"doc": {"id": "q1"}, "reply": {"body": {"choices": [{"text": "A"}, {"text": "B"}]}}},
    ]
    file = written(tmp_path / "rows.jsonl", rows)
    assert importing(file, "--id", "doc.id", "--answer", "reply.body.choices.text") == 0
    assert importing.texts("rows") == [None, "A", "B"]


def test_an_object_that_is_no_text_is_refused(
    tmp_path: Path, importing: Importing, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its JSON would be graded as the answer: the message names the paths within."""
    file = written(tmp_path / "rows.jsonl", [{"id": "q0", "output": {"said": "A", "took": 3}}])
    assert importing(file) == 2
    assert "name the text in it (--answer output.said)" in capsys.readouterr().err


# Questions


def test_questions_are_found_by_their_text(
    tmp_path: Path, importing: Importing, data: Path
) -> None:
    """An unknown id is no loss where the prompt has the question; another set's row is left out."""
    from preceptor.benchmarks import get
    from preceptor.bridges.matching import QuestionIndex, Row

    index = QuestionIndex(get("medagents-hard").load(data).examples)
    asked = "Think first.\n\nA made-up patient has complaint {} since dawn! What helps most?\n"
    rows = [
        Row("7", None, question=asked.format(2)),
        Row("q0", None, question=asked.format(0)),
        Row("q1", None, question="Which of these rivers of Peru is the longest one, and why?"),
        Row("q3", None, question=asked.format(1)),
    ]
    found = index.match(rows)
    ids = [example and example.id for example in found.examples]
    assert ids == ["medqa/q2", "medqa/q0", None, "medqa/q1"]
    assert (found.by_text, found.unknown) == (2, 1)
    assert "2 answers were matched by the text of their question." in found.in_words()


def test_rows_of_another_set_are_left_out(
    tmp_path: Path, importing: Importing, capsys: pytest.CaptureFixture[str]
) -> None:
    """An id in a folder that the benchmark lacks is not matched by its place among the others."""
    rows = [{"id": f"medqa/q{n}", "answer": "A"} for n in range(3)]
    rows.append({"id": "another/q9", "answer": "A"})
    assert importing(written(tmp_path / "rows.jsonl", rows)) == 0
    assert len(importing.texts("rows")) == 3
    assert "1 row left out: medagents-hard has no question of their id" in capsys.readouterr().err


# Tools, names, replacement


def test_the_tool_is_recognised_by_content() -> None:
    """A file's name does not matter, and what no tool claims is a table."""
    names = {
        "graded-by-id.jsonl": "graded",
        "healthbench_my-model_allresults.json": "simple-evals",
        "answers-by-method.csv": "predictions",
    }
    for name, tool in names.items():
        ([found], unknown) = recognise([EXAMPLES / name])
        assert (found.tool.name, unknown) == (tool, [])


def test_a_folder_is_read_for_the_tools_in_it(tmp_path: Path) -> None:
    """Tables beside a tool's files are its own by-products, and named as not understood."""
    written(tmp_path / "a.jsonl", [{"id": 1, "response": "x", "criteria_met": [True]}])
    other = written(tmp_path / "b.jsonl", [{"id": 1, "response": "x"}])
    ([found], unknown) = recognise([tmp_path])
    assert (found.tool.name, unknown) == ("graded", [other])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="none of: logs of Inspect AI"):
        recognise([tmp_path / "empty"])


def test_a_run_has_the_name_that_is_given(tmp_path: Path, importing: Importing) -> None:
    """--name is the run's; of several runs it is what their names begin with."""
    one = written(tmp_path / "one.jsonl", [{"id": "q0", "answer": "A"}])
    assert importing(one, "--name", "mine") == 0
    rows = [{"id": "q0", "model": name, "answer": "A"} for name in ("a", "b")]
    assert importing(written(tmp_path / "two.jsonl", rows), "--name", "both") == 0
    names = [run.info.name for run in api.runs(store=importing.store)]
    assert names == ["mine", "both/a", "both/b"]


def test_a_run_is_replaced_if_asked(
    tmp_path: Path, importing: Importing, capsys: pytest.CaptureFixture[str]
) -> None:
    """New answers, tokens included, take the old ones' place; without --replace it is an error."""
    row = {"id": "q0", "answer": "A", "prompt_tokens": 1}
    file = written(tmp_path / "one.jsonl", [row])
    assert importing(file) == 0
    written(file, [row | {"prompt_tokens": 2}])
    assert importing(file) == 2
    assert "--replace the old one" in capsys.readouterr().err
    assert importing(file, "--replace") == 0
    (graded,) = importing.graded("one")
    assert graded.response is not None
    assert graded.response.usage.input_tokens == 2


def test_the_tools_own_score_stands_beside_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is kept with the run and printed with its n."""
    file, store = EXAMPLES / "healthbench_my-model_allresults.json", str(tmp_path / "runs.db")
    stated = json.loads(file.read_text())["score"]
    assert main(["import", str(file), "--store", store]) == 0
    assert main(["score", "latest", "--store", store]) == 0
    said = f"The tool's own score: {stated:.4g} (n 2), score by simple-evals."
    assert said in " ".join(capsys.readouterr().err.split())


# Output of batch APIs


def chat(*texts: str | None, **more: Any) -> dict[str, Any]:
    """A body of a chat completion with a choice for each text."""
    choices = [
        {"index": n, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for n, text in enumerate(texts)
    ]
    details = {"cached_tokens": 2}
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": details}
    return {"model": "gpt-4.1-2025-04-14", "choices": choices, "usage": usage, **more}


def line(id: str, body: Any, status: int = 200) -> dict[str, Any]:
    """A line as OpenAI's batches write it."""
    response = {"status_code": status, "request_id": "r", "body": body}
    return {"id": f"batch_req_{id}", "custom_id": id, "response": response, "error": None}


def failed(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "made up", "type": "made_up"}}


def test_a_batch_is_read_as_its_replies(tmp_path: Path, importing: Importing) -> None:
    """Texts, tokens, served model, half the price; choices are repeats, errors are no answers."""
    tool = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    calling = chat(None)
    calling["choices"][0] |= {"finish_reason": "tool_calls"}
    calling["choices"][0]["message"] |= {"tool_calls": [tool]}
    rows = [
        line("req-q0", chat("A", "B")),
        line("req-q1", failed("rate_limit_exceeded"), 429),
        line("req-q2", calling),
        line("req-q3", failed("content_filter"), 400),
    ]
    assert importing(written(tmp_path / "out.jsonl", rows)) == 0
    said = [each.response for each in importing.graded("out") if each.response is not None]
    assert [one.text for one in said] == ["A", "B", "", "", ""]
    assert [one.failure for one in said] == [None, None, "rate_limit", "tool_calls", None]
    assert said[4].finish_reason == "content_filter"
    assert [one.usage.input_tokens for one in said] == [9, 0, 0, 9, 0]
    assert said[0].usage.cached_tokens == 2
    assert said[0].served_model == "gpt-4.1-2025-04-14"
    assert said[0].cost_usd == pytest.approx((7 * 2 + 2 * 0.5 + 3 * 8) / 1e6 / 2)
    assert api.load("out", store=importing.store).info.system == "gpt-4.1-2025-04-14"


def test_an_error_file_belongs_to_its_batch(tmp_path: Path, importing: Importing) -> None:
    """Its failed requests are of the same run, unless they were answered in another line."""
    out = written(tmp_path / "batch_1_output.jsonl", [line("q0", chat("A")), line("q1", chat("B"))])
    lost = {"id": "x", "custom_id": "q2", "response": None, "error": {"code": "batch_expired"}}
    rows = [line("q1", failed("server_error"), 500), lost]
    errors = written(tmp_path / "batch_1_errors.jsonl", rows)
    assert importing(out, errors) == 0
    assert importing.texts("batch_1_output") == ["A", "B", None]
    notes = api.load("latest", store=importing.store).info.settings.notes
    assert "Failed requests that were answered in another line: 1, left out." in notes


@pytest.mark.parametrize(
    "row",
    [
        line(
            "q0",
            {
                "object": "response",
                "status": "completed",
                "error": None,
                "model": "m-1",
                "output": [
                    {"type": "reasoning", "summary": []},
                    {"type": "message", "content": [{"type": "output_text", "text": "A"}]},
                ],
                "usage": {"input_tokens": 9, "output_tokens": 3},
            },
        ),
        {
            "custom_id": "q0",
            "result": {
                "type": "succeeded",
                "message": {
                    "type": "message",
                    "model": "m-1",
                    "content": [{"type": "text", "text": "A"}],
                    "stop_reason": "end_turn",
                    "usage": {"input_tokens": 9, "output_tokens": 3},
                },
            },
        },
        {
            "key": "q0",
            "response": {
                "candidates": [{"content": {"parts": [{"text": "A"}]}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3},
                "modelVersion": "m-1",
            },
        },
        line("q0", {"model": "m-1", "choices": [{"text": "A", "finish_reason": "stop"}]}),
    ],
    ids=["responses", "anthropic", "gemini", "completions"],
)
def test_each_kind_of_reply_in_a_batch_is_read(
    tmp_path: Path, importing: Importing, row: dict[str, Any]
) -> None:
    """The Responses API, Messages, generateContent and the older completions."""
    assert importing(written(tmp_path / "out.jsonl", [row])) == 0
    (graded,) = importing.graded("out")
    assert graded.response is not None
    assert (graded.response.text, graded.response.served_model) == ("A", "m-1")
    if "choices" not in str(row):
        assert (graded.response.usage.input_tokens, graded.response.usage.output_tokens) == (9, 3)


@pytest.mark.parametrize(
    "body",
    [None, "busy", {"choices": []}, {"error": {"message": "m"}}, {"data": [1]}, {"choices": 3}],
    ids=str,
)
def test_a_body_without_a_reply_is_a_failed_call(
    tmp_path: Path, importing: Importing, body: object
) -> None:
    """Whatever stands there is never graded as an answer."""
    rows = [line("q0", body), line("q1", chat("B"))]
    assert importing(written(tmp_path / "out.jsonl", rows)) == 0
    assert importing.texts("out") == [None, "B"]


# Failures


def test_a_failed_call_in_a_table_is_no_answer(tmp_path: Path, importing: Importing) -> None:
    """A cell that says why a call failed makes its row a failure, also of our own export."""
    file = tmp_path / "rows.csv"
    file.write_text("id,response,error\nq0,A,\nq1,,429 rate limit\nq2,,\nq3,timeout,timeout\n")
    assert importing(file) == 0
    assert importing.texts("rows") == ["A", None, "", None]
    assert (
        main(["export", "rows", "-o", str(tmp_path / "own.csv"), "--store", importing.store]) == 0
    )
    assert importing(tmp_path / "own.csv", "--name", "back") == 0
    assert importing.texts("back") == ["A", None, "", None]
    failed = importing.graded("back")[3].response
    assert failed is not None
    assert failed.failure == "timeout"


def test_a_missing_repeat_is_a_failure(tmp_path: Path, importing: Importing) -> None:
    """A null among repeats is a call that failed; an item without the field is no repeat."""
    parts = [{"text": "A"}, {"text": None}, {"thinking": "B"}, {"text": "C"}]
    file = written(tmp_path / "rows.jsonl", [{"id": "q0", "said": parts}])
    assert importing(file, "--answer", "said.text") == 0
    assert importing.texts("rows") == ["A", None, "C"]


def test_the_text_of_a_row_decides_between_questions(tmp_path: Path, importing: Importing) -> None:
    """A table with a wrong id and the question's text is matched by the text; ends are kept."""
    asked = "A made-up patient has complaint 2 since dawn. What helps most?"
    row = {"id": "q0", "question": asked, "response": "C", "finish_reason": "length"}
    assert importing(written(tmp_path / "rows.jsonl", [row])) == 0
    (item,) = importing.graded("rows")
    assert item.response is not None
    assert (item.example.id, item.response.finish_reason) == ("medqa/q2", "length")


def test_errors_of_a_batch_are_those_of_its_own_output(
    tmp_path: Path, importing: Importing, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names that tell nothing: the errors are of the batch that did not answer; else of none."""

    def line(number: int, text: str | None) -> dict[str, Any]:
        reply = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
        body = {"error": {"message": "busy"}} if text is None else reply
        status = 429 if text is None else 200
        return {"custom_id": f"q{number}", "response": {"status_code": status, "body": body}}

    one = written(tmp_path / "file-Ab.jsonl", [line(0, "A"), line(1, "B")])
    two = written(tmp_path / "file-Bc.jsonl", [line(0, "A"), line(2, "C")])
    errors = written(tmp_path / "file-Cd.jsonl", [line(1, None)])
    assert importing(one, two, errors) == 0
    assert importing.texts("file-Ab") == ["A", "B"]
    assert importing.texts("file-Bc") == ["A", "C", None]
    neither = written(tmp_path / "file-De.jsonl", [line(3, None)])
    assert importing(one, two, neither, "--name", "again") == 2
    assert "holds errors of a batch that its name does not tell" in capsys.readouterr().err


def test_a_file_of_a_tool_without_rows_is_an_error(
    tmp_path: Path, importing: Importing, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results without a row end with one line."""
    (tmp_path / "out.json").write_text(json.dumps({"evalId": "e", "results": {"results": []}}))
    assert importing(tmp_path / "out.json") == 2
    assert "expected answers, found none in results of promptfoo" in capsys.readouterr().err
