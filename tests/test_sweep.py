"""A sweep: a grid of ordinary runs, checked before the first, capped together, gone on with."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import signal
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

import children
from children import Child
from preceptor import api, cli
from preceptor.engine.budget import Budget
from preceptor.engine.progress import Progress
from preceptor.engine.runner import STOPPED, Outcome
from preceptor.errors import EndpointRefused, InputError
from preceptor.experiments.grid import INSTRUCTIONS, grid, read_vary
from preceptor.experiments.sweep import _stop, check_sweep
from preceptor.records import SweepCell
from preceptor.reports.sweep import sweep_sentences
from preceptor.store import Store
from preceptor.store.names import free_sweep_name
from preceptor.systems import Parameters
from preceptor.testing import FakeEndpoint, Fault

pytestmark = pytest.mark.usefixtures("bare")

SYSTEM = "http://127.0.0.1:1/v1#m"
EXAMPLES = 4
PATIENCE_S = 120


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRECEPTOR_STORE", raising=False)
    return tmp_path / "work.db"


def sweep(fake: FakeEndpoint, path: Path, vary: dict[str, Any], **options: Any) -> api.Sweep:
    return api.sweep(
        "starter",
        vary=vary,
        store=path,
        **{
            "system": fake.address("m"),
            "grader": fake.address("judge"),
            "grader_template": "preceptor",
            "limit": EXAMPLES,
            "name": "mine",
            **options,
        },
    )


def words(fake: FakeEndpoint, path: Path, *more: str) -> list[str]:
    """The same on the command line."""
    return [
        "sweep",
        "starter",
        f"--system={fake.address('m')}",
        f"--grader={fake.address('judge')}",
        "--grader-template=preceptor",
        f"--limit={EXAMPLES}",
        f"--store={path}",
        *more,
    ]


def answers(fake: FakeEndpoint) -> list[dict[str, Any]]:
    """The payloads of the questions to the system."""
    return [call.payload for call in fake.log if call.payload["model"] == "m"]


# The grid


def test_grid_has_every_combination_in_order() -> None:
    """The last key varies fastest; each cell's parameters are its own and the fixed ones."""
    cells = grid({"temperature": ["0", "0.5"], "verbosity": ["low", "high"]}, SYSTEM, ["seed=3"])
    assert [cell.name for cell in cells] == [
        "temperature=0,verbosity=low",
        "temperature=0,verbosity=high",
        "temperature=0.5,verbosity=low",
        "temperature=0.5,verbosity=high",
    ]
    assert cells[3].parameters == Parameters(temperature=0.5, verbosity="high", seed=3)
    assert cells[3].setting == {"temperature": "0.5"}


def test_setting_is_what_stays_when_length_varies() -> None:
    """Verbosity, instruction and max_tokens make answers longer: all else is the setting."""
    vary = {
        "reasoning_effort": ["low"],
        "instruction": ["brief"],
        "max_tokens": ["90"],
        "verbosity": ["low"],
    }
    [cell] = grid(vary, SYSTEM)
    assert cell.setting == {"reasoning_effort": "low"}
    assert list(cell.values) == list(vary)


def test_built_in_instructions() -> None:
    """Brief and thorough are a system prompt, normal is none; beside a prompt they come last."""
    brief, normal, thorough = grid({"instruction": ["brief", "normal", "thorough"]}, SYSTEM)
    assert brief.parameters == Parameters(system_prompt=INSTRUCTIONS["brief"])
    assert normal.parameters == Parameters()
    assert thorough.parameters == Parameters(system_prompt=INSTRUCTIONS["thorough"])
    [both] = grid({"instruction": ["brief"]}, SYSTEM, ["system_prompt=You are a nurse."])
    assert both.parameters.system_prompt == f"You are a nurse.\n\n{INSTRUCTIONS['brief']}"


def test_values_from_files_are_called_by_their_stem(tmp_path: Path) -> None:
    """The text may have commas, begin with an at sign or say none: it is taken as it stands."""
    (tmp_path / "kind words.txt").write_text("@you, be kind", "utf-8")
    (tmp_path / "none.txt").write_text("none", "utf-8")
    (tmp_path / "body.json").write_text('{"top_k": 3, "min_p": 0.1}\n', "utf-8")
    prompts = [f"@{tmp_path}/kind words.txt", f"@{tmp_path}/none.txt"]
    for key in ("system_prompt", "instruction"):
        kind, none = grid({key: prompts}, SYSTEM)
        assert kind.name == f"{key}=kind-words"
        assert kind.parameters.system_prompt == "@you, be kind"
        assert none.parameters.system_prompt == "none"
    [cell] = grid({"extra_body": [f"@{tmp_path}/body.json"]}, SYSTEM)
    assert (cell.name, cell.parameters.extra_body) == (
        "extra_body=body",
        {"top_k": 3, "min_p": 0.1},
    )


