"""Which forms of a grader judge as one call per criterion does, as far as it agrees with itself?

    PRECEPTOR_TEST_DATA=… python bench/grader_forms.py                         # a local model
    PRECEPTOR_TEST_DATA=… python bench/grader_forms.py --grader openai/gpt-4.1 --examples 100

The same recorded answers are judged one criterion a call, twice (another seed, so that the model
samples anew), and in each form of ``batched:`` and by ``yesno:``. Printed for each: verdicts,
Cohen's kappa with the first of these and with the recorded verdicts of a strong grader, 95 %
intervals by answer, and tokens. A form may become a default where its kappa with one call per
criterion is not below that of the two repeats. With the local model it takes about 20 minutes for
4 answers of some 13 criteria on two cores; so few verdicts only tell a large effect.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import preceptor
from preceptor.cli import main
from preceptor.graders.batched import EXPLAIN
from preceptor.statistics.agreement import cohen_kappa

MODEL = "local/qwen2.5-1.5b"
TEMPERATURE = 0.7
#: Place of a criterion: example, repeat, number.
Place = tuple[str, int, int]


def ways(model: str) -> dict[str, tuple[str, list[str]]]:
    """Name of a form → grader and its parameters."""
    sampled = [f"temperature={TEMPERATURE}"]
    return {
        "one a call": (model, [*sampled, "seed=1"]),
        "one a call, again": (model, [*sampled, "seed=2"]),
        **{
            f"batched, explain={each}": (
                f"batched:{model}",
                [*sampled, "seed=1", f"explain={each}"],
            )
            for each in EXPLAIN
        },
        "yesno": (f"yesno:{model}", []),
    }


def verdicts(run: preceptor.Run) -> dict[Place, bool | None]:
    return {
        (graded.example.id, graded.repeat, number): verdict.met
        for graded in run.result().graded
        for number, verdict in enumerate(graded.verdicts)
        if verdict is not None
    }


def agreement(one: dict[Place, bool | None], other: dict[Place, bool | None]) -> str:
    """Kappa on what both judged, with its interval and n."""
    both = [place for place in one if one[place] is not None and other.get(place) is not None]
    rated = cohen_kappa([[float(side[place] or 0) for side in (one, other)] for place in both])
    ends = rated.interval([place[0] for place in both])
    around = "" if ends is None else f" ({ends[0]:.2f} to {ends[1]:.2f})"
    return f"{rated.value:.2f}{around}, n {len(both)}"


def measure(data: Path, model: str, examples: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "bench.db"
        imported = ["import", "graded", str(data), "--benchmark", "healthbench"]
        if main([*imported, "--store", str(store)]):
            raise SystemExit("the recorded verdicts cannot be imported")
        strong = preceptor.runs(store=store)[0]
        answers = strong.export(folder / "answers.jsonl")
        recorded = verdicts(strong)
        print(
            f"{'form':27}{'verdicts':>9}  {'kappa with one a call':30}{'with the record':30}tokens"
        )
        first: dict[Place, bool | None] = {}
        for form, (grader, parameters) in ways(model).items():
            run = preceptor.run(
                "healthbench",
                system=f"replay:{answers}",
                grader=grader,
                grader_params=parameters,
                grader_template="preceptor",
                data=data,
                limit=examples,
                store=store,
            )
            found = verdicts(run)
            first = first or found
            usage = run.result().grader_usage
            with_first = "–" if found is first else agreement(found, first)
            given = sum(met is not None for met in found.values())
            print(
                f"{form:27}{given:9,}  {with_first:30}{agreement(found, recorded):30}"
                f"{usage.input_tokens:,} in, {usage.output_tokens:,} out",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=int, default=4)
    parser.add_argument("--grader", default=MODEL, help="a model's address")
    given = parser.parse_args()
    root = os.environ.get("PRECEPTOR_TEST_DATA")
    if not root:
        raise SystemExit("set PRECEPTOR_TEST_DATA to the folder with the benchmarks' data")
    measure(
        Path(root) / "healthbench" / "graded_responses_main_100.jsonl", given.grader, given.examples
    )
