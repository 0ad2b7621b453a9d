"""Labels for texts: one of several, or several of several, read out of a free answer."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from preceptor.errors import InputError
from preceptor.protocols.scoring import Scoring
from preceptor.reasoning import said_in
from preceptor.records import Example, Graded, Metric, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.labels import Deferral, deferral_curve, macro_f1, multilabel_macro_f1
from preceptor.scoring.letters import read_label
from preceptor.scoring.plain import unmarked
from preceptor.scoring.reading import field_of, json_in
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import set_metric
from preceptor.scoring.turns import first_turn, questions
from preceptor.scoring.units import units

__all__ = [
    "CONFIDENCE",
    "LabelScoring",
    "MultiLabelScoring",
    "deferral",
]

#: Mean of how sure the system says it is, 0 to 1, where it was asked.
CONFIDENCE = "confidence"

_KEYS = ("label", "answer", "decision", "stance")


class LabelScoring(Scoring):
    """One label for each text: accuracy, and macro-F1 over the labels.

    The example's target is ``{"label": …}``, with ``"cluster"`` where several examples are about
    one text. An answer that cannot be read is wrong.

    Parameters
    ----------
    forms
        Label → the words that mean it in an answer.
    by
        Namespace of a tag (``myth``): macro-F1 is computed for each tag of it, and averaged.
    confidence
        Whether the answer says how sure it is.
    units_are
        What several examples may be about, in the plural.
    """

    shares: Collection[str] = (OVERALL, PARSED)

    def __init__(
        self,
        forms: Mapping[str, Sequence[str]],
        *,
        by: str | None = None,
        confidence: bool = False,
        units_are: str = "texts",
    ) -> None:
        self.forms, self.units_are, self.by, self.confidence = forms, units_are, by, confidence

    def read(self, text: str) -> str | None:
        """The label that an answer says: under a key of its JSON, else as a word of it."""
        for part in questions(first_turn(text)):
            value = field_of(part, _KEYS)
            said = None if value is None else read_label(str(value), self.forms)
            if said := said or read_label(part, self.forms):
                return said
        return None

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None:
            return missing(graded, {OVERALL: (0.0, 1.0), PARSED: (0.0, 1.0)})
        said = self.read(text)
        values = {OVERALL: float(said == graded.example.target["label"])}
        sure = _share(field_of(text, ("confidence",))) if self.confidence else None
        if sure is not None:
            values[CONFIDENCE] = sure
        return scored(graded, values, said)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        by_id = {example.id: example for example in examples}
        there = [score for score in scores if score.values]
        groups: dict[str, list[int]] = {}
        for row, score in enumerate(there):
            tags = by_id[score.example_id].tags
            for tag in tags if self.by else ():
                if tag.startswith(f"{self.by}:"):
                    groups.setdefault(tag, []).append(row)
        place = {label: number for number, label in enumerate(self.forms)}
        gold = [place[by_id[score.example_id].target["label"]] for score in there]
        said = [place.get(str(score.prediction), -1) for score in there]
        ids, unit_of = [score.example_id for score in there], units(examples)
        coverage = len(there) / len(scores) if scores else 0.0
        statistic = macro_f1(gold, said, len(place))
        found = {}
        for tag, part in groups.items():
            rows = np.array(part)
            found[f"macro_f1:{tag.partition(':')[2]}"] = set_metric(
                lambda picked, rows=rows: statistic(rows[picked]),  # type: ignore[misc]
                [ids[row] for row in part],
                unit_of,
                coverage=coverage,
            )
        member = [np.isin(np.arange(len(there)), part) for part in groups.values()]

        def mean_of_groups(picked: np.ndarray[Any, np.dtype[np.intp]]) -> float:
            return float(np.mean([statistic(picked[inside[picked]]) for inside in member]))

        pooled = mean_of_groups if groups else statistic
        whole = set_metric(pooled, ids, unit_of, coverage=coverage)
        return {"macro_f1": whole, **found}


def _share(value: object) -> float | None:
    """A confidence as a share: ``0.8``, ``80``, ``"80 %"``; None for what is none."""
    try:
        number = float(str(value).strip().rstrip("%").strip())
    except ValueError:
        return None
    number = number / 100 if number > 1 else number
    return number if 0 <= number <= 1 else None


def deferral(
    cheap: Sequence[Score],
    strong: Sequence[Score],
    examples: Sequence[Example],
    labels: Sequence[str],
    *,
    by: str | None = None,
) -> list[Deferral]:
    """Macro-F1 against the share of texts that a cheap system leaves to a stronger one.

    Both ran on the same examples; the cheap one said how sure it was. A text without an answer of
    both is left out; an answer that cannot be read, or without confidence, is the least certain.
    With the protocol's own ``by`` the macro-F1 is the mean over the tags of that namespace, as in
    the runs' own metric.

    Raises InputError where no answer of the cheap system has a confidence.
    """
    by_id = {example.id: example for example in examples}
    other = {(score.example_id, score.repeat): score for score in strong if score.values}
    pairs = [
        (score, other[score.example_id, score.repeat])
        for score in cheap
        if score.values and (score.example_id, score.repeat) in other
    ]
    if not any(CONFIDENCE in first.values for first, _ in pairs):
        raise InputError("deferral: needs answers that say how sure they are, found none")
    place = {label: number for number, label in enumerate(labels)}
    return deferral_curve(
        [place[by_id[first.example_id].target["label"]] for first, _ in pairs],
        [place.get(str(first.prediction), -1) for first, _ in pairs],
        [
            -1.0 if first.prediction is None else first.values.get(CONFIDENCE, 0)
            for first, _ in pairs
        ],
        [place.get(str(second.prediction), -1) for _, second in pairs],
        n_labels=len(place),
        parts=[_part(by_id[first.example_id], by) for first, _ in pairs],
    )


def _part(example: Example, by: str | None) -> str:
    return next((tag for tag in example.tags if tag.startswith(f"{by}:")), "")


class MultiLabelScoring(Scoring):
    """Several labels for each text, each with one of two qualities.

    The example's target is ``{"labels": {label: quality}}``. An answer is a JSON object of that
    form, a list of labels, or nothing (``{}``, ``none``). The overall score is 1 where the set of
    labels is right; ``quality_match`` where the qualities are too.

    Parameters
    ----------
    labels
        In the benchmark's spelling; an answer's case does not count.
    marked, other
        The two qualities. ``marked_macro_f1`` counts a label only where it has the first.
    """

    units_are = "texts"
    shares = (OVERALL, PARSED, "quality_match")

    def __init__(self, labels: Sequence[str], marked: str, other: str) -> None:
        self.labels, self.marked, self.other = tuple(labels), marked, other
        either = "|".join(re.escape(label) for label in labels)
        self._label = re.compile(
            rf"\W*+({either})(?:\s*+[:(–—-][\s(]*+(\w[\w -]{{0,30}}))?\W*", re.IGNORECASE
        )

    def read(self, text: str) -> dict[str, str | None] | None:
        """Label → quality, None where none is said; None where the answer cannot be read."""
        text = first_turn(text)
        found = json_in(text)
        if found is None:
            return self._listed(text)
        if isinstance(found, dict) and isinstance(found.get("labels"), list | dict):
            found = found["labels"]
        pairs = _pairs(found)
        known = {label.casefold(): label for label in self.labels}
        said: dict[str, str | None] = {}
        for name, quality in pairs:
            label = known.get(str(name).strip().casefold())
            if label is not None:
                said[label] = self._quality(quality)
        return said if said or not pairs or _says_none(pairs) else None

    def _listed(self, text: str) -> dict[str, str | None] | None:
        """The same without JSON: labels in the last lines, a quality after each or none."""
        said: dict[str, str | None] | None = None
        for line in map(unmarked, unmarked(said_in(text)).splitlines()):
            if not line.strip():
                continue
            named = [self._label.fullmatch(part) for part in _PARTS.split(_LINE_HEAD.sub("", line))]
            if not all(named):
                said = {} if _NO_LABEL.fullmatch(line) else None
                continue
            said = said or {}
            for found in filter(None, named):
                label = next(each for each in self.labels if each.casefold() == found[1].casefold())
                said[label] = self._quality(found[2]) if found[2] else None
        return said

    def _quality(self, value: object) -> str | None:
        forms = {self.marked: (self.marked,), self.other: (self.other,)}
        return read_label(str(value), forms)

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        names = (OVERALL, PARSED, "quality_match")
        if text is None:
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        said, gold = self.read(text), graded.example.target["labels"]
        same = said is not None and set(said) == set(gold)
        return scored(graded, {OVERALL: float(same), "quality_match": float(said == gold)}, said)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        by_id = {example.id: example for example in examples}
        there = [score for score in scores if score.values]
        gold = [by_id[score.example_id].target["labels"] for score in there]
        said = [score.prediction or {} for score in there]
        ids, unit_of = [score.example_id for score in there], units(examples)
        coverage = len(there) / len(scores) if scores else 0.0
        own = {}
        for name, quality in (("macro_f1", None), ("marked_macro_f1", self.marked)):
            tables = (self._table(gold, quality), self._table(said, quality))
            statistic = multilabel_macro_f1(*tables)
            own[name] = set_metric(statistic, ids, unit_of, coverage=coverage)
        return own

    def _table(
        self, rows: Sequence[Mapping[str, Any]], quality: str | None
    ) -> np.ndarray[Any, np.dtype[np.bool_]]:
        whole = [
            [label in row and quality in (None, row[label]) for label in self.labels]
            for row in rows
        ]
        return np.array(whole, dtype=np.bool_).reshape(len(rows), len(self.labels))


#: Between labels on one line.
_PARTS = re.compile(r"[,;](?:\s+and\s)?|\s(?:and|&)\s")
_LINE_HEAD = re.compile(r"^[\s•*-]*(?:(?:final\s+)?(?:labels?|answers?)\s*:)?\s*", re.IGNORECASE)
_NO_LABEL = re.compile(
    r"\W*(?:(?:final\s+)?(?:labels?|answers?)\s*:\s*)?"
    r"(?:none(?: of (?:the|these|them)[^.\n]{0,40})?|no (?:relevant |such )?"
    r"(?:labels?|categor\w+|(?:social )?determinants?|sdoh)\b[^.\n]{0,60})\W*",
    re.IGNORECASE,
)


def _pairs(found: object) -> list[tuple[object, object]]:
    """Labels with what is said of each; without those that are said to be absent."""
    if isinstance(found, dict):
        return [(name, value) for name, value in found.items() if value not in (None, False)]
    return [_pair(each) for each in found] if isinstance(found, list) else []


def _pair(each: object) -> tuple[object, object]:
    if isinstance(each, dict):
        by_name = {str(key).casefold(): value for key, value in each.items()}
        return by_name.get("label"), next(
            (value for key, value in by_name.items() if key != "label"), None
        )
    if isinstance(each, list) and len(each) == 2:
        return each[0], each[1]
    return each, None


def _says_none(pairs: Sequence[tuple[object, object]]) -> bool:
    return all("no" in str(part).casefold() for part, _ in pairs)
