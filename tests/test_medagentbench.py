"""MedAgentBench: its records, its checks, and agents that are right, idle and careless."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

import preceptor
import served_agents
from preceptor.benchmarks import get
from preceptor.benchmarks.base import Dataset, Fields
from preceptor.benchmarks.medagentbench.facts import Facts, facts
from preceptor.benchmarks.medagentbench.labs import Wanted, series
from preceptor.benchmarks.medagentbench.wording import recorded_runs
from preceptor.environments.base import Environment
from preceptor.errors import DataError, InputError
from preceptor.files import read_rows
from preceptor.protocols.episodes import conduct
from preceptor.records import Example, Graded, Message, Response, Turn
from preceptor.scoring.answers import scored
from record_agents import Agent, careful, first_page, play, says
from suite_answers import DATA, needs

TEXT, TOOLS, DRAWN = "medagentbench", "medagentbench-tools", "medagentbench-generated"
RUNS = "medagentbench-answers/trajectories_text_protocol_gpt-4o-mini_100.jsonl.gz"
CALLS = "medagentbench-answers/runs_mcp_tool_calls.jsonl.gz"


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return get(TOOLS).load(DATA)


def furnished(name: str, dataset: Dataset) -> Environment:
    environment = get(name).protocol.environment
    assert environment is not None
    assert dataset.materials is not None
    return environment.furnished(dataset.materials())


def rates(name: str, dataset: Dataset, agent: Callable[[Example], Agent]) -> dict[int, int]:
    """Type → tasks done right."""
    record = furnished(name, dataset)

    async def all_of_them() -> list[Response]:
        return [await play(record, each, agent(each)) for each in dataset.examples]

    right = dict.fromkeys(range(1, 11), 0)
    for example, response in zip(dataset.examples, asyncio.run(all_of_them()), strict=True):
        score = get(name).protocol.score(Graded(example, 0, response, ()))
        right[example.target["kind"]] += int(score.values["overall_score"])
    return right


ALL = dict.fromkeys(range(1, 11), 30)


@needs("medagentbench")
def test_an_agent_that_reads_the_record_is_right_in_all_tasks(dataset: Dataset) -> None:
    """It knows the task's words and what the server says: the record and the checks agree.

    Where the benchmark's checker and its schema want two things, it does what each rule wants.
    """
    assert rates(TOOLS, dataset, careful) == ALL
    as_checker = functools.partial(careful, as_checker=True)
    assert rates(TEXT, dataset, as_checker) == ALL
    assert rates(TEXT, dataset, careful) == {**ALL, 5: 28, 8: 0, 9: 29}


@needs("medagentbench")
def test_idle_agents_have_the_floors_that_are_known(dataset: Dataset) -> None:
    """70 of 300 without an answer, 37 with -1: as with the benchmark's own answers."""
    for name in (TEXT, TOOLS):
        assert sum(rates(name, dataset, lambda _: says()).values()) == 70
        assert sum(rates(name, dataset, lambda _: says(-1)).values()) == 37


@needs("medagentbench")
def test_charts_that_are_drawn_have_every_branch() -> None:
    """Half of the orders are due: an agent that reads is right in all, an idle one in few."""
    drawn = get(DRAWN).load(DATA)
    tasks = [msgspec.convert(example.target, Facts) for example in drawn.examples]
    for kind in (5, 9, 10):
        due = [task.order for task in tasks if task.kind == kind]
        assert len(due) == 106
        assert sum(due) == 53
    assert rates(DRAWN, drawn, careful) == dict.fromkeys(range(1, 11), 106)
    idle = rates(DRAWN, drawn, lambda _: says())
    assert idle == {**dict.fromkeys(range(1, 11), 0), 5: 53, 9: 53, 10: 53}


def test_branches_are_counted_alike() -> None:
    """The mean over types of the mean over branches: a rare branch is as much as a common one."""
    scoring = get(TOOLS).protocol.scoring
    asked = [(5, "absent", 1), (5, "absent", 1), (5, "absent", 1), (5, "low", 0), (9, "low", 1)]
    examples, scores = [], []
    for number, (kind, branch, right) in enumerate(asked):
        task = msgspec.structs.replace(LOW, kind=kind, branch=branch)
        words = (Message("user", f"Question {number}"),)
        examples.append(Example(f"{number}", words, (), target=msgspec.to_builtins(task)))
        scores.append(scored(Graded(examples[-1], 0, None, ()), {"overall_score": right}, "[]"))
    metrics = scoring.summarise(scores, examples)
    assert metrics["overall_score"].value == 0.8
    assert metrics["balanced"].value == 0.75
    assert metrics["balanced"].ci95 is not None


def test_tasks_without_any_value_are_refused(tmp_path: Path) -> None:
    """Where no chart has a series, every task would be absent: nothing could be measured."""
    folder = served_agents.made_up(tmp_path / "data")
    absent = {"id": "task9_1", "branch": "data_absent", "live_latest_K": None}
    (folder / "reference_answers_300.json").write_text(json.dumps([absent]))
    with pytest.raises(InputError, match=r"expected a K value for some task of type 9, found none"):
        get(TOOLS).load(folder)


