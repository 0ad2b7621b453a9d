"""Fake endpoints for tests: providers' wire formats on this machine, with faults.

    from preceptor.testing import FakeEndpoint

    with FakeEndpoint(faults=CHAOS, seed=1) as fake:
        preceptor.run("starter", system=fake.address("model-a"), grader=fake.address("judge"))

``fake.environment()`` has the variables that lead ``anthropic/m``, ``google/m``, ``azure/m``,
``openai/m`` and ``openrouter/m`` there, each in its own wire format.

Answers and verdicts are functions of the prompt, so a run with faults must have the scores of one
without. ``python -m preceptor.testing.fake_endpoint`` serves the same from its own process.
"""

from __future__ import annotations

from preceptor.testing.endpoint import Call, FakeEndpoint
from preceptor.testing.faults import CHAOS, FAULTS, Fault
from preceptor.testing.replies import prompt_key

__all__ = ["CHAOS", "FAULTS", "Call", "FakeEndpoint", "Fault", "prompt_key"]
