"""The answers of a whole run without their words, in columns."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import msgspec

from preceptor.billing import Usage
from preceptor.records.examples import Example
from preceptor.records.responses import Response
from preceptor.records.verdicts import Graded, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Answers",
    "Replies",
    "examples_of",
    "replies_of",
    "sign_of",
    "signs_by_example",
    "singly_told",
]


class Replies(NamedTuple):
    """What systems said, in columns: as in a :class:`Response`, NaN where a number is None.

    Attributes
    ----------
    tokens
        Shape (replies, 4), in the order of :class:`preceptor.billing.Usage`.
    length
        Characters of the text.
    thought
        Whether reasoning stood in the text.
    """

    key: Sequence[str]
    finish_reason: Sequence[str]
    failure: Sequence[str | None]
    detail: Sequence[str]
    stop_reason: Sequence[str | None]
    served_model: Sequence[str | None]
    created_at: Sequence[str | None]
    tokens: NDArray[np.int64]
    latency_s: NDArray[np.float64]
    cost_usd: NDArray[np.float64]
    reasoning_length: NDArray[np.float64]
    length: NDArray[np.int64]
    thought: NDArray[np.bool_]

    @classmethod
    def of(cls, responses: Sequence[Response]) -> Replies:
        import numpy as np

        texts = ("key", "finish_reason", "failure", "detail", "stop_reason", "served_model")
        numbers = ("latency_s", "cost_usd", "reasoning_length")
        columns: dict[str, Any] = {
            name: [getattr(each, name) for each in responses]
            for name in (*texts, "created_at", *numbers)
        }
        columns |= {name: np.array(columns[name], dtype=np.float64) for name in numbers}
        usage = [msgspec.structs.astuple(each.usage) for each in responses]
        return cls(
            **columns,
            tokens=np.array(usage, dtype=np.int64).reshape(-1, len(Usage.__struct_fields__)),
            length=np.array([len(each.text) for each in responses], dtype=np.int64),
            thought=np.array([each.raw is not None for each in responses], dtype=np.bool_),
        )

    def response(self, row: int) -> Response:
        """One of them; its text, and what was sent, are not known."""
        thought, cost = float(self.reasoning_length[row]), float(self.cost_usd[row])
        return Response(
            self.key[row],
            finish_reason=self.finish_reason[row],
            usage=Usage(*self.tokens[row].tolist()),
            latency_s=float(self.latency_s[row]),
            cost_usd=None if math.isnan(cost) else cost,
            failure=self.failure[row],
            detail=self.detail[row],
            reasoning_length=None if math.isnan(thought) else int(thought),
            raw="" if self.thought[row] else None,
            stop_reason=self.stop_reason[row],
            served_model=self.served_model[row],
            created_at=self.created_at[row],
        )


class Answers(Sequence[Graded]):
    """The answers of a run in columns; a :class:`Graded` is made where one is asked for.

    Attributes
    ----------
    examples
        In the run's order.
    example, repeat
        Of each answer: the place of its example, and which repeat it is.
    signs
        What its verdicts say, a character for each criterion: ``1`` met, ``0`` not met, ``-`` for
        anything else.
    told
        Number of an answer → its verdicts, where ``signs`` do not say all of them.
    replies
        What systems said; ``reply`` is the row of each answer there, -1 where there is none.
    plain
        The verdicts that say met and not met, and nothing else.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        *,
        example: NDArray[np.intp],
        repeat: NDArray[np.intp],
        signs: Sequence[str],
        told: Mapping[int, tuple[Verdict | None, ...]],
        replies: Replies,
        reply: NDArray[np.intp],
        plain: Mapping[str, Verdict],
    ) -> None:
        self.examples = examples
        self.example = example
        self.repeat = repeat
        self.signs = signs
        self.told = told
        self.replies = replies
        self.reply = reply
        self._plain = plain

    def __len__(self) -> int:
        return len(self.example)

    @overload
    def __getitem__(self, index: int) -> Graded: ...
    @overload
    def __getitem__(self, index: slice) -> list[Graded]: ...
    def __getitem__(self, index: int | slice) -> Graded | list[Graded]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        return self._graded(range(len(self))[index])

    def __iter__(self) -> Iterator[Graded]:
        return map(self._graded, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    @property
    def lengths(self) -> NDArray[np.float64]:
        """Characters of each answer; NaN where there is none, or the call failed."""
        import numpy as np

        there = [failure is None for failure in self.replies.failure]
        known = np.where(np.array(there, dtype=bool), self.replies.length, np.nan)
        return np.append(known, np.nan)[self.reply]

    def is_plain(self, row: int) -> bool:
        """Whether it is an answer, and ``signs`` say all that its verdicts say."""
        reply = self.reply[row]
        return reply >= 0 and self.replies.failure[reply] is None and row not in self.told

    def by_example(self) -> Iterator[tuple[Example, Sequence[str]]]:
        """Each example with the signs of its answers."""
        import numpy as np

        edges = np.flatnonzero(np.diff(self.example, prepend=-1)).tolist()
        for start, stop in itertools.pairwise([*edges, len(self)]):
            yield self.examples[self.example[start]], self.signs[start:stop]

    def verdicts(self, row: int) -> tuple[Verdict | None, ...]:
        told = self.told.get(row)
        return tuple(map(self._plain.__getitem__, self.signs[row])) if told is None else told

    def _graded(self, row: int) -> Graded:
        reply = self.reply[row]
        return Graded(
            self.examples[self.example[row]],
            int(self.repeat[row]),
            None if reply < 0 else self.replies.response(reply),
            self.verdicts(row),
            None if reply < 0 else int(self.replies.length[reply]),
        )


def sign_of(verdict: Verdict | None) -> str:
    """``1`` met, ``0`` not met, ``-`` neither: as in :class:`Answers`."""
    met = None if verdict is None else verdict.met
    return "-" if met is None else "01"[met]


def examples_of(graded: Iterable[Graded]) -> dict[str, Example]:
    """The examples by id."""
    if isinstance(graded, Answers):
        asked = map(graded.examples.__getitem__, dict.fromkeys(graded.example.tolist()))
        return {example.id: example for example in asked}
    return {item.example.id: item.example for item in graded}


def replies_of(graded: Sequence[Graded]) -> Replies:
    """Every response that is there, in columns."""
    if isinstance(graded, Answers):
        return graded.replies
    return Replies.of([item.response for item in graded if item.response is not None])


def singly_told(graded: Sequence[Graded]) -> Iterator[tuple[Verdict | None, ...]]:
    """The verdicts of the answers of which some say more than met or not met."""
    if isinstance(graded, Answers):
        return iter(graded.told.values())
    return (item.verdicts for item in graded)


def signs_by_example(graded: Iterable[Graded]) -> Iterator[tuple[Example, Sequence[str]]]:
    """Each example, and of each answer a character a criterion: 1 met, 0 not met, - neither."""
    if isinstance(graded, Answers):
        yield from graded.by_example()
        return
    for _, same in itertools.groupby(graded, key=lambda item: id(item.example)):
        items = list(same)
        signs = ["".join(map(sign_of, item.verdicts)) for item in items]
        yield items[0].example, signs
