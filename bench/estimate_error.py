"""How far off `--dry-run` is where it has to assume: on real graded answers.

    PRECEPTOR_TEST_DATA=… python bench/estimate_error.py

Reads real answers of two models in two harnesses to HealthBench Hard, with GPT-4.1's verdicts. For
each: the assumed length of an answer, the characters of all grading prompts with that length, and
the assumed length of a verdict, each with what it really was. Nothing is called. Where `tiktoken`
and its vocabulary are here (TIKTOKEN_CACHE_DIR), the characters a token too.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import statistics
from pathlib import Path

from preceptor.estimate.counter import VERDICT_TOKENS
from preceptor.estimate.observed import ANSWER_CHARACTERS
from preceptor.graders import OWN
from preceptor.systems.tokens import CHARS_PER_TOKEN

SAMPLE = 300


def main() -> None:
    folder = Path(os.environ["PRECEPTOR_TEST_DATA"]) / "healthbench"
    with (folder / "hard_892.jsonl").open(encoding="utf-8") as lines:
        tasks = {row["prompt_id"]: row for row in map(json.loads, lines)}
    with gzip.open(folder / "graded_responses_hard.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    groups: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        groups.setdefault((row["model"], row["condition"]), []).append(row)
    low, assumed, high = ANSWER_CHARACTERS
    print(f"answers are assumed to have {assumed:,.0f} characters ({low:,.0f} to {high:,.0f})")
    print(f"{'model, harness':28}{'answers':>9}{'mean':>8}{'off by':>9}{'prompts off by':>16}")
    for (model, harness), some in groups.items():
        mean = statistics.fmean(len(row["response"]) for row in some)
        real, guessed = (sum(prompts(row, tasks, n) for row in some) for n in (None, assumed))
        print(
            f"{model + ', ' + harness:28}{len(some):9,}{mean:8,.0f}{assumed / mean - 1:+9.0%}"
            f"{guessed / real - 1:+16.0%}"
        )
    tokens(random.Random(0).sample(rows, SAMPLE), tasks)


def prompts(row: dict, tasks: dict[str, dict], length: float | None) -> float:
    """Characters of all grading prompts about an answer, or about one of that length."""
    task = tasks[row["prompt_id"]]
    asked = sum(len(f"{m['role']}: {m['content']}\n\n") for m in task["prompt"])
    answer = len(row["response"]) if length is None else length
    items = sum(len(f"[{r['points']}] {r['criterion']}") for r in task["rubrics"])
    return items + len(task["rubrics"]) * (len(OWN.text) + asked + len("assistant: ") + answer)


def tokens(rows: list[dict], tasks: dict[str, dict]) -> None:
    """The characters a token of the conversations, and the tokens of the verdicts."""
    try:
        import tiktoken

        encodings = [tiktoken.get_encoding(name) for name in ("o200k_base", "cl100k_base")]
    except Exception as error:
        print(f"tokens: not measured ({type(error).__name__}: no tiktoken, or no vocabulary)")
        return
    texts = [
        "\n\n".join(f"{m['role']}: {m['content']}" for m in tasks[row["prompt_id"]]["prompt"])
        + f"\n\nassistant: {row['response']}"
        for row in rows
    ]
    said = [
        json.dumps({"explanation": text, "criteria_met": True})
        for row in rows
        for text in row["explanations"]
    ]
    for encoding in encodings:
        counts = [len(encoding.encode(text, disallowed_special=())) for text in texts]
        each = sorted(len(text) / n for text, n in zip(texts, counts, strict=True))
        mean = sum(map(len, texts)) / sum(counts)
        verdict = statistics.fmean(len(encoding.encode(t, disallowed_special=())) for t in said)
        print(
            f"{encoding.name}: {mean:.2f} characters a token in {len(texts)} conversations "
            f"({each[len(each) // 20]:.2f} to {each[-len(each) // 20]:.2f} in 90 % of them; "
            f"assumed {CHARS_PER_TOKEN}, off by {CHARS_PER_TOKEN / mean - 1:+.0%}); "
            f"{verdict:.0f} tokens a verdict (assumed {VERDICT_TOKENS[1]:.0f})"
        )


if __name__ == "__main__":
    main()
