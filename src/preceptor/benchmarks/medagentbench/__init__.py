"""MedAgentBench: an agent in a health record, 300 tasks by physicians on FHIR."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.benchmarks.medagentbench.checks import TaskScoring
from preceptor.benchmarks.medagentbench.drawn import SAID_BESIDE, drawn_answers
from preceptor.benchmarks.medagentbench.environment import HABITS, VERSION, Form, Record, packed
from preceptor.benchmarks.medagentbench.facts import ACTIONS, LAB_OF_TYPE, Facts, facts, kind_of
from preceptor.benchmarks.medagentbench.wording import wording
from preceptor.environments.fhir.search import Fidelity
from preceptor.environments.fhir.text import Replies
from preceptor.errors import InputError
from preceptor.files import file_sha256, read_rows
from preceptor.protocols.base import Protocol
from preceptor.protocols.episodes import EPISODE_LABELS
from preceptor.records import Example, Message, Slice, content_key

__all__ = ["BENCHMARKS"]

_TASKS = ("test_data_v2.json", "test_data_v1.json")
_ANSWERS = "reference_answers_300.json"
#: Tasks about other patients, without answers.
_MORE_TASKS = "training_tasks_1060.json"
_RUNS = "trajectories_text_protocol_gpt-4o-mini_100.jsonl.gz"
_ROLES: dict[Form, str] = {
    "tools": "You work in the health record of a hospital, for its physicians. Use the tools to "
    "read the record and to write what the task asks for, and end with the tool finish. Its "
    "answers are a list: one entry for each thing asked, an empty list where nothing is.",
    "served": "You work in the health record of a hospital, for its physicians. It is a FHIR R4 "
    "server at the address in PRECEPTOR_FHIR_URL; the same record has tools over MCP at the "
    "address in PRECEPTOR_MCP_URL. Read the record, and write what the task asks for. End with the "
    "tool finish, or with a last line that is a JSON list. The answers are a list: one entry for "
    "each thing asked, an empty list where nothing is. What you write: "
    + " ".join(HABITS.values()),
}


class _Files:
    """The files of a folder, and of the one with the answers beside it."""

    def __init__(self, path: Path) -> None:
        folders = (path, path.with_name(f"{path.name}-answers"))
        self.folder = path
        self.found = {
            file.name: file
            for folder in reversed(folders)
            if folder.is_dir()
            for file in sorted(folder.rglob("*"))
        }

    def need(self, *names: str) -> Path:
        for name in names:
            if name in self.found:
                return self.found[name]
        raise InputError(f"{self.folder}: expected {' or '.join(names)}, found none")

    def ndjson(self) -> list[Path]:
        return [file for name, file in self.found.items() if name.endswith(".ndjson")]


def _rows(path: Path) -> Iterator[Fields]:
    return (Fields(row, str(path), number) for number, row in read_rows(path))


def _tasks(files: _Files, *, drawn: bool) -> list[tuple[Fields, Facts]]:
    """The tasks, with what is right: by the benchmark's answers, or by charts that are drawn."""
    if drawn:
        rows = [_with_more(row) for row in _rows(files.need(_MORE_TASKS))]
        answers = drawn_answers(rows)
    else:
        answers = {row.text("id"): row for row in _rows(files.need(_ANSWERS))}
        rows = list(_rows(files.need(*_TASKS)))
    births = _births(files.need("patients.ndjson"))
    found = []
    for row in rows:
        task = facts(row, answers.get(row.text("id")))
        if task.kind == 2:
            age = _age(births.get(task.patient), task.now)
            if age is None:
                raise row.fault("eval_MRN", "a patient of patients.ndjson", task.patient)
            task = msgspec.structs.replace(task, answers=[[age]])
        found.append((row, task))
    _check_series(files.folder, [task for _, task in found])
    return found


def _with_more(row: Fields) -> Fields:
    """A task whose words say all that its checks want."""
    said = SAID_BESIDE.get(kind_of(row))
    context = row.optional_text("context") or ""
    if said is None:
        return row
    return Fields({**row.row, "context": f"{context} {said}"}, row.where, row.line)


def _check_series(folder: Path, tasks: Iterable[Facts]) -> None:
    """Refuse tasks that have nothing to find: each would be "absent", whatever an agent does."""
    branches: dict[int, list[str]] = defaultdict(list)
    for task in tasks:
        if task.kind in LAB_OF_TYPE:
            branches[task.kind].append(task.branch)
    for kind, found in sorted(branches.items()):
        if all("absent" in branch for branch in found):
            raise InputError(
                f"{folder}: expected a {LAB_OF_TYPE[kind]} value for some task of type {kind}, "
                f"found none for all {len(found)}: such tasks measure nothing: leave them out"
            )


def _births(path: Path) -> dict[str, str]:
    return {row.text("id"): row.text("birthDate") for row in _rows(path) if "birthDate" in row}


