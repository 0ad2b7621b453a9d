"""Trials of agents: the rows that chi-bench published, pass^k, failures apart, partial credit."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from preceptor import api
from preceptor.benchmarks import get
from preceptor.bridges.chi_bench import read
from preceptor.bridges.tool_runs import Asked, ToolRun
from preceptor.cli import main
from preceptor.errors import Unavailable
from preceptor.records import Example, Graded, Message, Metric, Score
from preceptor.scoring.attempts import all_of_k
from suite_answers import DATA, needs

CHI = get("chi-bench")
FOLDER = DATA / "chi-bench-results"


def scored(run: ToolRun) -> list[Score]:
    """The scores of a run of a file, repeats in its order."""
    seen: Counter[str] = Counter()
    found = []
    for answer in run.answers:
        assert answer.example is not None
        graded = Graded(answer.example, seen[answer.id], answer.response, ())
        found.append(CHI.protocol.score(graded))
        seen[answer.id] += 1
    return found


@needs("chi-bench-results")
def test_published_rows_come_out() -> None:
    """181 of 182 exactly; the other has the published rate, of 75 trials where it states 150."""
    exact, others = 0, []
    runs = {run.name: run for run in read([FOLDER / "trials.csv"], Asked())}
    assert (len(runs), sum(len(run.answers) for run in runs.values())) == (46, 7750)
    for run in runs.values():
        domains = {each.id: each.example.tags[0].removeprefix("domain:") for each in run.answers}
        scores = scored(run)
        for own in run.scores:
            domain = own.name.removeprefix("pass@1 ")
            some = [
                each.values["overall_score"]
                for each in scores
                if domain in ("overall", domains[each.example_id])
            ]
            assert sum(some) / len(some) == pytest.approx(own.value, abs=1e-12)
            exact += len(some) == own.n
            others += [] if len(some) == own.n else [(len(some), own.n)]
    assert (exact, others) == (181, [(75, 150)])
    states = [each.response.state for run in runs.values() for each in run.answers]
    assert sum("exception" in state for state in states) == 831
    failed = [each for run in runs.values() for each in run.answers if each.response.failure]
    assert len(failed) == 33


@needs("chi-bench-results")
def test_scorecards_are_the_published_partial_credit() -> None:
    """Of a submission: its mean of checks, pass@1 from all of them, and what a trial costs."""
    runs = read([FOLDER / "trials.csv"], Asked())
    run = next(run for run in runs if run.name == "2026-07-26-erius-opus5")
    scores = scored(run)
    assert all((each.values["checks"] == 1) == each.values["overall_score"] for each in scores)
    metrics = CHI.protocol.summarise(scores, [each.example for each in run.answers])  # type: ignore[misc]
    assert metrics["overall_score"].value == pytest.approx(41 / 75)
    assert metrics["checks"].value == pytest.approx(0.927, abs=5e-4)
    assert metrics["cost"].unit == "dollars"
    assert metrics["cost"].value == pytest.approx(5.44, abs=5e-3)
    assert run.system == "anthropic/claude-opus-5 [erius]"


HEAD = (
    "submission_dir,domain,task,trial,reward,exception,cost_usd,n_input_tokens,n_output_tokens,"
    "started_at,finished_at"
)
ROWS = [
    ("a", "1.0", "", "0.5"),
    ("a", "1.0", "AgentTimeoutError", ""),
    ("a", "", "RewardFileNotFoundError", ""),
    ("b", "1.0", "", ""),
    ("b", "0.0", "", ""),
    ("b", "0.0", "AgentTimeoutError", ""),
]


def trials(folder: Path) -> Path:
    lines = [
        f"mine,cm,{task},{task}_{n},{reward},{exception},{cost},10,5,2026-01-01T00:00:00Z,"
        f"2026-01-01T00:0{n}:00Z"
        for n, (task, reward, exception, cost) in enumerate(ROWS)
    ]
    path = folder / "trials.csv"
    path.write_text("\n".join([HEAD, *lines, ""]))
    card = {"submission_dir": "mine", "trial": "a_1", "checks": {"x": True, "y": "not_applicable"}}
    (folder / "checks.jsonl").write_text(json.dumps(card) + "\n")
    return path


def test_trials_are_imported_as_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Failures stand apart, attempts at a task are repeats, and what is not applicable no check."""
    folder = tmp_path / "results"
    folder.mkdir()
    trials(folder)
    monkeypatch.chdir(tmp_path)
    assert main(["import", str(folder)]) == 0
    assert "mine: 6 answers" in capsys.readouterr().out
    result = api.load("mine").result()
    values = {name: metric.value for name, metric in result.metrics.items()}
    assert values["overall_score"] == pytest.approx(1 / 2)  # 2 of 3, and 1 of 3
    assert values["sound"] == pytest.approx((1 + 1 / 2) / 2)
    assert values["failed"] == pytest.approx(1 / 2)
    assert values["pass^2"] == pytest.approx((1 / 3 + 0) / 2)
    assert values["pass^3"] == 0
    assert values["checks"] == values["check:x"] == 1
    assert (values["cost"], values["minutes"]) == (0.5, pytest.approx((1.5 + 4) / 2))
    assert result.metrics["overall_score"].units == 2
    assert not result.metrics["failed"].higher_is_better
    assert "AgentTimeoutError 2, RewardFileNotFoundError 1." in result.notes[1]
    assert [item.response.failure for item in result.graded if item.response] == [
        *(None, None, "environment_failed", None, None, None)
    ]
    assert main(["score", "mine"]) == 0
    assert "All of 2 attempts right (pass^2)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        (",1.0,", ",0.5,", "reward: expected 0, 1 or nothing, found 0.5"),
        ("2026-01-01T00:00:00Z", "noon", "started_at: expected a time, ISO 8601, found 'noon'"),
    ],
)
def test_a_wrong_trial_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], was: str, becomes: str, words: str
) -> None:
    """With file, line and column; nothing is imported."""
    path = trials(tmp_path)
    path.write_text(path.read_text().replace(was, becomes, 1))
    assert main(["import", str(path), "--store", str(tmp_path / "s.db")]) == 2
    assert f"trials.csv:2: {words}" in capsys.readouterr().err


