"""What share of answers with a known meaning is read rightly, wrongly, and not at all?

    python bench/readings.py [tests/data/readings*.jsonl]

The rows are made up by hand: outputs as medical language models write them, each with what a
careful reader takes out of it, or null or "none" where it states nothing. Printed by kind, by case
(an answer announced plainly, one beside others, one in JSON, none) and by language. Exit code 1
where less than 97 % are read rightly, or an answer that is announced plainly is read wrongly.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from pathlib import Path
from typing import Any

from preceptor.protocols.numeric import read_answer
from preceptor.scoring.letters import read_choice
from preceptor.scoring.numbers import ABSTAINED

DATA = Path(__file__).parent.parent / "tests" / "data"
OUTCOMES = ("right", "wrong", "unread")


def rows(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The rows of these files."""
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]


def read(row: Mapping[str, Any]) -> Any:
    """What the reader of a row's kind reads in its output; None where it reads nothing."""
    output, asked = row["output"], row["asked"]
    if row["kind"] in ("number", "date"):
        kind = "decimal" if row["kind"] == "number" else "weeks" if asked == "weeks" else "date"
        found = read_answer(kind, output, asked)
        return None if found == ABSTAINED else found
    several, question = row.get("several", False), row.get("question", "")
    return read_choice(output, asked, several=several, question=question)


def outcome(row: Mapping[str, Any]) -> str:
    """Whether a row's output is read rightly, wrongly, or not although it states something."""
    found, expected = read(row), None if row["expected"] == "none" else row["expected"]
    same = isinstance(expected, float) and isinstance(found, float) and isclose(found, expected)
    if same or found == expected:
        return "right"
    return "unread" if found is None else "wrong"


def table(found: Sequence[tuple[Mapping[str, Any], str]]) -> Iterator[str]:
    """Lines with the share of each outcome: of all, and by kind, case and language."""
    yield f"{'':24}{'n':>6}" + "".join(f"{name:>9}" for name in OUTCOMES)
    for column in (None, "kind", "case", "language"):
        groups: dict[str, Counter[str]] = {}
        for row, result in found:
            name = "all" if column is None else f"{column} {row.get(column, 'unknown')}"
            groups.setdefault(name, Counter())[result] += 1
        for name, counts in sorted(groups.items()):
            n = counts.total()
            shares = "".join(f"{100 * counts[each] / n:8.1f}%" for each in OUTCOMES)
            yield f"{name:24}{n:6}{shares}"


def main() -> int:
    paths = [Path(each) for each in sys.argv[1:]] or sorted(DATA.glob("readings*.jsonl"))
    found = [(row, outcome(row)) for row in rows(paths)]
    print("\n".join(table(found)))
    for row, result in found:
        if result != "right":
            print(f"{result}: {row['id']}, expected {row['expected']}: {row['output'][:100]!r}")
    right = sum(result == "right" for _, result in found)
    misread = any(result == "wrong" and row.get("case") == "plain" for row, result in found)
    return int(right < 0.97 * len(found) or misread)


if __name__ == "__main__":
    sys.exit(main())
