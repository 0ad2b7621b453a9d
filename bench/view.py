"""Server time of the pages of `preceptor view` on HealthBench's graded answers.

    PRECEPTOR_TEST_DATA=… python bench/view.py [STORE]

Without a store it imports the 6,460 answers and 76,090 verdicts of the test data into a temporary
one. CPU seconds of this process, which serves and asks, beside those of counting the store's
verdicts in SQL; each page is asked for twice, so that the second shows what is kept.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from starlette.testclient import TestClient

from preceptor.cli import main
from preceptor.view.app import application
from preceptor.view.finding import warm
from preceptor.view.workspace import Workspace


def imported(folder: Path) -> Path:
    data = Path(os.environ["PRECEPTOR_TEST_DATA"]) / "healthbench"
    store = folder / "view.db"
    graded = data / "graded_responses_hard.jsonl.gz"
    command = ["import", "graded", str(graded), "--benchmark", "healthbench-hard"]
    if main([*command, "--data", str(data / "hard_892.jsonl"), "--store", str(store)]):
        sys.exit("the data could not be imported")
    return store


def milliseconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def measure(store: Path) -> None:
    with sqlite3.connect(store) as connection:
        count = "SELECT sum(length(met)) FROM judged"
        (verdicts,) = connection.execute(count).fetchone()
        counting = milliseconds(lambda: connection.execute(count).fetchone())
    workspace = Workspace(str(store))
    runs = workspace.runs()
    answers = sum(run.standing.answers for run in runs)
    print(f"{len(runs)} runs, {answers:,} answers, {verdicts:,} verdicts")
    print(f"counting the verdicts in SQL: {counting:.1f} ms")
    reading = milliseconds(lambda: warm(workspace, answers))
    print(f"reading and scoring all answers, as the server does when it starts: {reading:.0f} ms")
    for run in runs:
        workspace.headline(run, wait=True)
    client = TestClient(application(workspace), base_url="http://localhost")
    client.get("/answers?q=nothing")  # templates are compiled
    one, other = (quote(runs[place].info.name) for place in (1, 8))
    print(f"{'page':<52} {'first':>8} {'again':>8}  (ms of CPU)")
    for title, url in (
        ("all answers, worst first", "/answers"),
        ("page 100 of them", "/answers?page=100"),
        ("an answer of them, open", "/answers?open=1-5-0"),
        ("those with an unmet criterion of a tag", "/answers?verdict=unmet&tag=axis:accuracy"),
        ("those with a word in question or answer", "/answers?text=pneumonia"),
        ("the second page of these", "/answers?text=pneumonia&page=2"),
        ("list of runs", "/"),
        ("one run: its score and slices", f"/run?name={one}"),
        ("two runs compared", f"/compare?run={one}&run={other}"),
        ("their answers side by side", f"/compare/answers?run={one}&run={other}"),
    ):

        def ask(url: str = url) -> None:
            assert client.get(url).status_code == 200, url

        print(f"{title:<52} {milliseconds(ask):>8.0f} {milliseconds(ask):>8.0f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(imported(Path(folder)))
