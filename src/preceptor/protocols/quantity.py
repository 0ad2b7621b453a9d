"""A quantity that is asked for: value and unit, an interval, or a set of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Graded, Score
from preceptor.scoring.abstention import ABSTAINED
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.equivalence import (
    Quantity,
    Rule,
    Verdict,
    compared,
    read_quantities,
    stated_quantities,
)
from preceptor.scoring.ratings import Scale
from preceptor.scoring.rubric import OVERALL

__all__ = ["QUANTITY_LABELS", "QuantityScoring", "quantity", "quantity_rule", "reference"]

_SHARES: Mapping[Verdict, str] = {
    "unit missing": "unit_missing",
    "unit not understood": "unit_unknown",
    "other unit": "unit_other",
    "other value": "other_value",
}
#: Display names of the metrics, for a benchmark's ``labels``.
QUANTITY_LABELS = {
    OVERALL: "Right in value and unit",
    PARSED: "Answers that could be read",
    "equal_value": "Right, or equal in value with the unit missing",
    "unit_missing": "Equal in value, unit missing",
    "unit_unknown": "Unit not understood",
    "unit_other": "Unit that is not converted into the reference's",
    "other_value": "Another value",
}
_TOLD = (
    "End with one line that begins with “Answer:” and has the value with its unit. Separate "
    "several values by semicolons, and write a range as its two ends with a hyphen between them."
)


def reference(target: Mapping[str, Any]) -> list[Quantity]:
    """The quantities of a row's target. Raises ValueError, saying what was expected."""
    said, unit = target["answer"], target.get("unit")
    parts = said if isinstance(said, list) else [said]
    return [each for part in parts for each in stated_quantities(str(part), unit)]


def quantity_rule(target: Mapping[str, Any]) -> Rule:
    """When a value is right, as the row says."""
    return Rule(**{field: target.get(field) for field in Rule.__struct_fields__})


class QuantityScoring(Scoring):
    """A value with its unit, read out of a free answer and compared after conversion.

    Units are those of a closed table. Masses become amounts of substance only by the molar mass
    that the row states. The overall score is the share that is right in value and unit; every other
    verdict is a share of its own, and an answer that cannot be read is in none of them.
    """

    shares = (OVERALL, PARSED, "equal_value", *_SHARES.values())
    scales: Mapping[str, Scale] = dict.fromkeys(
        _SHARES.values(), Scale(0, 1, higher_is_better=False)
    )

    def score(self, graded: Graded) -> Score:
        text, target = answered(graded), graded.example.target
        names = (OVERALL, PARSED, "equal_value", *_SHARES.values())
        if text is None:
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        right = reference(target)
        asked = graded.example.messages[-1].text.rpartition("\n\n")[2]
        said = read_quantities(text, several=len(right) > 1, asked=asked)
        if isinstance(said, str) or not said:
            values = dict.fromkeys(names, 0.0)
            return scored(graded, values, ABSTAINED if said == ABSTAINED else None)
        verdict = compared(said, right, quantity_rule(target))
        values = {OVERALL: float(verdict == "right")}
        values["equal_value"] = float(verdict in ("right", "unit missing"))
        values |= {name: float(verdict == each) for each, name in _SHARES.items()}
        return scored(graded, values, "; ".join(each.shown() for each in said))


def quantity() -> Protocol:
    return Protocol("quantity", asking=Asking(_TOLD), scoring=QuantityScoring())
