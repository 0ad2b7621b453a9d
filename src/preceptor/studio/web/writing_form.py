"""The author's form → what is written."""

from __future__ import annotations

import re
from itertools import count, takewhile

from msgspec.structs import replace

from preceptor.errors import InputError
from preceptor.studio.items.authoring import Written
from preceptor.studio.items.content import SCORES, STRATEGIES
from preceptor.studio.items.writing import ATTESTATIONS, Line, Row, Writing
from preceptor.studio.web.forms import Given

__all__ = ["read_writing"]

_CRITERIA, _TURNS = 200, 200
_TURN, _CRITERION = 50_000, 5_000
_ID = re.compile(r"[\w-]{1,40}", re.ASCII)


def read_writing(given: Given, found: Written, *, checked: bool = True) -> Writing:
    """What a form says; what it does not ask is as it was saved.

    A refused form is shown again unchecked, with its texts as they came. Raises InputError: a text
    is too long, or has control characters.
    """
    saved, answers = found.writing, {each.id: each for each in found.answers}

    def text(name: str, most: int, label: str = "") -> str:
        return given.text(name, most=most, label=label) if checked else given.raw(name)

    has_answer = bool(given.raws("rated"))  # one that is on its way has no fields
    tags = {row.id: row.tags for row in (*saved.rows, *saved.removed)}
    ids = tuple(
        dict.fromkeys(
            id
            for id in given.raws("row")
            if _ID.fullmatch(id) and (id in tags or _is_typed(given, id))
        )
    )
    if checked and len(ids) > _CRITERIA:
        raise InputError(f"rubric: expected at most {_CRITERIA} criteria, found {len(ids)}")
    scores = {name: given.raw(f"score-{name}")[:2] for name in SCORES}
    return replace(
        saved,
        lines=tuple(
            Line(answers[live].text, live, answers[live].alias)
            if (live := given.raw(f"t-{number}-live")) in answers
            else Line(text(f"t-{number}", _TURN, f"turn {number + 1}"))
            for number in takewhile(lambda number: _has_turn(given, number), count())
        )
        or saved.lines,
        rows=tuple(
            Row(
                id,
                text(f"c-{id}-text", _CRITERION, f"criterion {number}"),
                text(f"c-{id}-points", 20, f"points of criterion {number}"),
                tags.get(id, ()),
            )
            for number, id in enumerate(ids, 1)
        ),
        use_case=given.raw("use_case")[:40],
        specialty=text("specialty", 100),
        language=text("language", 40).strip(),
        strategies=tuple(each for each in STRATEGIES if each in given.raws("strategies")),
        answer=text("answer", _TURN) if given.raws("answer") else saved.answer,
        rated=given.raw("rated")[:200] if has_answer else saved.rated,
        scores={name: score for name, score in scores.items() if score}
        if has_answer
        else saved.scores,
        attested=tuple(each for each in ATTESTATIONS if each in given.raws("attested")),
        reply=text("reply", _CRITERION),
    )


def _is_typed(given: Given, id: str) -> bool:
    """Whether a row that waits to be filled is a criterion now."""
    return any(given.raw(f"c-{id}-{part}").strip() for part in ("text", "points"))


def _has_turn(given: Given, number: int) -> bool:
    names = (f"t-{number}", f"t-{number}-live")
    return number < _TURNS and any(given.raws(name) for name in names)