@needs("medagentbench")
def test_the_first_page_is_not_the_record(dataset: Dataset) -> None:
    """Who takes the first result for the newest is wrong, most of all where there are many."""
    right = rates(TOOLS, dataset, first_page)
    assert 70 < sum(right.values()) < 300
    assert right[7] < 15
    assert right[1] == right[8] == 30


@needs("medagentbench")
def test_recorded_runs_are_judged_as_they_were() -> None:
    """100 runs of the text protocol on other patients, whose charts have none of the values."""
    births = {}
    for line in (DATA / "medagentbench" / "patients.ndjson").read_text().splitlines():
        row = json.loads(line)
        births[row["id"]] = int(row["birthDate"][:4]), row["birthDate"][5:]
    agreed = 0
    for run in recorded_runs(DATA / RUNS):
        task = run["task_data"]
        kind = int(task["id"].split("_")[1].removeprefix("task"))
        told = facts(Fields(task, "runs", 1), Fields(_ABSENT.get(kind, {}), "answers", 1))
        if kind == 2:
            year, day = births[told.patient]
            told = msgspec.structs.replace(told, answers=[[2023 - year - (day > "11-13")]])
        turns = tuple(
            Turn(Message("user" if role == "user" else "assistant", text))
            for role, text in run["turns"][1:]
        )
        example = Example("x", (Message("user", "q"),), (), target=msgspec.to_builtins(told))
        response = Response("key", turns[-1].message.text, turns=turns)
        score = get(TEXT).protocol.score(Graded(example, 0, response, ()))
        agreed += bool(score.values["overall_score"]) is run["correct"]
    assert agreed == 100


@needs("medagentbench")
def test_runs_with_tools_are_judged_as_they_were(dataset: Dataset) -> None:
    """173 of 177; of the other four, each wrote what a run wrote that was counted right."""
    examples = {each.id: each for each in dataset.examples}
    protocol = get(TEXT).protocol
    counted, doubtful, agreed = set(), [], 0
    for _, run in read_rows(DATA / CALLS):
        told = run["output"]
        results = [json.loads(each["content"]) for each in told["history"] if _is_result(each)]
        posts = [each["result"]["fhir_post"] for each in results if "fhir_post" in each["result"]]
        requests = [
            {"method": "POST", "address": p["fhir_url"], "status": 201, "sent": p["parameters"]}
            for p in posts
        ]
        state = {"requests": requests, "finish": told["result"]}
        response = Response("key", told["result"], state=state)
        score = protocol.score(Graded(examples[run["index"]], 0, response, ()))
        right = bool(score.values["overall_score"])
        agreed += right is told["correct"]
        wrote = json.dumps([run["index"], requests])
        if told["correct"]:
            counted.add(wrote)
        elif right:
            doubtful.append(wrote)
    assert (agreed, len(doubtful)) == (173, 4)
    assert counted.issuperset(doubtful)


def _is_result(entry: dict[str, str]) -> bool:
    return entry["role"] == "tool_result" and '"result": {' in entry["content"]


_ABSENT: dict[int, dict[str, Any]] = {
    4: {"branch": "absent", "live_ref_sol": [-1]},
    5: {"branch": "absent", "live_latest_24h": None},
    6: {"branch": "absent", "live_ref_sol_approx": [-1]},
    7: {"branch": "absent", "live_ref_sol_approx": [-1]},
    9: {"branch": "absent", "live_latest_K": None},
    10: {"branch": "absent_order_required", "live_ref_sol": [-1]},
}


@needs("medagentbench")
def test_a_run_of_the_text_protocol_keeps_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent reads the benchmark's own words; a run goes on where the data is gone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text_agent.py").write_text(
        "def agent(messages):\n"
        "    said = messages[-1]['content']\n"
        "    if len(messages) == 1:\n"
        "        assert said.startswith('You are an expert')\n"
        "        return 'GET http://localhost:8080/fhir/Patient?identifier=S1&_count=1'\n"
        "    assert said.startswith('Here is the response'), said\n"
        "    return 'FINISH([])'\n"
    )
    asked = {"system": "python:text_agent:agent", "data": DATA, "limit": 3}
    run = preceptor.run(TEXT, name="mine", **asked)
    result = run.result()
    assert [each.response.state["finish"] for each in result.graded] == ["[]"] * 3
    assert [len(each.response.turns) for each in result.graded] == [3] * 3
    assert result.metrics["rounds"].value == 2
    assert result.metrics["parse_rate"].value == 1
    assert run.info.settings.materials is not None


def _score(task: Facts, *requests: dict[str, Any], answers: list[Any] | None = None) -> Any:
    state = {"requests": [{"status": 201, **each} for each in requests], "answers": answers or []}
    example = Example("x", (Message("user", "q"),), (), target=msgspec.to_builtins(task))
    response = Response("key", state=state)
    return {
        rule: get(rule).protocol.score(Graded(example, 0, response, ())).values
        for rule in (TEXT, TOOLS)
    }


