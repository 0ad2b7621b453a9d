"""Episodes that are broken off, or meet faults: no turn is paid twice, and no score moves."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import preceptor
import served_agents
from children import Child
from preceptor.environments.fhir.server import FhirServer
from preceptor.records.responses import ENVIRONMENT_FAILED
from preceptor.testing import CHAOS, FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

TOOLS = "medagentbench-tools"
PATIENCE_S = 60
#: Read, record a blood pressure, and end: what the third of the made-up tasks asks for.
PLAN = [
    [("patient_search", '{"identifier": "S1000001"}')],
    [
        (
            "vitals_create",
            '{"status": "final", "code": {"text": "BP"}, "valueString": "131/82 mmHg", '
            '"subject": {"reference": "Patient/S1000001"}, '
            '"effectiveDateTime": "2023-11-13T10:15:00+00:00", "category": [{"coding": [{'
            '"system": "http://hl7.org/fhir/observation-category", "code": "vital-signs", '
            '"display": "Vital Signs"}]}]}',
        )
    ],
    [("finish", '{"answers": []}')],
]
#: What an environment may fail of, one kind each.
BROKEN = (KeyError, OSError, TimeoutError, ValueError, RecursionError, UnicodeError)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return served_agents.made_up(tmp_path / "data")


def scores(run: preceptor.Run) -> dict[tuple[str, int], Mapping[str, float]]:
    """(example, repeat) → its scores; none where it is ungraded."""
    return {(each.example_id, each.repeat): each.values for each in run.result().scores}


def states(run: preceptor.Run) -> list[Any]:
    return [graded.response and graded.response.state for graded in run.result().graded]


def test_kill_in_the_midst_of_an_episode(data: Path) -> None:
    """kill -9 while a turn is awaited: those before it are not asked again, and nothing is lost.

    The record is as it was: what the agent had written is there, once.
    """
    with FakeEndpoint(tools=PLAN) as fake:
        options = {"system": fake.address("m"), "data": data}
        quiet = preceptor.run(TOOLS, name="quiet", store="quiet.db", **options)
    script = [*[None] * 5, "stall"]  # in the second episode, after it has written
    with FakeEndpoint(tools=PLAN, script=script) as fake:
        words = ["run", TOOLS, f"--system={fake.address('m')}", f"--data={data}", "--store=s.db"]
        killed = Child(*words, "--name=mine", "-p", "concurrency=1")
        began = time.monotonic()
        while fake.calls.total() < 6 and time.monotonic() - began < PATIENCE_S:
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert fake.delivered.total() == 5
        again = preceptor.resume("mine", store="s.db")
        assert set(fake.delivered.values()) == {1}
        assert fake.delivered.total() == 12
    assert states(again) == states(quiet)
    assert scores(again) == scores(quiet)
    assert scores(again)["task3_1", 0]["overall_score"] == 1


def test_faults_of_system_and_environment_move_no_score(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fifth of all calls fail, on either side: each score is the quiet run's, or there is none.

    With the faults gone, the rest is done, and all is as if there had been none.
    """
    options: dict[str, Any] = {"data": data, "repeats": 8, "store": "s.db"}
    with FakeEndpoint(tools=PLAN) as fake:
        # In a store of its own: the next server may get the port of this one, and so its answers.
        apart = {**options, "store": "quiet.db"}
        quiet = scores(preceptor.run(TOOLS, system=fake.address("m"), name="quiet", **apart))
    chance, met = random.Random(3), set()
    post = FhirServer.post

    def broken(self: FhirServer, address: str, body: Any) -> Any:
        if chance.random() < 0.2:
            kind = chance.choice(BROKEN)
            met.add(kind)
            raise kind("chart")
        return post(self, address, body)

    with FakeEndpoint(tools=PLAN, faults=CHAOS, rate=0.2, most_faults=9, seed=4) as fake:
        common = {"system": fake.address("m"), "system_params": ["timeout=1", "retries=1"]}
        monkeypatch.setattr(FhirServer, "post", broken)
        disturbed = preceptor.run(TOOLS, name="mine", **common, **options)
        assert len({*fake.met, *met}) >= 12
        found = scores(disturbed)
        kinds = {graded.response.failure for graded in disturbed.result().graded if graded.response}
        assert ENVIRONMENT_FAILED in kinds
        assert all(values == quiet[key] for key, values in found.items() if values)
        assert 0 < sum(not values for values in found.values()) < len(found)
    monkeypatch.setattr(FhirServer, "post", post)
    with FakeEndpoint(tools=PLAN, port=int(common["system"].split(":")[2].split("/")[0])) as fake:
        assert scores(preceptor.resume("mine", store="s.db")) == quiet
