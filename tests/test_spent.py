"""One sum: what the endpoint billed, what the store holds, and what is printed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import preceptor
from children import Child
from preceptor.engine.progress import Progress
from preceptor.records import Usage
from preceptor.store import Store
from preceptor.systems.prices import Price
from preceptor.testing import FakeEndpoint, Fault
from preceptor.testing.faults import CONTENT
from preceptor.testing.mishaps import spoiled
from preceptor.testing.replies import reply_to, tokens

pytestmark = pytest.mark.usefixtures("bare")

PRICE = Price(3, 15)
PARAMETERS = ("price=3/15", "concurrency=4")
#: Useless replies that are billed, attempts that are not, and a right answer after them.
FAULTS = [Fault(kind, on="any") for kind in ("empty", "refusal", "cut_off", "tool_calls")]
FAULTS += [Fault(kind) for kind in ("prose", "met_text", "null", "rate_limit_bare", "error_500")]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work.db"


def billed(fake: FakeEndpoint) -> float:
    """Dollars of all replies with a usage."""
    dollars = 0.0
    for call in fake.log:
        if call.fault is None or call.fault in CONTENT:
            right = reply_to(call.payload)
            reply = right if call.fault is None else spoiled(right, call.fault)
            dollars += PRICE.cost(Usage(*tokens(call.payload, reply)))
    return dollars


def in_store(path: Path) -> float:
    with Store(path, create=False) as store:
        return sum(store.spent(run).cost_usd for run in store.runs())


def asked(fake: FakeEndpoint, path: Path, **options: Any) -> dict[str, Any]:
    one, two = fake.address("judge"), fake.address("other")
    grader = {"jury": f"jury:{one}+{two}", "batched": f"batched:{one}"}
    return {
        "system": fake.address("model"),
        "grader": grader.get(options.pop("kind", ""), one),
        "grader_template": "preceptor",
        "limit": 6,
        "store": path,
        "system_params": PARAMETERS,
        "grader_params": PARAMETERS,
        **options,
    }


def once(when: Callable[[], bool]) -> Callable[[Progress], None]:
    """Ctrl-C as soon as that holds, once."""
    pressed: list[bool] = []

    def watch(_: Progress) -> None:
        if when() and not pressed:
            pressed.append(True)
            raise KeyboardInterrupt

    return watch


@pytest.mark.parametrize("kind", ["rubric", "jury", "batched"])
@pytest.mark.parametrize("faults", [[], FAULTS])
def test_a_run_its_resumption_and_its_repetition(
    kind: str, faults: list[Fault], path: Path
) -> None:
    """Stopped by its cap, resumed with a higher one, and run again on stored answers."""
    with FakeEndpoint(faults=faults, rate=0.6, most_faults=2) as fake:
        options = asked(fake, path, kind=kind)
        run = preceptor.run("starter", max_cost=0.018, **options)
        assert run.outcome is not None
        assert run.outcome.status == "incomplete"
        assert 0 < run.score()["cost_usd"] <= 0.018
        assert run.score()["cost_usd"] == pytest.approx(billed(fake))
        for _ in range(3):
            run = preceptor.resume(run.info.name, store=path, max_cost=9)
            assert run.score()["cost_usd"] == pytest.approx(billed(fake))
        if not faults:  # what failed for good is asked again
            again = preceptor.run("starter", **options)
            assert again.score()["cost_usd"] == 0
            assert again.score()["spending"]["reused_usd"] == pytest.approx(billed(fake))
        assert in_store(path) == pytest.approx(billed(fake))


@pytest.mark.parametrize("processes", [1, 2])
def test_an_interrupted_run(processes: int, path: Path) -> None:
    """Calls under way are finished, paid and counted; the rest when it is resumed."""
    with FakeEndpoint(latency=0.1) as fake:
        watch = once(lambda: fake.delivered.total() > 4)
        run = preceptor.run("starter", watch=watch, processes=processes, **asked(fake, path))
        assert run.outcome is not None
        assert run.outcome.status == "interrupted"
        assert run.score()["cost_usd"] == pytest.approx(billed(fake))
        run = preceptor.resume(run.info.name, store=path)
        assert run.score()["cost_usd"] == pytest.approx(billed(fake))
        assert in_store(path) == pytest.approx(billed(fake))


def test_a_killed_run(path: Path) -> None:
    """Of calls whose answers never arrived nobody knows what they took; of all others it counts."""
    with FakeEndpoint(latency=0.1) as fake:
        options = asked(fake, path)
        code = f"import preceptor; preceptor.run('starter', name='mine', **{options!r})"
        code = code.replace(repr(path), repr(str(path)))
        process = Child(code=code, quiet=True)
        give_up = time.monotonic() + 60
        while fake.delivered.total() < 5 or not in_store(path):
            assert time.monotonic() < give_up
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        before = list(fake.log)
        fake.log.clear()
        run = preceptor.resume("mine", store=path)
        kept = {call.prompt for call in before} - {call.prompt for call in fake.log}
        fake.log.extend(call for call in before if call.prompt in kept)
        assert kept
        assert run.score()["cost_usd"] == pytest.approx(billed(fake))


def test_a_sweep(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last line of one that its cap stops has the sum of all its runs."""
    from preceptor import cli

    with FakeEndpoint() as fake:
        words = ["sweep", "starter", "--vary", "temperature=0,1", f"--store={path}", "--limit=4"]
        words += [f"--system={fake.address('model')}", f"--grader={fake.address('judge')}"]
        words += ["--grader-template=preceptor", "--max-cost=0.05", "-pprice=3/15", "-Pprice=3/15"]
        assert cli.main([*words, "--json"]) == 1
        last = capsys.readouterr().err.splitlines()[-1]
        assert f"; ${in_store(path):,.4f} spent; go on with: " in last
        assert in_store(path) <= 0.05
        assert in_store(path) == pytest.approx(billed(fake))
