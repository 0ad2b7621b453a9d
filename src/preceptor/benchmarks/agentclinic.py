"""AgentClinic: a doctor examines a patient in a limited number of turns, with biases or without."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.environments.facts import sentences
from preceptor.files import read_rows
from preceptor.protocols.consultation import DIAGNOSIS
from preceptor.protocols.fidelity import FIDELITY_CRITERIA
from preceptor.protocols.judging import ReferenceGrader
from preceptor.protocols.osce import MOST_TURNS, OSCE_LABELS, PLAIN, osce, task
from preceptor.records import Example, Slice
from preceptor.systems.base import Parameters

__all__ = ["BENCHMARKS"]

_GRADER = ReferenceGrader("openai/gpt-4", Parameters(temperature=0.05))
_FINDINGS = ("Physical_Examination_Findings", "Test_Results")

_PREJUDICE = {
    "patient": "You suppose that the doctor {}: you distrust them, and tell only what you must.",
    "doctor": "You suppose that the patient {}: you trust their words less.",
}
#: Bias → what is supposed of the other one.
_SUPPOSED = {
    "gender": "is of another sex than you",
    "race": "is of another race than you",
    "orientation": "has another sexual orientation than you",
    "culture": "is of another culture than you",
    "education": "has had little schooling",
    "religion": "is of another faith than you",
    "income": "is of another class than you",
}
#: Bias → what somebody is told to have it.
_BIASES = {
    "patient": {
        "recency": "You heard lately of somebody with your complaints who had cancer, and fear "
        "the same.",
        "frequency": "Several people whom you know had your complaints, and all had something "
        "harmless; you are sure that it is so with you.",
        "false_consensus": "Everybody in your family has one idea of what you have, so you take "
        "it for certain.",
        "self_diagnosis": "You have read about your complaints, are convinced that you know what "
        "you have, and doubt whatever the doctor says otherwise.",
    },
    "doctor": {
        "recency": "A patient with such complaints whom you saw lately turned out to have cancer, "
        "and is still on your mind.",
        "frequency": "In your practice such complaints have nearly always been something common "
        "and harmless.",
        "false_consensus": "You are sure that your colleagues would agree with your first idea of "
        "the diagnosis.",
        "confirmation": "You have an idea of the diagnosis from the start, and look for what "
        "supports it.",
        "status_quo": "You prefer what you have always done in such cases to anything new.",
    },
}


#: Persona → what a patient is told of its ways: the temperaments of 3MDBench and
#: behaviours of MAQuE, in our own words.
_PERSONAS = {
    "choleric": "You are impatient and easily annoyed: you answer briskly, and want to know at "
    "once what you have.",
    "sanguine": "You are cheerful and talkative: you wander to other things, and make light of "
    "your complaints.",
    "melancholic": "You are anxious and gloomy: you describe every complaint at length, and fear "
    "the worst.",
    "phlegmatic": "You are calm and slow: you answer in few words, and see no reason to worry.",
    "language": "You hardly speak the doctor's language: your sentences are short and plain, and "
    "you ask what less common words mean.",
    "memory": "You remember poorly when things began and what came first, and say that you are "
    "not sure of it.",
    "upset": "You are close to tears, and speak of your worry before you answer.",
    "reserved": "You tell what embarrasses you only when you are asked for just that, and are "
    "brief in all else.",
}


def _sentences(kind: str) -> dict[str, str]:
    """Name → the sentence that makes a variant; none where there are no variants."""
    if kind in _BIASES:
        supposed = {name: _PREJUDICE[kind].format(what) for name, what in _SUPPOSED.items()}
        return {**_BIASES[kind], **supposed}
    return _PERSONAS if kind == "persona" else {}


class _Set(NamedTuple):
    suffix: str
    words: str
    file: str
    cases: int
    #: Whose biases make its variants, ``doctor`` or ``patient``; or ``persona``.
    kind: str = ""

    @property
    def namespace(self) -> str:
        """Of the variants' tags."""
        return "persona" if self.kind == "persona" else "bias"


