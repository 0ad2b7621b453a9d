"""Tasks that are solved by programs: the number that the system ends with."""

from __future__ import annotations

from preceptor.environments.coding import Coding
from preceptor.environments.tools import FINISH
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Graded, Score
from preceptor.scoring.answers import PARSED, missing, scored
from preceptor.scoring.names import OVERALL
from preceptor.scoring.ratings import Scale

__all__ = ["CODING", "CODING_LABELS"]

#: Display names of the family's metrics, for a benchmark's ``labels``.
CODING_LABELS = {OVERALL: "Right", PARSED: "Finished", "programs": "Programs run"}
_MOST = 100


class NumberScoring(Scoring):
    """Right is a number within ``tolerance`` of the target's ``answer``, as a share of it; 0 for
    one that must be exact."""

    shares = (OVERALL, PARSED)
    scales = {"programs": Scale(0, _MOST, "programs", higher_is_better=False)}  # noqa: RUF012

    def score(self, graded: Graded) -> Score:
        response = graded.response
        if response is None or response.failure is not None:
            return missing(graded, dict.fromkeys((OVERALL, PARSED), (0.0, 1.0)))
        state = response.state if isinstance(response.state, dict) else {}
        said, target = state.get(FINISH), graded.example.target
        right = said is not None and (
            abs(said - target["answer"]) <= target["tolerance"] * abs(target["answer"]) + 1e-12
        )
        values = {OVERALL: float(right), "programs": min(state.get("programs", 0), _MOST) / _MOST}
        return scored(graded, values, said)


CODING = Protocol("coding", environment=Coding(), scoring=NumberScoring())
