"""Code search: a text of a clinical case, and the codes that name it, ranked."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Message, Metric, Score
from preceptor.records.ranked import in_order, read_ranked
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.reading import list_in
from preceptor.scoring.retrieval import CODE_MEASURES, check_provider, measures
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import mean_metric, set_metric
from preceptor.scoring.units import units
from preceptor.terminology.codes import LEVELS, at_level, find_code, normal_code
from preceptor.terminology.texts import fold, is_abbreviation

__all__ = ["CODE_SEARCH", "CODE_SEARCH_LABELS", "CodeSearchScoring", "code_query"]

#: Name of a metric at the full code → what it is called.
_NAMES = {
    "mrr@10": "MRR@10",
    "recall@1": "Recall@1",
    "recall@5": "Recall@5",
    "recall@10": "Recall@10",
}
_DOCUMENTS, _F1 = "document_map@10", "document_f1"
CODE_SEARCH_LABELS = {
    OVERALL: "MRR@10",
    "new_strings": "MRR@10, new strings",
    "unseen_codes": "MRR@10, unseen codes",
    "string:new": "New",
    "string:known": "In the training part",
    "code:unseen": "Unseen",
    "code:seen": "In the training part",
    "text:abbreviation": "Abbreviation",
    **{name: called for name, called in _NAMES.items() if name != "mrr@10"},
    **{
        f"{name}_{level[0]}": f"{called}, {level}"
        for level in LEVELS
        if level != "full"
        for name, called in _NAMES.items()
    },
    _DOCUMENTS: "MAP@10 by document",
    _F1: "F1 by document, first codes",
    PARSED: "Answers that could be read",
}
#: What stands beside the overall score wherever that stands → the tag of its examples.
_BESIDE = {"new_strings": "string:new", "unseen_codes": "code:unseen"}
#: Codes of a list that are looked at: enough for ten with different first characters.
_LOOKED_AT = 200

_INSTRUCTION = (
    "Which codes of {list} name this? Reply with a JSON list of ten different codes, the most "
    'likely first: ["A00.0", "A00.1", …]'
)


def code_query(
    id: str,
    text: str,
    codes: Collection[str],
    *,
    document: str,
    corpus: str | None,
    code_list: str,
    language: str,
    trained: tuple[Collection[str], Collection[str]] | None = None,
) -> Example:
    """The Example of one text.

    Parameters
    ----------
    codes
        The right ones, in normal form; those that are listed.
    document
        What the text is of: intervals count documents.
    corpus
        Hash of the list of codes.
    trained
        The folded texts and the codes of the training part, where there is one: they make the
        slices ``string:new`` and ``code:unseen``.
    """
    tags = [f"language:{language}"]
    if trained is not None:
        strings, seen = trained
        tags.append("string:known" if fold(text) in strings else "string:new")
        tags.append("code:seen" if any(code in seen for code in codes) else "code:unseen")
    if is_abbreviation(text):
        tags.append("text:abbreviation")
    target = {
        "qrels": dict.fromkeys(sorted(codes), 1),
        "corpus": corpus,
        "list": code_list,
        "depth": _LOOKED_AT,
        "cluster": document,
    }
    return Example(
        id=id, messages=(Message("user", text),), criteria=(), tags=tuple(tags), target=target
    )


class CodeSearchScoring(Scoring):
    """The overall score is MRR@10; beside it that of new strings and of unseen codes.

    Then recall at 1, 5 and 10, and all of these with shorter codes.

    At a level, a code is its first characters: of those that are then equal the best place counts.
    An answer is a ranked list of codes, as a retriever gives it, or as a model writes it.

    By document: the lists of its texts are joined, a code at the best of its places, equal places
    by code; MAP@10 of that list against all codes of the document, and micro-F1 of the first codes.
    """

    units_are = "documents"
    shares = (PARSED,)

    @property
    def measuring(self) -> bool:
        """False; raises MissingExtra where no list could be measured."""
        check_provider()
        return False

    def unscorable(self, example: Example) -> str | None:
        return None if example.target["qrels"] else "no code that is listed"

    def wants_list(self, example: Example) -> bool:
        return True

    def score(self, graded: Graded) -> Score:
        text, right = answered(graded), graded.example.target["qrels"]
        if text is None:
            asked = (OVERALL, *_measured(graded.example), PARSED) if right else (PARSED,)
            return missing(graded, dict.fromkeys(asked, (0.0, 1.0)))
        found = _codes(text)
        first = None if found is None else found[:10]
        if not right:
            return scored(graded, {}, first)
        values: dict[str, float] = {}
        for level, characters in LEVELS.items():
            ranking = dict.fromkeys(at_level(code, characters) for code in found or ())
            grades = {at_level(code, characters): 1 for code in right}
            measured = measures(list(ranking), grades, CODE_MEASURES)
            values |= {_at(name, level): measured[name] for name in _NAMES}
        values[OVERALL] = values.pop("mrr@10")
        values |= {
            name: values[OVERALL] for name, tag in _BESIDE.items() if tag in graded.example.tags
        }
        return scored(graded, values, first)

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        found = super().summarise(scores, examples)
        first = [name for name in (OVERALL, *_BESIDE) if name in found]
        return {name: found[name] for name in dict.fromkeys((*first, *found))}

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        return _by_document(scores, {example.id: example for example in examples})


def _at(name: str, level: str) -> str:
    """The name of a metric at a level: ``recall@1_3``."""
    return name if level == "full" else f"{name}_{level[0]}"


def _measured(example: Example) -> list[str]:
    """The metrics of an example's answer beside the overall score."""
    every = [_at(name, level) for level in LEVELS for name in _NAMES]
    beside = [name for name, tag in _BESIDE.items() if tag in example.tags]
    return [*beside, *every[1:]]


