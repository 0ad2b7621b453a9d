"""A task while it is written: what the author's page holds, and what each of its buttons does.

Pure. Numbers stay as they were typed, so that nothing is lost of what is not right yet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from preceptor.studio.ids import digest, new_id
from preceptor.studio.items.content import (
    DIMENSIONS,
    HIGHEST,
    SCORES,
    Content,
    ItemCriterion,
    Mode,
    Rating,
    Review,
    Turn,
)

__all__ = [
    "ATTESTATIONS",
    "USE_CASES",
    "Answer",
    "Branch",
    "Line",
    "Row",
    "Writing",
    "begun",
    "digest_of",
    "number_of",
    "problems",
]

#: As HealthBench Professional names them (arXiv:2604.27470).
USE_CASES = {
    "consult": "Care consult",
    "writing": "Writing and documentation",
    "research": "Medical research",
}
#: What an author declares when a task is handed in.
ATTESTATIONS = {
    "no_patient_data": "No real patient can be recognised in it: it has no data of one.",
    "own_work": "I wrote it myself; no model and no published question is its source.",
}
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_WHOLE = re.compile(r"[-+]?[0-9]{1,3}")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A system's answer to the conversation ``asked``. ``key`` is that of the run store."""

    id: str
    asked: str = ""
    alias: str = ""
    text: str = ""
    key: str = ""
    system: str = ""


class Line(msgspec.Struct, frozen=True):
    """A turn. ``answer`` is the id of the live answer that it is, ``alias`` its system's."""

    text: str = ""
    answer: str = ""
    alias: str = ""


class Row(msgspec.Struct, frozen=True):
    """A criterion as it was typed."""

    id: str
    text: str = ""
    points: str = ""
    tags: tuple[str, ...] = ()


class Branch(msgspec.Struct, frozen=True):
    """A way that the conversation took before it was taken up again at an earlier turn."""

    lines: tuple[Line, ...]
    answer: str = ""


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """What the page holds.

    Attributes
    ----------
    lines
        Turns of the user and of the assistant by turns: first and last one of the user.
    answer
        The answer to the last turn where it was typed, not asked for.
    chosen
        Id of the live answer to be shown; else it is the last.
    rated
        Id of the answer that ``scores`` are of, ``typed`` for a typed one.
    scores
        ``overall`` and dimensions → as it was chosen.
    dismissed, confirmed
        Keys of advice that is not taken, and of criteria whose sign is meant so.
    """

    lines: tuple[Line, ...] = (Line(),)
    branches: tuple[Branch, ...] = ()
    rows: tuple[Row, ...] = ()
    removed: tuple[Row, ...] = ()
    use_case: str = ""
    specialty: str = ""
    language: str = ""
    strategies: tuple[str, ...] = ()
    answer: str = ""
    chosen: str = ""
    rated: str = ""
    scores: dict[str, str] = {}
    attested: tuple[str, ...] = ()
    dismissed: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()
    reply: str = ""

    # What it comes to

    @property
    def messages(self) -> tuple[Turn, ...]:
        return tuple(
            Turn("assistant" if number % 2 else "user", line.text)
            for number, line in enumerate(self.lines)
        )

    @property
    def asked(self) -> str:
        """The conversation's digest, by which its live answers are found."""
        return digest_of(self.messages)

    def live(self, answers: Sequence[Answer]) -> Answer | None:
        """The live answer to the last turn, of those that there are in the order they came."""
        fitting = [each for each in answers if each.asked == self.asked]
        chosen = [each for each in fitting if each.id == self.chosen]
        return next(reversed([*fitting, *chosen]), None)

    def content(self, mode: Mode) -> Content:
        """The version to be handed in."""
        return Content(
            messages=self.messages,
            criteria=tuple(
                ItemCriterion(row.id, row.text.strip(), number_of(row.points), row.tags)
                for row in self.rows
            ),
            use_case=self.use_case,
            specialty=self.specialty,
            # Tags are compared with those of people, which are in lower case.
            language=self.language.lower(),
            mode=mode,
            strategies=self.strategies if mode == "red_teaming" else (),
        )

    def rating(self, live: Answer | None) -> Rating:
        """The rating of the answer that is shown; without scores where they are another's."""
        shown = live or Answer(id="typed", text=self.answer)
        scores = self.scores if self.rated in (shown.id, shown.key) else {}
        return Rating(
            answer=shown.text,
            response_key=shown.key,
            system=shown.system,
            overall=number_of(scores.get("overall", "")) or 0,
            dimensions={
                name: score for name in DIMENSIONS if (score := number_of(scores.get(name, "")))
            },
        )

    # The rubric's buttons

    def add(self, row: Row | None = None) -> Writing:
        row = row or Row(new_id())
        return replace(self, rows=(*self.rows, row))

    def remove(self, id: str) -> Writing:
        """Take a criterion out; it can be put back."""
        gone = tuple(row for row in self.rows if row.id == id and (row.text or row.points))
        kept = tuple(row for row in self.rows if row.id != id)
        return replace(self, rows=kept, removed=(*self.removed, *gone)[-20:])

    def put_back(self, id: str) -> Writing:
        back = tuple(row for row in self.removed if row.id == id)
        left = tuple(row for row in self.removed if row.id != id)
        return replace(self, rows=(*self.rows, *back), removed=left)

    def shift(self, id: str, by: int) -> Writing:
        """Move a criterion up or down; at the end nothing happens."""
        rows = list(self.rows)
        at = next((number for number, row in enumerate(rows) if row.id == id), None)
        if at is not None and 0 <= at + by < len(rows):
            rows[at], rows[at + by] = rows[at + by], rows[at]
        return replace(self, rows=tuple(rows))

    def write(self, id: str, *texts: str, points: str | None = None) -> Writing:
        """Put another text in a criterion's place; further ones become criteria after it."""
        rows: list[Row] = []
        for row in self.rows:
            if row.id != id:
                rows.append(row)
                continue
            told = row.points if points is None else points
            first, *others = texts
            rows.append(replace(row, text=first, points=told))
            rows += [Row(new_id(), text, told, row.tags) for text in others]
        return replace(self, rows=tuple(rows))

    # The conversation's buttons

    def go_on(self, live: Answer | None) -> Writing:
        """Another turn, after the answer that is shown."""
        said = Line(self.answer) if live is None else Line(live.text, live.id, live.alias)
        return replace(self, lines=(*self.lines, said, Line()), answer="")

    def fork(self, at: int) -> Writing:
        """Take the conversation up again at a turn of the user; what came after is kept beside."""
        if at % 2 or not 0 <= at < len(self.lines) - 1:
            return self
        after = self.lines[at + 1]
        branch = Branch(self.lines, self.answer)
        return replace(
            self,
            lines=self.lines[: at + 1],
            answer="" if after.answer else after.text,
            branches=(*self.branches, branch)[-10:],
        )

    def switch(self, number: int) -> Writing:
        """Go back to a branch; the present one takes its place."""
        if not 0 <= number < len(self.branches):
            return self
        branches = list(self.branches)
        to, branches[number] = branches[number], Branch(self.lines, self.answer)
        return replace(self, lines=to.lines, answer=to.answer, branches=tuple(branches))

    # What reviewers propose

    def take(self, review: Review, id: str) -> Writing:
        """Do what a reviewer proposes for a criterion, or add one that was found missing."""
        for said in review.criteria:
            if said.criterion == id and said.decision == "drop":
                return self.remove(id)
            if said.criterion == id and said.decision == "edit":
                return self.write(id, said.text, points=_points(said.points))
        have = {row.id for row in self.rows}
        for new in review.added:
            if new.id == id and id not in have:
                return self.add(Row(id, new.text, _points(new.points), new.tags))
        return self


