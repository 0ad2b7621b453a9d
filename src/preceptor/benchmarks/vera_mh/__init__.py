"""VERA-MH: talks with personas, some of whom think of suicide, rated by a tree of questions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.benchmarks.vera_mh.rubric import Rubric, read_rubric
from preceptor.environments.persona import Personas
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.asking import PatientFirst
from preceptor.protocols.judging import ReferenceGrader
from preceptor.protocols.tree import RatedTreeScoring, tree, tree_labels
from preceptor.records import Example, Message, Role, Slice
from preceptor.scoring.tree import BEST, HARMFUL, NOT_RELEVANT, SUBOPTIMAL
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS"]

_DIMENSIONS = (
    "Detects Potential Risk",
    "Confirms Risk",
    "Guides to Human Care",
    "Supportive Conversation",
    "Follows AI Boundaries",
)
#: Column of the clinicians' ratings → its name in the rubric that they used.
_RATED = {
    "clinician_detects": "Detects Risk",
    "clinician_confirms": "Clarifies Risk",
    "clinician_guides": "Provides Resources and Encourages Human Support",
    "clinician_supportive": "Collaborates and Validates Appropriately",
    "clinician_boundaries": "Maintains Safe Boundaries",
}
_RATINGS = (BEST, SUBOPTIMAL, HARMFUL, NOT_RELEVANT)
_RISKS = ("None", "Low", "High", "Immediate")
#: Turns of the system: the talk has 30, and it speaks last.
_REPLIES = 15
_ENDING = "<END OF CONVERSATION>"
#: Those that the authors recommend; the second patient is anthropic/claude-opus-4-5-20251101.
_PATIENT = "openai/gpt-5.2"
_GRADER = ReferenceGrader("openai/gpt-5.4", Parameters(reasoning_effort="low"))
#: Column → namespace of the tag with its first words.
_STYLES = {
    "Disclosure of Suicide Risk": "disclosure",
    "Reaction to Chatbot Responses": "reaction",
}
_NOT_SHOWN = ("Name", "Short Current Suicide Risk Level", "Final Seed Phrase")
_SLOT = re.compile(r"\{([^{}\n]+)\}")


def _file(folder: Path, name: str) -> Path:
    """Where a file is: in the folder, in one of prompts, or in ``data`` as in the repository."""
    places = (folder / part / name for part in ("", "prompts", "data"))
    return next((place for place in places if place.exists()), folder / name)


def _text(folder: Path, name: str, *slots: str) -> str:
    path = _file(folder, name)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    lacking = [slot for slot in slots if slot not in text]
    if lacking:
        raise InputError(f"{path}: expected {lacking[0]} in the text, found none")
    return text


def _target(folder: Path, rubric: Rubric) -> dict[str, Any]:
    """What the judge needs, for the target of each example."""
    return {
        "questions": msgspec.to_builtins(rubric.questions),
        "notes": list(rubric.notes),
        "opening": _text(folder, "rubric_prompt_beginning.txt", "{conversation}").strip(),
        "asking": _text(folder, "question_prompt.txt", "{question}", "{options}").strip(),
    }


def _personas(folder: Path) -> Iterator[Example]:
    rubric = read_rubric(_file(folder, "rubric.tsv"), _DIMENSIONS)
    target = _target(folder, rubric)
    told = _text(folder, "persona_prompt_template.txt").strip()
    reminder = _text(folder, "persona_prompt_reminder.txt")
    path = _file(folder, "personas.tsv")
    for number, cells in read_rows(path):
        row = Fields(cells, str(path), number)
        risk = row.one_of("Short Current Suicide Risk Level", _RISKS).lower()
        styles = {tag: row.text(column) for column, tag in _STYLES.items()}
        name, persona = row.text("Name"), _filled(told, row)
        yield Example(
            id=name,
            messages=(Message("system", _shown(row)),),
            criteria=rubric.criteria,
            tags=(f"risk:{risk}", *(f"{k}:{_first(words)}" for k, words in styles.items())),
            target={"persona": {"told": persona, "reminder": reminder}, **target},
        )


def _filled(template: str, row: Fields) -> str:
    return _SLOT.sub(lambda slot: row.text(slot[1], empty=True).strip(), template)


def _first(words: str) -> str:
    return words.partition(" (")[0].strip().lower()


def _shown(row: Fields) -> str:
    """The persona for readers of a report."""
    name = row.text("Name")
    cells = {column: row.text(column, empty=True) for column in row.row if column not in _NOT_SHOWN}
    lines = [f"{column}: {cell.strip()}" for column, cell in cells.items() if cell.strip()]
    return "\n".join([f"{name}, whom the patient's model plays; no system sees this.", *lines])


def _rated(folder: Path) -> Iterator[Example]:
    ratings = _ratings(_file(folder, "human_validation/clinician_ratings.csv"))
    rubric = read_rubric(_file(folder, "rubric_2025-12-10.tsv"), tuple(_RATED.values()))
    target = _target(folder, rubric)
    for id, row, turns in _talks(folder):
        if id in ratings:
            provider = row.text("provider_model").partition("_{")[0]
            yield Example(
                id=id,
                messages=turns[:-1],
                criteria=rubric.criteria,
                tags=(f"provider:{provider}",),
                target={"ratings": ratings[id], **target},
            )


def _recorded(folder: Path) -> dict[str, tuple[str, ...]]:
    """The last words of each talk, by its id."""
    return {id: (turns[-1].text,) for id, _, turns in _talks(folder)}


def _talks(folder: Path) -> Iterator[tuple[str, Fields, tuple[Message, ...]]]:
    path = _file(folder, "human_validation/conversations.jsonl")
    roles: tuple[Role, Role] = ("user", "assistant")
    for number, cells in read_rows(path):
        row = Fields(cells, str(path), number)
        turns = tuple(
            Message(roles[turn.one_of("role", roles) == roles[1]], turn.text("content", empty=True))
            for turn in row.items("turns")
        )
        if len(turns) < 2 or turns[-1].role != "assistant":
            raise row.fault("turns", "a talk that the assistant ends", turns[-1].role)
        yield row.id("conversation_id"), row, turns


def _ratings(path: Path) -> dict[str, dict[str, list[str]]]:
    """Conversation → dimension → the clinicians' ratings."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for number, cells in read_rows(path):
        row = Fields(cells, str(path), number)
        of = found[row.text("conversation_id").lstrip("#")]  # two have it here, and nowhere else
        for column, dimension in _RATED.items():
            of[dimension].append(row.one_of(column, _RATINGS))
    return {id: dict(each) for id, each in found.items()}


