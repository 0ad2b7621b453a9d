"""Verdicts of the grader that authors call wrong: labels that nobody drew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.errors import InputError
from preceptor.records import Example, content_key
from preceptor.studio.items.content import Content
from preceptor.studio.items.tables import versions
from preceptor.studio.items.writing import digest_of
from preceptor.studio.labelling.rows import NOT_ASKED, answer_row, verdict_row
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.people.project import project
from preceptor.studio.preview.acts import PreviewMarked
from preceptor.studio.preview.findings import MET, NOT_MET, Preview, Tried
from preceptor.studio.preview.tables import marks, previews

__all__ = ["Marked", "authors", "mark", "marked", "marked_rows", "meta_rows"]


class Marked(msgspec.Struct, frozen=True):
    """What an author says of some criteria of one answer: criterion → whether it is met."""

    person: str
    example: Example
    preview: Preview
    tried: Tried
    said: dict[str, bool]


def mark(connection: sa.Connection, who: Who, item: str, which: str) -> None:
    """Note what an author says of a verdict: ``SAID-PREVIEW-ANSWER-CRITERION``.

    ``SAID`` is ``met``, ``not_met``, or ``undo``. Raises InputError where there is none.
    """
    said, seq, answer, criterion = (which.split("-", 3) + [""] * 4)[:4]
    body = None
    if seq.isascii() and seq.isdigit() and len(seq) < 10:
        mine = (previews.c.seq == int(seq)) & (previews.c.item == item)
        body = connection.scalar(sa.select(previews.c.body).where(mine))
    found = Preview() if body is None else msgspec.json.decode(body, type=Preview)
    if (
        said not in (MET, NOT_MET, "undo")
        or criterion not in {each.id for each in found.criteria}
        or answer not in map(str, range(len(found.judged)))
    ):
        raise InputError("preview: expected a verdict that it has: reload the page")
    outcome = "" if said == "undo" else said
    if marked(connection, int(seq)).get((int(answer), criterion), "") != outcome:
        act = PreviewMarked(preview=int(seq), answer=int(answer), criterion=criterion)
        append(connection, act, by=who, subject=item, outcome=outcome)


def marked(connection: sa.Connection, preview: int) -> dict[tuple[int, str], str]:
    """Answer and criterion → what the author says of it."""
    query = sa.select(marks.c.answer, marks.c.criterion, marks.c.said)
    rows = connection.execute(query.where(marks.c.preview == preview).order_by(marks.c.seq))
    return {(row.answer, row.criterion): row.said for row in rows}


def authors(connection: sa.Connection) -> list[str]:
    """Everybody who called a verdict wrong, the first first."""
    first = sa.select(marks.c.person).group_by(marks.c.person)
    return list(connection.scalars(first.order_by(sa.func.min(marks.c.seq))))


def marked_rows(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """A row for each answer and author, as ``labels_rows`` of labels; none has a chance."""
    name = project(connection).name
    for each in _all(connection):
        met = [each.said.get(one.id) for one in each.preview.criteria]
        run, model = f"{each.person}-previews", each.tried.system or "typed"
        yield {
            **answer_row(each.example, run, name, model, each.person),
            "response": each.tried.text,
            "criteria_met": met,
            "reasons": [NOT_ASKED if one is None else None for one in met],
        }


def meta_rows(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """A row for each verdict that was called wrong, with the first that the grader gave."""
    for each in _all(connection):
        for place, criterion in enumerate(each.example.criteria):
            said = each.said.get(each.preview.criteria[place].id)
            if said is None:
                continue
            met = each.tried.first(place)
            text, model = each.tried.text, each.tried.system or "typed"
            key = each.tried.key or f"typed-{content_key(text)[:12]}"
            yield {
                **verdict_row(each.example, criterion, key, text, model),
                "binary_labels": [said],
                "anonymized_physician_ids": [each.person],
                "graders": {} if met is None else {each.preview.grader: {"criteria_met": met}},
            }


def _all(connection: sa.Connection) -> Iterator[Marked]:
    """In the order in which verdicts were called wrong.

    Left out are those on a conversation that was never handed in: the preview has its digest alone.
    """
    query = sa.select(marks, previews.c.item, previews.c.body)
    query = query.join(previews, previews.c.seq == marks.c.preview).order_by(marks.c.seq)
    said: dict[tuple[int, int, str], dict[str, bool]] = defaultdict(dict)
    about: dict[tuple[int, int, str], Any] = {}
    for row in connection.execute(query):
        key = (row.preview, row.answer, row.person)
        said[key][row.criterion] = row.said == MET
        about.setdefault(key, row)
    for (number, place, person), row in about.items():
        preview = msgspec.json.decode(row.body, type=Preview)
        content = _content(connection, row.item, preview)
        if content is not None:
            example, tried = content.example(row.item, None), preview.judged[place]
            yield Marked(person, example, preview, tried, said[number, place, person])


def _content(connection: sa.Connection, item: str, preview: Preview) -> Content | None:
    """The task with the conversation and the criteria that were judged."""
    bodies = sa.select(versions.c.content).where(versions.c.item == item)
    for body in connection.scalars(bodies.order_by(versions.c.version.desc())):
        found = msgspec.json.decode(body, type=Content)
        if digest_of(found.messages) == preview.asked:
            return msgspec.structs.replace(found, criteria=preview.criteria)
    return None
