"""What a preview of a rubric showed, for those who may see it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import sqlalchemy as sa

from preceptor.studio.items.authoring import Written
from preceptor.studio.items.content import Content
from preceptor.studio.items.tables import versions
from preceptor.studio.preview.findings import MET, NOT_MET, Finding, Preview, Tried, findings
from preceptor.studio.preview.marking import marked
from preceptor.studio.preview.quoting import Quote
from preceptor.studio.preview.tables import previews
from preceptor.studio.web.chatting import Chats, Pending

__all__ = ["PreviewBox", "PreviewShown", "preview_box", "preview_of"]


class TriedShown(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that the rubric was tried on; ``scores`` are points from 0 to 100, by repeat."""

    number: int
    name: str
    text: str
    failure: str
    scores: tuple[str, ...]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What the grader said of a criterion and an answer, and what the author says of that.

    ``place`` is that of the cell among all previews; ``buttons`` are those of the author: verdict
    and words.
    """

    place: str
    words: str
    author: str = ""
    buttons: tuple[tuple[str, str], ...] = ()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A criterion, what was said of each answer in each repeat, and what that tells."""

    text: str
    points: int | None
    cells: tuple[Cell, ...]
    finding: Finding | None


class PreviewShown(msgspec.Struct, frozen=True, kw_only=True):
    """A preview; criteria that have changed since have no finding."""

    answers: tuple[TriedShown, ...]
    lines: tuple[Line, ...]
    grader: str = ""


class PreviewBox(msgspec.Struct, frozen=True, kw_only=True):
    """What the author's page says of previews.

    Attributes
    ----------
    quote
        What the next preview takes; else ``words`` say why there can be none.
    pending
        One under way, or one that ended without a result.
    shown
        The last one; ``stale`` where the conversation has changed since.
    findings
        Criterion → what the last one tells of it as it stands.
    """

    quote: Quote | None
    words: str
    pending: Pending | None
    shown: PreviewShown | None
    stale: bool
    findings: dict[str, Finding]


def preview_box(
    connection: sa.Connection, found: Written, chats: Chats | None
) -> PreviewBox | None:
    """The box of a task under way; None where it has no previews."""
    quote = chats.quote(connection, found) if chats else None
    if chats is None or quote is None:
        return None
    # Read before the preview: one that ends in between is shown as done.
    pending = chats.previewing(connection, found.standing.item)
    last = _last(connection, found.standing.item)
    content = found.writing.content(found.standing.mode)
    stale = last is not None and last[1].asked != found.writing.asked
    return PreviewBox(
        quote=None if isinstance(quote, str) else quote,
        words=quote if isinstance(quote, str) else "",
        pending=pending,
        shown=None if last is None else _shown(connection, *last, content, to_author=True),
        stale=stale,
        findings={} if last is None or stale else findings(last[1], content),
    )


def preview_of(
    connection: sa.Connection, item: str, version: int, content: Content, *, to_lead: bool = False
) -> PreviewShown | None:
    """The last preview before a version was handed in; systems are named to leads alone."""
    at = sa.select(versions.c.seq).where(versions.c.item == item, versions.c.version == version)
    found = _last(connection, item, previews.c.seq < at.scalar_subquery())
    return None if found is None else _shown(connection, *found, content, to_lead=to_lead)


def _last(
    connection: sa.Connection, item: str, *where: sa.ColumnElement[bool]
) -> tuple[int, Preview] | None:
    query = sa.select(previews.c.seq, previews.c.body).where(previews.c.item == item, *where)
    row = connection.execute(query.order_by(previews.c.seq.desc()).limit(1)).first()
    return None if row is None else (row.seq, msgspec.json.decode(row.body, type=Preview))


def _shown(
    connection: sa.Connection,
    seq: int,
    preview: Preview,
    content: Content,
    *,
    to_author: bool = False,
    to_lead: bool = False,
) -> PreviewShown:
    told, said = findings(preview, content), marked(connection, seq)
    return PreviewShown(
        answers=tuple(
            TriedShown(
                number=number,
                name=each.system if to_lead else each.alias if to_author else "",
                text=each.text,
                failure=each.failure,
                scores=tuple(
                    "–" if score is None else f"{100 * score:.0f}".replace("-", "−")
                    for score in each.scores
                ),
            )
            for number, each in _numbered(preview)
        ),
        lines=tuple(
            Line(
                text=each.text,
                points=each.points,
                cells=tuple(
                    _cell(
                        one, place, said.get((at, each.id), ""), f"{seq}-{at}-{each.id}", to_author
                    )
                    for at, one in enumerate(preview.judged)
                ),
                finding=told.get(each.id),
            )
            for place, each in enumerate(preview.criteria)
        ),
        grader=preview.grader if to_lead else "",
    )


def _numbered(preview: Preview) -> Iterator[tuple[int, Tried]]:
    """Those that were judged have the numbers that findings name; the others have none."""
    number = 0
    for each in preview.answers:
        number += not each.failure
        yield (0 if each.failure else number), each


def _cell(tried: Tried, criterion: int, author: str, place: str, to_author: bool) -> Cell:
    """What was said of a criterion: once, where it was the same each time."""
    said = dict.fromkeys(repeat[criterion] for repeat in tried.verdicts)
    given = [each for each in said if each in _WORDS]
    if author:
        offered = [("undo", "Undo")]
    elif len(given) == 1:
        offered = [(NOT_MET if given == [MET] else MET, "Wrong")]
    else:
        offered = [(each, f"It is {_WORDS[each]}") for each in given]
    return Cell(
        place=place,
        words=", then ".join(map(_word, said)),
        author=_WORDS.get(author, ""),
        buttons=tuple(offered) if to_author else (),
    )


_WORDS = {MET: "met", NOT_MET: "not met"}


def _word(cell: str) -> str:
    return _WORDS.get(cell) or f"no verdict ({cell.replace('_', ' ')})"
