"""Files that lm-eval, promptfoo and verifiers wrote on tasks of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import preceptor
import test_imports
from preceptor.bridges.tools import recognise
from preceptor.cli import main
from preceptor.records import Graded
from test_imports import Importing, written

data, importing = test_imports.data, test_imports.importing

FILES = Path(__file__).parent / "data" / "imports"
DUMMY = FILES / "lm-eval" / "dummy"
CHAT = FILES / "lm-eval" / "clinic-model"
DATE = "2026-01-02T03-04-05.678901"


def settings(importing: Importing, name: str) -> Any:
    return preceptor.load(name, store=importing.store).info.settings


# lm-eval


def test_lm_eval_takes_each_answer_once(importing: Importing) -> None:
    """Two filters hold the same answers twice; two repeats are two answers, as they were said."""
    assert importing(CHAT) == 0
    name = f"samples_made_up_said_{DATE}"
    items = importing.graded(name)
    assert [(item.example.id, item.repeat) for item in items] == [
        (f"medqa/q{n}", repeat) for n in range(4) for repeat in (0, 1)
    ]
    assert all("The answer is (" in (item.response.text if item.response else "") for item in items)
    kept = settings(importing, name)
    assert preceptor.load(name, store=importing.store).info.system == "clinic-model"
    assert kept.tool == "lm-eval 0.4.13"
    assert {each.name: (each.value, each.n) for each in kept.tool_scores} == {
        "exact_match (strict-match)": (0.0, 4),
        "exact_match (flexible-extract)": (0.75, 4),
    }
    assert any("once for each filter" in note for note in kept.notes)


def test_lm_eval_takes_what_the_chosen_filter_read(
    importing: Importing, capsys: pytest.CaptureFixture[str]
) -> None:
    """--answer names the filter, whose scores alone stand beside ours."""
    name = f"samples_made_up_said_{DATE}"
    file = CHAT / f"{name}.jsonl"
    assert importing("lm-eval", file, "--answer", "flexible-extract") == 0
    said = importing.texts(name)
    assert len(said) == 4
    assert set(said) <= set("ABCD")
    metrics = preceptor.load(name, store=importing.store).score()["metrics"]
    (own,) = settings(importing, name).tool_scores
    assert metrics["overall_score"]["value"] == own.value == 0.75
    assert importing("lm-eval", file, "--answer", "other") == 2
    assert "strict-match, flexible-extract" in capsys.readouterr().err


@pytest.mark.parametrize("task", ["made_up_choice", "made_up_letters"])
def test_lm_eval_takes_the_likeliest_option(importing: Importing, task: str) -> None:
    """Log-likelihoods are texts; options are texts or letters; the score is that of the tool."""
    file = DUMMY / f"samples_{task}_{DATE}.jsonl"
    assert importing(file) == 0
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    best = [max(range(4), key=lambda n, row=row: float(row["resps"][n][0][0])) for row in rows]
    assert importing.texts(file.stem) == ["ABCD"[place] for place in best]
    run = preceptor.load(file.stem, store=importing.store)
    assert (run.info.system, run.info.benchmark) == ("dummy", "medagents-hard")
    own = {each.name: each.value for each in run.info.settings.tool_scores or ()}
    assert run.score()["metrics"]["overall_score"]["value"] == own["acc"]


def test_lm_eval_of_other_shapes(tmp_path: Path, importing: Importing) -> None:
    """Repeats, null contexts, options in the contexts, NaN, the likelihood of one text, nothing."""
    options = ["rest", "surgery", "an antibiotic", "wait and see"]

    def row(number: int, resps: Any, arguments: Any, target: str = "") -> dict[str, Any]:
        named = {f"gen_args_{n}": {"arg_0": a, "arg_1": b} for n, (a, b) in enumerate(arguments)}
        asked = f"A made-up patient has complaint {number} since dawn. What helps most?"
        base = {"doc_id": number, "doc": {"question": asked}, "target": target}
        return {**base, "arguments": named, "resps": resps, "filtered_resps": [], "filter": "none"}

    texts = [("Q:", f" {option}") for option in options]
    rows = [
        row(
            0,
            [[["-3", "False"], ["-1", "True"]], *([["-2", "False"]] * 2 for _ in range(3))],
            texts,
        ),
        row(
            1,
            [[[str(-n), "False"]] for n in (4, 3, 2, 1, 9, 9, 0, 0)],
            [*texts, *(("", b) for _, b in texts)],
        ),
        row(2, [[["nan", "False"]]] * 4, texts),
        row(3, [[["-5", "False"]], [["-4", "False"]]], [("rest so", " x"), ("surgery so", " x")]),
        row(0, [[["-5", "False"]]], [("", "a whole text")]),
        row(1, [["1", "0"]], [("Q:", {})]),
        row(2, [], [("Q:", {})]),
        row(3, [[["-1", "False"]], [["nan", "False"]]] + [[["-2", "False"]]] * 2, texts),
    ]
    assert importing(written(tmp_path / "samples_any.jsonl", rows)) == 0
    assert importing.texts("samples_any") == [
        *("B", "A", "D", "1", "0", None, None, "B", None),
    ]


# promptfoo


@pytest.fixture
def results() -> dict[str, Any]:
    return json.loads((FILES / "promptfoo" / "out.json").read_text("utf-8"))


class Own:
    """`preceptor import` of a file that has its tasks, into a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.store = str(folder / "own.db")

    def __call__(self, *words: object) -> int:
        return main(["import", *map(str, words), "--store", self.store])

    def graded(self, name: str) -> list[Graded]:
        return [*preceptor.load(name, store=self.store).result().graded]


