"""Every benchmark on its real data: the counts that were published, and a run from end to end."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path

import pytest

import preceptor
from preceptor.benchmarks import Benchmark, all_benchmarks
from preceptor.benchmarks.base import Dataset
from preceptor.benchmarks.groups import group
from preceptor.errors import Unavailable
from preceptor.files import file_sha256
from preceptor.scoring import OVERALL
from preceptor.testing import FakeEndpoint

_FOLDER = os.environ.get("PRECEPTOR_TEST_DATA")
pytestmark = pytest.mark.skipif(
    _FOLDER is None, reason="real data: set PRECEPTOR_TEST_DATA to the folder of all data sets"
)
DATA = Path(_FOLDER or ".").resolve()
#: Those whose data nobody may keep here: made-up rows of its schema are tested elsewhere. So are
#: agents that work by themselves, in test_served_record.py.
ELSEWHERE = {each.folder for each in (*group("brought"), *group("images"))} - {"vqa-rad"}
#: Examples of the copies that lack some of their images.
PARTS = {"vqa-rad-closed": 248, "vqa-rad-open": 163}
SUITE = [
    each
    for each in all_benchmarks()
    if each.folder not in (None, *ELSEWHERE) and each.name != "medagentbench-served"
]
#: The first of each family, whose reports are drawn. Others' figures are made and not painted.
DRAWN = set({each.family: each.name for each in reversed(SUITE)}.values())
#: Ends an episode; elsewhere no tool is offered.
END = (("finish", '{"answers": []}'),)


@pytest.fixture(scope="module", params=SUITE, ids=lambda each: each.name)
def benchmark(request: pytest.FixtureRequest) -> Benchmark:
    """Each in turn: all tests of one, then all of the next."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def dataset(benchmark: Benchmark) -> Dataset:
    return benchmark.load(DATA)


def test_data_has_the_published_count(benchmark: Benchmark, dataset: Dataset) -> None:
    """All rows are read; each example ends with the user and is worth asking."""
    assert len(dataset.examples) == PARTS.get(benchmark.name, benchmark.n_examples)
    assert dataset.official or benchmark.name in PARTS
    if benchmark.n_criteria is not None:
        assert sum(len(each.criteria) for each in dataset.examples) == benchmark.n_criteria
    judged = benchmark.protocol.judging.grader is not None
    for example in dataset.examples:
        messages = benchmark.protocol.messages(example)
        if messages or not _has_patient(benchmark):  # who may speak first
            assert messages[-1].role == "user" or _has_patient(benchmark)
            assert messages[-1].text.strip()
        assert judged or not example.criteria
    assert any(example.criteria for example in dataset.examples) == judged


@pytest.mark.parametrize(
    "benchmark",
    [each for each in SUITE if not all(source.extra for source in each.sources)],
    ids=lambda each: each.name,
    indirect=True,
)
def test_what_is_fetched_is_read(
    benchmark: Benchmark, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pinned files, under their names at home, are the local copy's examples."""
    monkeypatch.setenv("PRECEPTOR_CACHE", str(tmp_path))
    assert benchmark.folder is not None
    files = _by_hash(DATA / benchmark.folder)
    for source in benchmark.sources:
        if source.extra:
            continue
        whole = benchmark.path()
        path = whole if len(benchmark.sources) == 1 else whole / source.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(files[source.sha256])
    fetched = benchmark.load()
    assert fetched.official
    asked = benchmark.protocol.messages
    assert [(each.id, asked(each)) for each in fetched.examples] == [
        (each.id, asked(each)) for each in dataset.examples
    ]


def _has_patient(benchmark: Benchmark) -> bool:
    environment = benchmark.protocol.environment
    return environment is not None and environment.has_patient


@functools.cache
def _by_hash(place: Path) -> dict[str, Path]:
    files = place.rglob("*") if place.is_dir() else [place]
    return {file_sha256(file): file for file in files if file.is_file()}


def test_run_from_end_to_end(
    benchmark: Benchmark, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Estimated, asked, judged where there is a judge, scored, resumed, reported, exported."""
    monkeypatch.chdir(tmp_path)
    environment = benchmark.protocol.environment
    try:
        _ = environment and environment.check(benchmark.name)
    except Unavailable as error:
        pytest.skip(str(error))
    # Reading is the slow part, and what the tests above are about.
    read = {(benchmark.name, DATA): dataset}
    monkeypatch.setattr(Benchmark, "load", lambda self, data, *_: read[self.name, data])
    if benchmark.name not in DRAWN:
        monkeypatch.setattr("preceptor.reports.pictures.svg", lambda figure, *, bare: "<svg/>")
    with FakeEndpoint(tools=[END]) as fake:
        judge = fake.address("judge") if benchmark.protocol.judging.grader else None
        asked = {"system": fake.address("m"), "grader": judge, "data": DATA, "limit": 3}
        asked |= {"patient": fake.address("p")} if _has_patient(benchmark) else {}
        before = preceptor.dry_run(benchmark.name, **asked)
        run = preceptor.run(benchmark.name, **asked)
        answers = sum(call.payload["model"] == "m" and call.fault is None for call in fake.log)
        after = preceptor.dry_run(benchmark.name, **asked)
        if judge is None:
            calls = fake.calls.total()
            preceptor.resume(run.info.name)
            assert fake.calls.total() == calls
    result = run.result()
    assert answers >= 3
    parts = {"system": True, "patient": _has_patient(benchmark), "grader": judge is not None}
    assert [part.part for part in before.parts] == [part for part, there in parts.items() if there]
    # How long a talk with a patient is, or an episode, the system decides.
    decides = _has_patient(benchmark) or benchmark.family == "agents"
    assert decides or before.parts[0].calls.expected == answers
    assert (after.parts[0].calls.expected, after.parts[0].reused) == (0, answers)
    assert before.verdicts == sum(len(item.example.criteria) for item in result.graded)
    assert len(result.graded) == 3
    assert OVERALL in result.metrics
    for metric in result.metrics.values():
        assert 0 <= metric.coverage <= 1
    assert benchmark.title in run.report("report.html").read_text()
    rows = [json.loads(line) for line in run.export("a.jsonl").read_text().splitlines()]
    assert len(rows) == 3
    run.export("a.csv")
