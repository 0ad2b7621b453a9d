"""Record what small local models answer to `starter`, with the verdicts of a small local grader.

    python bench/record.py smollm2-135m qwen2.5-0.5b

Writes src/preceptor/benchmarks/data/recorded/starter-MODEL.jsonl, which the demo falls back on.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import preceptor
from preceptor.benchmarks import recorded

GRADER = "yesno:local/qwen2.5-1.5b"


def record(model: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = preceptor.run(
            "starter",
            system=f"local/{model}",
            grader=GRADER,
            store=Path(folder) / "recorded.db",
            system_params=("max_tokens=160", "temperature=0"),
        )
        result = run.result()
    path = recorded(model)
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        for item in result.graded:
            if item.response is None or item.response.failure is not None:
                raise SystemExit(f"{model}: no answer to {item.example.id}")
            row = {
                "run": f"recorded-{model}",
                "model": f"local/{model}",
                "grader": GRADER,
                "prompt_id": item.example.id,
                "response": item.response.text,
                "criteria_met": [v.met if v else None for v in item.verdicts],
                "reasons": [v.reason if v else None for v in item.verdicts],
            }
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(path, result.metrics["overall_score"])


if __name__ == "__main__":
    for name in sys.argv[1:]:
        record(name)
