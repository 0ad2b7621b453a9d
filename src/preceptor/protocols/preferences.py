"""A judge that chooses the better of two answers, in both orders, held against people's choice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from preceptor.protocols.scoring import Scoring
from preceptor.reasoning import said_in
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored, unread
from preceptor.scoring.json_text import json_in
from preceptor.scoring.rated import rated_pairs
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import mean_metric
from preceptor.scoring.units import units

__all__ = ["PREFERENCE_LABELS", "SIDES", "PreferenceScoring"]

SIDES = ("A", "B")
_SWAPPED = {"A": "B", "B": "A"}

#: Display names of the metrics, for a benchmark's ``labels``.
PREFERENCE_LABELS = {
    OVERALL: "Chooses as people do, both orders",
    PARSED: "Replies that could be read",
    "dimension": "Chooses as people do: dimension",
    "right_in_both": "Chooses as people do in both orders",
    "consistent": "The same answer in both orders",
    "first_chosen": "Chooses the answer shown first (half without bias)",
    "kappa": "Cohen's kappa with people",
}


class PreferenceScoring(Scoring):
    """Each pair is asked twice, the second time with the answers swapped.

    ``target`` is ``{"pair": id, "swapped": bool, "winners": {dimension: "A" or "B"}}``, the winners
    as the pair is given, unswapped. The overall score is whether the ``main`` dimension's winner is
    people's; ``dimension:…`` the same of each. Of the main dimension, and of each with its name
    behind a colon, there are: ``kappa``; ``consistent`` and ``right_in_both``, of the pairs that
    were judged in both orders; ``first_chosen``, the share of replies for the answer shown first,
    of pairs judged in both orders, so that which answer is better plays no part.

    A dimension that a reply leaves out, or gives neither A nor B, has no value; so has a reply that
    cannot be read. One letter is no verdict on six dimensions.
    """

    shares = (OVERALL, PARSED, "dimension")
    units_are = "pairs"

    def __init__(self, dimensions: Sequence[str], main: str) -> None:
        self.dimensions, self.main = tuple(dimensions), main

    def read(self, text: str, *, swapped: bool) -> dict[str, str]:
        """Dimension → the winner, A and B as the pair is given."""
        found = json_in(said_in(text))
        if not isinstance(found, dict):
            return {}
        by_name = {str(name).strip().casefold(): value for name, value in found.items()}
        said = {name: str(by_name.get(name, "")).strip().upper() for name in self.dimensions}
        return {
            name: _SWAPPED[side] if swapped else side
            for name, side in said.items()
            if side in SIDES
        }

    def score(self, graded: Graded) -> Score:
        text, target = answered(graded), graded.example.target
        wanted: Mapping[str, str] = target["winners"]
        names = (OVERALL, *(f"dimension:{name}" for name in wanted))
        if text is None:
            return missing(graded, dict.fromkeys((PARSED, *names), (0.0, 1.0)))
        said = self.read(text, swapped=target["swapped"])
        if not said:
            return unread(graded, names)
        values = {
            f"dimension:{name}": float(said[name] == side)
            for name, side in wanted.items()
            if name in said
        }
        main = values.get(f"dimension:{self.main}")
        return scored(graded, values if main is None else {OVERALL: main, **values}, said)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        targets = {each.id: each.target for each in examples}
        found: dict[str, Metric] = {}
        for name in (self.main, *(each for each in self.dimensions if each != self.main)):
            ending = "" if name == self.main else f":{name}"
            rows = [
                (score.example_id, (score.prediction or {}).get(name), targets[score.example_id])
                for score in scores
                if name in targets[score.example_id]["winners"]
            ]
            if not rows:
                continue
            human = [(id, said, target["winners"][name]) for id, said, target in rows]
            kappa = rated_pairs(human, examples)["kappa"]
            found |= {f"kappa{ending}": kappa, **self._orders(name, ending, scores, examples)}
        return found

    def _orders(
        self, name: str, ending: str, scores: Sequence[Score], examples: Sequence[Example]
    ) -> dict[str, Metric]:
        """What both orders of a pair say, together."""
        targets, unit_of = {each.id: each.target for each in examples}, units(examples)
        pairs: dict[tuple[str, int], dict[bool, str | None]] = defaultdict(dict)
        of: dict[tuple[str, int], str] = {}
        for score in scores:
            target = targets[score.example_id]
            if name in target["winners"]:
                key = (target["pair"], score.repeat)
                pairs[key][target["swapped"]] = (score.prediction or {}).get(name)
                of[key] = score.example_id
        both = {k: (v[False], v[True]) for k, v in pairs.items() if v.get(False) and v.get(True)}
        ids, coverage = [of[key] for key in both], len(both) / max(len(pairs), 1)
        wanted = [targets[id]["winners"][name] for id in ids]
        said = list(both.values())
        shares = {
            "consistent": [one == two for one, two in said],
            "right_in_both": [one == two == w for (one, two), w in zip(said, wanted, strict=True)],
        }
        found = {
            f"{kind}{ending}": mean_metric(
                np.array(values, dtype=float), ids, unit_of, share=True, coverage=coverage
            )
            for kind, values in shares.items()
        }
        # Unswapped, A is shown first; swapped, B is.
        first = [((one == "A") + (two == "B")) / 2 for one, two in said]
        found[f"first_chosen{ending}"] = mean_metric(
            np.array(first, dtype=float), ids, unit_of, coverage=coverage, lowest=0.0, highest=1.0
        )
        return found
