"""Episodes: what an agent did in a record → named checks, and whether it was right."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import nan
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from preceptor.environments.fhir.server import Exchange
from preceptor.environments.fhir.text import written
from preceptor.environments.fhir.tools import WRITES
from preceptor.environments.tools import FINISH
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Metric, Response, Score, ToolCall
from preceptor.records.responses import CALL_AS_TEXT
from preceptor.scoring.answers import PARSED, missing, scored
from preceptor.scoring.attempts import ATTEMPT_LABELS, all_of_k
from preceptor.scoring.ratings import Scale
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import set_metric
from preceptor.scoring.units import units

__all__ = ["EPISODE_LABELS", "Conduct", "EpisodeScoring", "conduct"]


class Conduct(NamedTuple):
    """What an agent did.

    Attributes
    ----------
    said
        The words of its turns.
    writes
        Address and body of what it wrote, in order; what was refused is not written.
    answers
        What it finished with: JSON as text; None where it did not finish.
    refused
        Requests that the server refused.
    rounds
        Its turns.
    """

    said: tuple[str, ...]
    writes: tuple[tuple[str, Any], ...]
    answers: str | None
    refused: int
    rounds: int


def conduct(response: Response) -> Conduct:
    """From the log of the record where there is one, else from the turns themselves."""
    own = [turn.message for turn in response.turns if turn.message.role == "assistant"]
    said = tuple(message.text for message in own) or (response.text,)
    logged = _logged(response.state)
    if logged is not None:
        requests, answers = logged
        held = [each for each in requests if each.status < 400]
        writes = [(each.address, each.sent) for each in held if each.method == "POST"]
        return Conduct(said, tuple(writes), answers, len(requests) - len(held), len(said))
    writes, answers = [], None
    for message in own:
        calls = [part for part in message.parts if isinstance(part, ToolCall)]
        for call in calls:
            kind, arguments = WRITES.get(call.name), call.decoded()
            if call.name == FINISH:
                answers = msgspec.json.encode(arguments.get("answers")).decode()
            elif kind is not None:
                writes.append((kind, {"resourceType": kind, **arguments}))
    for text in said:
        asked = written(text)
        if asked.action == "post" and asked.body is not msgspec.UNSET:
            writes.append((asked.address, asked.body))
        if asked.action == "finish":
            answers = asked.body
    return Conduct(said, tuple(writes), answers, 0, len(said))


def _logged(state: Any) -> tuple[list[Exchange], str | None] | None:
    """The requests and the answers of a session's state; None where it is none of ours."""
    if not isinstance(state, Mapping) or "requests" not in state:
        return None
    requests = msgspec.convert(state["requests"], list[Exchange])
    if "finish" in state:
        return requests, state["finish"]
    answers = state.get("answers")
    return requests, None if answers is None else msgspec.json.encode(answers).decode()


#: Display names of the family's metrics, for a benchmark's ``labels``.
EPISODE_LABELS = {
    OVERALL: "Tasks done right",
    PARSED: "Finished",
    "balanced": "Tasks done right, each branch of a type counted alike",
    "floor": "Right by ending at once, without an answer",
    "overordering": "Wrote something, of the tasks where nothing is due",
    "underordering": "Wrote nothing, of the tasks where something is due",
    "rounds": "Turns of the agent",
    "refused": "Requests refused by the server",
    CALL_AS_TEXT: "Ended by a tool call that was written as text",
    "checks": "Checks that hold",
    **ATTEMPT_LABELS,
}
#: Turns or requests of one episode that are counted.
_MOST = 100
#: An agent that ends at once.
_IDLE = Conduct((), (), "[]", 0, 1)


class EpisodeScoring(Scoring):
    """Right or wrong by the benchmark's rule, with the checks of which that is made.

    ``floor`` is the score of an agent that does nothing but end: no score means much below it.
    ``checks`` is the share of the verdict's checks that hold: partial credit.
    """

    #: Names of checks that the verdict does not have.
    beside: Collection[str] = ()
    scales: Mapping[str, Scale] = {
        **dict.fromkeys(("overordering", "underordering"), Scale(0, 1, higher_is_better=False)),
        "rounds": Scale(0, _MOST, "turns", higher_is_better=False),
        "refused": Scale(0, _MOST, "requests", higher_is_better=False),
        CALL_AS_TEXT: Scale(0, 1, higher_is_better=False),
    }
    shares = (OVERALL, PARSED, "check", "floor", "overordering", "underordering", CALL_AS_TEXT)

    def checks(self, example: Example, done: Conduct) -> dict[str, bool]:
        """Name → whether it holds, those that apply to the example."""
        raise NotImplementedError

    def due(self, example: Example) -> bool:
        """Whether the task asks for something to be written."""
        raise NotImplementedError

    def branch(self, example: Example) -> tuple[str, str]:
        """The kind of task, and which way the record makes it go."""
        raise NotImplementedError

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        """``balanced``: the mean over kinds of tasks of that over their branches; and pass^k."""
        branch_of = {example.id: self.branch(example) for example in examples}
        read = [score for score in scores if OVERALL in score.values]
        ids = [score.example_id for score in read]
        right = np.array([score.values[OVERALL] for score in read])
        places = {each: place for place, each in enumerate(sorted(set(branch_of.values())))}
        at = np.array([places[branch_of[id]] for id in ids], dtype=np.intp)
        kinds = list(dict.fromkeys(kind for kind, _ in places))
        kind_at = np.array([kinds.index(kind) for kind, _ in places], dtype=np.intp)

        def balanced(rows: NDArray[np.intp]) -> float:
            counts = np.bincount(at[rows], minlength=len(places))
            there = counts > 0
            rates = np.bincount(at[rows], right[rows], len(places))[there] / counts[there]
            of_kind = np.bincount(kind_at[there], minlength=len(kinds))
            sums = np.bincount(kind_at[there], rates, len(kinds))
            return float(np.mean(sums[of_kind > 0] / of_kind[of_kind > 0])) if len(rows) else nan

        coverage = len(read) / len(scores) if scores else 0.0
        own = set_metric(balanced, ids, units(examples), coverage=coverage)
        return {"balanced": own, **all_of_k(scores, units(examples))}

    def score(self, graded: Graded) -> Score:
        example, response = graded.example, graded.response
        due = self.due(example)
        ordering = "underordering" if due else "overordering"
        if response is None or response.failure is not None:
            return missing(graded, dict.fromkeys((OVERALL, PARSED, ordering), (0.0, 1.0)))
        done = conduct(response)
        checks = self.checks(example, done)
        held = self._held(checks)
        values = {
            OVERALL: float(all(held)),
            "checks": sum(held) / len(held),
            "floor": float(all(self._held(self.checks(example, _IDLE)))),
            ordering: float(bool(done.writes) is not due),
            "rounds": min(done.rounds, _MOST) / _MOST,
            "refused": min(done.refused, _MOST) / _MOST,
            CALL_AS_TEXT: float(response.stop_reason == CALL_AS_TEXT),
        }
        values |= {f"check:{name}": float(holds) for name, holds in checks.items()}
        return scored(graded, values, done.answers)

    def _held(self, checks: Mapping[str, bool]) -> list[bool]:
        """Whether each check of the verdict holds; there is always one."""
        return [holds for name, holds in checks.items() if name not in self.beside]
