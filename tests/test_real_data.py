"""Real examples, answers and verdicts, against computations written here from scratch."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

import preceptor
from data_fixtures import HEALTHBENCH, isolate, needs_data, read_lines, write_rows
from preceptor import benchmarks
from preceptor.cli import main
from preceptor.records import Metric, Result
from preceptor.scoring import LENGTH_SUFFIX, OVERALL
from preceptor.scoring.lost import LOST_LABELS
from preceptor.systems import resolve

pytestmark = needs_data

HARD = HEALTHBENCH / "hard_892.jsonl"
HARD_GRADED = HEALTHBENCH / "graded_responses_hard.jsonl.gz"
MAIN = HEALTHBENCH / "examples_main.jsonl"
MAIN_GRADED = HEALTHBENCH / "graded_responses_main_100.jsonl"
OUTPUTS = HEALTHBENCH / "simple_evals_outputs"
STATED_MAIN = OUTPUTS / "healthbench_gpt-4o-mini_20260113_121418_allresults.json"
STATED_CONSENSUS = OUTPUTS / "healthbench_consensus_gpt-4o-mini_20260113_153651_allresults.json"
META = OUTPUTS / "healthbench_meta_llama-3.1-8b-instruct-turbo_20250831_130730.json"


@pytest.fixture(scope="module", autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, tmp_path_factory.mktemp("real"))
        yield


# The official aggregation, from its description


def clip(value: float) -> float:
    return float(np.clip(value, 0, 1))


def official_score(items: list[dict[str, Any]], tag: str | None = None) -> float | None:
    """One response: points met over positive points, over the criteria with the tag."""
    chosen = [item for item in items if tag is None or tag in item["tags"]]
    attainable = sum(item["points"] for item in chosen if item["points"] > 0)
    if attainable == 0:
        return None
    return sum(item["points"] for item in chosen if item["met"]) / attainable


def official_metrics(rows: list[dict[str, Any]]) -> dict[str, tuple[float, int]]:
    """name → (clipped mean, examples); a row has ``items`` (points, tags, met) and ``tags``."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        overall = official_score(row["items"])
        assert overall is not None
        for name in ("overall_score", *(row["tags"] or [])):
            values[name].append(overall)
        for tag in {tag for item in row["items"] for tag in item["tags"]}:
            score = official_score(row["items"], tag)
            if score is not None:
                values[tag].append(score)
    return {name: (clip(np.mean(found)), len(found)) for name, found in values.items()}


def ours(metrics: dict[str, Metric]) -> dict[str, tuple[float | None, int]]:
    """Those that the reference implementation has, too."""
    return {
        name: (metric.value, metric.n)
        for name, metric in metrics.items()
        if not name.endswith(LENGTH_SUFFIX) and name not in LOST_LABELS
    }


# 6,460 graded answers to Hard


def import_hard(store: str) -> int:
    options = ["--benchmark", "healthbench-hard", "--data", str(HARD), "--store", store, "--json"]
    return main(["import", "graded", str(HARD_GRADED), *options])


@pytest.fixture(scope="module")
def hard_expected() -> dict[str, list[float]]:
    """Run → scores of its answers, from the files alone."""
    points = {r["prompt_id"]: [i["points"] for i in r["rubrics"]] for r in read_lines(HARD)}
    scores: dict[str, list[float]] = defaultdict(list)
    for row in read_lines(HARD_GRADED):
        each = points[row["prompt_id"]]
        met = sum(p for p, m in zip(each, row["criteria_met"], strict=True) if m)
        scores[row["run"]].append(met / sum(p for p in each if p > 0))
    return scores


