"""De-identification: what identifies a person is named, and what stays in the text is counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Message, Metric, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.deidentification import Counts, Mention, compared, read_mentions
from preceptor.scoring.labels import by_unit, ratio
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import set_metric
from preceptor.scoring.surrogates import Replaced, SurrogateCounts, judged
from preceptor.scoring.units import units

__all__ = ["DEIDENTIFICATION_LABELS", "DeidentificationScoring", "deid_example", "deidentification"]

#: Display names of the family's metrics, for a benchmark's ``labels``.
DEIDENTIFICATION_LABELS = {
    OVERALL: "F1 of removed tokens, mean over texts",
    PARSED: "Answers that could be read",
    "token_binary_f1": "F1, tokens of any type",
    "token_binary_recall": "Recall, tokens of any type",
    "token_binary_precision": "Precision, tokens of any type",
    "token_f1": "F1, tokens by type",
    "token_recall": "Recall, tokens by type",
    "token_precision": "Precision, tokens by type",
    "span_binary_f1": "F1, mentions of any type",
    "span_binary_recall": "Recall, mentions of any type",
    "span_binary_precision": "Precision, mentions of any type",
    "span_strict_f1": "F1, mentions by type",
    "span_strict_recall": "Recall, mentions by type",
    "span_strict_precision": "Precision, mentions by type",
    "overlap_recall": "Mentions touched",
    "overlap_precision": "Removals that touch a mention",
    "leaked": "Mentions not removed whole",
    "leaked_characters": "Characters not removed",
    "leaked_texts": "Texts with a mention not removed whole",
    "over_redaction": "Other tokens removed",
    "surrogate_consistent": "Repeated originals with one surrogate",
    "surrogate_distinct": "Originals with a surrogate of their own",
    "surrogate_shifted": "Patients whose dates moved alike",
    "surrogate_form": "Numbers whose form is kept",
    "surrogate_returned": "Surrogates that are an original",
}
_PROMPT = (
    "Find every part of the text that may tell who a person is, of these types: {types}. Reply "
    'with a JSON list, one object for each part in the order of the text: {{"text": "…", "label": '
    '"…"}}. Copy the part exactly; list it again where it stands again. Reply with [] if there is '
    "none."
)
#: Lower is better.
_LOSSES = ("leaked", "over_redaction", "surrogate_returned")
_SURROGATES = ("consistent", "distinct", "shifted", "form", "returned")
_Pairs = list[tuple[float, float]]


def deid_example(
    id: str,
    text: str,
    mentions: Iterable[Mention],
    types: Sequence[str],
    *,
    patient: str | None = None,
    cluster: str | None = None,
) -> Example:
    """The Example of one text.

    Parameters
    ----------
    patient
        Whom the text is about, where several may be about one: surrogates are compared within.
    cluster
        What the text is drawn together with.
    """
    target: dict[str, object] = {
        "types": list(types),
        "mentions": [[each.start, each.end, each.type] for each in mentions],
    }
    named = {"patient": patient, "cluster": cluster}
    target |= {name: value for name, value in named.items() if value is not None}
    return Example(id=id, messages=(Message("user", text),), criteria=(), target=target)


class DeidentificationScoring(Scoring):
    """The overall score of an answer is the F1 of the tokens that are removed, of whatever type; 1
    where there is nothing to remove and nothing was. All other metrics are ratios of sums over the
    whole set. An answer that cannot be read removes nothing.
    """

    shares = (PARSED,)
    units_are = "groups"

    def score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None:
            return missing(graded, dict.fromkeys((OVERALL, PARSED), (0.0, 1.0)))
        shown, types = graded.example.messages[-1].text, graded.example.target["types"]
        said = read_mentions(text, shown, types)
        hits, removed, real = self.counts(graded.example, said or ()).tokens_binary
        f1 = 2 * hits / (removed + real) if removed + real else 1.0
        values = {OVERALL: 0.0 if said is None else f1}
        return scored(graded, values, None if said is None else msgspec.to_builtins(said))

    def counts(self, example: Example, said: Sequence[Mention]) -> Counts:
        gold = [Mention(*each) for each in example.target["mentions"]]
        return compared(example.messages[-1].text, gold, said)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        by_id = {example.id: example for example in examples}
        unit_of = units(examples)
        there = [score for score in scores if score.values]
        said = [msgspec.convert(score.prediction or [], list[Mention]) for score in there]
        counts = [
            self.counts(by_id[score.example_id], each)
            for score, each in zip(there, said, strict=True)
        ]
        coverage = len(there) / len(scores) if scores else 0.0
        names = [unit_of[score.example_id] for score in there]
        columns = _columns(counts)
        found = {
            name: _rate(name, names, pairs, len({s.example_id for s in there}), coverage)
            for name, pairs in columns.items()
        }
        return found | self._surrogates(there, said, by_id, coverage)

    def _surrogates(
        self,
        scores: Sequence[Score],
        said: Sequence[Sequence[Mention]],
        by_id: Mapping[str, Example],
        coverage: float,
    ) -> dict[str, Metric]:
        """What holds of a patient's surrogates, where answers have any; each repeat by itself."""
        replaced: dict[tuple[str, int], list[Replaced]] = defaultdict(list)
        texts = set()
        for score, mentions in zip(scores, said, strict=True):
            example = by_id[score.example_id]
            text = example.messages[-1].text
            for each in mentions:
                if each.surrogate is not None:
                    texts.add(score.example_id)
                    place = example.target.get("patient", example.id), score.repeat
                    original = text[each.start : each.end]
                    replaced[place].append(Replaced(original, each.type, each.surrogate))
        if not replaced:
            return {}
        names = [unit for unit, _ in replaced]
        counts: list[SurrogateCounts] = [judged(each) for each in replaced.values()]
        return {
            f"surrogate_{name}": _rate(
                f"surrogate_{name}", names, [getattr(c, name) for c in counts], len(texts), coverage
            )
            for name in _SURROGATES
            if any(getattr(c, name)[1] for c in counts)
        }


