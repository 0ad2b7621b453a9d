"""What a release says of itself: manifest, card, and the terms of responsible AI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.audit.agreement import Estimate
from preceptor.studio.baselines.workflow import GROUPS
from preceptor.studio.exchange import gathered
from preceptor.studio.exchange.gathered import Baseline, Task
from preceptor.studio.exchange.rows import SLICES, tags_of
from preceptor.studio.ledger.chain import Head
from preceptor.studio.ledger.tables import event
from preceptor.studio.oversight.agreement import LEAST, Agreed
from preceptor.studio.oversight.rated import ScaleAgreement
from preceptor.studio.people.members import member
from preceptor.studio.people.project import Project

__all__ = ["About", "card", "gather", "manifest", "responsible"]

NO_LICENCE = "none stated"
_SIGNS = "Preceptor, the studio"
_DISPLAY = {
    "use_case:consult": "Care consult",
    "use_case:writing": "Writing and documentation",
    "use_case:research": "Medical research",
    "type:good_faith": "Good faith",
    "type:red_teaming": "Red teaming",
    "difficulty:typical": "Typical",
    "difficulty:difficult": "Difficult",
}
_POLICIES = {
    "default": "Author, reviewer and adjudicator of a task are three people.",
    "small": "A reviewer may adjudicate the same task: it may have passed only two people.",
}


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What manifest, card and metadata are made from."""

    project: Project
    name: str
    version: str
    licence: str
    canary: str
    tasks: Sequence[Task]
    baselines: Sequence[Baseline]
    people: Mapping[str, int]
    specialties: Sequence[str]
    agreement: Sequence[Agreed]
    systems: Mapping[str, int]
    previews: Mapping[str, int]
    graders: Sequence[str]
    weights: Mapping[str, float]
    days: tuple[str, str]
    head: Head

    @property
    def criteria(self) -> int:
        return sum(len(each.version.content.criteria) for each in self.tasks)

    @property
    def imported(self) -> int:
        return sum(bool(each.source) for each in self.tasks)

    @property
    def groups(self) -> dict[str, list[Baseline]]:
        """File → physicians' answers of one group, where there are any."""
        found = {
            f"physician-{group}.jsonl": [
                each for each in self.baselines if each.answer.group == f"Group {group}"
            ]
            for group in GROUPS
        }
        return {file: of_group for file, of_group in found.items() if of_group}

    @property
    def languages(self) -> list[str]:
        return sorted({each.version.content.language or "und" for each in self.tasks})

    @property
    def faults(self) -> list[str]:
        """What readers of a score must know."""
        found = ["That clinicians of other places would agree with the rubrics is not known."]
        if self.project.policy == "small":
            found.append(_POLICIES["small"])
        if self.imported:
            found.append(
                f"{self.imported:,} of {len(self.tasks):,} tasks came from files: who wrote them "
                f"is not known here."
            )
        used = len(set(self.systems) | set(self.previews))
        if used:
            found.append(
                f"{used:,} {'system' if used == 1 else 'systems'} gave answers while tasks were "
                f"written: scores of these are biased by that choice."
            )
        if self.graders:
            shown = sum(each.previewed == "yes" for each in self.tasks)
            who = _these(self.graders)
            found.append(
                f"Authors of {shown:,} of {len(self.tasks):,} tasks saw what {who} "
                f"said of the rubric while they wrote it: compare its agreement with people by "
                f"the slice `previewed`."
            )
        return found


def gather(
    connection: sa.Connection, tasks: Sequence[Task], baselines: Sequence[Baseline], **known: Any
) -> About:
    """With counts of people, agreement, systems and days of these tasks."""
    ids = {each.id for each in tasks}
    people = gathered.contributors(connection, ids)
    members = [member(connection, each) for each in set().union(*people.values())]
    days = connection.execute(
        sa.select(sa.func.min(event.c.at), sa.func.max(event.c.at)).where(event.c.subject.in_(ids))
    ).one()
    return About(
        tasks=tasks,
        baselines=baselines,
        people={role: len(found) for role, found in people.items() if found},
        specialties=sorted({name for each in members if each for name in each.offer.specialties}),
        agreement=gathered.agreement(connection, ids),
        systems=Counter(each.system for each in tasks if each.system),
        previews=gathered.preview_systems(connection, ids),
        graders=gathered.preview_graders(connection, ids),
        days=(days[0][:10], days[1][:10]),
        **known,
    )


def manifest(about: About) -> dict[str, Any]:
    """``benchmark.json``: by it the folder is a benchmark."""
    tags = {each for task in about.tasks for each in tags_of(task)}
    named = {each.partition(":")[0] for each in tags}
    words = {
        each: each.partition(":")[2].replace("_", " ").capitalize()
        for each in tags
        if each.startswith("specialty:")
    }
    return {
        "name": about.name,
        "title": about.project.name,
        "version": about.version,
        "licence": about.licence,
        "summary": "tasks that clinicians wrote, reviewed and adjudicated"
        + (f", {about.imported:,} of {len(about.tasks):,} from files" if about.imported else ""),
        "measures": "Whether answers meet the criteria that clinicians wrote for each task.",
        "languages": about.languages,
        "faults": about.faults,
        "examples": "tasks.jsonl",
        "protocol": "rubric",
        "answers": {file.removesuffix(".jsonl").replace("-", ":"): file for file in about.groups},
        "labels": {
            **{k: v for k, v in _DISPLAY.items() if k in tags},
            **dict(sorted(words.items())),
        },
        "slices": [
            {"name": name, "order": list(order)} for name, order in SLICES.items() if name in named
        ],
    }


