"""HealthBench-BR: statements about Brazil's clinical protocols, true or false, in Portuguese."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.files import read_rows
from preceptor.protocols.choice import CHOICE_LABELS, ChoiceProtocol, choice_example
from preceptor.records import Example

__all__ = ["BENCHMARKS"]

_OPTIONS = {"A": "Verdadeiro", "B": "Falso"}
_FILE = "benchmark_perguntas_unificado.json"
_TOLD = "Responda apenas com a letra da opção correta."


def _read(path: Path) -> Iterator[Example]:
    """A list of protocols, each with statements that are true and false in turn."""
    file = path / _FILE if path.is_dir() else path
    for number, row in read_rows(file):
        fields = Fields(row, str(file), number)
        name = fields.text("arquivo")
        for place, statement in enumerate(fields.texts("perguntas")):
            yield choice_example(
                f"{number}/{place + 1}",
                statement,
                _OPTIONS,
                "AB"[place % 2],
                ("language:pt", f"right:{_OPTIONS['AB'[place % 2]]}"),
                cluster=name,
            )


BENCHMARKS = (
    Benchmark(
        name="healthbench-br",
        title="HealthBench-BR",
        family="choice",
        summary="statements about Brazil's clinical protocols, true or false",
        licence="MIT",
        citation="NoHarm 2025, https://github.com/noharm-ai/healthbench-br",
        n_examples=1000,
        read=_read,
        protocol=ChoiceProtocol(_TOLD, labels=tuple(_OPTIONS.values())),
        url="https://github.com/noharm-ai/healthbench-br",
        brings="`benchmark_perguntas_unificado.json`",
        folder="healthbench-br",
        languages=("pt",),
        labels={
            **CHOICE_LABELS,
            "macro_f1": "Macro-F1 over true and false",
            "right:Verdadeiro": "True statements",
            "right:Falso": "False statements",
        },
        measures="Whether a model knows what Brazil's protocols of care say, in Portuguese.",
        faults=(
            "It has nothing of OpenAI's HealthBench but the name: no rubric and no judge.",
            "Statements come in pairs that differ in little, ten about one protocol: intervals "
            "count protocols.",
        ),
        verified="The published answers of four models are right as often as they were: 739, 809, "
        "668 and 621 of 1,000.",
    ),
)
