"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings


def _free_memory() -> int:
    """Bytes; 0 where the system does not say."""
    with contextlib.suppress(OSError):
        said = re.search(r"MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text())
        return 1024 * int(said[1]) if said else 0
    return 0


# Read where numpy and scikit-learn are first imported. The tests' processes share the cores:
# threads that wait for each other at work this small take ten times its time.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# Tests kill processes and never cut the power: what is written need not reach a disk, and waiting
# until it does is a tenth of their time.
_MEMORY, _ENOUGH_BYTES = Path("/dev/shm"), 8 * 2**30
if _MEMORY.is_dir() and "TMPDIR" not in os.environ:
    _flags = os.statvfs(_MEMORY).f_flag & (os.ST_RDONLY | os.ST_NOEXEC)
    if not _flags and min(shutil.disk_usage(_MEMORY).free, _free_memory()) > _ENOUGH_BYTES:
        tempfile.tempdir = str(_MEMORY)

import studio_places  # noqa: E402
from data_fixtures import HEALTHBENCH  # noqa: E402
from preceptor.cli import main  # noqa: E402
from preceptor.errors import Unavailable  # noqa: E402
from preceptor.records import Completion  # noqa: E402
from preceptor.systems.events import Body, EventReader  # noqa: E402
from preceptor.testing import FakeEndpoint  # noqa: E402
from preceptor.testing.postgres import PostgresServer  # noqa: E402

# A busy machine must not make a property fail.
settings.register_profile(
    "preceptor", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40
)
settings.load_profile("preceptor")


def pytest_collection(session: pytest.Session) -> None:
    """Each worker first imports its own share of the files, which stay compiled for the others."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1 or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    files = sorted(Path(__file__).parent.glob("test_*.py"))
    for file in files[int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) :: workers]:
        with contextlib.suppress(Exception, pytest.skip.Exception):  # collecting says it
            importlib.import_module(file.stem)


#: Begun first, longest first: with three processes, a long file that is begun late is waited for.
_LONGEST = (
    *("ray", "postgres", "readme", "figures", "end_to_end", "report_html", "every_benchmark"),
    *("distil", "processes", "other_judges", "medagents", "chaos", "batch", "security", "claims"),
    *("leaderboard", "damaged_store", "real_data", "budget", "real_claims", "jury", "cascading"),
    *("comparison_page", "inspect_logs", "audit_page", "inspect_tasks", "limiter", "cli", "local"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole files change places; a file's tests stay in order."""
    place = {f"test_{name}": number for number, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: no collection of garbage goes through them again."""
    gc.collect()
    gc.freeze()


def read_whole(
    content: bytes,
    parse: Callable[[bytes], Completion],
    events: Callable[[], EventReader[Completion]] | None,
) -> Completion:
    """The reply in a body that comes a few bytes at a time."""
    body = Body(parse, None if events is None else events())
    for start in range(0, len(content), 7):
        body.feed(content[start : start + 7])
    return body.end()


class Clock:
    """Stands in for an endpoint's clock: pauses take no time and are written down."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def imported_hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the 36 real runs of HealthBench Hard, imported once. Tests take a copy."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    path = folder / "hard.db"
    with FileLock(folder / "hard.lock"):
        if not path.exists():
            file = HEALTHBENCH / "graded_responses_hard.jsonl.gz"
            command = ["import", "graded", str(file), "--benchmark", "healthbench-hard"]
            data = str(HEALTHBENCH / "hard_892.jsonl")
            assert main([*command, "--data", data, "--store", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def hard_store(imported_hard: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A module's own copy of it."""
    return str(shutil.copy(imported_hard, tmp_path_factory.mktemp("store") / "hard.db"))


@pytest.fixture
def fake() -> Iterator[FakeEndpoint]:
    """A fake endpoint without faults."""
    with FakeEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's configuration: no keys, no proxy, an empty cache."""
    providers = ("OPENAI", "ANTHROPIC", "GOOGLE", "GEMINI", "AZURE_OPENAI", "OPENROUTER")
    ends = ("API_KEY", "BASE_URL", "GEMINI_BASE_URL", "ENDPOINT", "API_VERSION")
    own = [f"{provider}_{end}" for provider in providers for end in ends]
    for name in (*own, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("PRECEPTOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real server, one for each process of the tests, or a reason why there is none."""
    pytest.importorskip("psycopg", reason="the extra postgres is not installed")
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(PostgresServer())
        except Unavailable as error:
            pytest.skip(str(error))
        yield running


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked ``both`` run with their studios in files, and on PostgreSQL."""
    if metafunc.definition.get_closest_marker("both") and not studio_places.CHOSEN:
        # None: as without the mark, so that fixtures of a module are made once for both.
        names = [None, "postgresql"]
        ids = studio_places.BOTH
        metafunc.parametrize("studios", names, indirect=True, ids=ids, scope="module")


@pytest.fixture(scope="module", autouse=True)
def studios(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where the studios of tests are. A fixture of a module that makes one asks for this."""
    if (getattr(request, "param", None) or studio_places.CHOSEN) == "postgresql":
        studio_places.move_to(request.getfixturevalue("postgres_server"))
    yield
    studio_places.move_to(None)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Chromium, driven by playwright; skips where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    with api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=next(found, None), args=["--no-sandbox"]
            )
        except api.Error as error:
            pytest.skip(f"no Chromium: {str(error).splitlines()[0]}")
        yield browser
        browser.close()
