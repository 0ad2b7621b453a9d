"""A benchmark's card as Croissant metadata, which data catalogues read."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Any

from preceptor.benchmarks import Benchmark
from preceptor.files import file_sha256
from preceptor.reports.benchmark_card import card_of

__all__ = ["croissant"]

#: The context of the format's 1.0 specification (https://docs.mlcommons.org/croissant/docs).
_TERMS = (
    "citeAs column data dataType equivalentProperty examples extract field fileObject fileProperty "
    "fileSet format includes isLiveDataset jsonPath key md5 parentField path recordSet references "
    "regex repeated replace samplingRate separator source subField transform"
)
_LICENCES = {
    "MIT": "https://spdx.org/licenses/MIT.html",
    "Apache-2.0": "https://spdx.org/licenses/Apache-2.0.html",
    "CC BY 4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC BY-SA 4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC BY-NC 4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "CC BY-NC-SA 4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    "CDLA-permissive-2.0": "https://cdla.dev/permissive-2-0/",
}
_TYPES = {".jsonl": "application/jsonlines", ".parquet": "application/vnd.apache.parquet"}


_FORMAT = "http://mlcommons.org/croissant/1.0"
_RESPONSIBLE = "http://mlcommons.org/croissant/RAI/1.0"


def croissant(
    benchmark: Benchmark,
    *,
    files: Mapping[str, str] | None = None,
    responsible: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """JSON-LD by Croissant 1.0: what the data is, its licence, its files with their hashes.

    No record sets: how a row is read is the benchmark's own code. What is not known is left out.

    Parameters
    ----------
    files
        Name of a file beside it → SHA-256; by default where the benchmark's are from.
    responsible
        Terms of Croissant RAI 1.0 (``rai:dataAnnotationProtocol``, …) → what they say.
    """
    card = card_of(benchmark)
    said = {
        "@context": _context(),
        "@type": "sc:Dataset",
        "conformsTo": [_FORMAT, _RESPONSIBLE] if responsible else _FORMAT,
        "name": benchmark.name,
        "alternateName": benchmark.title,
        "description": " ".join(
            filter(None, [f"{benchmark.title}: {card.summary}.", card.measures])
        ),
        "license": _licence(benchmark.licence),
        "citeAs": benchmark.citation,
        "inLanguage": list(benchmark.languages),
        "url": card.home,
        "rai:dataLimitations": card.faults,
        "rai:dataUseCases": card.measures,
        "distribution": _files(benchmark)
        if files is None
        else [_file(name, name, sha256) for name, sha256 in files.items()],
        **(responsible or {}),
    }
    return {key: value for key, value in said.items() if value not in (None, [])}


def _licence(text: str) -> str | None:
    return None if "none" in text.lower().split() else _LICENCES.get(text, text)


def _files(benchmark: Benchmark) -> list[dict[str, str]]:
    if benchmark.contained is not None:
        return [_file(benchmark.contained, benchmark.contained, file_sha256(benchmark.path()))]
    return [
        _file(source.filename, source.page.replace("/blob/", "/resolve/", 1), source.sha256)
        if source.host == "huggingface"
        else _file(source.filename, source.page.replace("/blob/", "/raw/", 1), source.sha256)
        for source in benchmark.sources
    ]


def _file(name: str, url: str, sha256: str) -> dict[str, str]:
    suffix = f".{name.rpartition('.')[2]}"
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": url,
        "encodingFormat": kind,
        "sha256": sha256,
    }


def _context() -> dict[str, Any]:
    terms: dict[str, Any] = {term: f"cr:{term}" for term in _TERMS.split()}
    terms["data"] = {"@id": "cr:data", "@type": "@json"}
    terms["examples"] = {"@id": "cr:examples", "@type": "@json"}
    terms["dataType"] = {"@id": "cr:dataType", "@type": "@vocab"}
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
        **terms,
    }
