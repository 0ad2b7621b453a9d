"""Panacea: patients and trials, questions to a registry, terms for a search, a trial's design.

Source: Lin et al. 2024, arXiv 2407.11007.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import DataError, InputError
from preceptor.files import decode_json, read_rows
from preceptor.protocols.base import Protocol
from preceptor.protocols.generation import GENERATION_LABELS, GenerationScoring
from preceptor.protocols.matching import (
    MATCHING_LABELS,
    TERM_LABELS,
    eligibility,
    flat,
    terms,
)
from preceptor.records import Example, Message

__all__ = ["BENCHMARKS"]

#: Trials that a user adds: a document a line, `_id`, `title`, `text`, as in BEIR.
_TRIALS = "corpus.jsonl"


def _matching(path: Path, kind: str) -> Iterator[Example]:
    """Notes and qrels, in the order in which the released outputs are; and trials, if there."""
    notes = {
        fields.id("Patient ID"): fields.text("Description")
        for number, row in read_rows(path / f"{kind}_patient_notes.csv")
        for fields in [Fields(row, f"{kind}_patient_notes.csv", number)]
    }
    trials = _trials(path / _TRIALS)
    qrels = path / f"{kind}_qrels.txt"
    for number, line in enumerate(_text(qrels).splitlines(), start=1):
        cells = line.split()
        if len(cells) != 4 or cells[3] not in ("0", "1", "2"):
            problem = "expected patient, 0, trial and a grade of 0, 1 or 2"
            raise DataError(str(qrels), number, "", problem)
        patient, _, trial, grade = cells
        if patient not in notes:
            raise DataError(str(qrels), number, "patient", f"has no note: {patient}")
        shown = f"Patient:\n{notes[patient]}\n\nTrial {trial}:\n{trials.get(trial, '')}".strip()
        yield Example(
            id=f"{patient}/{trial}",
            messages=(Message("user", shown),),
            criteria=(),
            target={"label": grade, "cluster": patient},
        )


def _trials(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    rows = (Fields(row, str(path), number) for number, row in read_rows(path))
    return {
        row.id("_id"): "\n".join(filter(None, (row.optional_text("title"), row.text("text"))))
        for row in rows
    }


def _text(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return path.read_text(encoding="utf-8")


def _outputs(path: Path, file: str, kind: str) -> Mapping[str, tuple[str, ...]]:
    """The released outputs of a model, by number, under the examples' ids."""
    ids = [example.id for example in _matching(path, kind)]
    rows = list(_objects(path / file))
    if len(rows) != len(ids):
        raise InputError(f"{path / file}: expected {len(ids):,} outputs, found {len(rows):,}")
    return {id: (row.text("output", empty=True),) for id, (_, row) in zip(ids, rows, strict=True)}


def _objects(path: Path) -> Iterator[tuple[str, Fields]]:
    """The rows of a JSON object, by their key."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    found = decode_json(path)
    if not isinstance(found, dict):
        raise DataError(str(path), None, "", "expected an object of rows by number")
    for number, (name, row) in enumerate(found.items(), start=1):
        if not isinstance(row, dict):
            raise DataError(str(path), number, name, "expected an object")
        yield name, Fields(row, str(path), number)


def _queries(path: Path) -> Iterator[Example]:
    """A question in words, and what it asks of the registry, field by field."""
    for name, row in _objects(path / "search_query_generation_test.json"):
        try:
            fields = json.loads(row.text("parsed_dict"))
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            expected = "a JSON object as a text"
            raise row.fault("parsed_dict", expected, row.row["parsed_dict"])
        right = [term for key, value in fields.items() for term in flat(key, value)]
        # An operator without its year says nothing.
        years = {term.partition(".")[0] for term in right if ".YEAR=" in term}
        right = [
            term for term in right if ".OPERATOR=" not in term or term.partition(".")[0] in years
        ]
        if right:
            yield _terms_example(name, row.text("query"), right)


def _expansions(path: Path) -> Iterator[Example]:
    for name, row in _objects(path / "search_query_expansion_test.json"):
        given, right = row.texts("input"), row.texts("output")
        if given and right:
            yield _terms_example(name, "\n".join(given), list(right))


def _turn(row: Fields) -> Message:
    assistant = row.text("role") == "assistant"
    return Message("assistant" if assistant else "user", row.text("content"))


def _terms_example(id: str, text: str, right: list[str]) -> Example:
    return Example(
        id=id, messages=(Message("user", text),), criteria=(), target={"terms": sorted(set(right))}
    )


def _design(path: Path, file: str) -> Iterator[Example]:
    """Each turn of the assistant that follows one of the user, after the turns before it."""
    whole = path / file
    found = decode_json(whole) if whole.is_file() else None
    if not isinstance(found, dict):
        raise InputError(f"{whole}: expected an object of dialogues")
    for number, (trial, turns) in enumerate(found.items(), start=1):
        said = [Fields(turn, str(whole), number) for turn in turns]
        for place, turn in enumerate(said):
            role = turn.one_of("role", ("user", "assistant"))
            if role != "assistant" or place == 0 or said[place - 1].text("role") != "user":
                continue  # what nobody asked for
            before = tuple(map(_turn, said[:place]))
            yield Example(
                id=f"{trial}/{place}",
                messages=before,
                criteria=(),
                target={"reference": turn.text("content"), "cluster": trial},
            )


_FIELDS = (
    "What does this question ask of a registry of trials? Reply with a JSON object with these keys "
    "and nothing else; leave empty what is not asked for: diseases, interventions, sponsor, "
    "status, phase, study_type, person_name, nctid, locations (lists of texts), start_year, "
    'end_year ({"YEAR": 2020, "OPERATOR": ">"}).'
)
_MORE = (
    "These terms are searched for in a registry of trials. Name further terms of MeSH that belong "
    "to such trials. Reply with a JSON list of texts."
)
_common = functools.partial(
    Benchmark,
    licence="none stated",
    citation="Lin et al. 2024 (Panacea), arXiv:2407.11007",
    url="https://github.com/linjc16/Panacea",
    folder="panacea",
    brings="the release's folder; `corpus.jsonl` with the trials' texts for a live system",
)
_NO_TEXTS = (
    "The release has no texts of trials: beside the notes a system sees a trial's number alone, "
    "unless corpus.jsonl with _id, title and text lies in the folder."
)


class _Released(msgspec.Struct, frozen=True):
    """A model's outputs in the release: its name, their file, and what came out."""

    system: str
    file: str
    accuracy: str