def test_every_run_of_the_file_scores_as_computed_from_it(
    hard_store: str, hard_expected: dict[str, list[float]]
) -> None:
    """36 runs; raw means and clipped scores agree with the file's verdicts and points, several
    means are negative and print 0; nothing is missing."""
    runs = preceptor.runs(store=hard_store)
    assert len(runs) == 36
    assert {run.info.name for run in runs} == hard_expected.keys()
    negative = verdicts = answers = 0
    for run in runs:
        expected = hard_expected[run.info.name]
        result = run.result()
        metric = result.metrics[OVERALL]
        assert metric.raw_mean == pytest.approx(np.mean(expected), abs=1e-12)
        assert metric.value == pytest.approx(clip(np.mean(expected)), abs=1e-12)
        assert (metric.n, result.info.n_examples) == (len(expected), len(expected))
        assert (metric.coverage, metric.bounds, result.ungraded) == (1.0, None, {})
        verdicts += result.verdicts
        answers += len(result.graded)
        if metric.raw_mean < 0:
            negative += 1
            assert metric.value == 0.0
    assert (answers, verdicts) == (6460, 76090)
    assert negative >= 5


def test_harnesses_are_systems_of_their_own(hard_store: str) -> None:
    """A model behind a prompting harness is another system than the model."""
    systems = Counter(run.info.system for run in preceptor.runs(store=hard_store))
    assert systems["gpt-4o-mini"] > 0
    assert systems["gpt-4o-mini [bodhi]"] > 0
    assert systems["gpt-4.1-mini"] > 0


