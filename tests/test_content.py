"""Content that is not a text, on its way into a run."""

from __future__ import annotations

import decimal
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

import preceptor
from data_fixtures import row, write_rows
from preceptor.cells import read_met, read_number
from preceptor.errors import DataError
from preceptor.files import read_rows
from preceptor.systems.content import read_content, replied
from preceptor.testing import FakeEndpoint

USER = {"role": "user", "content": "q"}
SAID = {"role": "assistant", "content": "a"}
PARTS = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
CALLS = {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]}
MESSAGE = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "a"}],
}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("None", "None"),
        (PARTS, "ab"),
        (str(PARTS), "ab"),
        (msgspec.json.encode(PARTS).decode(), "ab"),
        ([{"type": "thinking", "thinking": "no"}, *PARTS, {"type": "tool_use", "id": "t"}], "ab"),
        ([{"type": "text", "text": "a", "image_url": None}, {"type": None, "text": None}], "a"),
        ([{"type": "refusal", "refusal": "I cannot."}], "I cannot."),
        ([USER, SAID], "a"),
        (str([USER, SAID]), "a"),
        ([USER, {**SAID, "content": "old"}, USER, SAID, {"role": "tool", "content": "x"}], "a"),
        ([{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "a"),
        ({"messages": [USER, SAID]}, "a"),
        ({"choices": [{"message": {**SAID, "refusal": None}}]}, "a"),
        ({"choices": [{"message": {"content": None, "refusal": "no"}}]}, "no"),
        ({"choices": [{"text": "a"}]}, "a"),
        ({"status_code": 200, "body": {"output": [{"type": "reasoning"}, MESSAGE]}}, "a"),
        ([{**USER, "type": "message"}, MESSAGE], "a"),
        ({"type": "succeeded", "message": {**SAID, "content": PARTS}}, "ab"),
        ({"candidates": [{"content": {"parts": [{"text": "x", "thought": True}, {"text": "a"}]}}]},
         "a"),
        ({"A": -1.2, "B": -0.3, "C": -math.inf}, "B"),
        ({"A": 0.2, "B": 0.8}, "B"),
        ("{'A': -1.2, 'B': -0.3}", "B"),
        ([["A", -3], ["B", -2]], "B"),
        ([[["-1.2", "False"]], [["-0.5", "True"]]], "B"),
        ([["the text"]], "the text"),
        ([{"generated_text": "a"}], "a"),
        ({"generated_text": [USER, SAID]}, "a"),
        (decimal.Decimal("2.50"), "2.50"),
        (b"a", "a"),
        # What has none of these shapes is itself the answer.
        (["E11", "I10"], '["E11","I10"]'),
        ([{"type": "Problem", "text": "fever"}], '[{"type":"Problem","text":"fever"}]'),
        ('{"content": "x", "error": "y"}', '{"content": "x", "error": "y"}'),
        ({"age": 3, "weight": 2}, '{"age":3,"weight":2}'),
        ("[" * 1000, "[" * 1000),
    ],
)  # fmt: skip
def test_content_is_read_as_a_text(value: object, text: str) -> None:
    """Parts, logs, replies and likelihoods give what the assistant said; reasoning is left out."""
    assert read_content(value).text == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null"),
        (math.nan, "null"),
        ({"role": None, "content": None}, "null"),
        ([USER], "without a turn of the assistant"),
        ([USER, SAID, USER], "after the user's last"),
        ({"messages": [USER, SAID, USER]}, "after the user's last"),
        ([{"from": "gpt", "value": "a"}, {"from": "human", "value": "q"}], "after the user's last"),
        ([USER, CALLS], "only tool call"),
        ({"choices": [{"message": CALLS}]}, "only tool call"),
        ({"choices": []}, "without an answer"),
        ({"candidates": [{"finishReason": "SAFETY"}]}, "SAFETY"),
        ({"status_code": 500, "body": {"error": {"message": "overloaded"}}}, "overloaded"),
        ([{"type": "image", "source": {}}], "only image"),
        ({"role": "assistant", "content": []}, "empty"),
        ({"A": -1.0, "B": -1.0}, "no single likeliest option"),
    ],
)
def test_content_without_an_answer_has_a_reason(value: object, reason: str) -> None:
    """Nothing is made up: the reason names why there is no text."""
    content = read_content(value)
    assert content.text is None
    assert reason in content.reason


def test_lines_of_batches_are_replies() -> None:
    """OpenAI's and Anthropic's result lines, answered and failed."""
    body = {"choices": [{"message": SAID}]}
    done = replied({"custom_id": "e", "response": {"status_code": 200, "body": body}})
    failed = replied({"custom_id": "e", "response": None, "error": {"code": "batch_expired"}})
    other = replied({"custom_id": "e", "result": {"type": "expired"}})
    assert [each and each.text for each in (done, failed, other)] == ["a", None, None]
    assert failed is not None
    assert "batch_expired" in failed.reason


def answered(tmp_path: Path, lines: list[dict[str, Any]]) -> tuple[Any, list[str]]:
    data = write_rows(tmp_path / "rows.jsonl", [row("a"), row("b")])
    write_rows(tmp_path / "answers.jsonl", lines)
    with FakeEndpoint() as fake:
        run = preceptor.run(
            "healthbench",
            data=data,
            system=f"replay:{tmp_path / 'answers.jsonl'}",
            grader=fake.address("judge"),
            store=tmp_path / "p.db",
        )
        asked = [call.payload["messages"][-1]["content"] for call in fake.log]
    return run, asked