def _codes(text: str) -> list[str] | None:
    """Different codes in normal form, best first; what is none holds its place."""
    ranked = read_ranked(text)
    if ranked is not None:
        found = [normal_code(each.id) or each.id for each in in_order(ranked)[:_LOOKED_AT]]
    else:
        items = list_in(text)
        if items is None:
            return None
        found = [find_code(item) or item for item in items[:_LOOKED_AT]]
    return list(dict.fromkeys(found))


def _by_document(scores: Sequence[Score], examples: dict[str, Example]) -> dict[str, Metric]:
    """MAP@10 and F1 over documents all of whose texts were answered."""
    unit_of = units(examples.values())
    groups: dict[tuple[str, int], list[Score]] = {}
    for score in scores:
        if examples[score.example_id].target["qrels"]:
            groups.setdefault((unit_of[score.example_id], score.repeat), []).append(score)
    whole = [group for group in groups.values() if all(OVERALL in each.values for each in group)]
    coverage = len(whole) / len(groups) if groups else 0.0
    ids = [group[0].example_id for group in whole]
    precisions, counts = [], []
    for group in whole:
        right = {code for each in group for code in examples[each.example_id].target["qrels"]}
        place: dict[str, int] = {}
        for each in group:
            for at, code in enumerate(each.prediction or ()):
                place[code] = min(at, place.get(code, at))
        ranking = sorted(place, key=lambda code: (place[code], code))
        grades = dict.fromkeys(right, 1)
        precisions.append(measures(ranking, grades, CODE_MEASURES)["map@10"])
        first = {each.prediction[0] for each in group if each.prediction}
        counts.append((len(first & right), len(first), len(right)))
    table = np.array(counts, dtype=float).reshape(-1, 3)

    def f1(rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> float:
        hits, said, there = table[rows].sum(axis=0)
        return float(2 * hits / (said + there)) if said + there else float("nan")

    return {
        _DOCUMENTS: mean_metric(precisions, ids, unit_of, coverage=coverage, lowest=0.0),
        _F1: set_metric(f1, ids, unit_of, coverage=coverage),
    }


#: A text of a case, to be given its codes.
CODE_SEARCH = Protocol(
    "code-search",
    asking=Asking(lambda example: _INSTRUCTION.format(list=example.target["list"])),
    scoring=CodeSearchScoring(),
)
