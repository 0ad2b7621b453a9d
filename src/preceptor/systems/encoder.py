"""A language model of the user's own that turns the tokens of a text into vectors."""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from preceptor.errors import InputError
from preceptor.installation import MissingExtra

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["VARIABLE", "Encoder", "configured", "opened", "run", "window"]

#: The environment variable that names the encoder's folder.
VARIABLE = "PRECEPTOR_ENCODER"
#: Tokens that are read at once, those that mark beginning and end included, unless the model's
#: own ``config.json`` knows of fewer.
_WINDOW = 512


class Encoder:
    """An encoder in a folder: ``model.onnx`` and ``tokenizer.json``, as Optimum exports them.

    Parameters
    ----------
    folder
        Its name is the encoder's.
    called
        How messages name it.

    Raises
    ------
    InputError
        A file is missing, or cannot be read as what it should be.
    Unavailable
        The extra ``bertscore`` is not installed.
    """

    def __init__(self, folder: Path, called: str | None = None) -> None:
        self.name = folder.resolve().name
        called = called or f"{VARIABLE}={folder}"
        self._model, self._tokenizer = opened(folder, called)
        self._takes = {each.name for each in self._model.get_inputs()}
        shape = self._model.get_outputs()[0].shape
        if len(shape) != 3:
            raise InputError(
                f"{called}: expected a model whose first output has a vector for each "
                f"token (batch, tokens, dimensions), found {len(shape)} axes"
            )

    def vectors(self, text: str) -> NDArray[np.floating]:
        """The last layer's vector of each token, (tokens, dimensions), without marks of the ends.

        A text that is longer than the model reads at once is read in parts, one after the other.
        """
        import numpy as np

        # A text made in Python may hold what UTF-8 cannot: a lone surrogate.
        whole = self._tokenizer.encode(text.encode("utf-8", "replace").decode())
        parts = []
        for part in (whole, *whole.overflowing):
            row = {
                "input_ids": part.ids,
                "attention_mask": part.attention_mask,
                "token_type_ids": part.type_ids,
            }
            given = {
                name: np.array([row[name]], dtype=np.int64) for name in row.keys() & self._takes
            }
            kept = np.array(part.special_tokens_mask) == 0
            parts.append(self._model.run(None, given)[0][0][kept])
        return np.concatenate(parts)

    def pooled(self, texts: Sequence[str], first: bool) -> NDArray[np.float32]:
        """One vector for each text, (texts, dimensions): that of its first token, or the mean.

        Marks of the ends count as tokens; what is longer than the model reads at once is cut.
        """
        import numpy as np

        rows = [self._tokenizer.encode(text.encode("utf-8", "replace").decode()) for text in texts]
        states, mask = run(self._model, rows, self._takes)
        if first:
            return np.asarray(states[:, 0], dtype=np.float32)
        weights = mask[:, :, None].astype(np.float32)
        return np.asarray((states * weights).sum(1) / np.maximum(weights.sum(1), 1), np.float32)


def opened(folder: Path, called: str) -> tuple[Any, Any]:
    """The session of ``model.onnx``, and the tokenizer, which cuts texts at the window.

    Raises what :class:`Encoder` raises.
    """
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtra(
            f"{called}: an encoder needs onnxruntime and tokenizers", "bertscore"
        ) from None
    for name in ("model.onnx", "tokenizer.json"):
        if not (folder / name).is_file():
            raise InputError(f"{called}: expected model.onnx and tokenizer.json, found no {name}")
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        settings = onnxruntime.SessionOptions()
        # Threads that wait for work spin: the CPU time of the others is then waste.
        settings.intra_op_num_threads = 1
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        model = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), settings, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # both raise plain exceptions of their own
        raise InputError(f"{called}: cannot be read: {_line(error)}") from None
    tokenizer.no_padding()
    tokenizer.enable_truncation(window(folder))
    return model, tokenizer


def run(
    model: Any, rows: Sequence[Any], takes: Collection[str]
) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """The first output for tokenized texts, and the mask of their tokens, (texts, tokens).

    Parameters
    ----------
    takes
        Names of the model's inputs.
    """
    import numpy as np

    longest = max(len(row.ids) for row in rows)

    def padded(values: str) -> NDArray[np.int64]:
        whole = np.zeros((len(rows), longest), dtype=np.int64)
        for place, row in enumerate(rows):
            whole[place, : len(row.ids)] = getattr(row, values)
        return whole

    mask = padded("attention_mask")
    given = {"input_ids": padded("ids"), "attention_mask": mask}
    given["token_type_ids"] = padded("type_ids")
    taken = {name: given[name] for name in given.keys() & takes}
    return model.run(None, taken)[0], mask


def configured() -> Encoder | None:
    """The encoder that ``PRECEPTOR_ENCODER`` names; None where it is not set or empty.

    Raises what :class:`Encoder` raises.
    """
    folder = os.environ.get(VARIABLE)
    return _chosen(Path(folder).expanduser()) if folder else None


@functools.lru_cache(maxsize=1)
def _chosen(folder: Path) -> Encoder:
    return Encoder(folder)


def window(folder: Path) -> int:
    """How many tokens the model reads at once."""
    try:
        config: Any = msgspec.json.decode((folder / "config.json").read_bytes())
        positions = config["max_position_embeddings"]
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return _WINDOW
    return min(_WINDOW, positions) if isinstance(positions, int) and positions > 2 else _WINDOW


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
