"""Reasoning in steps: those of an answer, and those of a written solution."""

from __future__ import annotations

import re

from preceptor.patterns import late

__all__ = ["MOST_STEPS", "read_conclusion", "read_steps", "solution_steps"]

#: The authors of MedR-Bench judge the first ten steps of an answer.
MOST_STEPS = 10

_STEP = late(
    r"^[ \t>*#]*(?:<[ \t]*step[ \t]*\d+[ \t]*>|step[ \t]*\d+[ \t]*(?:\*\*)?[.:)])[ \t*]*",
    re.IGNORECASE | re.MULTILINE,
)
_CONCLUSION = late(
    r"^[ \t>*#]*(?:final[ \t]+)?(?:answer|diagnosis|treatment(?:[ \t]+plan)?)"
    r"[ \t]*(?:\*\*)?:[ \t*]*",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = late(r"^[ \t>*#]*(?:reasoning|chain of thought)[ \t*:]*$", re.IGNORECASE | re.MULTILINE)
_BULLET = late(r"(?:[-*•+]|\d+[.)]|#+)[ \t]+")


def read_conclusion(text: str) -> str | None:
    """What stands after the last ``Answer:`` (or ``Diagnosis:``, ``Treatment plan:``) of a text.

    None where there is no such line, or nothing after it.
    """
    marks = list(_CONCLUSION.finditer(text))
    if not marks:
        return None
    return text[marks[-1].end() :].replace("```", "").strip(" \t\n*") or None


def read_steps(text: str) -> list[str]:
    """The steps of an answer's reasoning, without its conclusion: at most ``MOST_STEPS``.

    Steps that are marked (``Step 1:``, ``<step 1>``), else paragraphs, else lines.
    """
    marks = list(_CONCLUSION.finditer(text))
    reasoning = text[: marks[-1].start()] if marks else text
    reasoning = _HEADING.sub("", reasoning.replace("```", "")).strip()
    begins = list(_STEP.finditer(reasoning))
    if begins:
        ends = [mark.start() for mark in begins[1:]] + [len(reasoning)]
        parts = [reasoning[mark.end() : end] for mark, end in zip(begins, ends, strict=True)]
    else:
        parts = reasoning.split("\n\n") if "\n\n" in reasoning else reasoning.split("\n")
    return [part.strip() for part in parts if part.strip()][:MOST_STEPS]


def solution_steps(text: str) -> list[str]:
    """The steps of a solution that was written as a list: each entry that is no heading.

    An entry keeps the headings above it: ``Tumours: Lymphoma: excluded by biopsy``. A heading is an
    entry, or a line, that ends with a colon; rules (``---``) are left out.
    """
    steps: list[str] = []
    above: list[tuple[int, str, str]] = []  # Of each heading: indent, kind of list, words.
    for line in text.expandtabs(4).splitlines():
        marker = _BULLET.match(line.strip())
        kind = "" if marker is None else "1" if marker[0][0].isdigit() else marker[0][0]
        words = line.strip()[0 if marker is None else marker.end() :].replace("**", "").strip()
        if not words.strip("-_*= "):
            continue
        indent, heading = len(line) - len(line.lstrip()), words.endswith(":")
        while above and (above[-1][0] > indent or _sibling(above[-1], indent, kind, heading)):
            above.pop()
        if heading:
            above.append((indent, kind, words))
        else:
            steps.append(" ".join([*(each for _, _, each in above), words]))
    return steps


def _sibling(last: tuple[int, str, str], indent: int, kind: str, heading: bool) -> bool:
    """Whether an entry stands beside a heading, and not under it: in the same list.

    What follows a heading that is in no list is under it.
    """
    return last[:2] == (indent, kind) and (heading or bool(kind))