def test_recorded_answers_say_what_was_not_taken(tmp_path: Path) -> None:
    """A judge sees the text alone; unknown ids, null and parts left out are in the notes."""
    run, asked = answered(
        tmp_path,
        [
            {"id": "a", "response": [*PARTS, {"type": "image", "source": {}}]},
            {"id": "b", "response": None},
            {"id": "zz", "response": "lost"},
        ],
    )
    result = run.result()
    assert asked
    assert all("assistant: ab" in prompt for prompt in asked)
    assert result.coverage == 0.5
    notes = " ".join(result.notes)
    assert "1 of 2 rows have no answer, first line 2 (null)" in notes
    assert "image in 1 rows, first line 1" in notes
    assert "1 recorded answers have an id that the benchmark lacks, first 'zz' on line 3" in notes
    assert run.outcome.first == "add them to the file"


def test_recorded_answers_to_another_benchmark_are_refused(tmp_path: Path) -> None:
    """No id of the file is known: nothing is asked."""
    with pytest.raises(DataError, match=r"answers\.jsonl:1: id: none of its ids"):
        answered(tmp_path, [{"id": "zz", "response": "lost"}])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,a\n1,2;3\n", [{"id": "1", "a": "2;3"}]),
        ("id;a\n1;yes, it is\n", [{"id": "1", "a": "yes, it is"}]),
        ("\ufeffsep=;\r\nid;a\r\n1;2,5\r\n", [{"id": "1", "a": "2,5"}]),
        ('"id";"a"\n"1";"x;, ""q""\n y"\n', [{"id": "1", "a": 'x;, "q"\n y'}]),
        ("id\ta\n1\tb, c\n", [{"id": "1", "a": "b, c"}]),
        ("id;a, b\n1;c\n2;d\n", [{"id": "1", "a, b": "c"}, {"id": "2", "a, b": "d"}]),
        ('id,a\n1,"b;c;d"\n', [{"id": "1", "a": "b;c;d"}]),
        ("id\n1\n", [{"id": "1"}]),
        ("sep=|\nid|a\n1|b, c; d\n", [{"id": "1", "a": "b, c; d"}]),
    ],
)
def test_cells_may_be_parted_as_excel_writes_them(
    tmp_path: Path, text: str, expected: list[dict[str, str]]
) -> None:
    """The file states its separator, or it is counted over all lines, quotes included."""
    path = tmp_path / "a.csv"
    path.write_text(text, "utf-8", newline="")
    assert [row for _, row in read_rows(path)] == expected


def test_decimal_comma(tmp_path: Path) -> None:
    """A decimal comma is read between semicolons; elsewhere it is a fault that says so."""
    path = tmp_path / "a.csv"
    for cell, expected in (("2,5", 2.5), ("1.234,5", 1234.5), ("1\u202f234,5", 1234.5)):
        text = f"x;y\n1;{cell}\n"
        path.write_text(text, "utf-8")
        ((_, cells),) = read_rows(path)
        assert read_number(cells["y"], cells) == expected
    path.write_text('x,y\n1,"2,5"\n', "utf-8")
    ((_, cells),) = read_rows(path)
    with pytest.raises(ValueError, match="decimal point and no comma"):
        read_number(cells["y"], cells)


def test_nan_of_json_is_null(tmp_path: Path) -> None:
    """Python writes NaN and Infinity into JSON; within a text they are words."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": NaN, "b": [-Infinity, NaN], "c": "NaN"}\n{"a": NaN,}\n', "utf-8")
    rows = read_rows(path)
    assert next(rows)[1] == {"a": None, "b": [-math.inf, None], "c": "NaN"}
    with pytest.raises(DataError, match=":2: expected a JSON object"):
        next(rows)


def test_parquet_is_read_as_other_tables(tmp_path: Path) -> None:
    """NaN is null, and two columns of one name are refused."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["a"], "x": [math.nan]}), path)
    assert [row for _, row in read_rows(path)] == [{"id": "a", "x": None}]
    columns = [pa.array(["a"]), pa.array(["b"])]
    pq.write_table(pa.Table.from_arrays(columns, ["id", "id"]), path)
    with pytest.raises(DataError, match="id: is the name of two columns"):
        list(read_rows(path))


@pytest.mark.parametrize(
    ("labels", "met"),
    [
        ((True, 1, 1.0, "1.0", "1,0", "TRUE", "Y", "yes", "Met", "pass", "ja", "WAHR"), True),
        ((False, 0, 0.0, "0.0", "f", "N", "no", "not met", "NOT_MET", "unmet", "Fail"), False),
        ((None, math.nan, "", " ", "nan", "N/A", "None"), None),
    ],
)
def test_labels_of_met(labels: tuple[object, ...], met: bool | None) -> None:
    """Labels have one vocabulary in every kind of file."""
    assert {read_met(label) for label in labels} == {met}


@pytest.mark.parametrize("label", [2, 0.5, "partly", [True], "10"])
def test_other_labels_are_not_guessed(label: object) -> None:
    """A label that is neither met nor not met is a fault."""
    with pytest.raises(ValueError, match="expected true, false or null"):
        read_met(label)
