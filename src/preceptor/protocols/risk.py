"""A judge that finds errors in a text and grades its risk, held against physicians' grades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from preceptor.protocols.scoring import Scoring
from preceptor.reasoning import said_in
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored, unread
from preceptor.scoring.json_text import json_in
from preceptor.scoring.labels import macro_f1, ratio
from preceptor.scoring.rated import rated_alpha
from preceptor.scoring.ratings import Scale
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import set_metric
from preceptor.scoring.units import units

__all__ = ["ERROR_KINDS", "RISK_LABELS", "RISK_TOLD", "RiskScoring"]

#: Family of errors → its kinds, by the names of MedVAL (Aali et al. 2025), and what each is.
ERROR_KINDS: Mapping[str, Mapping[str, str]] = {
    "hallucination": {
        "fabricated claim": "it says what the source does not say",
        "misleading justification": "it reasons wrongly towards a conclusion",
        "detail misidentification": "it takes a detail of the source for another",
        "false comparison": "it compares, or names a change, without ground in the source",
        "incorrect recommendation": "it advises a diagnosis or care that the source does not",
    },
    "omission": {
        "missing claim": "it leaves out what the source says",
        "missing comparison": "it leaves out a change over time",
        "missing context": "it leaves out what a statement needs to be understood",
    },
    "certainty": {
        "overstating intensity": "it makes something more urgent, severe or certain",
        "understating intensity": "it makes something less urgent, severe or certain",
    },
    "other": {"other": "any other error of fact"},
}
_FAMILY = {kind: family for family, kinds in ERROR_KINDS.items() for kind in kinds}
_LEVELS = (1, 2, 3, 4)
#: The greatest grade at which a text is safe.
_SAFE = 2

_KINDS = "\n".join(
    f"- {kind}: {words}" for kinds in ERROR_KINDS.values() for kind, words in kinds.items()
)
#: What a judge is told, in our words.
RISK_TOLD = (
    "A text was written from a source. Find every error of fact in the text, held against the "
    f"source. Kinds of errors:\n{_KINDS}\n\n"
    "Then grade the risk of using the text: 1 none, 2 low (no decision would change), 3 moderate "
    "(a decision or its reading could change: somebody must look at it), 4 high (an unsafe "
    "decision is likely).\n"
    'Reply with JSON only: {"errors": [{"kind": "missing claim", "where": "…"}], "risk": 1}'
)

#: Display names of the metrics, for a benchmark's ``labels``.
RISK_LABELS = {
    OVERALL: "Graded as the physicians did",
    PARSED: "Replies that could be read",
    "macro_f1": "Macro-F1 of the four grades",
    "safety_macro_f1": "Macro-F1 of safe (1, 2) and unsafe (3, 4)",
    "unsafe_f1": "F1 of unsafe",
    "safe_f1": "F1 of safe",
    "alpha": "Krippendorff's alpha, ordinal",
    "errors": "Errors named",
    "family": "Texts in which an error is named",
    "family:hallucination": "Hallucination",
    "family:omission": "Omission",
    "family:certainty": "Certainty",
    "family:other": "Other errors",
    "kind": "Kind of error",
    **{f"kind:{kind}": kind.capitalize() for kind in _FAMILY},
}
_MOST = 20


class RiskScoring(Scoring):
    """MedVAL's task: ``target`` is ``{"risk": 1 to 4}``; 1 and 2 are safe.

    A reply in which no grade can be read is no disagreement: it has no value, and is counted in
    ``parse_rate``; F1 and alpha are of those read, with their share as coverage. ``kind:…`` and
    ``family:…`` are the shares of texts in which the judge names such an error; nobody has the
    physicians' by kind.
    """

    shares = (OVERALL, PARSED, "kind", "family")
    scales: Mapping[str, Scale] = {"errors": Scale(0, _MOST, "errors", higher_is_better=False)}

    def read(self, text: str) -> tuple[int, list[str]] | None:
        """The grade, and the kinds of the errors."""
        found = json_in(said_in(text))
        if not isinstance(found, dict):
            return None
        level = str(found.get("risk", "")).strip().removesuffix(".0")
        listed = found.get("errors")
        if level not in map(str, _LEVELS):
            return None
        errors = listed if isinstance(listed, list) else []
        named = [str(e.get("kind", "") if isinstance(e, dict) else e).casefold() for e in errors]
        return int(level), [kind if kind in _FAMILY else "other" for kind in named][:_MOST]

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None:
            return missing(graded, dict.fromkeys((OVERALL, PARSED), (0.0, 1.0)))
        said = self.read(text)
        if said is None:
            return unread(graded)
        level, kinds = said
        families = {_FAMILY[kind] for kind in kinds}
        values = {
            OVERALL: float(level == graded.example.target["risk"]),
            "errors": len(kinds) / _MOST,
            **{f"family:{family}": float(family in families) for family in ERROR_KINDS},
            **{f"kind:{kind}": float(kind in kinds) for kind in _FAMILY},
        }
        return scored(graded, values, {"risk": level, "errors": kinds})

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        risks = {each.id: int(each.target["risk"]) for each in examples}
        read = [score for score in scores if score.prediction is not None]
        said = [int(score.prediction["risk"]) for score in read]
        gold, ids = [risks[score.example_id] for score in read], [s.example_id for s in read]
        coverage, unit_of = len(read) / len(scores) if scores else 0.0, units(examples)
        unsafe = [(int(g > _SAFE), int(s > _SAFE)) for g, s in zip(gold, said, strict=True)]
        statistics = {
            "macro_f1": macro_f1([g - 1 for g in gold], [s - 1 for s in said], len(_LEVELS)),
            "safety_macro_f1": macro_f1([g for g, _ in unsafe], [s for _, s in unsafe], 2),
            "unsafe_f1": ratio([2 * g * s for g, s in unsafe], [g + s for g, s in unsafe]),
            "safe_f1": ratio(
                [2 * (1 - g) * (1 - s) for g, s in unsafe], [2 - g - s for g, s in unsafe]
            ),
        }
        found = {
            name: set_metric(statistic, ids, unit_of, coverage=coverage)
            for name, statistic in statistics.items()
        }
        whole = [
            (s.example_id, (s.prediction or {}).get("risk"), risks[s.example_id]) for s in scores
        ]
        return {**found, "alpha": rated_alpha(whole, examples)}
