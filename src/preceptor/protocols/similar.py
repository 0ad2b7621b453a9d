"""Free answers held against a reference by their characters; and attributes of such answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from preceptor.protocols.scoring import Scoring
from preceptor.reasoning import said_in
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored, unread
from preceptor.scoring.characters import alike
from preceptor.scoring.json_text import json_in
from preceptor.scoring.rated import rated_pairs
from preceptor.scoring.ratings import Scale
from preceptor.scoring.rubric import OVERALL

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ATTRIBUTE_LABELS",
    "CHARACTER_LABELS",
    "AttributeScoring",
    "CharacterScoring",
]

#: What a client writes where the call gave nothing.
_NOTHING = "None!"
_WIDTH = 10
_RANGES = {part: f"{part / _WIDTH:.1f} to {(part + 1) / _WIDTH:.1f}" for part in range(_WIDTH)}
_KINDS = ("cosine", "jaccard")

#: Display names of the metrics, for a benchmark's ``labels``.
CHARACTER_LABELS = {
    OVERALL: "Cosine of characters",
    PARSED: "Answers that are not empty",
    "jaccard": "Jaccard index of characters",
    "refused": "No answer, or None!",
    "cosine_in": "Cosine, share of answers in each tenth",
    "jaccard_in": "Jaccard index, share of answers in each tenth",
    **{f"{kind}_in:{words}": words for kind in _KINDS for words in _RANGES.values()},
}
ATTRIBUTE_LABELS = {
    OVERALL: "Attributes marked alike, mean over answers",
    PARSED: "Answers that could be read",
    "kappa": "Cohen's kappa, all attributes",
    "agreement": "Marked alike, all attributes",
}


class CharacterScoring(Scoring):
    """The cosine of the counts of characters, and beside it their Jaccard index.

    ``cosine_in:0.4 to 0.5`` is the share of answers there, and so for all tenths. An answer that is
    empty or ``None!`` has 0 in both, and counts in ``refused``; a call that failed has no value.
    """

    shares = (PARSED, "refused", *(f"{kind}_in" for kind in _KINDS))
    scales: Mapping[str, Scale] = {"refused": Scale(0, 1, higher_is_better=False)}
    reads = False

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None:
            names = (OVERALL, "jaccard", "refused", PARSED)
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        said = said_in(text).strip()
        said = "" if said == _NOTHING else said
        cosine, jaccard = alike(said, graded.example.target["reference"])
        values = {OVERALL: cosine, "jaccard": jaccard, "refused": float(not said)}
        for kind, value in zip(_KINDS, (cosine, jaccard), strict=True):
            at = min(int(value * _WIDTH + 1e-9), _WIDTH - 1)
            for part, words in _RANGES.items():
                values[f"{kind}_in:{words}"] = float(part == at)
        return scored(graded, values, said[:1] or None)


class AttributeScoring(Scoring):
    """What a system says of the attributes of a text, 1 or 0 each, held against what was said.

    ``target`` is ``{"attributes": {name: 1 or 0}}``; one of which neither was said is left out.
    The overall score of an answer is the share of attributes that are marked alike. Cohen's kappa
    and the share alike are over all attributes of all texts, and of each. An attribute that the
    system leaves out is not in them, and is not wrong: the share given is their coverage.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)

    def read(self, text: str) -> dict[str, int] | None:
        found = json_in(text)
        if not isinstance(found, dict):
            return None
        said = {str(name).strip().casefold(): value for name, value in found.items()}
        marks = {name: _mark(said.get(name.casefold())) for name in self.names}
        return {name: mark for name, mark in marks.items() if mark is not None} or None

    def score(self, graded: Graded) -> Score:
        text, wanted = answered(graded), graded.example.target["attributes"]
        said = None if text is None else self.read(text)
        both = [] if said is None else [name for name in wanted if name in said]
        if text is None:
            return missing(graded, {OVERALL: (0.0, 1.0), PARSED: (0.0, 1.0)})
        if said is None or not both:
            return unread(graded)
        alike = sum(said[name] == wanted[name] for name in both) / len(both)
        return scored(graded, {OVERALL: alike}, said)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        wanted = {each.id: each.target["attributes"] for each in examples}
        found: dict[str, Metric] = {}
        for name in ("", *self.names):
            rows = [
                (score.example_id, (score.prediction or {}).get(one), mark)
                for score in scores
                for one, mark in wanted[score.example_id].items()
                if name in ("", one)
            ]
            if rows:
                ending = f":{name}" if name else ""
                pairs = rated_pairs(rows, examples)
                found |= {f"{kind}{ending}": metric for kind, metric in pairs.items()}
        return found


def _mark(value: Any) -> int | None:
    if isinstance(value, bool):
        return int(value)
    text = str(value).strip().casefold()
    return {"1": 1, "1.0": 1, "0": 0, "0.0": 0, "true": 1, "false": 0}.get(text)