def test_none_takes_a_value_away() -> None:
    """As with --system-param: a cell without the parameter."""
    without, low = grid({"reasoning_effort": ["none", "low"]}, SYSTEM)
    assert without.parameters == Parameters()
    assert low.parameters == Parameters(reasoning_effort="low")


def test_names_have_nothing_that_a_pattern_or_a_path_would_mind() -> None:
    [cell] = grid({"system_prompt": ["Be [very] kind/*?, please! " + "x" * 99]}, SYSTEM)
    assert re.fullmatch(r"system_prompt=[A-Za-z0-9-]{1,40}", cell.name)


@pytest.mark.parametrize(
    ("vary", "complaint"),
    [
        ({}, "expected at least one"),
        ({"heat": ["1"]}, "--vary 'heat': expected one of system_prompt, temperature"),
        ({"timeout": ["1", "2"]}, "--vary 'timeout': expected one of"),
        ({"temperature": ["0", "warm"]}, "--vary temperature: expected a number from 0"),
        ({"temperature": []}, "expected VALUE,VALUE, found none"),
        ({"temperature": ["0", ""]}, "found an empty one"),
        ({"temperature": ["1", "1"]}, "two values are called 1"),
        ({"temperature": ["1", "1.0"]}, "temperature=1 and temperature=1.0 are the same"),
        ({"instruction": ["long"]}, "expected brief, normal, thorough or @FILE, found 'long'"),
        ({"instruction": ["@nowhere.txt"]}, "--vary instruction: nowhere.txt: No such file"),
        ({"system_prompt": ["@a/x.txt", "@nowhere.txt"]}, "--vary system_prompt: a/x.txt: No such"),
        ({"extra_body": ["{"]}, "--vary extra_body: expected JSON"),
        ({"seed": ["1"]}, "--vary seed: also given with --system-param"),
    ],
)
def test_what_cannot_be_varied(vary: dict[str, list[str]], complaint: str) -> None:
    with pytest.raises(InputError, match=re.escape(complaint)):
        grid(vary, SYSTEM, ["seed=1"])


@pytest.mark.parametrize("system", ["physician", "python:json:dumps", "command:cat"])
@pytest.mark.parametrize("key", ["instruction", "system_prompt", "temperature"])
def test_systems_without_parameters_cannot_be_swept(system: str, key: str) -> None:
    """Their answers would not differ, whatever the cell says."""
    with pytest.raises(InputError, match=f"--vary {key}:"):
        grid({key: ["0", "1"] if key == "temperature" else ["brief"]}, system)


def test_texts_of_the_command_line() -> None:
    assert read_vary(["a=1,2", "b=x=y"]) == {"a": ["1", "2"], "b": ["x=y"]}
    for wrong, complaint in ((["a"], "expected KEY=VALUE"), (["=1"], "expected KEY=VALUE"),
                             (["a=1", "a=2"], "given twice")):  # fmt: skip
        with pytest.raises(InputError, match=complaint):
            read_vary(wrong)


def test_free_name_of_a_sweep() -> None:
    taken = ["sweep-starter-m-1/seed=1", "sweep-starter-m-3", "starter-m-2", "sweep-starter-m-22/x"]
    assert free_sweep_name(taken, "starter", SYSTEM) == "sweep-starter-m-2"


# Before the first run


@pytest.mark.parametrize(
    ("vary", "options"),
    [
        ({"temperature": [0, 1, "warm"]}, {}),
        ({"seed": [1, 2]}, {"grader_params": ["heat=1"]}),
        ({"seed": [1, 2]}, {"max_cost": 1.0}),
        ({"seed": [1, 2]}, {"limit": 0}),
        ({"seed": [1, 2]}, {"name": "a*"}),
        ({"seed": [1, 2]}, {"name": "-a"}),
        ({"seed": [1, 2]}, {"name": "a\nb"}),
        ({"seed": [1, 2]}, {"name": ""}),
    ],
)
def test_nothing_is_made_where_any_cell_is_wrong(
    fake: FakeEndpoint, path: Path, vary: dict[str, Any], options: dict[str, Any]
) -> None:
    """A typo in the last cell is found before the first call, and no store is made."""
    with pytest.raises(InputError):
        sweep(fake, path, vary, **options)
    assert not fake.log
    assert not path.exists()


