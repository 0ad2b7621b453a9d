"""RuMedBench: four tasks on Russian medical texts (Blinov et al. 2022, arXiv 2201.06499)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.extraction import EXTRACTION_LABELS, extraction, span_example
from preceptor.protocols.labelling import LabelScoring
from preceptor.protocols.ranking import hits
from preceptor.protocols.tasks import several_tasks
from preceptor.records import Example, Message, Slice
from preceptor.scoring.rubric import OVERALL

__all__ = ["BENCHMARKS", "read"]

_ENTITIES = ("Drugname", "Drugclass", "Drugform", "DI", "ADR", "Finding")
#: Splits of the symptoms task: what may be recommended is what stands in any of them.
_SPLITS = ("train", "dev", "test")


def _category(item: str) -> str:
    """The three-character category of a code such as ``I11.9``; the item itself without one."""
    found = re.search(r"[A-Z]\d\d", item.upper())
    return found[0] if found else item.casefold()


_JSON_LIST = "Ответь списком JSON из трёх строк, самый вероятный вариант первым."

_PROTOCOL = several_tasks(
    {
        "task:top3": hits(
            "Какие три диагноза наиболее вероятны? Назови трёхзначные рубрики МКБ-10, например "
            f"I11. {_JSON_LIST}",
            _category,
        ),
        "task:symptoms": hits(
            f"Какие три симптома из перечня стоит уточнить или проверить? {_JSON_LIST}"
        ),
        "task:danet": Protocol(
            "labelling",
            asking=Asking("Ответь одним словом: да или нет."),
            scoring=LabelScoring({"да": ("да", "yes"), "нет": ("нет", "no")}),
        ),
        "task:ner": extraction(
            "Найди в тексте все упоминания этих типов: {labels} (название лекарства, класс, форма, "
            "показание, побочное действие, наблюдение: Drugname, Drugclass, Drugform, DI, ADR, "
            "Finding). Ответь списком JSON в порядке текста: "
            '[{{"text": "…", "label": "…"}}]; если упоминаний нет, []. Текст копируй точно.'
        ),
    },
    {
        "task:top3": (OVERALL, "hit@3"),
        "task:symptoms": (OVERALL, "hit@3"),
        "task:danet": (OVERALL,),
        "task:ner": ("token_accuracy", "exact_f1"),
    },
)


def read(path: Path) -> Iterator[Example]:
    """A folder with a folder for each task, as the repository has it."""
    symptoms = sorted(
        {row.text("code") for split in _SPLITS for row in _rows(path, "RuMedSymptomRec", split)}
    )
    listed = "Перечень: " + "; ".join(symptoms)
    for row in _rows(path, "RuMedTop3", "test"):
        yield _ranked("top3", row, row.text("symptoms"))
    for row in _rows(path, "RuMedSymptomRec", "test"):
        yield _ranked("symptoms", row, f"{row.text('symptoms')}\n\n{listed}")
    for row in _rows(path, "RuMedDaNet", "test"):
        shown = f"{row.text('context')}\n\n{row.text('question')}"
        label = row.one_of("answer", ("да", "нет"))
        yield _example("danet", row.text("pairID"), shown, label)
    for row in _rows(path, "RuMedNER", "test"):
        tokens, tags = row.texts("tokens"), row.texts("ner_tags")
        if not tokens or len(tokens) != len(tags):
            raise row.fault("ner_tags", f"a tag for each of {len(tokens)} tokens", len(tags))
        example = span_example(f"ner/{row.text('idx')}", tokens, _ENTITIES, tags=tags)
        yield msgspec.structs.replace(example, tags=("task:ner",))


def _rows(path: Path, task: str, split: str) -> Iterator[Fields]:
    files = sorted(path.rglob(f"{task}/{split}_v1.jsonl"))
    if not files:
        raise InputError(f"{path}: expected {task}/{split}_v1.jsonl in it, found none")
    for line, row in read_rows(files[0]):
        yield Fields(row, str(files[0]), line)


def _ranked(task: str, row: Fields, shown: str) -> Example:
    return _example(task, row.text("idx"), shown, row.text("code"))


def _example(task: str, id: str, shown: str, label: str) -> Example:
    return Example(
        id=f"{task}/{id}",
        messages=(Message("user", shown),),
        criteria=(),
        tags=(f"task:{task}",),
        target={"label": label},
    )


_HASHES = {
    "RuMedTop3/test": "2be46c07dabe26976b6393f93e6333818665530953e7c22007c6080de3dca507",
    "RuMedSymptomRec/train": "a80ea555304a554590048710e2a0ad505877ad1bc2a1348530a03d48632a16fc",
    "RuMedSymptomRec/dev": "0b440087aa53e190afdb38098a4c81b6845c226cdffd7110beaea5955d88e582",
    "RuMedSymptomRec/test": "8ff4e93df488a8453de9e14b21b797dfbda123fbd40b5e4c0d18ab04520bed72",
    "RuMedDaNet/test": "995519f1a354978369396870fb23e9ab62f25b60fc3a676bbe78d82edf726443",
    "RuMedNER/test": "27a22b03dda8bf2321c7c754a0e7ba4ab9c1c7df89c1a8828a221b08012c9763",
}

BENCHMARKS = (
    Benchmark(
        slices=(Slice("task"),),
        name="rumedbench",
        title="RuMedBench",
        family="extraction",
        summary="2,186 Russian texts: diagnoses, symptoms, yes/no, entities",
        licence="Apache-2.0",
        citation="Blinov et al. 2022, arXiv:2201.06499",
        n_examples=2186,
        protocol=_PROTOCOL,
        read=read,
        source=tuple(
            Source(
                "pavel-blinov/RuMedBench",
                "dd56a60faf55994ba402615c4067f0652ea0d2bb",
                f"data/{name}_v1.jsonl",
                digest,
                host="github",
            )
            for name, digest in _HASHES.items()
        ),
        folder="rumedbench",
        labels=EXTRACTION_LABELS
        | {
            OVERALL: "Mean over answers",
            "mean_over_tasks": "Overall (mean over tasks)",
            "hit@3": "Hit@3",
            "task:top3": "Diagnosis (top 3)",
            "task:symptoms": "Symptoms to check",
            "task:danet": "Yes or no",
            "task:ner": "Entities",
        },
        languages=("ru",),
        measures="Diagnosis codes, symptoms to check, yes/no questions and entities, in Russian.",
        faults=(
            "A fifth task, RuMedNLI, is a translation of MedNLI under its own terms: its texts are "
            "not in the release, so the overall figure is the mean of four tasks, not five.",
            "The symptoms task has 141 classes, which are named in the question.",
        ),
        verified="The published figures of five baselines, from their stored outputs.",
    ),
)
