"""Examples beside variants of them: what a variant changes in right and wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from preceptor.records import Example, Metric, Score
from preceptor.scoring.names import OVERALL
from preceptor.scoring.paired import p_metric
from preceptor.scoring.sets import mean_metric
from preceptor.scoring.units import units
from preceptor.statistics import holm, mcnemar

__all__ = ["variant_effects"]

#: (right as it is, right as a variant, the example's id) of one repeat.
_Pair = tuple[bool, bool, str]


def variant_effects(
    scores: Sequence[Score], examples: Sequence[Example], namespaces: Collection[str]
) -> dict[str, Metric]:
    """What each kind of variant, the value of its tag in one of these, makes of accuracy.

    ``effect:KIND`` is the mean over examples of right (1 or 0) as the variant less right as the
    example is, −1 to 1; ``effect_p:KIND`` the p of McNemar's exact test on these pairs, adjusted by
    Holm's method over all kinds. A pair counts where both have a score.
    """
    pairs, unit_of = _pairs(scores, examples, namespaces), units(examples)
    tests = [
        mcnemar([plain for plain, _, _ in each], [changed for _, changed, _ in each])
        for each in pairs.values()
    ]
    own: dict[str, Metric] = {}
    for (kind, each), p in zip(pairs.items(), holm([test.p for test in tests]), strict=True):
        ids = [id for _, _, id in each]
        changes = [float(changed) - float(plain) for plain, changed, _ in each]
        own[f"effect:{kind}"] = mean_metric(changes, ids, unit_of, lowest=-1.0)
        own[f"effect_p:{kind}"] = p_metric(p, len(set(ids)))
    return own


def _pairs(
    scores: Sequence[Score], examples: Sequence[Example], namespaces: Collection[str]
) -> dict[str, list[_Pair]]:
    by_id = {example.id: example for example in examples}
    right = {
        (score.example_id, score.repeat): score.values[OVERALL] == 1
        for score in scores
        if OVERALL in score.values
    }
    found: dict[str, list[_Pair]] = {}
    for (id, repeat), changed in right.items():
        of = by_id[id].of
        if isinstance(of, str) and (of, repeat) in right:
            for tag in by_id[id].tags:
                namespace, _, kind = tag.partition(":")
                if namespace in namespaces:
                    found.setdefault(kind, []).append((right[of, repeat], changed, of))
    return dict(sorted(found.items()))
