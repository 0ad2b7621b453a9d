"""Extraction: the entities of a text by type, compared by their ends and by their tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Message, Metric, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.labels import by_unit, ratio
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import set_metric
from preceptor.scoring.spans import (
    Span,
    Tally,
    Text,
    read_spans,
    read_tags,
    spans_of_tags,
    tags_of_spans,
    tally,
)
from preceptor.scoring.units import units

__all__ = ["EXTRACTION_LABELS", "SpanScoring", "extraction", "span_example"]

#: Display names of the family's metrics, for a benchmark's ``labels``.
EXTRACTION_LABELS = {
    OVERALL: "F1 of exact spans, mean over texts",
    PARSED: "Answers that could be read",
    "exact_f1": "F1, exact spans",
    "partial_f1": "F1, partial spans",
    "token_f1": "F1, tokens",
    "token_accuracy": "Token accuracy, mean over texts",
}

_KINDS = ("exact", "partial", "token")

#: What a system is asked before the text; ``{labels}`` are the types.
ENGLISH = (
    "Find every mention of these types in the text: {labels}. Reply with a JSON list, one object "
    'for each mention in the order of the text: {{"text": "…", "label": "…"}}. Copy the text of a '
    "mention exactly; list it again where it stands again. Reply with [] if there is none."
)


def span_example(
    id: str,
    tokens: Sequence[str],
    labels: Sequence[str],
    *,
    tags: Sequence[str] = (),
    spans: Sequence[Span] = (),
    text: str = "",
) -> Example:
    """The Example of one text, of which the entities are known by IOB tags or by spans.

    Parameters
    ----------
    text
        As it is shown; the tokens joined by spaces where it is not given.
    """
    shown = text or " ".join(tokens)
    known = spans_of_tags(tags) if tags else spans
    target = {
        "tokens": list(tokens),
        "labels": list(labels),
        "spans": [list(span) for span in known],
        "tags": list(tags) or tags_of_spans(known, len(tokens)),
    }
    return Example(id=id, messages=(Message("user", shown),), criteria=(), target=target)


class SpanScoring(Scoring):
    """Named entities.

    The overall score of a response is the F1 of its exact spans, 1 where there is none and none was
    named; the metrics of the whole set are micro-averaged, by type and over all: ``exact_f1`` (both
    ends and the type right), ``partial_f1`` (half a hit for an overlap) and ``token_f1``. An answer
    that cannot be read names nothing, and scores 0.
    """

    shares = (PARSED,)

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        names = (OVERALL, PARSED, "token_accuracy")
        if text is None:
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        source, gold = _source(graded.example), _gold(graded.example)
        said = read_spans(text, source)
        tags = graded.example.target["tags"]
        shown = read_tags(text, source) or tags_of_spans(said or [], len(tags))
        right = sum(a == b for a, b in zip(tags, shown, strict=True))
        exact = {*gold} & {*(said or [])}
        total = len(gold) + len(said or [])
        whole = 1.0 if total == 0 else 2 * len(exact) / total
        values = {
            OVERALL: 0.0 if said is None else whole,
            "token_accuracy": right / len(tags) if said is not None else 0.0,
        }
        return scored(graded, values, None if said is None else [list(span) for span in said])

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        own = {}
        by_id = {example.id: example for example in examples}
        there = [score for score in scores if score.values]
        unit_of = units(examples)
        drawn = [unit_of[score.example_id] for score in there]
        n = len({score.example_id for score in there})
        coverage = len(there) / len(scores) if scores else 0.0
        found = [self.tallies(score, by_id[score.example_id]) for score in there]
        labels = sorted({label for each in found for label in each})
        for kind in _KINDS:
            for label in (None, *labels) if len(labels) > 1 else (None,):
                pairs = [self.pair(each, kind, label) for each in found]
                names, (hits, total) = by_unit(
                    drawn, [part for part, _ in pairs], [whole for _, whole in pairs]
                )
                name = f"{kind}_f1" if label is None else f"{kind}_f1:{label}"
                metric = set_metric(ratio(hits, total), names, coverage=coverage)
                own[name] = msgspec.structs.replace(metric, n=n)
        return own

    def tallies(self, score: Score, example: Example) -> dict[str, Tally]:
        """Type → how many entities of it are right in one response."""
        said = [(first, last, label) for first, last, label in score.prediction or ()]
        gold = _gold(example)
        return {label: tally(gold, said, label) for label in example.target["labels"]}

    def pair(self, found: Mapping[str, Tally], kind: str, label: str | None) -> tuple[float, float]:
        """(hits, said + gold) of one type or of all: what F1 is the ratio of."""
        picked = [each for name, each in found.items() if label in (None, name)]
        pairs = [
            {"exact": each.exact, "partial": each.partial, "token": each.tokens}[kind]
            for each in picked
        ]
        return sum(part for part, _ in pairs), sum(whole for _, whole in pairs)


def _source(example: Example) -> Text:
    target = example.target
    return Text(example.messages[-1].text, target["tokens"], target["labels"])


def _gold(example: Example) -> list[Span]:
    return [(first, last, label) for first, last, label in example.target["spans"]]


def extraction(instruction: str = ENGLISH) -> Protocol:
    """A text whose entities are to be named; ``{labels}`` in the instruction are their types."""
    asking = Asking(lambda example: instruction.format(labels=", ".join(example.target["labels"])))
    return Protocol("extraction", asking=asking, scoring=SpanScoring())