LOW = Facts(
    kind=5,
    patient="S1",
    now="2023-11-13T10:15:00+00:00",
    branch="low_order_required",
    answers=[[1.2], []],
    order=True,
    value=1.2,
    codes={"ndc": "1-2"},
    steps=[(1.9, 1, 1), (1.5, 2, 2), (1.0, 4, 4)],
)


def _order(route: Any, dose: float = 2, **more: Any) -> dict[str, Any]:
    rate = {"doseQuantity": {"value": dose, "unit": "g"}, "rateQuantity": {"value": 2}}
    body = {
        "medicationCodeableConcept": {"coding": [{"code": "1-2"}]},
        "authoredOn": "2023-11-13T10:15:00Z",
        "dosageInstruction": [{"route": route, "doseAndRate": [rate]}],
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/S1"},
        **more,
    }
    return {"method": "POST", "address": "MedicationRequest", "sent": body}


def test_schema_and_checker_are_told_apart() -> None:
    """The official rule wants a word, the strict one an object; each is a check of its own."""
    word, shape = _score(LOW, _order("IV")), _score(LOW, _order({"text": "IV"}))
    assert (word[TEXT]["overall_score"], word[TOOLS]["overall_score"]) == (1, 0)
    assert (shape[TEXT]["overall_score"], shape[TOOLS]["overall_score"]) == (0, 1)
    assert shape[TEXT]["check:route_as_schema"] == 1


@pytest.mark.parametrize(
    ("requests", "broken"),
    [
        ((_order("IV", 4),), {"dose"}),
        ((_order("IV", subject={"reference": "Patient/S2"}),), {"subject"}),
        ((_order("IV", status="draft"),), {"state"}),
        ((_order("IV", authoredOn="2023-11-14T10:15:00Z"),), {"time"}),
        ((_order("IV"), _order("IV")), {"one_post"}),
        ((), {"one_post"}),
    ],
)
def test_each_check_says_what_is_wrong(
    requests: tuple[dict[str, Any], ...], broken: set[str]
) -> None:
    """An order that is due and wrong is not right, and the scorecard names the part."""
    values = _score(LOW, *requests, answers=[1.2])[TEXT]
    assert values["overall_score"] == 0
    assert values["underordering"] == float(not requests)
    wrong = {name.removeprefix("check:") for name, value in values.items() if value == 0}
    assert broken <= wrong


def test_what_the_server_refused_was_not_ordered() -> None:
    """A refused order neither counts as written nor as due; the refusal is counted."""
    values = _score(LOW, {**_order("IV"), "status": 422}, answers=[1.2])[TEXT]
    assert values["underordering"] == 1
    assert values["refused"] > 0


def test_conduct_is_read_from_turns_where_there_is_no_log() -> None:
    """Text and tool calls alike; what is not JSON was not sent."""
    turns = tuple(
        Turn(Message("assistant", text))
        for text in ('POST a/Observation\n{"x": 1}', "POST a/Observation\nnothing", "FINISH([1])")
    )
    done = conduct(Response("key", "FINISH([1])", turns=turns))
    assert (done.writes, done.answers, done.rounds) == ((("a/Observation", {"x": 1}),), "[1]", 3)


@pytest.mark.parametrize(
    ("wanted", "patient"),
    [
        (Wanted(newest=123, mean=1510 / 13), "S1"),
        (Wanted(mean=809 / 9), "S2"),
        (Wanted(mean=96.0), "S3"),
        (Wanted(newest=88, recent=False), "S4"),
    ],
)
def test_a_series_gives_what_is_wanted(wanted: Wanted, patient: str) -> None:
    """The newest value, the mean of the last day, or none in it: never by chance another."""
    now = datetime.fromisoformat(LOW.now)
    found = list(series(patient, "GLU", wanted, now))
    times = [each["effectiveDateTime"] for each in found]
    assert len(set(times)) == len(times)
    assert all(time <= now.isoformat() for time in times)
    day = [each for each in found if each["effectiveDateTime"] >= "2023-11-12T10:15"]
    if not wanted.recent:
        assert not day
    if wanted.mean is not None:
        values = [each["valueQuantity"]["value"] for each in day]
        assert abs(sum(values) / len(values) - wanted.mean) < 1e-9
    if wanted.newest is not None:
        assert (
            max(found, key=lambda each: each["effectiveDateTime"])["valueQuantity"]["value"]
            == wanted.newest
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "task11_1"}, "one of the ten types"),
        ({"id": "x"}, "the words of MedAgentBench"),
        ({"eval_MRN": 5}, "a text"),
    ],
)
def test_a_row_of_another_kind_is_named(change: dict[str, Any], words: str) -> None:
    """With its file, line and field."""
    row = {"id": "task4_1", "eval_MRN": "S1", "instruction": "?", "context": "", **change}
    with pytest.raises(DataError, match=words):
        facts(Fields(row, "tasks.json", 3), None)


def test_missing_files_are_named(tmp_path: Path) -> None:
    """A folder without the answers cannot be scored, and is refused before the first call."""
    with pytest.raises(InputError, match=r"expected reference_answers_300\.json, found none"):
        get(TOOLS).load(tmp_path)
