"""Made-up rows and records, and the way to the real data.

Everything textual here is invented. Real data is found through ``PRECEPTOR_TEST_DATA``.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from preceptor.records import Criterion, Example, Graded, Message, Response, Verdict

_FOLDER = os.environ.get("PRECEPTOR_TEST_DATA")
HEALTHBENCH = Path(_FOLDER or "nowhere") / "healthbench"

needs_data = pytest.mark.skipif(
    not (HEALTHBENCH / "examples_main.jsonl").exists(),
    reason="real data: set PRECEPTOR_TEST_DATA to a folder with healthbench/examples_main.jsonl",
)

#: Environment that a test must not inherit from whoever runs it.
_FOREIGN = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "PRECEPTOR_STORE")


def isolate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """An empty working folder, an empty cache, and nobody's keys."""
    for name in _FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PRECEPTOR_CACHE", str(folder / "cache"))
    work = folder / "work"
    work.mkdir(exist_ok=True)
    monkeypatch.chdir(work)


# Records


def criterion(points: int, *tags: str) -> Criterion:
    return Criterion(f"made-up criterion worth {points}", points, tags)


def example(
    points: Sequence[int],
    name: str = "e1",
    tags: tuple[str, ...] = (),
    criteria_tags: Sequence[tuple[str, ...]] | None = None,
) -> Example:
    each = criteria_tags or [()] * len(points)
    return Example(
        id=name,
        messages=(Message("user", "made-up question"),),
        criteria=tuple(criterion(p, *t) for p, t in zip(points, each, strict=True)),
        tags=tags,
    )


def verdict(met: bool | None, index: int = 0) -> Verdict:
    return Verdict(f"v{index}", met, reason=None if met is not None else "timeout")


def graded(
    item: Example, met: Iterable[bool | None], repeat: int = 0, text: str = "made-up answer"
) -> Graded:
    """A response with its verdicts; None becomes an ungraded verdict."""
    verdicts = tuple(verdict(each, index) for index, each in enumerate(met))
    return Graded(item, repeat, Response(f"r-{item.id}-{repeat}", text=text), verdicts)


# Rows of files


def row(name: str = "e1", points: Sequence[int] = (5, -3), **changes: Any) -> dict[str, Any]:
    """A row of HealthBench's schema; ``changes`` replace fields, None included."""
    content: dict[str, Any] = {
        "prompt_id": name,
        "prompt": [{"role": "user", "content": f"made-up question {name}"}],
        "rubrics": [
            {
                "criterion": f"made-up criterion {name}/{index}",
                "points": each,
                "tags": ["level:example", "axis:accuracy"],
            }
            for index, each in enumerate(points)
        ],
        "example_tags": ["theme:hedging"],
        "ideal_completions_data": None,
        "canary": "made-up",
    }
    return content | changes


def professional_row(name: str = "p1", **changes: Any) -> dict[str, Any]:
    """A row of HealthBench Professional's schema."""
    content: dict[str, Any] = {
        "id": name,
        "conversation": {"messages": [{"role": "user", "content": "made-up request"}]},
        "rubric_items": [
            {"criterion_text": "made-up wanted thing", "points": 8},
            {"criterion_text": "made-up unwanted thing", "points": -6},
        ],
        "use_case": "consult",
        "type": "red_teaming",
        "difficulty": "difficult",
        "specialty": "Medical genetics",
        "physician_response": "made-up answer of a physician",
        "canary_string": "made-up",
    }
    return content | changes


def graded_row(
    name: str = "e1", met: Sequence[Any] = (True, False), **changes: Any
) -> dict[str, Any]:
    """A row of `import graded`, without the example's content."""
    return {
        "prompt_id": name,
        "response": f"made-up answer to {name}",
        "criteria_met": list(met),
        "explanations": [f"made-up reason {index}" for index in range(len(met))],
    } | changes


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """JSON Lines, gzipped if the name says so."""
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in rows)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of real JSON Lines, gzipped or not, by the standard library alone."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def unpacked(path: Path) -> None:
    """Verdicts as rows, as before they were packed, for tests that change them."""
    from preceptor.store import Store
    from preceptor.store.packs import unpack

    with Store(path) as store, store.transaction() as connection:
        for run in store.runs():
            places = [(at, number) for at in range(run.n_examples) for number in range(run.repeats)]
            unpack(connection, run.id, places)