def begun(
    content: Content,
    rating: Rating = Rating(),  # noqa: B008  frozen
    answers: Sequence[Answer] = (),
) -> Writing:
    """A version, to be written on. Live answers in it are found again, and stay as they were."""
    scores = {name: str(score) for name, score in rating.dimensions.items()}
    if rating.overall:
        scores["overall"] = str(rating.overall)
    typed = not rating.response_key
    live = {(each.asked, each.text): each for each in answers}
    lines = []
    for number, turn in enumerate(content.messages):
        said = live.get((digest_of(content.messages[:number]), turn.text))
        lines.append(Line(turn.text, said.id, said.alias) if said else Line(turn.text))
    return Writing(
        lines=tuple(lines) or (Line(),),
        rows=tuple(
            Row(each.id, each.text, _points(each.points), each.tags) for each in content.criteria
        ),
        use_case=content.use_case,
        specialty=content.specialty,
        language=content.language,
        strategies=content.strategies,
        answer=rating.answer if typed else "",
        chosen=next((each.id for each in answers if each.key == rating.response_key), ""),
        rated="typed" if typed else rating.response_key,
        scores=scores,
    )


def digest_of(messages: Sequence[Turn]) -> str:
    """By which a conversation is known where its text is not kept."""
    return digest(msgspec.json.encode(messages))


def number_of(text: str) -> int | None:
    """A whole number as people type it."""
    plain = text.strip().replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")
    return int(plain) if _WHOLE.fullmatch(plain) else None


def problems(writing: Writing, live: Answer | None, *, revising: bool = False) -> dict[str, str]:
    """Field → why the task cannot be handed in as it is."""
    found = {
        f"t-{number}": "expected a text, found none"
        for number, line in enumerate(writing.lines)
        if not line.text.strip()
    }
    found |= _rubric_problems(writing.rows)
    if not writing.use_case:
        found["use_case"] = "choose one"
    if not writing.specialty:
        found["specialty"] = "expected one, found none"
    if not _LANGUAGE.fullmatch(writing.language):
        found["language"] = f"expected a tag such as en or pt-BR, found {writing.language[:20]!r}"
    if revising:
        return found
    rating = writing.rating(live)
    if not rating.answer.strip():
        found["answer"] = "expected an answer to the last turn, found none"
    scores: Sequence[tuple[str, int]] = [("overall", rating.overall), *rating.dimensions.items()]
    given = {name for name, score in scores if 1 <= score <= HIGHEST}
    for name in SCORES:
        if name not in given:
            found[f"score-{name}"] = f"choose from 1 to {HIGHEST}"
    if missing := [each for each in ATTESTATIONS if each not in writing.attested]:
        found["attested"] = f"tick {'both' if len(missing) > 1 else 'the other'}, if it is so"
    return found


def _rubric_problems(rows: Sequence[Row]) -> dict[str, str]:
    found: dict[str, str] = {}
    points = [number_of(row.points) for row in rows]
    for row, number in zip(rows, points, strict=True):
        if not row.text.strip():
            found[f"c-{row.id}-text"] = "expected a text, found none"
        if not number or not -10 <= number <= 10:
            said = repr(row.points[:20]) if row.points else "none"
            found[f"c-{row.id}-points"] = (
                f"expected a whole number from -10 to 10 other than 0, found {said}"
            )
    if not any(number and number > 0 for number in points):
        found["rubric"] = "expected a criterion with positive points"
    return found


def _points(points: int | None) -> str:
    return "" if points is None else str(points)
