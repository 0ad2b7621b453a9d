"""An address as the grader of an audit: every row is judged now, and paid for once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from data_fixtures import isolate, write_rows
from preceptor import cli
from preceptor.audit.labels import Labels, read_meta_eval
from preceptor.audit.regrade import Regraded, is_address, regrade, sample
from preceptor.errors import EndpointRefused, InputError
from preceptor.graders import OWN
from preceptor.store import Store
from preceptor.testing import FakeEndpoint


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def rows(n: int = 6) -> list[dict[str, Any]]:
    """Two criteria on each of n made-up answers; the second stands in two categories."""
    return [
        {
            "prompt": [{"role": "user", "content": f"made-up question {place // 2}"}],
            "completion": f"made-up answer {place}",
            "rubric": f"made-up criterion {which}",
            "category": f"cluster:hedging_{which}",
            "binary_labels": [place % 2 == 0, place % 3 == 0],
            "anonymized_physician_ids": ["a", "b"],
        }
        for place in range(n)
        for which in ("one", "two")
    ]


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    return read_meta_eval(write_rows(tmp_path / "meta.jsonl", rows()))


def judged(labels: Labels, address: str, **options: Any) -> Regraded:
    return regrade(labels, address, store="p.db", grader_template="preceptor", **options)


def test_every_row_is_judged_once(labels: Labels, fake: FakeEndpoint) -> None:
    """Twelve rows are twelve calls; the second time there is no call and the same verdicts."""
    first = judged(labels, fake.address("judge"))
    assert first.outcome.status == "done"
    assert fake.delivered.total() == 12
    again = judged(labels, fake.address("judge"))
    assert fake.delivered.total() == 12
    assert first.labels.graders == (fake.address("judge"),)
    assert [row.verdicts for row in first.labels.rows] == [
        row.verdicts for row in again.labels.rows
    ]
    assert all(len(row.verdicts) == 1 for row in first.labels.rows)
    assert sum(verdict.usage.input_tokens for verdict in first.verdicts) > 0
    with Store("p.db") as store:
        assert store.runs() == []


def test_the_criterion_is_shown_as_it_stands(labels: Labels, fake: FakeEndpoint) -> None:
    """The prompt is the template with conversation, answer and criterion, without points."""
    judged(labels, fake.address("judge"))
    shown = {call.payload["messages"][-1]["content"] for call in fake.log}
    conversation = "user: made-up question 0\n\nassistant: made-up answer 1"
    assert OWN.render(conversation, "made-up criterion two") in shown
    assert not any("[1]" in prompt for prompt in shown)


def test_each_verdict_goes_to_its_row(labels: Labels, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grader that looks for one answer and one criterion meets exactly that row."""
    Path("picky.py").write_text(
        "import json\n"
        "def judge(messages):\n"
        "    text = messages[-1]['content']\n"
        "    met = 'made-up answer 3' in text and 'criterion two' in text\n"
        "    return json.dumps({'criteria_met': met, 'explanation': ''})\n",
        "utf-8",
    )
    monkeypatch.syspath_prepend(".")
    found = judged(labels, "python:picky:judge").labels.rows
    met = [place for place, row in enumerate(found) if row.verdicts["python:picky:judge"]]
    assert met == [7]