def _columns(counts: Sequence[Counts]) -> dict[str, Sequence[tuple[float, float]]]:
    """Metric → (part, whole) of each text."""
    strict = [_summed(each.strict.values()) for each in counts]
    leaked = [(parts[0], parts[1]) for each in counts if (parts := _summed(each.leaked.values()))]
    columns: dict[str, Sequence[tuple[float, float]]] = {
        **_scores("token_binary", [each.tokens_binary for each in counts]),
        **_scores("token", [each.tokens for each in counts]),
        **_scores("span_binary", [each.binary for each in counts]),
        **_scores("span_strict", strict),
        "overlap_recall": [each.overlapped for each in counts],
        "overlap_precision": [each.overlapping for each in counts],
        "leaked": leaked,
        "leaked_characters": [each.characters for each in counts],
        "leaked_texts": [(int(part > 0), int(whole > 0)) for part, whole in leaked],
        "over_redaction": [each.over for each in counts],
    }
    for type in sorted({type for each in counts for type in each.leaked}):
        columns[f"leaked:{type}"] = [each.leaked.get(type, (0, 0)) for each in counts]
        of_type = [each.strict.get(type, (0, 0, 0)) for each in counts]
        columns[f"span_strict_f1:{type}"] = _f1(of_type)
    return columns


def _summed(found: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """The sums, place by place; noughts of none."""
    return tuple(map(sum, zip(*found, strict=True))) or (0, 0, 0)


def _scores(name: str, hits: Sequence[Sequence[int]]) -> dict[str, _Pairs]:
    return {
        f"{name}_f1": _f1(hits),
        f"{name}_recall": [(hit, gold) for hit, _, gold in hits],
        f"{name}_precision": [(hit, said) for hit, said, _ in hits],
    }


def _f1(hits: Sequence[Sequence[int]]) -> _Pairs:
    return [(2 * hit, said + gold) for hit, said, gold in hits]


def _rate(
    name: str, units: Sequence[str], pairs: Sequence[Sequence[float]], n: int, coverage: float
) -> Metric:
    above, below = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    names, (part, whole) = by_unit(units, above, below)
    metric = set_metric(
        ratio(part, whole),
        names,
        coverage=coverage,
        higher_is_better=not name.startswith(_LOSSES),
    )
    return msgspec.structs.replace(metric, n=n)


def deidentification(prompt: str = _PROMPT) -> Protocol:
    """A text in which to name what identifies a person; ``{types}`` in the prompt are the types."""
    asking = Asking(lambda example: prompt.format(types=", ".join(example.target["types"])))
    return Protocol("deidentification", asking=asking, scoring=DeidentificationScoring())
