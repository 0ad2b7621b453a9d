"""What do the forms of a grader cost, against one call per criterion?

    PRECEPTOR_TEST_DATA=… python bench/grader_tokens.py

Makes the prompts of all 892 examples of HealthBench Hard that are at hand, with recorded answers,
in each form, and prints calls, prompt tokens and dollars an example, and the ratio to the reference
form: one call per criterion, with the prompt of --grader-template. The verdict is whether batches
of the default size need at most a quarter of its prompt tokens.

Tokens are counted by the tokenizer of a local model where xllamacpp and one are at hand, else as
characters / 4; the table says which. A prompt is counted in parts (its frame, the conversation,
each item), which is checked against some whole prompts. Examples without a recorded answer are
given the answer of median length. Replies are counted with the recorded explanations' mean
length, though a batch asks for shorter ones: that part of the saving is left out. With
explain=short a reason has eight words of these; with explain=unmet the share of recorded verdicts
that are met has none; with explain=doubtful a tenth of the verdicts is asked again with reasons,
in a second call. What a provider takes off for prompts it has cached is left out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import cast

import msgspec
from msgspec.structs import astuple

from preceptor import benchmarks
from preceptor.graders import find_template
from preceptor.graders.base import Case, render_conversation, render_item
from preceptor.graders.batched import BatchedGrader, Explain, split
from preceptor.graders.rubric import RubricGrader
from preceptor.graders.yesno import YesNoGrader
from preceptor.records import Criterion, Message
from preceptor.systems.base import System

MODEL = "qwen2.5-1.5b"
DEFAULT = 12
AIM = 0.25
SENT = 0.2
#: Words of a short reason, and the share of verdicts that are assumed to be asked again.
SHORT, DOUBTFUL = 8, 0.1
#: Braces, names and the boolean around an explanation.
FRAME = '{"explanation": "", "criteria_met": false}'
EMPTY = (Message("assistant", ""),)
#: role and separator of the empty conversation.
RENDERED = render_conversation(EMPTY)


def drawn(cases: list[Case]) -> list[Case]:
    """The same with some of their criteria."""
    draw = random.Random(1)
    kept = [
        {i: each for i, each in case.criteria.items() if draw.random() < DOUBTFUL} for case in cases
    ]
    return [
        msgspec.structs.replace(case, criteria=some)
        for case, some in zip(cases, kept, strict=True)
        if some
    ]


class Cost(msgspec.Struct):
    """Of all examples together."""

    calls: int = 0
    prompt: float = 0
    reply: float = 0


def recorded(folder: Path) -> tuple[dict[str, str], list[str], float]:
    """(first answer to each prompt, some explanations, share of the verdicts that are met)."""
    answers: dict[str, str] = {}
    explanations: list[str] = []
    met: list[bool] = []
    with gzip.open(folder / "graded_responses_hard.jsonl.gz", "rt") as file:
        for line in file:
            row = json.loads(line)
            answers.setdefault(row["prompt_id"], row["response"])
            if len(explanations) < 1000:
                explanations += row["explanations"]
            met += row["criteria_met"]
    return answers, explanations[:1000], sum(met) / len(met)


def tokenizer() -> tuple[str, Callable[[str], float]]:
    """(what it is, counter of tokens)."""
    from preceptor.systems.local.weights import find

    path = find(MODEL)
    if path is None:
        return "characters / 4", lambda text: len(text) / 4
    try:
        import xllamacpp
    except ImportError:
        return "characters / 4", lambda text: len(text) / 4
    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    settings.hostnames, settings.port = ["127.0.0.1"], 0
    settings.n_ctx, settings.n_parallel, settings.warmup, settings.verbosity = 256, 1, False, -1
    server = xllamacpp.Server(settings)

    def count(text: str) -> float:
        body = json.dumps({"content": text}).encode()
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{server.listening_address}/tokenize", body, kind)
        with urllib.request.urlopen(request) as reply:
            return len(json.load(reply)["tokens"])

    return f"the tokenizer of local/{MODEL}", count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--grader-template", help="as of `preceptor run`")
    parser.add_argument("--price", default="2/8", help="dollars per million tokens, in/out")
    options = parser.parse_args()
    if not os.environ.get("PRECEPTOR_TEST_DATA"):
        raise SystemExit("set PRECEPTOR_TEST_DATA to the folder with the benchmarks' data")
    folder = Path(os.environ["PRECEPTOR_TEST_DATA"]) / "healthbench"
    dataset = benchmarks.get("healthbench-hard").load(folder / "hard_892.jsonl")
    answers, explanations, met = recorded(folder)
    typical = sorted(answers.values(), key=len)[len(answers) // 2]
    known = sum(example.id in answers for example in dataset.examples)
    words, counter = tokenizer()
    count = cache(counter)
    template = find_template(options.grader_template)
    cases = [
        Case(
            (*example.messages, Message("assistant", answers.get(example.id, typical))),
            dict(enumerate(example.criteria)),
            "",
        )
        for example in dataset.examples
    ]
    alone = RubricGrader("alone", System(), template)
    yesno = YesNoGrader("yesno", System())
    reply = sum(map(count, explanations)) / len(explanations) + count(FRAME)
    sizes = (4, 8, DEFAULT, 100)
    table = {"one call per criterion": one_each(alone, cases, count, reply)}
    for most in sizes:
        batched = BatchedGrader("batched", alone, most)
        name = f"batched, up to {most} a call" + (" (default)" if most == DEFAULT else "")
        table[name] = in_batches(batched, cases, count, reply)
    short = sum(count(" ".join(e.split()[:SHORT])) for e in explanations) / len(explanations)
    bare = count("true")
    for explain, tokens in (
        ("short", short + count(FRAME)),
        ("unmet", met * bare + (1 - met) * reply),
        ("none", bare),
        ("doubtful", bare),
    ):
        batched = BatchedGrader("batched", alone, DEFAULT, cast("Explain", explain))
        found = in_batches(batched, cases, count, tokens)
        if explain == "doubtful":
            again = in_batches(BatchedGrader("batched", alone, DEFAULT), drawn(cases), count, reply)
            found = Cost(*(a + b for a, b in zip(astuple(found), astuple(again), strict=True)))
        table[f"batched, explain={explain}"] = found
    table["yesno (one token a reply)"] = one_each(yesno, cases, count, 1)
    table["jury of three, one a call"] = times(3, table["one call per criterion"])
    draw = random.Random(0)  # the share is what it is; which ones hardly matters
    sent = [
        msgspec.structs.replace(
            case, criteria={i: c for i, c in case.criteria.items() if draw.random() < SENT}
        )
        for case in cases
    ]
    name = f"cascade's strong part, {SENT:.0%} sent"
    table[name] = one_each(alone, sent, count, reply)
    batched = BatchedGrader("batched", alone, DEFAULT)
    table[f"{name}, batched"] = in_batches(batched, sent, count, reply)
    show(table, len(cases), options.price)
    print(f"\n{len(cases)} examples, {sum(len(case.criteria) for case in cases):,} criteria; ")
    print(f"{known} with a recorded answer; tokens by {words}; template: {template.name}.")
    print(
        f"Counted in parts, whole prompts differ by {worst(alone, cases, count):.2%} at the most."
    )
    ratio = in_ratio(table, f"batched, up to {DEFAULT} a call (default)")
    print(f"Batched needs {ratio:.1%} of the prompt tokens (aim: {AIM:.0%} at the most): ", end="")
    print("reached" if ratio <= AIM else "MISSED")


def one_each(
    grader: RubricGrader | YesNoGrader,
    cases: list[Case],
    count: Callable[[str], float],
    reply: float,
) -> Cost:
    blank = grader.prompt(EMPTY, Criterion("", 1))
    item = render_item if isinstance(grader, RubricGrader) else (lambda criterion: criterion.text)
    frame = count(blank) - count(RENDERED)
    total = Cost()
    for case in cases:
        n = len(case.criteria)
        items = sum(count(item(criterion)) for criterion in case.criteria.values())
        total.calls += n
        total.prompt += n * (frame + count(render_conversation(case.conversation))) + items
        total.reply += n * reply
    return total


def in_batches(
    grader: BatchedGrader, cases: list[Case], count: Callable[[str], float], reply: float
) -> Cost:
    frame = count(grader.prompt(EMPTY)) - count(RENDERED)
    total = Cost()
    for case in cases:
        conversation = count(render_conversation(case.conversation))
        for part in split(case, grader.most):
            lines = [f"{i}. " for i in range(1, len(part) + 1)]
            items = [render_item(criterion) + "\n" for criterion, _ in part]
            total.calls += 1
            total.prompt += frame + conversation + sum(map(count, [*lines, *items]))
            total.reply += len(part) * (reply + count('"1": , '))
    return total


def worst(grader: RubricGrader, cases: list[Case], count: Callable[[str], float]) -> float:
    """Largest relative difference between whole prompts and the sum of their parts."""
    found = 0.0
    for case in cases[:: len(cases) // 40]:
        whole = count(grader.prompt(case.conversation, case.criteria[0]))
        first = msgspec.structs.replace(case, criteria={0: case.criteria[0]})
        parts = one_each(grader, [first], count, 0).prompt
        found = max(found, abs(parts - whole) / whole)
    return found


def times(n: int, cost: Cost) -> Cost:
    return Cost(n * cost.calls, n * cost.prompt, n * cost.reply)


def in_ratio(table: dict[str, Cost], name: str) -> float:
    return table[name].prompt / table["one call per criterion"].prompt


def show(table: dict[str, Cost], n: int, price: str) -> None:
    given, made = (float(part) / 1e6 for part in price.split("/"))
    print(f"An example, at ${price} per million tokens:\n")
    print(f"{'':42}{'calls':>8}{'prompt':>10}{'ratio':>8}{'reply':>8}{'dollars':>10}{'ratio':>8}")
    base = next(iter(table.values()))
    for name, cost in table.items():
        dollars, whole = (each.prompt * given + each.reply * made for each in (cost, base))
        print(
            f"{name:42}{cost.calls / n:8.2f}{cost.prompt / n:10,.0f}"
            f"{cost.prompt / base.prompt:8.1%}{cost.reply / n:8,.0f}"
            f"{dollars / n:10.4f}{dollars / whole:8.1%}"
        )


if __name__ == "__main__":
    main()
