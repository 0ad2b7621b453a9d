"""Who plays the patient of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from preceptor.benchmarks import Benchmark
from preceptor.environments.facts import FACTS, CaseFacts
from preceptor.errors import InputError
from preceptor.graders import Grader
from preceptor.records import Example
from preceptor.systems import System, resolve
from preceptor.systems.base import Parameters

if TYPE_CHECKING:
    from preceptor.engine.plan import Request

__all__ = ["check_patient", "everyone", "patient_of", "played_by", "resolve_patient"]


def patient_of(benchmark: Benchmark, request: Request, parameters: Parameters) -> System | None:
    """Who plays the patient: a model, or ``facts``, which gives the facts of the case."""
    environment = benchmark.protocol.environment
    if environment is None or not environment.has_patient:
        if request.patient is not None or request.patient_params:
            raise InputError(f"--patient: {benchmark.name} has no patient: leave it out")
        return None
    address = request.patient or environment.reference_patient
    if address is None:
        raise InputError(
            f"--patient: name who plays the patient of {benchmark.name}, such as "
            f"openai/gpt-5.4-mini, or {FACTS} for the facts of the case without a model"
        )
    return resolve_patient(address, parameters)


def resolve_patient(address: str, parameters: Parameters) -> System:
    """Raises UnknownName, Unavailable."""
    return CaseFacts() if address == FACTS else resolve(address, parameters)


def everyone(system: System, patient: System | None, grader: Grader) -> tuple[System, ...]:
    """All who are asked in a run: the system, its patient, the grader's models."""
    return (system, *(() if patient is None else (patient,)), *grader.systems)


def check_patient(
    benchmark: Benchmark, patient: System | None, examples: Sequence[Example]
) -> None:
    """Raise InputError where the patient has nothing to tell of an example."""
    if patient is None:
        return
    if without := sum(patient.covers(example) == 0 for example in examples):
        raise InputError(
            f"--patient {patient.address}: {without:,} of {len(examples):,} examples of "
            f"{benchmark.name} list no facts: name a model"
        )


def played_by(benchmark: Benchmark, patient: System | None) -> tuple[list[str], list[str]]:
    """Departures and notes on who plays the patient, and whom that replaces."""
    if patient is None:
        return [], []
    environment = benchmark.protocol.environment
    reference = None if environment is None else environment.reference_patient
    played = f"{patient.address} played the patient"
    if reference in (None, patient.address):
        return [], [f"{played}."]
    return [f"{played}; in the reference it is {reference}."], []