def _source(name: str, sha256: str) -> Source:
    revision = "e0e003a5004544ef70534275520e2aa4056638d6"
    return Source("zeppombal/VERA-MH", revision, f"data/{name}", sha256, host="github")


_SOURCES = (
    _source("personas.tsv", "07f0aa92cde50469d18aff640ed03e0df93e8863aed75ea102e4ba97a124330b"),
    _source("rubric.tsv", "73f7917f8f66f6739e852269975599e1005022a4342b9de6ad13aee6e31ca8a3"),
    _source(
        "persona_prompt_template.txt",
        "14ddd27dde3b15bd62db54a0b2e129bf040423b60c7fe3aff0fa420b71d3ca1f",
    ),
    _source(
        "persona_prompt_reminder.txt",
        "9efd2a2bbfa1ede2bfb487d2f9a44b8900eabbd86a118a28d43d9e6ab54e194a",
    ),
    _source(
        "question_prompt.txt", "6c7487face8e9e2e2348cce03afb713f8586b06f62627f1bab01a146a5b8e584"
    ),
    _source(
        "rubric_prompt_beginning.txt",
        "9c5d1d6099a89b4d66cabef8320bb455732e80940a2e40b4baebb1f37f1e31f0",
    ),
)
_SHARED: dict[str, Any] = {
    "family": "tree",
    "licence": "MIT with conditions (Spring Care)",
    "citation": "VERA-MH 2026, arXiv:2602.05088",
    "url": "https://github.com/SpringCare/VERA-MH",
    "folder": "vera-mh",
}

BENCHMARKS = (
    Benchmark(
        **_SHARED,
        name="vera-mh",
        title="VERA-MH",
        summary="talks with 100 personas, 90 of them at some risk of suicide, of up to 30 turns",
        n_examples=100,
        n_criteria=3500,
        read=_personas,
        protocol=tree(
            _DIMENSIONS,
            _GRADER,
            asking=PatientFirst(),
            environment=Personas(_REPLIES, _ENDING, _PATIENT),
        ),
        source=_SOURCES,
        labels={
            **tree_labels(_DIMENSIONS, talks=True),
            **{f"risk:{name.lower()}": f"Risk: {name.lower()}" for name in _RISKS},
        },
        slices=(
            Slice("risk", tuple(name.lower() for name in _RISKS)),
            Slice("disclosure"),
            Slice("reaction"),
        ),
        caution="published scores are those over all ratings, and of talks "
        "with two patients, openai/gpt-5.2 and anthropic/claude-opus-4-5-20251101; a run has one",
        measures="Whether a system sees a risk of suicide, asks about it, leads to human help, "
        "supports, and keeps to what an AI may do.",
        faults=(
            "A dimension that only a yes can lower is best practice for a system that says little.",
            "The sentence that asks the patient to begin is ours, and the two parts of the "
            "grader's prompt are one message.",
        ),
        verified="The tree leads every path to an end; the formula gives 60 of 60 published cells "
        "to the rounding of their shares.",
    ),
    Benchmark(
        **_SHARED,
        name="vera-mh-rated",
        title="VERA-MH, rated talks",
        summary="90 recorded talks that three clinicians each have rated: for a grader, not a "
        "system",
        n_examples=90,
        n_criteria=90 * 31,
        read=_rated,
        recordings={"recorded": _recorded},
        brings="the release's folder `vera-mh`, with `human_validation/`",
        protocol=tree(
            tuple(_RATED.values()), _GRADER, scoring=RatedTreeScoring(tuple(_RATED.values()))
        ),
        labels=tree_labels(tuple(_RATED.values()), clinicians=True),
        slices=(Slice("provider"),),
        caution="ratings are by the rubric of December 2025, and of the recorded last turns alone: "
        "another answer has none",
        measures="How far a grader rates as clinicians do.",
        verified="Krippendorff's alpha of the clinicians is .55, .73, .63, .45 and .74 by "
        "dimension, and .765 over all.",
    ),
)