def responsible(about: About) -> dict[str, Any]:
    """Terms of Croissant RAI 1.0, as its table of properties spells them."""
    return {
        "rai:dataCollection": _made(about),
        "rai:dataCollectionType": ["Manual Human Curator"],
        "rai:dataCollectionTimeframe": list(about.days),
        "rai:dataAnnotationProtocol": f"{_made(about)} {_POLICIES[about.project.policy]}",
        "rai:dataAnnotationPlatform": [_SIGNS],
        "rai:dataAnnotationAnalysis": _agreed(about),
        "rai:annotationsPerItem": "One review of each task, two where its author rated an answer "
        "1 or 2 of 7; then one adjudication. Tasks from files may have none.",
        "rai:annotatorDemographics": [
            f"Clinicians of the project: {_people(about)}.",
            f"Their specialties: {', '.join(about.specialties) or 'not stated'}.",
        ],
        "rai:machineAnnotationTools": sorted({*about.systems, *about.previews, *about.graders})
        or None,
        "rai:personalSensitiveInformation": [
            "Authors attest that no text identifies a patient; of tasks from files nothing is "
            "known. Names and addresses of contributors are not in the files: they have aliases."
        ],
        "rai:dataLimitations": about.faults,
        "rai:dataUseCases": ["Evaluation of health AI; not for training."],
        "rai:dataReleaseMaintenancePlan": [
            f"This is version {about.version}. A task found wrong is retired, and is not in the "
            f"next version."
        ],
    }


def card(about: About) -> str:
    """``CARD.md``."""
    return "\n".join(_card(about)) + "\n"


def _card(about: About) -> Iterator[str]:
    yield f"# {about.project.name}, version {about.version}\n"
    yield (
        f"{len(about.tasks):,} tasks with {about.criteria:,} criteria; {len(about.baselines):,} "
        f"answers by physicians; languages: {', '.join(about.languages)}. "
        f"Licence: {about.licence}.\n"
    )
    yield "## How they were made\n"
    yield f"{_made(about)} {_POLICIES[about.project.policy]}\n"
    yield f"Between {about.days[0]} and {about.days[1]}: {_people(about)}. One person may count in "
    yield "several roles, for different tasks.\n"
    yield f"Specialties of these people: {', '.join(about.specialties) or 'not stated'}.\n"
    yield "## Agreement of reviewers\n"
    yield "Share of the same words and AC1 of pairs of reviewers; of ratings also of authors with "
    yield "reviewers; 95 % intervals by task.\n"
    yield from (f"- {each}" for each in _agreed(about))
    yield "\n## Systems whose answers were seen\n"
    yield from _seen("rated by the author", about.systems)
    yield from _seen("in a preview of the rubric", about.previews)
    yield "\n## Limits\n"
    yield from (f"- {each}" for each in about.faults)
    if about.weights:
        yield "- The tasks are a sample: `weight` says what each stands for in the whole."
    yield "\n## Identity\n"
    yield f"- Canary: `{about.canary}`. Whose training data has it has seen these tasks."
    yield f"- The chain of events ends at {about.head.seq:,}, hash `{about.head.hash}`."
    yield (
        "- In events and in notes of labellers, aliases such as P01 stand for ids, addresses and "
        "names of people, and for each word of a name that is written as a name is."
    )
    yield "- `SHA256SUMS` has the hash of each other file: `sha256sum -c SHA256SUMS`."


def _made(about: About) -> str:
    own = len(about.tasks) - about.imported
    return (
        f"{own:,} tasks were written in the studio and {about.imported:,} came from files. "
        "An author writes a conversation and a rubric, and rates a system's answer. Reviewers "
        "judge each criterion, each without sight of the author's rating and of other reviews. "
        "An adjudicator decides. Only accepted tasks are here."
    )


def _people(about: About) -> str:
    counts = (f"{n:,} {role}{'' if n == 1 else 's'}" for role, n in about.people.items())
    return ", ".join(counts) or "nobody who is known here"


def _agreed(about: About) -> list[str]:
    """A sentence for each question that two people answered about enough of the same."""
    return [
        f"“{each.question}”: n = {each.units:,} in {each.tasks:,} tasks, the same in "
        f"{_share(each.found.observed)}, {_coefficient(each)}."
        for each in about.agreement
    ] or [f"Too little was judged by two people for a figure: expected n of at least {LEAST}."]


def _coefficient(each: Agreed) -> str:
    if isinstance(each.found, ScaleAgreement):
        return f"kappa with quadratic weights {_share(each.found.kappa)}"
    return f"AC1 {_share(each.found.ac1)}"


def _share(found: Estimate) -> str:
    if found.value is None:
        return "undefined"
    if found.ci95 is None:
        return f"{found.value:.2f} (no interval)"
    return f"{found.value:.2f} ({found.ci95[0]:.2f} to {found.ci95[1]:.2f})"


def _these(addresses: Sequence[str]) -> str:
    return " or ".join(f"`{each}`" for each in addresses)


def _seen(how: str, systems: Mapping[str, int]) -> Iterator[str]:
    if not systems:
        yield f"- None {how}."
    for name, count in sorted(systems.items()):
        yield f"- `{name}`: {how} in {count:,} {'task' if count == 1 else 'tasks'}."