def test_its_tasks_are_not_asked(tmp_path: Path) -> None:
    """Whoever runs it is told how results come in."""
    with pytest.raises(Unavailable, match="preceptor import chi-bench"):
        CHI.load(tmp_path)


def attempts(table: dict[str, list[float]]) -> list[Score]:
    one = {"overall_score": (1, 1)}
    return [
        Score(name, n, *[{"overall_score": value}] * 3, one, 1)
        for name, row in table.items()
        for n, value in enumerate(row)
    ]


def test_all_of_k_is_the_share_of_draws_that_are_all_right() -> None:
    """Of every k attempts at a task; tasks with fewer are left out, and intervals count units."""
    table = {"a": [1.0, 1.0, 0.0, 1.0], "b": [0.0, 1.0], "c": [1.0, 1.0, 1.0], "d": [1.0]}
    found = all_of_k(attempts(table), {"a": "u", "b": "u"})
    assert [*found] == ["pass^2", "pass^3", "pass^4"]
    for k in (2, 3, 4):
        rows = [[*itertools.combinations(row, k)] for row in table.values() if len(row) >= k]
        share = [sum(map(all, draws)) / len(draws) for draws in rows]
        metric = found[f"pass^{k}"]
        assert metric.value == pytest.approx(sum(share) / len(share))
        assert metric.n == len(share)
    assert found["pass^2"].units == 2
    assert all_of_k(attempts({"a": [1.0], "b": [0.0]}), {}) == {}
    assert all_of_k([], {}) == {}


def test_repeats_of_an_agent_here_have_pass_k_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of medagentbench with --repeats 3 says how often all three are right."""
    scores: Any = attempts({"a": [1.0, 1.0, 1.0], "b": [1.0, 0.0, 1.0]})
    scoring = get("medagentbench").protocol.scoring
    monkeypatch.setattr(type(scoring), "branch", lambda self, example: ("1", example.id))
    examples = [Example(id, (Message("user", id),), ()) for id in ("a", "b")]
    found: dict[str, Metric] = dict(scoring.summarise(scores, examples))
    assert found["pass^3"].value == 0.5
    assert get("medagentbench").labels["pass^3"] == "All of 3 attempts right (pass^3)"