def test_run_of_another_making_is_not_gone_on_with(fake: FakeEndpoint, path: Path) -> None:
    """Its answers are not those of the cell; found before any other cell is begun."""
    sweep(fake, path, {"seed": [2]})
    asked = len(fake.log)
    for options, what in (
        ({"limit": 3}, "limit"),
        ({"repeats": 2}, "repeats"),
        ({"grader": fake.address("other")}, "grader"),
        ({"system_params": ["temperature=1"]}, "system parameters"),
    ):
        with pytest.raises(InputError, match=f"run mine/seed=2: exists with another {what}"):
            sweep(fake, path, {"seed": [1, 2]}, **options)
    assert len(fake.log) == asked
    assert len(api.runs(store=path)) == 1


# Cells


def test_each_cell_is_an_ordinary_run(path: Path) -> None:
    """Named, with its settings; what is sent is the cell's; the pattern NAME/* finds them."""
    with FakeEndpoint(reasoning="reasoning_content") as fake:
        swept = sweep(
            fake,
            path,
            {"reasoning_effort": ["low", "high"], "instruction": ["brief", "normal"]},
            system_params={"temperature": 0.5},
        )
        sent = answers(fake)
    assert swept.outcome == Outcome("done")
    names = [run.info.name for run in api.runs(store=path)]
    assert names == [run.info.name for run in swept.runs] == [
        "mine/reasoning_effort=low,instruction=brief",
        "mine/reasoning_effort=low,instruction=normal",
        "mine/reasoning_effort=high,instruction=brief",
        "mine/reasoning_effort=high,instruction=normal",
    ]  # fmt: skip
    assert fnmatch.filter(names, "mine/*") == names
    first = api.load(names[0], store=path)
    assert first.info.settings.sweep == SweepCell(
        name="mine",
        cell={"reasoning_effort": "low", "instruction": "brief"},
        setting={"reasoning_effort": "low"},
    )
    assert len(sent) == 4 * EXAMPLES
    for number, payload in enumerate(sent):
        assert payload["temperature"] == 0.5
        assert payload["reasoning_effort"] == ("low" if number < 2 * EXAMPLES else "high")
        brief = payload["messages"][0] == {"role": "system", "content": INSTRUCTIONS["brief"]}
        assert brief == (number // EXAMPLES % 2 == 0)


def test_table_of_keys_is_true(path: Path) -> None:
    """docs/sweep.md has the keys beside those of a score, in order; means are those of the runs."""
    with FakeEndpoint(reasoning="reasoning") as fake:
        swept = sweep(fake, path, {"verbosity": ["low", "high"], "reasoning_effort": ["low"]})
    for row, run in zip(swept.score(), swept.runs, strict=True):
        score = run.score()
        assert {key: row[key] for key in score} == score
        page = (Path(__file__).parent.parent / "docs" / "sweep.md").read_text("utf-8")
        table = page[page.index("| key | type |") :].split("\n\n", 1)[0]
        assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(row)[len(score) :]
        responses = [item.response for item in run.result().graded]
        assert all(response is not None for response in responses)
        texts = [len(response.text) for response in responses if response]
        thoughts = [response.reasoning_length or 0 for response in responses if response]
        assert row["mean_length"] == pytest.approx(sum(texts) / EXAMPLES)
        assert row["mean_reasoning_length"] == pytest.approx(sum(thoughts) / EXAMPLES)
        assert row["mean_reasoning_tokens"] == 64
        assert row["cell"] == run.info.settings.sweep.cell
    low, high = swept.score()
    assert low["mean_length"] < high["mean_length"]
    assert low["setting"] == high["setting"] == {"reasoning_effort": "low"}


def test_reasoning_that_nobody_showed_is_unknown(fake: FakeEndpoint, path: Path) -> None:
    """Null and not 0; its tokens are known all the same."""
    [row] = sweep(fake, path, {"reasoning_effort": ["low"]}).score()
    assert row["mean_reasoning_length"] is None
    assert row["mean_reasoning_tokens"] == 64


def test_cell_without_any_answer_has_no_lengths(path: Path) -> None:
    """Means over nothing are null; the cell is in the list all the same."""
    with FakeEndpoint(faults=[Fault("error_500", on="system")], rate=1, most_faults=9999) as fake:
        swept = sweep(fake, path, {"seed": [1]}, system_params=["retries=0"])
    [row] = swept.score()
    assert swept.outcome.status == "incomplete"
    names = ("mean_length", "mean_reasoning_length", "mean_reasoning_tokens")
    assert [row[name] for name in names] == [None, None, None]


def test_refusal_ends_the_sweep_at_once(path: Path) -> None:
    """No further cell is begun where the endpoint refuses every call."""
    with FakeEndpoint(api_key="sk-right") as fake, pytest.raises(EndpointRefused):
        sweep(fake, path, {"seed": [1, 2]})
    assert [run.info.status for run in api.runs(store=path)] == ["incomplete"]


def test_names_without_one_are_numbered(fake: FakeEndpoint, path: Path) -> None:
    """Two sweeps without a name are two; the second pays for nothing."""
    first = sweep(fake, path, {"seed": [1]}, name=None)
    asked = len(fake.log)
    second = sweep(fake, path, {"seed": [1]}, name=None)
    assert (first.name, second.name) == ("sweep-starter-m-1", "sweep-starter-m-2")
    assert len(fake.log) == asked


def test_what_is_said_beside_the_table(path: Path) -> None:
    """What holds for all cells once, what holds for one with its name."""
    with FakeEndpoint(script=["error_500"]) as fake:
        swept = sweep(fake, path, {"seed": [1, 2]}, system_params=["retries=0", "concurrency=1"])
    said = sweep_sentences([run.result() for run in swept.runs])
    assert said.count("Asked on 4 of 36 examples.") == 1
    [missing] = [sentence for sentence in said if "verdicts are missing" in sentence]
    assert missing.startswith("seed=1: ")
    assert sweep_sentences([]) == []


def test_instructions_of_the_page_are_those_sent() -> None:
    """docs/sweep.md quotes them."""
    page = (Path(__file__).parent.parent / "docs" / "sweep.md").read_text("utf-8")
    for text in INSTRUCTIONS.values():
        assert text is None or text in " ".join(page.split())


# Going on


def test_what_is_done_is_skipped_and_new_cells_are_added(fake: FakeEndpoint, path: Path) -> None:
    """The same name with a larger grid: said for each cell, nothing is asked again."""
    sweep(fake, path, {"seed": [1, 2]})
    asked = len(fake.log)
    said: list[str] = []
    again = sweep(fake, path, {"seed": [1, 2]}, tell=said.append)
    assert len(fake.log) == asked
    assert said == [
        "mine/seed=1 (1 of 2): skipped, is done",
        "mine/seed=2 (2 of 2): skipped, is done",
    ]
    assert again.outcome == Outcome("done")
    said.clear()
    more = sweep(fake, path, {"seed": [1, 3]}, tell=said.append)
    assert said[1] == "mine/seed=3 (2 of 2): started"
    assert [run.info.name for run in more.runs] == ["mine/seed=1", "mine/seed=3"]


def test_incomplete_cell_does_not_stop_the_others_and_is_resumed(path: Path) -> None:
    """A failed answer makes its cell incomplete; the same command asks it alone again."""
    with FakeEndpoint(script=["error_500"]) as fake:
        first = sweep(fake, path, {"seed": [1, 2]}, system_params=["retries=0", "concurrency=1"])
        assert first.outcome == Outcome("incomplete", "1 of 2 cells are incomplete")
        assert [run.outcome.status for run in first.runs if run.outcome] == ["incomplete", "done"]
        asked = len(answers(fake))
        said: list[str] = []
        # What no answer depends on may be another.
        second = sweep(fake, path, {"seed": [1, 2]}, system_params=["retries=2"], tell=said.append)
        assert len(answers(fake)) == asked + 1
    assert said[0] == "mine/seed=1 (1 of 2): resumed"
    assert second.outcome == Outcome("done")


def test_caps_are_for_all_cells_together(fake: FakeEndpoint, path: Path) -> None:
    """The cap stops the cell that reaches it, and no further one is begun; a higher one goes on."""
    options: dict[str, Any] = {
        "system_params": ["price=0/1000000", "concurrency=1", "max_tokens=300"],
        "grader_params": ["price=free"],
    }
    free = sweep(fake, path, {"seed": [1, 2, 3]}, name="free", **options)
    each = [run.result().cost_usd or 0.0 for run in free.runs]
    cap = each[0] + each[1] / 2
    other = path.with_name("other.db")
    first = sweep(fake, other, {"seed": [1, 2, 3]}, max_cost=cap, **options)
    assert [run.outcome.status for run in first.runs if run.outcome] == ["done", "incomplete"]
    assert first.outcome.status == "incomplete"
    assert f"the cap of ${cap:g} is reached" in str(first.outcome.why)
    paid = sum(run.result().cost_usd or 0.0 for run in first.runs)
    assert each[0] <= paid <= cap
    # The same command again: nothing more may be spent, neither by it nor by `resume`.
    asked = len(fake.log)
    again = sweep(fake, other, {"seed": [1, 2, 3]}, max_cost=cap, **options)
    assert again.outcome.status == "incomplete"
    assert len(again.runs) == 2
    resumed = api.resume("mine/seed=2", store=other)
    assert resumed.outcome is not None
    assert resumed.outcome.status == "incomplete"
    assert len(fake.log) == asked
    last = sweep(fake, other, {"seed": [1, 2, 3]}, max_cost=sum(each) * 2, **options)
    assert last.outcome == Outcome("done")
    total = sum(run.result().cost_usd or 0.0 for run in last.runs)
    assert total == pytest.approx(sum(each))


def test_cap_that_the_last_cell_reaches_at_its_end_is_no_stop(
    fake: FakeEndpoint, path: Path
) -> None:
    """A cap with room for the last call: all is done, so nothing is missing."""
    params = ["price=0/1000000", "concurrency=1", "max_tokens=300"]
    free = sweep(fake, path, {"seed": [1, 2]}, name="free", system_params=params,
                 grader_params=["price=free"])  # fmt: skip
    total = sum(run.result().cost_usd or 0.0 for run in free.runs)
    capped = sweep(fake, path.with_name("b.db"), {"seed": [1, 2]}, system_params=params,
                   grader_params=["price=free"], max_cost=total + 300)  # fmt: skip
    assert capped.outcome == Outcome("done")


# The command


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[str, list[str]]:
    out, err = capsys.readouterr()
    return out, err.splitlines()


def test_command_prints_the_table_and_how_to_go_on(
    fake: FakeEndpoint, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row for each cell, what holds for all of them once, and the line for the report."""
    assert cli.main(words(fake, path, "--vary=verbosity=low,high", "--name=a b/c")) == 0
    out, err = printed(capsys)
    assert "verbosity=low" in out
    assert "verbosity=high" in out
    for heading in ("score", "95 % interval", "length-adj.", "chars", "cost", "coverage", "n"):
        assert heading in out
    assert sum("Asked on 4 of 36 examples." in line for line in err) == 1
    assert err[-1] == (
        f"done; see it with: preceptor report 'a b/c/*' --store {path} -o report.html"
    )
    name = "a b/c/verbosity=low"
    assert cli.main(["show", name, "--store", str(path), "--json"]) == 0
    assert json.loads(printed(capsys)[0])["run"] == name


def test_command_prints_json(
    fake: FakeEndpoint, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(fake, path, "--vary=seed=1,2", "--json")) == 0
    rows = json.loads(printed(capsys)[0])
    assert [row["cell"] for row in rows] == [{"seed": "1"}, {"seed": "2"}]
    made = api.Sweep("", api.runs(store=path), Outcome("done")).score()
    assert rows == msgspec.to_builtins(msgspec.json.decode(msgspec.json.encode(made)))


def test_error_in_the_middle_says_how_to_go_on(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The endpoint refuses every call: exit 2, the reason on the last line, the command before."""
    with FakeEndpoint(api_key="sk-right") as fake:
        code = cli.main(words(fake, path, "--vary=seed=1,2"))
    _, err = printed(capsys)
    assert code == 2
    assert err[-1].startswith("error: ")
    assert shlex.split(err[-2].partition(": ")[2])[-2:] == ["--name", "sweep-starter-m-1"]


def test_wrong_use_is_one_line(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No --vary, or one that cannot be."""
    for more in ([], ["--vary=heat=1"], ["--vary=seed"], ["--vary=seed=1", "--limit=many"]):
        command = ["sweep", "starter", f"--system={SYSTEM}", f"--store={path}", *more]
        assert cli.main(command) == 2
        _, err = printed(capsys)
        assert len(err) == 1
        assert err[0].startswith("error: ")
    assert not path.exists()


def test_interrupt_and_the_line_that_goes_on(path: Path) -> None:
    """Ctrl-C: exit 130, no further cell is begun; the line printed does the rest, once."""
    with FakeEndpoint(latency=(0.02, 0.1)) as fake:
        more = ["--vary=seed=1,2,3", "-p", "concurrency=2", "-P", "concurrency=2", "--json"]
        process = Child(*words(fake, path, *more))
        while process.poll() is None and not any(p.get("seed") == 2 for p in answers(fake)):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
        assert process.returncode == 130, err
        last = err.splitlines()[-1]
        assert re.match(
            r"interrupted; [\d,]+ tokens used; go on with: preceptor sweep starter ", last
        )
        rows = json.loads(out)
        assert [row["status"] for row in rows] == ["done", "interrupted"]
        delivered = dict(fake.delivered)
        assert not any(payload.get("seed") == 3 for payload in answers(fake))
        command = shlex.split(last.partition(": ")[2])
        done = children.run(*command[1:])
        assert done.returncode == 0, done.stderr
        assert [row["status"] for row in json.loads(done.stdout)] == ["done"] * 3
        assert all(fake.delivered[prompt] == count for prompt, count in delivered.items())
    assert "mine" not in last


def test_interrupt_between_two_cells(fake: FakeEndpoint, path: Path) -> None:
    """What is there is returned as interrupted, as if it had come within a cell."""

    def stop(line: str) -> None:
        if "(2 of 2)" in line:
            raise KeyboardInterrupt

    swept = sweep(fake, path, {"seed": [1, 2]}, tell=stop)
    assert swept.outcome.status == "interrupted"
    assert [run.info.name for run in swept.runs] == ["mine/seed=1"]


@pytest.mark.parametrize(
    ("why", "status", "last", "expected"),
    [
        (None, "done", False, None),
        (None, "incomplete", False, None),
        (STOPPED, "interrupted", True, "interrupted"),
        (STOPPED, "done", False, "interrupted"),
        (STOPPED, "done", True, None),
        ("the cap is reached", "incomplete", True, "incomplete"),
        ("the cap is reached", "done", False, "incomplete"),
    ],
)
def test_a_stop_is_heeded_even_if_its_cell_was_just_done(
    why: str | None, status: str, last: bool, expected: str | None
) -> None:
    """Ctrl-C at the last call of a cell must not begin the next one."""
    progress = Progress(1, 1, Budget())
    progress.stopping = why
    outcome = _stop(progress, Outcome(status), last=last)
    assert (outcome and outcome.status) == expected


def test_plans_share_one_reading_of_the_data(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of examples are read once, not once for each cell."""
    from preceptor import benchmarks
    from preceptor.engine.plan import Request

    starter = benchmarks.get("starter")
    reads: list[Path | None] = []
    load = type(starter).load

    def counted(self: Any, data: Path | None = None, *view: Any) -> Any:
        reads.append(data)
        return load(self, data, *view)

    monkeypatch.setattr(type(starter), "load", counted)
    request = Request(benchmark="starter", system=SYSTEM, grader="python:json:dumps",
                      grader_template="preceptor")  # fmt: skip
    planned = check_sweep(request, {"seed": ["1", "2", "3"]}, where=path)
    assert len(reads) == 1
    assert len({msgspec.json.encode(plan.settings.system_parameters) for _, plan in planned}) == 3
    assert not path.exists()


def test_runs_of_other_sweeps_do_not_count_for_the_cap(fake: FakeEndpoint, path: Path) -> None:
    params: dict[str, Any] = {"system_params": ["price=0/1000000"], "grader_params": ["price=free"]}
    one = sweep(fake, path, {"seed": [1]}, name="one", **params)
    cost = one.runs[0].result().cost_usd or 0.0
    two = sweep(fake, path, {"seed": [2]}, name="two", max_cost=cost * 50, **params)
    assert two.outcome == Outcome("done")
    with Store(path) as store:
        assert len(store.runs()) == 2
