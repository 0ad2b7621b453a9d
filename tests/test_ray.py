"""A run on a Ray cluster of several nodes, one of which is killed in the middle of it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor.engine.progress import Progress
from preceptor.errors import EndpointRefused, InputError, Unavailable
from preceptor.store import Store
from preceptor.testing import FakeEndpoint
from preceptor.testing.postgres import PostgresServer

ray = pytest.importorskip("ray", reason="the extra ray is not installed")

# Ray leaves sockets and files to its own end.
pytestmark = [
    pytest.mark.usefixtures("bare"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

EXAMPLES, CRITERIA = 36, 148
_MEMORY = 80 * 2**20


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer | None]:
    try:
        running = PostgresServer()
    except Unavailable:
        yield None
        return
    with running:
        yield running


@pytest.fixture
def where(server: PostgresServer | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """PostgreSQL, its password in the environment of the nodes; without one a file on this host."""
    if server is None:
        return str(tmp_path / "work.db")
    monkeypatch.setenv("PGPASSWORD", server.password)
    return server.url("shared").replace(f":{server.password}@", "@")


@pytest.fixture
def cluster(where: str) -> Iterator[Any]:
    """A head and two more nodes, each with room for one worker. They have this environment."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": _MEMORY}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(2):
            made.add_node(num_cpus=1, object_store_memory=_MEMORY)
        ray.init(address=made.address, log_to_driver=False)
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


def run(fake: FakeEndpoint, where: str | Path, **options: Any) -> preceptor.Run:
    return preceptor.run(
        "starter",
        system=fake.address("model-a"),
        grader=fake.address("judge"),
        grader_template="preceptor",
        store=where,
        **options,
    )


def on_disk(where: str) -> int:
    """Answers and verdicts of the run so far."""
    with Store(where) as store:
        graded = store.graded(store.run("mine"))
    answers = sum(item.response is not None and item.response.failure is None for item in graded)
    return answers + sum(v is not None and v.given for item in graded for v in item.verdicts)


def test_node_that_is_killed_costs_only_the_calls_under_way(
    where: str, cluster: Any, tmp_path: Path
) -> None:
    """Its shard goes to another node, the scores are those of one process; a refusal is heard.

    Nothing that was on disk when it died is asked again, and all else at most once more.
    """
    killed: list[Any] = []
    seen: list[tuple[int, int]] = []  # results on disk, calls asked until then

    def watch(progress: Progress) -> None:
        if progress.verdicts > 20:
            seen.append((on_disk(where), len(fake.log)))
        if seen and not killed:
            killed.append(cluster.worker_nodes.copy().pop())
            cluster.remove_node(killed[0], allow_graceful=False)

    few = {"concurrency": 8}
    with FakeEndpoint() as fake:
        quiet = run(fake, tmp_path / "quiet.db")
    with FakeEndpoint(latency=0.2) as fake:
        finished = run(
            fake,
            where,
            name="mine",
            backend="ray",
            system_params=few,
            grader_params=few,
            watch=watch,
        )
        prompts = [call.prompt for call in fake.log]
    assert killed
    assert finished.outcome is not None
    assert finished.outcome.status == "done"
    again = len(prompts) - EXAMPLES - CRITERIA
    repeats = (place for place, prompt in enumerate(prompts) if prompt in prompts[:place])
    dead = next(repeats, len(prompts))  # by then: its claims lapse with it
    # How much waits for the disk depends on the disk: it is counted and not assumed.
    assert 0 <= again <= dead - max(kept for kept, asked in seen if asked <= dead)
    assert max(Counter(prompts).values()) <= 2
    found, expected = (each.score()["metrics"] for each in (finished, quiet))
    assert json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)
    with FakeEndpoint(api_key="right") as fake, pytest.raises(EndpointRefused, match="HTTP 401"):
        run(fake, where, name="refused", backend="ray", processes=2, limit=4)


def test_file_that_other_machines_do_not_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nodes on several machines a SQLite file is refused, and no run has been made."""
    nodes = [{"NodeManagerHostname": name, "Alive": True} for name in ("a", "b")]
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    with FakeEndpoint() as fake, pytest.raises(InputError) as caught:
        run(fake, tmp_path / "work.db", backend="ray")
    assert "the cluster has 2 machines, which cannot share the SQLite file" in str(caught.value)
    with Store(tmp_path / "work.db") as store:
        assert store.runs() == []