def test_a_second_import_changes_nothing(
    hard_store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same file again: all runs are there already, none is doubled."""
    before = [run.info for run in preceptor.runs(store=hard_store)]
    assert import_hard(hard_store) == 0
    lines = json.loads(capsys.readouterr().out)
    assert [line["new"] for line in lines] == [False] * 36
    assert sum(line["n"] for line in lines) == 6460
    assert [run.info for run in preceptor.runs(store=hard_store)] == before


# 100 graded answers to the main set, with all tags


def test_all_metrics_of_the_main_set_follow_the_official_aggregation(tmp_path: Path) -> None:
    """Overall, themes, physician categories, axes, levels and clusters: the same names, the same
    values, the same numbers of examples."""
    store = str(tmp_path / "main.db")
    options = ["--benchmark", "healthbench", "--store", store, "--system", "m", "--grader", "g"]
    assert main(["import", "graded", str(MAIN_GRADED), *options]) == 0
    rows = [
        {
            "tags": row["example_tags"],
            "items": [
                {**item, "met": each["criteria_met"]}
                for item, each in zip(row["rubrics"], row["verdicts"], strict=True)
            ],
        }
        for row in read_lines(MAIN_GRADED)
    ]
    expected = official_metrics(rows)
    result = preceptor.load(store=store).result()
    found = ours(result.metrics)
    assert found.keys() == expected.keys()
    for name, (value, n) in expected.items():
        assert found[name] == (pytest.approx(value, abs=1e-12), n), name
    spaces = Counter(name.partition(":")[0] for name in found)
    assert spaces["theme"] == 7
    assert spaces["axis"] == 5
    assert spaces["level"] == 2
    assert min(spaces["cluster"], spaces["physician_agreed_category"]) > 10
    assert (result.info.system, result.info.grader) == ("m", "g")


# Outputs of the reference implementation


def imported(file: Path, store: Path, *options: str) -> Result:
    assert main(["import", "simple-evals", str(file), "--store", str(store), *options]) == 0
    return preceptor.load(store=store).result()


@pytest.mark.parametrize(
    ("file", "benchmark"),
    [(STATED_MAIN, "healthbench"), (STATED_CONSENSUS, "healthbench-consensus")],
    ids=["main", "consensus"],
)
def test_the_reference_implementation_states_the_same_numbers(
    file: Path, benchmark: str, tmp_path: Path
) -> None:
    """The score, every metric by axis, level and cluster, and every n in the file equal ours; its
    themes cannot be known from the file, so there are none and a note says so."""
    stated = json.loads(file.read_text())
    result = imported(file, tmp_path / "s.db")
    assert (result.info.benchmark, result.info.system) == (benchmark, "gpt-4o-mini")
    assert result.metrics[OVERALL].value == stated["score"]
    checked = 0
    for name, value in stated["metrics"].items():
        plain = name.removesuffix(":n_samples")
        if name.endswith(":bootstrap_std") or plain.startswith(("theme", "physician_agreed")):
            continue
        metric = result.metrics[OVERALL if plain == "score" else plain]
        assert (metric.n if name != plain else metric.value) == value, name
        checked += 1
    assert checked > 40
    # The reference draws without a seed: equal up to the noise of 1,000 resamples.
    stated_std = stated["metrics"]["overall_score:bootstrap_std"]
    assert result.metrics[OVERALL].bootstrap_std == pytest.approx(stated_std, rel=0.15)
    assert not any(name.startswith(("theme", "physician_agreed")) for name in result.metrics)
    (note,) = (note for note in result.notes if "no tags" in note)
    assert note.startswith(f"{result.info.n_examples} examples")


def test_tags_come_from_the_benchmarks_data(tmp_path: Path) -> None:
    """With --data the examples that it knows get their tags and slices, the others a note."""
    tags = {row["prompt_id"]: row["example_tags"] for row in read_lines(MAIN)}
    rows = json.loads(STATED_MAIN.read_text())["metadata"]["example_level_metadata"]
    known = Counter(tag for row in rows for tag in tags.get(row["prompt_id"], ()))
    untagged = sum(row["prompt_id"] not in tags for row in rows)
    assert known
    result = imported(STATED_MAIN, tmp_path / "s.db", "--data", str(MAIN))
    found = {
        name: metric.n
        for name, metric in result.metrics.items()
        if name.startswith(("theme", "physician")) and not name.endswith(LENGTH_SUFFIX)
    }
    assert found == known
    assert any(note.startswith(f"{untagged} examples carry no tags") for note in result.notes)


def test_a_meta_evaluation_is_not_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what the file is, and no store is made."""
    store = tmp_path / "s.db"
    assert main(["import", "simple-evals", str(META), "--store", str(store)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert "meta-evaluation" in said.err
    assert META.name in said.err
    assert not store.exists()


# The files of the benchmarks


@pytest.mark.parametrize(
    ("name", "file", "examples", "criteria", "tagged"),
    [
        ("healthbench", "examples_main.jsonl", 537, None, 537),
        ("healthbench-consensus", "examples_consensus.jsonl", 231, None, 231),
        ("healthbench-hard", "hard_892.jsonl", 892, 10575, 126),
    ],
)
def test_the_files_load_with_their_counts(
    name: str, file: str, examples: int, criteria: int | None, tagged: int
) -> None:
    """As many examples and criteria as are there, none lost; only the pinned file is official."""
    dataset = benchmarks.get(name).load(HEALTHBENCH / file)
    rows = read_lines(HEALTHBENCH / file)
    assert [example.id for example in dataset.examples] == [row["prompt_id"] for row in rows]
    assert len(dataset.examples) == examples
    found = sum(len(example.criteria) for example in dataset.examples)
    assert found == (criteria or sum(len(row["rubrics"]) for row in rows))
    assert sum(all(c.tags for c in example.criteria) for example in dataset.examples) == tagged
    assert not dataset.official
    for example, row in zip(dataset.examples, rows, strict=True):
        assert [(c.text, c.points) for c in example.criteria] == [
            (item["criterion"], item["points"]) for item in row["rubrics"]
        ]
        assert [(m.role, m.content) for m in example.messages] == [
            (turn["role"], turn["content"]) for turn in row["prompt"]
        ]


def test_the_main_file_has_all_themes_axes_and_clusters() -> None:
    """7 themes, 5 axes, 37 clusters, 1 to 19 turns."""
    examples = benchmarks.get("healthbench").load(MAIN).examples
    tags = {tag for e in examples for tag in e.tags}
    tags |= {tag for e in examples for c in e.criteria for tag in c.tags}
    spaces = Counter(tag.partition(":")[0] for tag in tags)
    assert (spaces["theme"], spaces["axis"], spaces["cluster"]) == (7, 5, 37)
    assert {len(e.messages) for e in examples} >= {1, 19}


def test_consensus_rows_have_other_rubrics_than_main_rows() -> None:
    """The same id means another rubric in Consensus: cluster criteria only, all worth +5."""
    main_examples = {e.id: e for e in benchmarks.get("healthbench").load(MAIN).examples}
    consensus = benchmarks.get("healthbench-consensus")
    shared = [
        e
        for e in consensus.load(HEALTHBENCH / "examples_consensus.jsonl").examples
        if e.id in main_examples
    ]
    assert shared
    for each in shared:
        assert {c.points for c in each.criteria} == {5}
        assert all("level:cluster" in c.tags for c in each.criteria)
        assert each.key != main_examples[each.id].key


def columns(items: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """A list of objects as Hugging Face stores it: an object of lists."""
    return {name: [item[name] for item in items] for name in items[0]}


def test_every_layout_of_a_file_gives_the_same_examples(tmp_path: Path) -> None:
    """JSON Lines, gzip, zip, a JSON list, the data set server's JSON, parquet, and columns as
    objects of lists."""
    benchmark = benchmarks.get("healthbench")
    assert benchmark.source is not None
    rows = read_lines(MAIN)[:60]
    plain = write_rows(tmp_path / "rows.jsonl", rows)
    expected = benchmark.load(plain).examples
    assert len(expected) == 60
    files = [write_rows(tmp_path / "rows.jsonl.gz", rows)]
    files.append(tmp_path / "rows.zip")
    with zipfile.ZipFile(files[-1], "w") as archive:
        archive.write(plain, f"assets/{benchmark.source.filename}")
    by_columns = [
        {**row, "prompt": columns(row["prompt"]), "rubrics": columns(row["rubrics"])}
        for row in rows
    ]
    files.append(write_rows(tmp_path / "columns.jsonl", by_columns))
    for name, content in (
        ("list.json", rows),
        ("server.json", {"rows": [{"row_idx": i, "row": row} for i, row in enumerate(rows)]}),
    ):
        files.append(tmp_path / name)
        files[-1].write_text(json.dumps(content))
    for name, content in (("rows.parquet", rows), ("columns.parquet", by_columns)):
        files.append(tmp_path / name)
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(content), files[-1])
    for file in files:
        assert benchmark.load(file).examples == expected, file.name


# Physicians


def test_physicians_cover_their_groups() -> None:
    """151, 165 and 152 examples in groups 1, 2 and 3; four references where they were shown."""
    examples = benchmarks.get("healthbench").load(MAIN).examples

    def answers(address: str) -> Counter[int]:
        return Counter(resolve(address).covers(example) or 0 for example in examples)

    assert answers("physician") == {1: 468, 0: 69}
    assert answers("physician:1") == {1: 151, 0: 386}
    assert answers("physician:2") == {1: 165, 0: 372}
    assert answers("physician:3") == {1: 152, 0: 385}
    assert answers("physician:1:references") == {0: 537}
    assert answers("physician:2:references") == {4: 165, 0: 372}
    assert answers("physician:3:references") == {4: 152, 0: 385}
    assert answers("physician:references") == {4: 317, 0: 220}


def test_no_real_text_is_needed_to_name_the_sets() -> None:
    """Hard and Consensus are subsets of the main ids, and the rows here are among them."""
    ids = json.loads((HEALTHBENCH / "id_membership.json").read_text())
    everything = set(ids["all_5000_in_file_order"])
    assert (len(everything), len(ids["hard_1000"]), len(ids["consensus_3671"])) == (
        5000,
        1000,
        3671,
    )
    for name, file, among in (
        ("healthbench", "examples_main.jsonl", everything),
        ("healthbench-hard", "hard_892.jsonl", set(ids["hard_1000"])),
        ("healthbench-consensus", "examples_consensus.jsonl", set(ids["consensus_3671"])),
    ):
        found = {e.id for e in benchmarks.get(name).load(HEALTHBENCH / file).examples}
        assert found <= among


def test_a_truncated_copy_names_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A download that stopped half-way is one line of error, not a shorter benchmark."""
    whole = gzip.compress(MAIN.read_bytes()[:200_000])
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    store = tmp_path / "s.db"
    arguments = ["import", "graded", str(cut), "--benchmark", "healthbench", "--store", str(store)]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert "cut.jsonl.gz" in said
    assert not store.exists()
