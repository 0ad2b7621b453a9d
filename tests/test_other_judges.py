"""Other judges' data in the form that `preceptor audit` reads: the command works on them all."""

from __future__ import annotations

import csv
import json
import os
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
import scipy.stats
from statsmodels.stats import inter_rater

from preceptor import cli
from preceptor.audit.panel import PanelAudit, panel_audit
from preceptor.audit.ratings import Kind, read_ratings

DATA = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere")
COLUMNS = ("response", "criterion", "rater", "label", "category", "prompt", "model")

Line = tuple[str, ...]


def needs(*parts: str) -> pytest.MarkDecorator:
    path = DATA.joinpath(*parts)
    return pytest.mark.skipif(
        not path.exists(), reason=f"real data: set PRECEPTOR_TEST_DATA to a folder with {path.name}"
    )


def audited(lines: Iterable[Line], path: Path, kind: Kind, grader: str | None = None) -> PanelAudit:
    """Write ratings as CSV, as a user would, and audit the file."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(lines)
    return panel_audit(read_ratings(path, kind), grader)


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


# K-QA: three physicians judge whether an answer entails a statement

NLI = ("k-qa", "NLI_medical_annotator.csv")


def entailment() -> Iterator[Line]:
    for number, row in enumerate(table_of(DATA.joinpath(*NLI))):
        for place in range(3):
            yield (
                f"{number}",
                "entails the statement",
                f"physician {place}",
                row[f"label_{place}"],
                row["category_x"],
                row["Question"],
                row["llm_x"],
            )


@needs(*NLI)
def test_physicians_of_k_qa(tmp_path: Path) -> None:
    """399 judgements: all three alike on 312, majorities as in the file, Fleiss' kappa .719."""
    found = audited(entailment(), tmp_path / "k-qa.csv", "nominal").panel
    rows = table_of(DATA.joinpath(*NLI))
    assert found is not None
    assert found.fleiss is not None
    assert (found.items, found.unanimous, found.majority) == (399, 312, 399)
    labels = [[row[f"label_{place}"] for place in range(3)] for row in rows]
    for three, row in zip(labels, rows, strict=True):
        assert Counter(three).most_common(1)[0][0] == row["majority_label"]
    counts, _ = inter_rater.aggregate_raters(np.array(labels))
    assert found.fleiss.value == pytest.approx(inter_rater.fleiss_kappa(counts))
    assert found.fleiss.value == pytest.approx(0.719, abs=5e-4)
    assert found.counts == dict(Counter(label for three in labels for label in three))
    assert found.icc is None


# MentalAlign: an expert and four models rate ten answers on seven attributes from 1 to 5

MENTAL = DATA / "mentalalign-70k" / "MentalAlign-70k"
JUDGES = ("claude", "gemini", "gpt-4o", "o4-mini")
ATTRIBUTES = (
    "Guidance",
    "Informativeness",
    "Relevance",
    "Safety",
    "Empathy",
    "Helpfulness",
    "Understanding",
)


