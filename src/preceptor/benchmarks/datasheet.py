"""The data sheet of a benchmark: questions that its authors answer.

The questions are ours, on what Healthsheet (Rostamzadeh et al. 2022, arXiv:2202.13028) asks of
data sets of health and How2Bench (Cao et al. 2025, arXiv:2501.10711) of benchmarks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import msgspec

__all__ = [
    "QUESTIONS",
    "Answered",
    "Question",
    "as_toml",
    "counted_answers",
    "is_answer",
    "unanswered",
]


class Question(msgspec.Struct, frozen=True):
    """One question; ``needed`` are those without which a benchmark cannot be judged."""

    part: str
    text: str
    needed: bool = False


def _part(name: str, *asked: tuple[str, str, bool]) -> dict[str, Question]:
    return {key: Question(name, text, needed) for key, text, needed in asked}


#: Key in the manifest → question, in order.
QUESTIONS: Mapping[str, Question] = {
    **_part(
        "Purpose",
        ("purpose", "Which decision or ability does a score stand for?", True),
        ("users", "Who is to use the score, and who must not?", True),
        ("new", "What does it measure that earlier benchmarks do not?", False),
        ("funding", "Who paid for it, and who has an interest in the result?", False),
    ),
    **_part(
        "Examples",
        ("source", "Where is each example from: records, exams, people, models?", True),
        ("selection", "How were examples chosen from all that there were?", True),
        ("size", "Why are there this many, and which difference can they show?", False),
        ("units", "Which examples depend on each other (one patient, one text)?", False),
        ("period", "From when are they, and may models have seen them?", True),
        ("changes", "What was translated, shortened, cleaned or made up?", False),
    ),
    **_part(
        "People",
        ("population", "Which patients do they stand for: age, sex, place, language?", True),
        ("missing_people", "Who is missing or rare, and which groups can be scored apart?", True),
        ("consent", "Was there consent or an ethics review, and under which law?", True),
        ("privacy", "How were people's identities removed, and how was that checked?", True),
        ("harm", "Whom could the examples or a wrong score harm?", False),
    ),
    **_part(
        "Answers",
        ("experts", "Who wrote the answers or rubrics, and with which training?", True),
        ("pay", "How were they found, taught and paid?", False),
        ("agreement", "How many judged each example, and how far did they agree?", True),
        ("disagreement", "What was done where they did not agree?", False),
        ("guidance", "Which guideline, of which year and country, is right here?", False),
    ),
    **_part(
        "Scoring",
        ("protocol", "What exactly is asked, and how is an answer turned into a score?", True),
        ("grader", "Who grades, and how well does that agree with physicians?", False),
        ("unreadable", "What does an answer score that fails or cannot be read?", True),
        ("repeats", "How much does a score move when it is run again?", False),
        ("baselines", "What do chance, people and a simple system score?", False),
        ("shortcuts", "Which cheap ways to a good score were tried and closed?", False),
    ),
    **_part(
        "Care",
        ("rights", "Which licences hold for each part, and may it be passed on?", True),
        ("contact", "Whom does one write to about a fault?", True),
        ("corrections", "How are faults corrected, and old versions kept?", False),
        ("expiry", "When will it be out of date?", False),
    ),
}
_EMPTY = re.compile(
    r"(?:to ?do|tbd|tba|fixme|unknown|n/?a|none|no|yes|xxx|[-–?.…\s]*)[.!?…]*", re.I
)


def is_answer(text: str) -> bool:
    """Whether a text says something: no blank, mark, or word such as TODO or n/a alone."""
    return not _EMPTY.fullmatch(text.strip())


class Answered(msgspec.Struct, frozen=True):
    """How many of all ``questions`` have an answer, and of the ``needed`` ones."""

    answered: int
    questions: int
    needed_answered: int
    needed: int

    def sentence(self) -> str:
        return (
            f"{self.answered} of {self.questions} questions are answered "
            f"({100 * self.answered / self.questions:.0f} %), {self.needed_answered} of the "
            f"{self.needed} needed ones"
        )


def counted_answers(sheet: Mapping[str, str]) -> Answered:
    """How much of a data sheet is filled in."""
    needed = [key for key, question in QUESTIONS.items() if question.needed]
    filled = {key for key in QUESTIONS if is_answer(sheet.get(key, ""))}
    return Answered(len(filled), len(QUESTIONS), len(filled & {*needed}), len(needed))


def unanswered(sheet: Mapping[str, str]) -> list[str]:
    """Keys of the needed questions that have no answer."""
    return [
        key
        for key, question in QUESTIONS.items()
        if question.needed and not is_answer(sheet.get(key, ""))
    ]


def as_toml(sheet: Mapping[str, str]) -> str:
    """All questions as a table of a manifest, with the answers that there are."""
    lines, part = ["[datasheet]"], ""
    for key, question in QUESTIONS.items():
        lines += [f"\n# {question.part}"] if question.part != part else []
        part = question.part
        lines += [f"# {question.text}{' (needed)' if question.needed else ''}"]
        lines += [f"{key} = {json.dumps(sheet.get(key, ''), ensure_ascii=False)}"]
    return "\n".join([*lines, ""])
