"""Retrieval: a query, and the documents of a corpus that answer it, ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring
from preceptor.records import Example, Graded, Message, Metric, Score
from preceptor.records.ranked import in_order, read_ranked
from preceptor.scoring.answers import PARSED, answered, merged, missing, scored
from preceptor.scoring.ratings import Scale
from preceptor.scoring.retrieval import MEASURES, check_provider, measures
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.sets import mean_metric, set_metric
from preceptor.scoring.units import units

__all__ = [
    "RETRIEVAL_LABELS",
    "NoteScoring",
    "RetrievalScoring",
    "note_query",
    "query",
    "retrieval",
]

_MEAN = "mean_of_sets"
_NDCG, _JUDGED, _EMPTY, _TWICE = "ndcg@10", "judged@10", "nothing_found", "document_twice"
#: Documents of the beginning of a list.
_TOP = 10

#: Display names of the family's metrics, for a benchmark's ``labels``.
RETRIEVAL_LABELS = {
    OVERALL: "nDCG@10",
    _MEAN: "nDCG@10, mean of the sets",
    "mean_of_queries": "nDCG@10, mean of the queries",
    PARSED: "Answers that could be read",
    "mrr@10": "MRR@10",
    "recall@10": "Recall@10",
    "recall@100": "Recall@100",
    "map": "MAP",
    "p@10": "Precision@10",
    _JUDGED: "Judged, of the first 10 documents",
    _EMPTY: "Queries for which nothing was found",
    _TWICE: "Queries with a document twice",
}


def query(id: str, text: str, grades: dict[str, int], corpus: str | None) -> Example:
    """The Example of one query.

    Parameters
    ----------
    grades
        Document → grade, relevant from 1.
    corpus
        Its hash; None where it is not known.
    """
    target = {"qrels": grades, "corpus": corpus}
    return Example(id=id, messages=(Message("user", text),), criteria=(), target=target)


class RetrievalScoring(Scoring):
    """The overall score is nDCG@10; beside it MRR@10, recall@10 and @100, MAP and precision@10.

    An answer is a ranked list (:func:`preceptor.records.ranked.read_ranked`): by score, then by id
    ascending; of a document that is there twice the better place counts. Nothing found scores 0. A
    query without a relevant document has no score.

    Parameters
    ----------
    by
        Namespace of a tag (``set``): ``mean_of_sets`` is the mean over its values of their means.
    """

    units_are = "queries"
    shares = (PARSED, _EMPTY, _TWICE)
    scales: Mapping[str, Scale] = {
        name: Scale(0, 1, higher_is_better=False) for name in (_EMPTY, _TWICE)
    }

    def __init__(self, by: str | None = None) -> None:
        self.by = by

    @property
    def measuring(self) -> bool:
        """False; raises MissingExtra where no list could be measured."""
        check_provider()
        return False

    def unscorable(self, example: Example) -> str | None:
        relevant = any(grade > 0 for grade in example.target["qrels"].values())
        return None if relevant else "no relevant document"

    def wants_list(self, example: Example) -> bool:
        return True

    def score(self, graded: Graded) -> Score:
        text, grades = answered(graded), graded.example.target["qrels"]
        known = self.unscorable(graded.example) is None
        if text is None:
            names = [name for name in MEASURES if name != _NDCG]
            asked = (OVERALL, *names, PARSED) if known else (PARSED,)
            return missing(graded, dict.fromkeys(asked, (0.0, 1.0)))
        said = read_ranked(text)
        found = [each.id for each in in_order(said or ())]
        ranking = list(dict.fromkeys(found))
        first = ranking[:_TOP]
        prediction = None if said is None else first
        if not known:
            return scored(graded, {}, prediction)
        measured = measures(ranking, grades)
        values = {OVERALL: measured.pop(_NDCG), **measured}
        values[_EMPTY] = float(not found)
        values[_TWICE] = float(len(ranking) < len(found))
        if first:
            values[_JUDGED] = sum(id in grades for id in first) / len(first)
        return scored(graded, values, prediction)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        if self.by is None:
            return {}
        part_of = {each.id: _part(each, self.by) for each in examples}
        there = [score for score in scores if OVERALL in score.values]
        asked = sum(OVERALL in score.low for score in scores)
        values = np.array([score.values[OVERALL] for score in there])
        parts = np.array([part_of[score.example_id] for score in there])
        names = sorted({part_of[score.example_id] for score in scores})

        def mean(rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> float:
            """NaN where a part has no query."""
            means = [values[rows][parts[rows] == name] for name in names]
            return float(np.mean([each.mean() if len(each) else np.nan for each in means]))

        ids = [score.example_id for score in there]
        coverage = len(there) / asked if asked else 0.0
        return {_MEAN: set_metric(mean, ids, units(examples), coverage=coverage)}


def note_query(
    id: str,
    text: str,
    grades: dict[str, int],
    corpus: str,
    *,
    query_id: str,
    matches: Mapping[str, str],
    within: Sequence[str] | None,
    tags: Sequence[str] = (),
) -> Example:
    """The Example of a query in one note, or over all.

    Parameters
    ----------
    query_id
        Its queries in other notes have the same: they are one unit.
    matches
        Relevant document → how it says what is asked.
    within
        The documents that are ranked; None for all of the corpus.
    """
    target = {"qrels": grades, "corpus": corpus, "cluster": query_id, "matches": dict(matches)}
    if within is not None:
        target["within"] = list(within)
    return Example(
        id=id, messages=(Message("user", text),), criteria=(), tags=tuple(tags), target=target
    )


class NoteScoring(RetrievalScoring):
    """A term in notes: each query weighs the same, in however many notes it is asked.

    ``mean_of_queries`` is the mean over queries of the mean over their notes. ``recall@100:KIND``
    is that of the documents that match in that way. Only documents among which is searched count.
    """

    def score(self, graded: Graded) -> Score:
        found = super().score(graded)
        text, target = answered(graded), graded.example.target
        ways = sorted(set(target["matches"].values()))
        if text is None:
            names = [f"recall@100:{way}" for way in ways]
            return merged(found, missing(graded, dict.fromkeys(names, (0.0, 1.0))), names)
        if not found.values:
            return found
        ranking = list(dict.fromkeys(each.id for each in in_order(read_ranked(text) or ())))
        only = {"recall@100": MEASURES["recall@100"]}
        values = {}
        for way in ways:
            own = {id: target["qrels"][id] for id, each in target["matches"].items() if each == way}
            values[f"recall@100:{way}"] = measures(ranking, own, only)["recall@100"]
        return merged(found, scored(graded, values, None), values)

    def whole_set(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        unit_of = units(examples)
        queries: dict[str, list[Score]] = {}
        for score in scores:
            if OVERALL in score.values:
                queries.setdefault(unit_of[score.example_id], []).append(score)
        means = [np.mean([each.values[OVERALL] for each in some]) for some in queries.values()]
        ids = [some[0].example_id for some in queries.values()]
        asked = sum(OVERALL in score.low for score in scores)
        coverage = sum(map(len, queries.values())) / asked if asked else 0.0
        mean = mean_metric(means, ids, unit_of, coverage=coverage, lowest=0.0)
        return {"mean_of_queries": mean}


def _part(example: Example, by: str) -> str:
    return next((tag for tag in example.tags if tag.startswith(f"{by}:")), "")


def retrieval(by: str | None = None) -> Protocol:
    """A query whose documents are to be found in a corpus; ``by`` as in `RetrievalScoring`."""
    return Protocol("retrieval", scoring=RetrievalScoring(by))