def _age(birth: str | None, now: str) -> int | None:
    if birth is None:
        return None
    born, today = date.fromisoformat(birth), date.fromisoformat(now[:10])
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _read(path: Path, form: Form, *, drawn: bool) -> Iterator[Example]:
    files = _Files(path)
    tasks = _tasks(files, drawn=drawn)
    told = wording(files.need(_RUNS)).told if form == "text" else ""
    # What the records are made from: the same give the same.
    held = sorted(file_sha256(file) for file in files.ndjson())
    records = content_key(VERSION, held, [msgspec.to_builtins(task) for _, task in tasks])
    for row, task in tasks:
        context, asked = row.optional_text("context") or "", row.text("instruction")
        messages: tuple[Message, ...]
        messages = (Message("user", f"{told}\n\nContext: {context}\nQuestion: {asked}"),)
        if form in _ROLES:
            words = "\n\n".join(filter(None, (asked, context)))
            messages = (Message("system", _ROLES[form]), Message("user", words))
        way = "action" if task.kind in ACTIONS else "query"
        yield Example(
            id=row.text("id"),
            messages=messages,
            criteria=(),
            tags=(f"way:{way}", f"type:{task.kind}", f"branch:{task.kind} {task.branch}"),
            target=msgspec.to_builtins(msgspec.structs.replace(task, records=records)),
        )


def _materials(path: Path, form: Form, *, drawn: bool) -> bytes:
    files = _Files(path)
    replies = wording(files.need(_RUNS)).replies if form == "text" else Replies()
    return packed(files.ndjson(), [task for _, task in _tasks(files, drawn=drawn)], replies)


_LABELS = {
    **EPISODE_LABELS,
    "way:query": "Reads alone",
    "way:action": "May have to order",
    "type:1": "Find a patient",
    "type:2": "Age",
    "type:3": "Record a blood pressure",
    "type:4": "Magnesium of the last day",
    "type:5": "Replace magnesium",
    "type:6": "Mean glucose of the last day",
    "type:7": "Latest glucose",
    "type:8": "Referral",
    "type:9": "Replace potassium",
    "type:10": "HbA1c, and a new test",
}
_LABS = (
    "The laboratory series are synthetic, drawn around the answers of the benchmark's own server"
)

_OURS = "the check of what is written are ours. It is not comparable with published rates"


class _Said(NamedTuple):
    """What a card says of one of the two sets of tasks."""

    tasks: int
    faults: tuple[str, ...]
    verified: str


_OF_PUBLISHED = _Said(
    300,
    (
        "An agent that ends at once, without an answer, is right in 70 of the 300 tasks.",
        "In 3 of the 300 tasks an order is due whose route the benchmark's schema and its "
        "checker want in two forms.",
    ),
    "100 recorded runs are judged as they were; an agent that reads the record is right in all "
    "300 tasks, one that ends at once in 70, one that always answers -1 in 37.",
)
_OF_DRAWN = _Said(
    1060,
    ("The words of each type of task are the same for all its 106 patients.",),
    "An agent that reads the record is right in all 1,060 tasks.",
)


def _benchmark(
    suffix: str, way: str, form: Form, fidelity: Fidelity, caution: str, *, drawn: bool = False
) -> Benchmark:
    said = _OF_DRAWN if drawn else _OF_PUBLISHED
    return Benchmark(
        name=f"medagentbench{suffix}",
        title=f"MedAgentBench ({way})",
        family="agents",
        summary=f"an agent in a health record, {way}: {said.tasks:,} tasks that read and order",
        licence="MIT",
        citation="Jiang et al. 2025, NEJM AI, arXiv:2501.14654",
        n_examples=said.tasks,
        protocol=Protocol("episodes", scoring=TaskScoring(fidelity), environment=Record(form)),
        read=functools.partial(_read, form=form, drawn=drawn),
        materials=functools.partial(_materials, form=form, drawn=drawn),
        url="https://github.com/stanfordmlgroup/MedAgentBench",
        folder="medagentbench",
        brings="a folder with the tasks (`test_data_v2.json`) and the patients of the release",
        labels=_LABELS,
        slices=(
            Slice("way", ("query", "action")),
            Slice("type", tuple(str(kind) for kind in range(1, 11))),
            Slice("branch", compared=False),
        ),
        caution=caution,
        measures="Whether an agent finds what a task asks for in a health record, orders what is "
        "due as it should be, and nothing else.",
        faults=said.faults,
        verified=said.verified,
    )


BENCHMARKS = (
    _benchmark("", "requests as text", "text", "official", _LABS),
    _benchmark(
        "-tools",
        "tools",
        "tools",
        "strict",
        f"{_LABS}; the tools, their words and {_OURS}",
    ),
    _benchmark(
        "-served",
        "an agent that works by itself",
        "served",
        "strict",
        f"{_LABS}; the words and {_OURS}",
    ),
    _benchmark(
        "-generated",
        "tools, generated charts",
        "tools",
        "strict",
        f"The tasks are the benchmark's for training, on 106 other patients, and their laboratory "
        f"series are drawn, half of the orders due; the tools, their words and {_OURS}",
        drawn=True,
    ),
)