def sheet(path: Path) -> Iterator[dict[str, str]]:
    """Rows of the first sheet of an .xlsx file, by the names in its first row."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(path) as archive:
        shared = [
            "".join(part.text or "" for part in item.iter(f"{space}t"))
            for item in ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
        ]
        root = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    names: dict[str, str] = {}
    for row in root.iter(f"{space}row"):
        cells = {}
        for cell in row:
            value = cell.find(f"{space}v")
            if value is not None and value.text is not None:
                column = re.sub(r"\d", "", cell.get("r", ""))
                text = shared[int(value.text)] if cell.get("t") == "s" else value.text
                cells[column] = text
        if not names:
            names = {
                column: re.sub(r"^\s*(human|judge)_response_", "", name)
                for column, name in cells.items()
            }
        else:
            yield {names[column]: text for column, text in cells.items()}


def marks(path: Path) -> dict[tuple[str, str, str], float]:
    """(conversation, responder, attribute) → rating; what is not readable as JSON is missing."""
    mark = re.compile(rf'"({"|".join(ATTRIBUTES)})"\s*:\s*([\d.]+)')
    return {
        (row["ConvID"], responder, attribute): float(value)
        for row in sheet(path)
        for responder, text in row.items()
        if responder not in ("ConvID", "context")
        # The first of each counts.
        for attribute, value in reversed(mark.findall(text))
    }


@pytest.fixture(scope="module")
def experts() -> dict[tuple[str, str, str], float]:
    return marks(MENTAL / "Human_Judge" / "Human_judge.xlsx")


@needs("mentalalign-70k")
@pytest.mark.parametrize("judge", JUDGES)
def test_judges_of_mentalalign(judge: str, experts: dict[Any, float], tmp_path: Path) -> None:
    """Bias and ICC by attribute, with and without the judge's own family, against brute force.

    All 1,000 conversations of the first judge, a tenth of the others'.
    """
    given = marks(MENTAL / "LLMs_as_a_judge" / f"{judge}_llm_judge.xlsx")
    talks = sorted({talk for talk, _, _ in experts})
    assert len(talks) == 1_000
    kept = set(talks[:: 1 if judge == JUDGES[0] else 10])
    given, experts = (
        {key: mark for key, mark in table.items() if key[0] in kept} for table in (given, experts)
    )
    lines = [
        (f"{talk} {responder}", attribute, rater, f"{mark:g}", attribute, talk, responder)
        for rater, table in (("expert", experts), (judge, given))
        for (talk, responder, attribute), mark in table.items()
    ]
    found = audited(lines, tmp_path / "mental.csv", "ordinal", judge)
    assert found.panel is None
    assert found.prompts == len(kept)
    assert [one.name for one in found.categories] == sorted(ATTRIBUTES)
    for one in found.categories:
        both = _both(given, experts, lambda key, name=one.name: key[2] == name)
        assert one.items == len(both)
        _same(one, both)
    assert found.without_own is not None
    assert found.own is not None
    ours = {"claude": ("claude",), "gemini": ("gemini",)}.get(judge, ("gpt4o", "gpt4omini"))
    _same(found.without_own, _both(given, experts, lambda key: key[1] not in ours))
    assert found.own.items == len(_both(given, experts, lambda key: key[1] in ours))
    # Every one of these judges is kinder than the expert.
    assert found.raters[0].bias is not None
    assert found.raters[0].bias.ci95 is not None
    assert found.raters[0].bias.ci95[0] > 0


def _both(given: dict[Any, float], experts: dict[Any, float], keep: Any) -> np.ndarray[Any, Any]:
    return np.array([(given[key], experts[key]) for key in given if key in experts and keep(key)])


def _same(one: Any, both: np.ndarray[Any, Any]) -> None:
    """Bias and the two ICCs by the two-way analysis of variance, written out."""
    assert one.bias.value == pytest.approx((both[:, 0] - both[:, 1]).mean())
    n, k = both.shape
    grand = both.mean()
    between = k * ((both.mean(axis=1) - grand) ** 2).sum() / (n - 1)
    raters = n * ((both.mean(axis=0) - grand) ** 2).sum() / (k - 1)
    total = ((both - grand) ** 2).sum()
    error = (total - between * (n - 1) - raters * (k - 1)) / ((n - 1) * (k - 1))
    consistency = (between - error) / (between + (k - 1) * error)
    agreement = (between - error) / (between + (k - 1) * error + k * (raters - error) / n)
    assert one.icc.consistency.value == pytest.approx(consistency)
    assert one.icc.agreement.value == pytest.approx(agreement)
    assert one.spearman.value == pytest.approx(scipy.stats.spearmanr(*both.T).statistic)
    assert one.kendall.value == pytest.approx(scipy.stats.kendalltau(*both.T).statistic)


# MTS-Dialog: 400 automatic summaries with facts counted by physicians

MTS = DATA / "clue-plus" / "mts-dialog"


def overlap(reference: Sequence[str], text: Sequence[str]) -> float:
    """F1 of words or word pairs in common."""
    common = sum((Counter(reference) & Counter(text)).values())
    return 2 * common / max(1, len(reference) + len(text))


def measured(reference: str, text: str) -> dict[str, float]:
    """Automatic measures of a summary."""
    words = [re.findall(r"[a-z0-9]+", each.lower()) for each in (reference, text)]
    pairs = [[f"{a} {b}" for a, b in pairwise(each)] for each in words]
    return {
        "words in common": overlap(*words),
        "word pairs in common": overlap(*pairs),
        "length": float(len(words[1])),
    }


@needs("clue-plus", "mts-dialog")
def test_which_measure_of_a_summary_tracks_physicians(tmp_path: Path) -> None:
    """Rank correlations with the physicians' factual F1, dialogues drawn whole, equal scipy's."""
    summaries = table_of(MTS / "MTS-Dialog-Automatic-Summaries-ValidationSet.csv")
    scores = table_of(MTS / "MTS-Dialog-Manual-Scores4CorrelationStudy.csv")
    assert len(summaries) == len(scores) == 400
    values: dict[str, list[float]] = defaultdict(list)
    for summary, score in zip(summaries, scores, strict=True):
        automatic = measured(summary["Reference Summary"], summary["Automatic Summary"])
        for name, value in {"physicians": float(score["FactualF1"]), **automatic}.items():
            values[name].append(value)
    tracks = {}
    for name in ("words in common", "word pairs in common", "length"):
        lines = [
            (
                f"{place}",
                "facts",
                rater,
                repr(values[rater][place]),
                "",
                f"{summaries[place]['ID']}",
                "",
            )
            for place in range(400)
            for rater in ("physicians", name)
        ]
        found = audited(lines, tmp_path / "mts.csv", "interval", name)
        (one,) = found.raters
        assert found.prompts == 100
        assert one.spearman is not None
        assert one.kendall is not None
        theirs = scipy.stats.spearmanr(values["physicians"], values[name]).statistic
        assert one.spearman.value == pytest.approx(theirs)
        theirs = scipy.stats.kendalltau(values["physicians"], values[name]).statistic
        assert one.kendall.value == pytest.approx(theirs)
        assert one.spearman.ci95 is not None
        tracks[name] = one.spearman.ci95
    # Words shared with the reference track the physicians; pairs of words do not; longer is worse.
    assert tracks["words in common"][0] > 0
    assert tracks["word pairs in common"][0] < 0 < tracks["word pairs in common"][1]
    assert tracks["length"][1] < 0


# MedR-Bench: two judges decide whether a diagnosis is right

VERDICTS = ("medr-bench", "judge_verdicts.jsonl")


@needs(*VERDICTS)
def test_two_judges_of_medr_bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1,200 answers judged by both: share alike and kappa equal a count; by the command itself."""
    given: dict[tuple[str, str], dict[str, bool]] = defaultdict(dict)
    with DATA.joinpath(*VERDICTS).open(encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            if row["run"] == "Stage2":
                given[row["case_id"], row["model"]][row["judge_dir"]] = row["correct"]
    lines = [
        (f"{case} {model}", "right", judge, str(right).lower(), "", case, model)
        for (case, model), verdicts in given.items()
        for judge, right in verdicts.items()
    ]
    audited(lines, tmp_path / "medr.csv", "met")
    gemma, gpt = "acc_results_gemma", "acc_results_gpt"
    both = [(each[gemma], each[gpt]) for each in given.values() if len(each) == 2]
    assert len(both) == 1_200
    assert cli.main(["audit", str(tmp_path / "medr.csv"), "--grader", gemma, "--json"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out)
    pairs = found["agreement"]["pairwise"]
    alike = sum(a == b for a, b in both) / len(both)
    assert pairs["observed"]["value"] == pytest.approx(alike)
    square = np.zeros((2, 2))
    np.add.at(square, tuple(np.array(both, dtype=int).T), 1)
    assert pairs["kappa"]["value"] == pytest.approx(inter_rater.cohens_kappa(square).kappa)
    assert found["agreement"]["self_preference"] is None
