"""Which model is in a folder: an encoder or a cross-encoder, for onnxruntime or for torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from preceptor.errors import InputError
from preceptor.systems.retrieval.cross_encoder import OnnxPairs, Pairs
from preceptor.systems.retrieval.dense import LocalEncoder

__all__ = ["encoder_in", "is_cross_encoder", "pairs_in"]


def encoder_in(folder: Path) -> LocalEncoder:
    """The encoder of a folder.

    Raises
    ------
    InputError
        It has none, or a damaged one.
    Unavailable
        The package that runs it is not installed.
    """
    if is_cross_encoder(folder):
        raise InputError(
            f"encoder:{folder}: is a cross-encoder, which reads a query together with a passage: "
            f"use rerank:bm25,{folder}"
        )
    if _is_torch(folder):
        from preceptor.systems.retrieval.sentence_transformers import SentenceEncoder

        return SentenceEncoder(folder)
    from preceptor.systems.retrieval.encoders import Folder

    return Folder(folder)


def pairs_in(folder: Path) -> Pairs:
    """The cross-encoder of a folder. Raises as ``encoder_in``."""
    if _is_torch(folder):
        from preceptor.systems.retrieval.sentence_transformers import SentencePairs

        return SentencePairs(folder)
    return OnnxPairs(folder)


def _is_torch(folder: Path) -> bool:
    return not (folder / "model.onnx").exists() and (folder / "config.json").exists()


def is_cross_encoder(folder: Path) -> bool:
    """Whether the model gives numbers for a pair, as its ``config.json`` says."""
    try:
        config: Any = msgspec.json.decode((folder / "config.json").read_bytes())
        named = config["architectures"]
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return False
    return isinstance(named, list) and any(
        str(each).endswith("ForSequenceClassification") for each in named
    )