@pytest.fixture
def own(tmp_path: Path) -> Own:
    return Own(tmp_path)


def test_promptfoo_makes_a_run_of_each_provider_and_prompt(
    own: Own, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file's tasks are a benchmark of their own; rubrics are criteria, weights points."""
    assert own(FILES / "promptfoo" / "out.json") == 0
    assert "2 rows (a test without an llm-rubric" in (said := capsys.readouterr().err)
    assert "assertions of the type contains" in said
    names = [run.info.name for run in preceptor.runs(store=own.store)]
    assert names == [
        f"out/{system}/{prompt}"
        for system in ("clinic-one", "openai:chat:clinic-two")
        for prompt in ("plain", "careful")
    ]
    info = preceptor.load(names[1], store=own.store).info
    assert (info.benchmark, info.system, info.grader, info.settings.tool) == (
        "made-up-tasks",
        "clinic-one [careful]",
        "openai:chat:grader-one",
        "promptfoo 0.123.1",
    )
    assert {each.name: each.value for each in info.settings.tool_scores or ()}["passed"] == 0.25
    items = own.graded(names[1])
    assert [(item.example.id, item.repeat) for item in items] == [
        (id, repeat) for id in ("t1", "pain", "broken") for repeat in (0, 1)
    ]
    fever = items[0]
    assert [(c.text, c.points) for c in fever.example.criteria] == [
        ("Says to see a doctor.", 5),
        ("Asks how high the fever is.", 1),
        ("Names a dose without asking for the weight.", -3),
    ]
    assert fever.response is not None
    assert fever.response.sent is not None
    assert fever.response.sent[0].text.startswith("Be careful.")
    assert (fever.response.usage.input_tokens > 0, fever.response.cost_usd) == (True, None)


def test_promptfoo_tells_failures_apart(own: Own) -> None:
    """A failed assertion is a verdict, an unreadable grader is none, a failed call is no answer."""
    assert own(FILES / "promptfoo" / "out.json") == 0
    fever, _, pain, _, broken, _ = own.graded("out/clinic-one/plain")
    # A failed not-llm-rubric has found what must not be there.
    assert [verdict and verdict.met for verdict in fever.verdicts] == [False, True, True]
    assert [(v and v.met, v and v.reason) for v in pain.verdicts] == [
        (False, None),
        (None, "unparseable"),
        (None, "bad_request"),
    ]
    assert broken.response is not None
    assert (broken.response.failure, broken.verdicts) == ("bad_request", (None,))


def test_promptfoo_verdicts_that_differ_are_none(
    tmp_path: Path, own: Own, results: dict[str, Any]
) -> None:
    """Two assertions of one text that do not agree are a tie; an unknown score is not 0."""
    row = next(each for each in results["results"]["results"] if each["testIdx"] == 0)
    first, *rest = row["gradingResult"]["componentResults"]
    row["gradingResult"]["componentResults"] = [first, {**first, "pass": True}, *rest]
    row["score"] = None
    results["results"]["results"] = [row]
    (tmp_path / "one.json").write_text(json.dumps(results))
    assert own(tmp_path / "one.json") == 0
    (item,) = own.graded("one")
    assert next((v and v.met, v and v.reason) for v in item.verdicts) == (None, "tie")
    scores = preceptor.load("one", store=own.store).info.settings.tool_scores
    assert [each.name for each in scores or ()] == ["passed"]


def test_promptfoo_of_other_shapes(tmp_path: Path, own: Own, results: dict[str, Any]) -> None:
    """Assertions in sets, weights over 10, templates in a rubric, prompts that are chats."""
    rows = results["results"]["results"]
    row = next(each for each in rows if each["testIdx"] == 0 and each["promptIdx"] == 0)
    rubric = {"type": "llm-rubric", "value": "Names {{ drug }}.", "weight": 30}
    other = {"type": "llm-rubric", "value": "Is kind.", "weight": 1.5}
    row["vars"] = {"drug": "paracetamol", "id": 7}
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    row["prompt"]["raw"] = json.dumps(chat)
    row["testCase"]["assert"] = [{"type": "assert-set", "assert": [rubric]}, other]
    row["gradingResult"]["componentResults"] = [
        {"pass": True, "componentResults": [{"assertion": rubric, "pass": True, "reason": "Yes."}]}
    ]
    results["results"]["results"] = [row]
    file = tmp_path / "one.json"
    file.write_text(json.dumps(results))
    assert own(file) == 0
    (item,) = own.graded("one")
    assert (item.example.id, [m.role for m in item.example.messages]) == ("7", ["system", "user"])
    assert [(c.text, c.points) for c in item.example.criteria] == [
        ("Names paracetamol.", 10),
        ("Is kind.", 1),
    ]
    assert [(v and v.met, v and v.reason) for v in item.verdicts] == [
        (True, None),
        (None, "not_asked"),
    ]


# verifiers


def test_verifiers_brings_our_bridges_verdicts(own: Own) -> None:
    """The task is the benchmark's own, repeats are repeats, and the reward is our score."""
    assert own(FILES / "verifiers" / "bridge" / "traces.jsonl") == 0
    run = preceptor.load("bridge", store=own.store)
    assert (run.info.benchmark, run.info.system) == ("starter", "policy")
    assert run.info.settings.tool == "verifiers 0.4.0"
    scores = {each.name: each for each in run.info.settings.tool_scores or ()}
    assert (scores["rubric"].n, scores["coverage"].value) == (4, 1.0)
    items = own.graded("bridge")
    assert [item.repeat for item in items] == [0, 1, 0, 1]
    assert all(item.example.physician is not None for item in items)
    assert run.score()["metrics"]["overall_score"]["raw_mean"] == pytest.approx(
        scores["rubric"].value
    )
    assert items[0].response is not None
    assert items[0].response.usage.output_tokens == 93


def test_verifiers_reads_no_word_as_a_verdict(tmp_path: Path, own: Own) -> None:
    """The text "false" is not met being true."""
    text = (FILES / "verifiers" / "bridge" / "traces.jsonl").read_text("utf-8")
    changed = text.replace('"met": false', '"met": "false"').replace('"met":false', '"met":"false"')
    assert changed != text
    (tmp_path / "words.jsonl").write_text(changed)
    assert own(tmp_path / "words.jsonl") == 0
    said = [v.met for item in own.graded("words") for v in item.verdicts if v is not None]
    assert set(said) == {True, None}


def test_verifiers_tells_failed_rollouts_from_answers_worth_0(own: Own) -> None:
    """A grader's failure leaves the answer ungraded; a model's failure is no answer."""
    assert own(FILES / "verifiers" / "failed" / "traces.jsonl") == 0
    ungraded, refused = own.graded("failed")
    assert ungraded.response is not None
    assert ungraded.response.failure is None
    assert {verdict and verdict.reason for verdict in ungraded.verdicts} == {"unparseable"}
    assert refused.response is not None
    assert refused.response.failure == "bad_request"
    assert "Failed rollouts, which have no answer: 1." in settings_of(own, "failed").notes


def settings_of(own: Own, name: str) -> Any:
    return preceptor.load(name, store=own.store).info.settings


def test_verifiers_of_any_taskset(importing: Importing) -> None:
    """Answers are matched with a benchmark's questions; rewards stand beside our score."""
    assert importing(FILES / "verifiers" / "exam" / "traces.jsonl") == 0
    assert [item.example.id for item in importing.graded("exam")] == [
        f"medqa/q{n}" for n in range(4) for _ in range(2)
    ]
    own = {each.name: each for each in settings(importing, "exam").tool_scores}
    assert own.keys() == {"correct", "short", "reward"}
    assert own["reward"].value == pytest.approx(own["correct"].value + 0.5 * own["short"].value)


def test_verifiers_of_other_shapes(tmp_path: Path, importing: Importing) -> None:
    """Several agents, calls of tools, a root agent's reply, a time-out, a reward that is null."""
    file = FILES / "verifiers" / "exam" / "traces.jsonl"
    episodes = [json.loads(line) for line in file.read_text("utf-8").splitlines()][:3]
    first, second, third = (episode["traces"][0] for episode in episodes)
    tool = {"role": "tool", "content": "found", "tool_call_id": "1"}
    nodes = first["nodes"]
    nodes[-1]["message"] = {"role": "assistant", "content": None, "tool_calls": []}
    nodes += [
        {"parent": 2, "message": tool, "sampled": False},
        {
            "parent": 3,
            "message": {"role": "assistant", "content": [{"type": "text", "text": "B"}]},
            "sampled": True,
        },
    ]
    first["calls"].append({**first["calls"][0], "finish_reason": "length"})
    second.update(root_reply="C", rewards={"correct": None})
    third.update(
        ok=False, is_timeout=True, rewards={}, errors=[{"type": "TimeoutError", "message": "late"}]
    )
    other = {**first, "agent": {**first["agent"], "name": "critic"}}
    episodes[0]["traces"].append(other)
    assert importing(written(tmp_path / "many.jsonl", episodes)) == 0
    assert importing.texts("many/agent") == ["B", "C", None]
    answer, _, failed = (item.response for item in importing.graded("many/agent"))
    assert (answer.usage.output_tokens, answer.finish_reason) == (120, "length")
    assert failed.failure == "timeout"
    assert importing.texts("many/critic")[0] == "B"
    assert {each.name: each.n for each in settings(importing, "many/agent").tool_scores}[
        "correct"
    ] == 1


# All


@pytest.mark.parametrize("tool", ["lm-eval", "promptfoo", "verifiers"])
def test_each_tool_is_known_by_its_content(tool: str) -> None:
    """In a folder too, where its by-products are no answers and not unknown either."""
    found, _ = recognise([FILES / tool])
    assert [each.tool.name for each in found] == [tool]
    assert recognise([found[0].files[-1]])[0][0].tool.name == tool


def test_a_folder_of_a_named_tool(own: Own, tmp_path: Path) -> None:
    """Its files are taken, whatever else is there."""
    assert own("verifiers", FILES / "verifiers" / "bridge") == 0
    assert [run.info.name for run in preceptor.runs(store=own.store)] == ["bridge"]


def test_promptfoo_of_an_exam(
    tmp_path: Path, importing: Importing, results: dict[str, Any]
) -> None:
    """Without rubrics the answers are matched with a named benchmark's questions."""
    (row, *_) = results["results"]["results"]
    rows = []
    for number in range(4):
        asked = f"A made-up patient has complaint {number} since dawn. What helps most?"
        contains = {"type": "contains", "value": "B"}
        rows.append(
            {
                **row,
                "vars": {"question": asked},
                "prompt": {"raw": f"{asked}\nA. rest\nB. surgery", "label": "p"},
                "testCase": {"assert": [contains]},
                "gradingResult": {"componentResults": [{"assertion": contains, "pass": True}]},
                "response": {"output": "ABCD"[number]},
                "testIdx": number,
            }
        )
    results["results"]["results"] = rows
    file = tmp_path / "exam.json"
    file.write_text(json.dumps(results))
    assert importing(file) == 0
    assert importing.texts("exam") == ["A", "B", "C", "D"]
    assert preceptor.load("exam", store=importing.store).info.grader == "none"
