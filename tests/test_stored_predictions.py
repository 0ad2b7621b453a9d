"""Files of answers that others published are imported as they are, and score as published."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from preceptor import benchmarks
from preceptor.cli import main

DATA = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere")

pytestmark = pytest.mark.skipif(
    not (DATA / "README.md").exists(), reason="real data: set PRECEPTOR_TEST_DATA"
)

FILES = [
    (
        "aci-bench",
        "aci-bench/predictions/test1GPT-4_.csv",
        {"rouge1": 51.76, "rouge2": 22.58, "rougeLsum": 45.97, "parse_rate": 100},
        40,
    ),
    (
        "aci-bench",
        "aci-bench/predictions/BART_large_clinicalnlp_taskB_test1_full.csv",
        {"rouge1": 41.76, "rouge2": 19.20, "rougeLsum": 34.70},
        40,
    ),
    (
        "aci-bench",
        "aci-bench/predictions/test2ChatGPT_.csv",
        {"rouge1": 42.30, "parse_rate": 97.5},
        40,
    ),
    (
        "medec-validation",
        "medec/mediqa-corr-2024-baseline-run-1.txt",
        {"flag_accuracy": 48.95, "sentence_accuracy": 30.66},
        574,
    ),
    (
        "mts-dialog",
        "clue-plus/mts-dialog/MTS-Dialog-Automatic-Summaries-ValidationSet.csv",
        {"rouge1": 37.24, "rouge2": 15.55, "rougeLsum": 31.20},
        400,
    ),
    ("mythtriage", "mythtriage/gpt-4o-M4-few-shot-evaluation.json", {"macro_f1": 82.48}, 295),
    (
        "rumedbench",
        "rumedbench/baseline_outputs/human/RuMedTop3.jsonl",
        {"accuracy:top3": 25.06, "hit@3:top3": 48.54},
        822,
    ),
    (
        "rumedbench",
        "rumedbench/baseline_outputs/human/RuMedDaNet.jsonl",
        {"accuracy:danet": 93.36},
        256,
    ),
    (
        "rumedbench",
        "rumedbench/baseline_outputs/bert/RuMedNER.jsonl",
        {"token_accuracy:ner": 96.47, "exact_f1:ner": 73.15},
        693,
    ),
]


@pytest.mark.parametrize(("name", "file", "wanted", "n"), FILES)
def test_a_stored_file_is_imported_without_options(
    tmp_path: Path,
    name: str,
    file: str,
    wanted: dict[str, float],
    n: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its form, its columns and its ids are known; one file is one run."""
    where = ["--store", str(tmp_path / "s.db"), "--json"]
    words = ["import", "predictions", str(DATA / file), "--benchmark", name]
    assert main([*words, "--data", str(DATA / file.partition("/")[0]), *where]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert line["n"] == n
    assert main(["score", line["run"], *where]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert {key: round(100 * metrics[key]["value"], 2) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("name", "folder", "count"),
    [
        ("shadr", "sdoh_synthetic", 790),
        ("sdoh", "sdoh_synthetic", 480),
        ("ncer-ncbi", "ncer", 940),
        ("medec", "medec", 597),
        ("meqsum", "clue-plus", 1000),
        ("meqsum", "clue-plus/meqsum", 1000),
    ],
)
def test_a_benchmarks_own_folder_is_found_by_its_last_parts(
    name: str, folder: str, count: int
) -> None:
    """`--data` takes the folder that a benchmark's file is in."""
    assert len(benchmarks.get(name).load(DATA / folder).examples) == count