_MEDQA, _EXTENDED = "agentclinic_medqa.jsonl", "agentclinic_medqa_extended.jsonl"
_SETS = (
    _Set("", "cases of MedQA", _MEDQA, 107),
    _Set("-extended", "more cases of MedQA", _EXTENDED, 214),
    _Set("-patient-bias", "patients with biases", _MEDQA, 107, "patient"),
    _Set("-doctor-bias", "doctors with biases", _MEDQA, 107, "doctor"),
    _Set("-personas", "patients of several kinds", _MEDQA, 107, "persona"),
)


def _examples(row: Fields, number: int, each: _Set) -> Iterator[Example]:
    """A case without a bias, and with each."""
    station = row.nested("OSCE_Examination")
    objective, diagnosis = station.text("Objective_for_Doctor"), station.text("Correct_Diagnosis")
    actor = station.nested("Patient_Actor").row
    name = f"medqa/{number}"
    target = {
        "case": "\n".join(f"{_title(part)}: {_in_words(value)}" for part, value in actor.items()),
        "facts": [fact for value in actor.values() for fact in _facts(value)],
        "findings": {part: station.nested(part).row for part in _FINDINGS},
        "diagnosis": diagnosis,
        "cluster": name,
    }
    criteria, plain = (DIAGNOSIS, *FIDELITY_CRITERIA), f"{each.namespace}:{PLAIN}"
    tags = (plain,) if each.kind else ()
    yield Example(name, (task(objective),), criteria, tags, target=target)
    for variant, sentence in _sentences(each.kind).items():
        doctors = each.kind == "doctor"
        yield Example(
            f"{name}#{variant}",
            (task(objective, sentence if doctors else ""),),
            criteria,
            (f"{each.namespace}:{variant}",),
            target=target if doctors else target | {"manner": sentence},
            of=name,
        )


def _title(name: str) -> str:
    return name.replace("_", " ")


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{_title(name)}: {_in_words(each)}" for name, each in value.items())
    return ", ".join(map(_in_words, value)) if isinstance(value, list) else str(value)


def _facts(value: Any) -> Iterator[str]:
    """Sentences, and the parts of what is no text."""
    if isinstance(value, str):
        yield from sentences(value)
    else:
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _facts(part)


def _read(path: Path, each: _Set) -> Iterator[Example]:
    place = path / each.file if path.is_dir() else path
    for number, (line, row) in enumerate(read_rows(place), 1):
        yield from _examples(Fields(row, str(place), line), number, each)


def _benchmark(each: _Set) -> Benchmark:
    variants = {name: _title(name).capitalize() for name in _sentences(each.kind)}
    return Benchmark(
        name=f"agentclinic{each.suffix}",
        title=f"AgentClinic ({each.words})",
        family="osce",
        summary=f"a diagnosis from a talk and tests, in {MOST_TURNS} turns; {each.words}",
        licence="MIT",
        citation="Schmidgall et al. 2024, arXiv:2405.07960",
        n_examples=each.cases * (1 + len(variants)),
        read=functools.partial(_read, each=each),
        protocol=osce(_GRADER),
        url="https://github.com/SamuelSchmidgall/AgentClinic",
        brings="`agentclinic_medqa.jsonl` or `agentclinic_medqa_extended.jsonl`",
        folder="agentclinic",
        cases="agentclinic",
        labels={
            **OSCE_LABELS,
            each.namespace: each.namespace.capitalize(),
            f"{each.namespace}:{PLAIN}": "None",
            **{
                f"{kind}:{name}": title
                for kind in (each.namespace, "effect", "effect_p")
                for name, title in variants.items()
            },
        },
        slices=(Slice(each.namespace, (PLAIN, *variants)),) if variants else (),
        caution="the words that doctor, patient and grader are told are ours, and so are biases "
        "and personas; tests are looked up without a model: it is not comparable with published "
        "rates",
        measures="Whether a system finds a diagnosis when it must ask and examine in a limited "
        "number of turns.",
        faults=(
            "A test that the case does not have is said to be normal, also one that would not be.",
            "The first 107 of the 214 cases are those of the smaller set.",
        ),
        verified="All cases are read, and their findings are found under the names of usual tests.",
    )


BENCHMARKS = tuple(map(_benchmark, _SETS))
