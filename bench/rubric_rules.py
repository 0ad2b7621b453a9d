"""How often does each rule on rubrics hold of rubrics that physicians wrote, and what does it cost?

    PRECEPTOR_TEST_DATA=... python bench/rubric_rules.py [--sample RULE] [--of 30]

Reads HealthBench's main and hard examples (one row for each prompt). Prints for every rule the
findings, the criteria or tasks that have one and their share, and the share with a proposal; then
the time of one task. No text of the data is printed, unless ``--sample RULE`` asks for hits to be
read by a person: a share of right ones is counted by hand (docs/lint.md has the counts).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from preceptor.lint.rubrics import RubricFinding, rubric_findings
from preceptor.records import Criterion, Message

FILES = ("examples_main.jsonl", "hard_892.jsonl")

Task = tuple[tuple[Message, ...], tuple[Criterion, ...]]


def tasks(folder: Path) -> Iterator[Task]:
    """Conversation and rubric of each prompt, once."""
    seen: set[str] = set()
    for name in FILES:
        for line in (folder / name).read_bytes().splitlines():
            row: Mapping[str, Any] = json.loads(line)
            if row["prompt_id"] not in seen:
                seen.add(row["prompt_id"])
                turns = tuple(Message(each["role"], each["content"]) for each in row["prompt"])
                rubric = ((each["criterion"], each["points"]) for each in row["rubrics"])
                yield turns, tuple(Criterion(text, points) for text, points in rubric)


def table(rubrics: Sequence[Task], found: Sequence[Sequence[RubricFinding]]) -> Iterator[str]:
    """A line for each rule; a criterion that several tasks have counts once."""
    kinds = {(each.advice, each.rule) for findings in found for each in findings}
    every = {criterion for _, criteria in rubrics for criterion in criteria}
    yield f"{len(rubrics):,} tasks, {len(every):,} different criteria"
    yield f"{'rule':28}{'findings':>9}{'criteria':>9}{'share':>8}{'tasks':>7}{'share':>8}{'fix':>6}"
    for advice, rule in sorted(kinds):
        hits: Counter[Criterion] = Counter()
        of_tasks = fixes = count = 0
        for (_, criteria), findings in zip(rubrics, found, strict=True):
            mine = [each for each in findings if (each.advice, each.rule) == (advice, rule)]
            hits.update(criteria[each.criterion - 1] for each in mine if each.criterion)
            of_tasks, count = of_tasks + bool(mine), count + len(mine)
            fixes += sum(each.fix is not None for each in mine)
        name = rule if advice else f"{rule} (blocks)"
        share = f"{len(hits) / len(every):8.2%}{of_tasks:7,}{of_tasks / len(rubrics):8.1%}"
        yield f"{name:28}{count:9,}{len(hits):9,}{share}{fixes / count:6.0%}"


def sample(
    rubrics: Sequence[Task], found: Sequence[Sequence[RubricFinding]], rule: str, count: int
) -> Iterator[str]:
    """Texts of some hits of a rule, to be read by a person and not kept."""
    hits: dict[Any, str] = {}
    for (_, criteria), findings in zip(rubrics, found, strict=True):
        for each in findings:
            if each.rule == rule:
                mine = [criteria[each.criterion - 1]] if each.criterion else list(criteria)
                lines = [f"{criterion.points:+} {criterion.text}" for criterion in mine]
                lines += [f"    {each.problem}"] + [f"    -> {each.fix!r}"] * (each.fix is not None)
                hits.setdefault(tuple(mine), "\n".join(lines))
    yield from random.Random(0).sample(list(hits.values()), min(count, len(hits)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", metavar="RULE", help="print texts of hits of this rule")
    parser.add_argument("--of", type=int, default=30, help="number of hits printed")
    options = parser.parse_args()
    rubrics = list(tasks(Path(os.environ["PRECEPTOR_TEST_DATA"]) / "healthbench"))
    found, times = [], []
    for messages, criteria in rubrics:
        start = time.process_time()
        found.append(rubric_findings(messages, criteria, "en"))
        times.append(1000 * (time.process_time() - start))
    if options.sample:
        print("\n\n".join(sample(rubrics, found, options.sample, options.of)))
        return
    print("\n".join(table(rubrics, found)))
    times.sort()
    median, late = times[len(times) // 2], times[int(0.95 * len(times))]
    print(f"CPU time of one task: {median:.2f} ms (median), {late:.2f} ms (95th percentile)")


if __name__ == "__main__":
    main()