def test_code_of_the_user_is_asked_again(labels: Labels, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a Python function says may be another the next time: nothing is taken from the store."""
    Path("moody.py").write_text(
        "calls = []\n"
        "def judge(messages):\n"
        "    calls.append(1)\n"
        '    return \'{"criteria_met": true, "explanation": ""}\'\n',
        "utf-8",
    )
    monkeypatch.syspath_prepend(".")
    judged(labels, "python:moody:judge")
    judged(labels, "python:moody:judge")
    import moody  # type: ignore[import-not-found]

    assert len(moody.calls) == 24


def test_what_failed_has_no_verdict_and_is_asked_again(labels: Labels) -> None:
    """Replies that are no verdict leave their rows out; the same command judges these alone."""
    with FakeEndpoint(script=["prose"] * 4) as fake:
        first = judged(labels, fake.address("judge"), grader_params=("concurrency=1",))
        assert first.outcome.status == "incomplete"
        assert [len(row.verdicts) for row in first.labels.rows].count(0) == 1
        before = fake.calls.total()
        assert judged(labels, fake.address("judge")).outcome.status == "done"
        assert fake.calls.total() == before + 1


def test_a_run_that_was_killed_is_taken_over(
    labels: Labels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed process left in the store is gone on with, and gone in the end."""
    with FakeEndpoint(script=[None] * 5 + ["unauthorized"]) as refusing:
        address = refusing.address("judge")
        with monkeypatch.context() as dying:
            dying.setattr(Store, "delete_run", lambda *_: None)
            with pytest.raises(EndpointRefused):
                judged(labels, address, grader_params=("concurrency=1",))
        with Store("p.db") as store:
            assert [run.benchmark for run in store.runs()] == ["audit"]
        assert judged(labels, address).outcome.status == "done"
        assert refusing.delivered.total() == 12
        with Store("p.db") as store:
            assert store.runs() == []


def test_a_refusal_keeps_what_was_paid(labels: Labels) -> None:
    """It ends with an error and leaves no run behind; the same command asks for the rest."""
    script = [None] * 5 + ["unauthorized"]
    with FakeEndpoint(script=script) as refusing:
        address = refusing.address("judge")
        with pytest.raises(EndpointRefused):
            judged(labels, address, grader_params=("concurrency=1",))
        with Store("p.db") as store:
            assert store.runs() == []
        done = refusing.delivered.total()
        assert judged(labels, address).outcome.status == "done"
        assert refusing.delivered.total() == 12
        assert done >= 5


def test_the_sample_is_the_references(labels: Labels) -> None:
    """--limit takes random.Random(0).sample of the rows; one below 1 is refused."""
    import random

    expected = random.Random(0).sample(labels.rows, 5)
    assert sample(labels, 5).rows == expected
    assert sample(labels, None) is labels
    assert sample(labels, 99) is labels
    with pytest.raises(InputError, match="--limit"):
        sample(labels, 0)


def test_the_command_with_an_address(
    labels: Labels, fake: FakeEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON of an audit by an address; the grader's departures are said."""
    address = fake.address("judge")
    command = ["audit", labels.source, "--grader", address, "--grader-template", "preceptor"]
    assert cli.main([*command, "--store", "p.db", "--json"]) == 0
    shown = capsys.readouterr()
    found = msgspec.json.decode(shown.out)
    assert found["agreement"]["grader"] == address
    assert found["agreement"]["judged"] == 12
    assert "not with the reference prompt" in shown.err or "own prompt" in shown.err
    assert cli.main([*command, "--store", "p.db", "--limit", "4", "--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out)["agreement"]["rows"] == 4


def test_an_audit_that_lacks_verdicts_ends_with_1(
    labels: Labels, capsys: pytest.CaptureFixture[str]
) -> None:
    """Incomplete: the tables are printed on what there is, and how to go on is said."""
    with FakeEndpoint(script=["prose"] * 4) as fake:
        command = ["audit", labels.source, "--grader", fake.address("judge"), "--store", "p.db"]
        command += ["-P", "concurrency=1", "--grader-template", "preceptor"]
        assert cli.main(command) == 1
        shown = capsys.readouterr()
        assert "11 judged rows" in shown.out
        assert "1 row of 12 without a verdict" in shown.err
        assert "the same command goes on" in shown.err


def test_a_cap_stops_before_it_is_passed(
    labels: Labels, fake: FakeEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """--max-cost ends with 1 and what was judged; without a price it is refused."""
    command = ["audit", labels.source, "--grader", fake.address("judge"), "--store", "p.db"]
    command += ["--grader-template", "preceptor", "--max-cost"]
    assert cli.main([*command, "0.01"]) == 2
    assert "no price is known" in capsys.readouterr().err
    priced = ["-P", "price=100/100", "-P", "concurrency=1"]
    assert cli.main([*command, "0.2", *priced]) == 1
    assert "incomplete" in capsys.readouterr().err
    assert 0 < fake.delivered.total() < 12


def test_wrong_addresses_and_files(
    labels: Labels, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels without texts, an unknown form, a stored name mistyped: one line each."""
    table = tmp_path / "labels.csv"
    table.write_text("response,criterion,rater,label\nr,c,ann,1\nr,c,bob,1\n", "utf-8")
    for arguments, problem in (
        ([str(table), "--grader", "openai/gpt-5"], "not in"),
        ([labels.source, "--grader", "nowhere:model"], "unknown grader"),
        ([labels.source, "--grader", "someone"], "no row has a grader's verdict"),
    ):
        assert cli.main(["audit", *arguments, "--store", "p.db"]) == 2
        said = capsys.readouterr().err
        assert problem in said
        assert said.count("\n") == 1
    without = msgspec.structs.replace(
        labels, rows=[msgspec.structs.replace(row, conversation=()) for row in labels.rows]
    )
    with pytest.raises(InputError, match="has no texts to judge"):
        judged(without, "openai/gpt-5")


def test_what_is_an_address() -> None:
    """Names of stored graders are none."""
    assert is_address("openai/gpt-5.4-mini")
    assert is_address("yesno:local/qwen")
    assert is_address("http://localhost:8000/v1#judge")
    assert not is_address("llama-3.1-8b-instruct-turbo")
    assert not is_address("judge 2")
