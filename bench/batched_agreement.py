"""What asking for several criteria in one call does to a small local grader's agreement.

The same recorded answers are judged by one local model three ways: one call per criterion, all
criteria in one call (`batched:`), and by the probability of a yes (`yesno:`). Each is compared with
the recorded verdicts of a strong grader. Needs PRECEPTOR_TEST_DATA and the model's weights; about
20 minutes for 4 answers of some 13 criteria on two cores. So few verdicts only tell a large effect.

    python bench/batched_agreement.py --examples 4
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import preceptor
from preceptor.analysis.correcting import correct
from preceptor.cli import main

MODEL = "local/qwen2.5-1.5b"
WAYS = {MODEL: {"temperature": "0"}, f"batched:{MODEL}": {"temperature": "0"}, f"yesno:{MODEL}": {}}


def measure(data: Path, examples: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "bench.db"
        imported = ["import", "graded", str(data), "--benchmark", "healthbench"]
        if main([*imported, "--store", str(store)]):
            sys.exit("the recorded verdicts cannot be imported")
        strong = preceptor.runs(store=store)[0]
        answers = strong.export(folder / "answers.jsonl")
        print(f"{'grader':32} {'verdicts':>8} {'agreement':>10} {'prompt tokens':>14} {'ratio':>6}")
        base = 0
        for grader, parameters in WAYS.items():
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
            cheap, labels = preceptor.sides([run.info.name, strong.info.name], store=store)
            found = correct(cheap, labels)
            tokens = cheap.result.grader_usage.input_tokens
            base = base or tokens
            print(
                f"{grader:32} {cheap.result.verdicts:8} {found.agreement or 0:10.1%} "
                f"{tokens:14,} {tokens / base:6.0%}",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=4)
    arguments = parser.parse_args()
    where = os.environ.get("PRECEPTOR_TEST_DATA")
    if where is None:
        sys.exit("set PRECEPTOR_TEST_DATA to the folder with healthbench/")
    measure(Path(where) / "healthbench" / "graded_responses_main_100.jsonl", arguments.examples)