def _matcher(kind: str, released: _Released, **own: Any) -> Benchmark:
    return _common(
        family="classification",
        protocol=eligibility(),
        read=lambda path: _matching(path, kind),
        recordings={released.system: lambda path: _outputs(path, released.file, kind)},
        labels=MATCHING_LABELS,
        measures="Whether a patient's eligibility for a trial is recognised.",
        caution="Without the trials' texts in the folder, a live system is asked about numbers",
        faults=(
            _NO_TEXTS,
            "70 % of the pairs are of grade 0: always saying 0 is right in as many. Look at the "
            "balanced accuracy.",
        ),
        verified=f"Accuracy of the released outputs of {released.system}: {released.accuracy}.",
        **own,
    )


BENCHMARKS = (
    _matcher(
        "trec2021",
        _Released(
            "openchat-7b",
            "matching_trec2021_pred_openchat-7b.json",
            ".6945 by the official reading",
        ),
        name="panacea-matching",
        title="Panacea patient–trial matching (TREC 2021)",
        summary="7,425 pairs of 15 patients and trials: excluded, possible, eligible",
        n_examples=7425,
    ),
    _matcher(
        "cohort",
        _Released(
            "mistral-7b",
            "matching_cohort_pred_mistral-7b.json",
            ".521 by the official reading, .528 read anywhere",
        ),
        name="panacea-matching-cohort",
        title="Panacea patient–trial matching (cohorts)",
        summary="3,870 pairs of 59 patients and trials: excluded, possible, eligible",
        n_examples=3870,
    ),
    _common(
        name="panacea-query",
        title="Panacea query generation",
        family="terms",
        summary="925 questions to a registry of trials → fields of a search",
        n_examples=925,
        protocol=terms(_FIELDS),
        read=_queries,
        labels=TERM_LABELS,
        measures="Whether a question is turned into the fields of a search in a registry.",
        faults=("The questions were written by a language model from the fields.",),
        verified="Counts, and that the fields given back score 1.",
    ),
    _common(
        name="panacea-expansion",
        title="Panacea query expansion",
        family="terms",
        summary="2,500 lists of MeSH terms of trials → further terms",
        n_examples=2500,
        protocol=terms(_MORE),
        read=_expansions,
        labels=TERM_LABELS,
        measures="Whether MeSH terms that belong to a trial are named from others of it.",
        faults=("Terms as good as those of the trial, and other than these, count as wrong.",),
        verified="Counts, and that the terms given back score 1.",
    ),
    *(
        _common(
            name=f"panacea-{name}",
            title=f"Panacea trial design: {called}",
            family="generation",
            summary=f"549 dialogues on the {called} of a trial, turn by turn",
            n_examples=n,
            protocol=Protocol("generation", scoring=GenerationScoring()),
            read=functools.partial(_design, file=f"design_{file}_test.json"),
            labels=GENERATION_LABELS,
            measures="How much of the words of the reference is in the next turn of a dialogue.",
            faults=("The dialogues were written by a language model; another turn is as good.",),
            verified="Counts, and that the references given back score 1.",
        )
        for name, called, file, n in (
            ("arms", "arms", "study_arms", 4780),
            ("outcomes", "outcome measures", "outcome_measures", 5076),
        )
    ),
)
