"""Workers as actors of a Ray cluster.

Nothing secret is sent there: keys, and a database's password, are taken from the environment that
each node has.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
from typing import Any

from preceptor.engine.workers.driver import Transport
from preceptor.errors import Unavailable
from preceptor.installation import MissingExtra

__all__ = ["connect", "hire", "hosts"]

#: Seconds that a question to an actor waits for something to be said.
_WAIT_S = 5.0


def connect() -> None:
    """Join the cluster of RAY_ADDRESS, the one on this machine, or make one here.

    Raises Unavailable without the package, or where no cluster answers.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtra("--backend ray: needs Ray", "ray") from None
    if ray.is_initialized():
        return
    # A cluster that we make ourselves tells nobody of itself, unless the user wants it to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        words = " ".join(str(error).split())[:200]
        raise Unavailable(f"--backend ray: no cluster: {words} (see RAY_ADDRESS)") from None


def hosts() -> list[str]:
    """The machines of the nodes that live, one name a node."""
    import ray

    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [str(node["NodeManagerHostname"]) for node in nodes if node["Alive"]]


class _Worker:
    """The actor: a worker in a thread, and two queues to it."""

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        from preceptor.engine.workers.worker import work

        work(_Queues(self._heard, self._said))

    def tell(self, frame: bytes) -> None:
        self._heard.put(frame)

    def listen(self) -> list[bytes]:
        """What was said since the last time; waits a little for the first of it."""
        frames: list[bytes] = []
        with contextlib.suppress(queue.Empty):
            frames.append(self._said.get(timeout=_WAIT_S))
            while True:
                frames.append(self._said.get_nowait())
        return frames


class _Queues:
    """The worker's end of the line. An actor ends with its driver: there is always one."""

    def __init__(self, heard: queue.SimpleQueue[bytes], said: queue.SimpleQueue[bytes]) -> None:
        self._heard, self._said = heard, said

    def send(self, frame: bytes) -> None:
        self._said.put(frame)

    def receive(self) -> bytes | None:
        return self._heard.get()


class RayLine(Transport):
    """The driver's end of the line to an actor."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._frames: list[bytes] = []

    async def send(self, frame: bytes) -> None:
        from ray.exceptions import RayError

        # Waited for, since an actor with several threads does not keep the order of what it gets.
        with contextlib.suppress(RayError):
            await self._actor.tell.remote(frame)

    async def receive(self) -> bytes | None:
        from ray.exceptions import RayError

        try:
            while not self._frames:
                self._frames = await self._actor.listen.remote()
        except RayError:
            return None
        return self._frames.pop(0)

    async def close(self) -> str:
        import ray

        ray.kill(self._actor)
        return "its node or its process is gone"


async def hire() -> Transport:
    """A new actor on the node with most room; it waits for one where there is none."""
    import ray

    kind = ray.remote(_Worker).options(
        num_cpus=1, max_restarts=0, max_concurrency=4, scheduling_strategy="SPREAD"
    )
    return RayLine(kind.remote())
