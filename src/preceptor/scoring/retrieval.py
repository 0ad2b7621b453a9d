"""How good a ranked list of documents is, by the grades that people gave them.

All figures come from one provider, trec_eval's own code (``pytrec-eval-terrier``). It is given no
scores: it breaks ties by id descending and in single precision, so that lists whose order is known
are handed on with scores that fall strictly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from preceptor.installation import MissingExtra
from preceptor.records.ranked import DEPTH

__all__ = ["CODE_MEASURES", "MEASURES", "check_provider", "measures"]

#: Metric → (trec_eval's measure, cut of the list before it is measured).
MEASURES: dict[str, tuple[str, int]] = {
    "ndcg@10": ("ndcg_cut_10", DEPTH),
    "mrr@10": ("recip_rank", 10),
    "recall@10": ("recall_10", DEPTH),
    "recall@100": ("recall_100", DEPTH),
    "map": ("map", DEPTH),
    "p@10": ("P_10", DEPTH),
}

#: The same for a search of codes, of which few are right.
CODE_MEASURES: dict[str, tuple[str, int]] = {
    "mrr@10": ("recip_rank", 10),
    "recall@1": ("recall_1", 10),
    "recall@5": ("recall_5", 10),
    "recall@10": ("recall_10", 10),
    "map@10": ("map_cut_10", 10),
}


def check_provider() -> None:
    """Raise MissingExtra where the measures are not installed."""
    try:
        import pytrec_eval  # noqa: F401
    except ImportError:
        raise MissingExtra("measures of retrieval need pytrec-eval-terrier", "retrieval") from None


def measures(
    ranking: Sequence[str],
    grades: Mapping[str, int],
    asked: Mapping[str, tuple[str, int]] = MEASURES,
) -> dict[str, float]:
    """The measures of one query, each from 0 to 1.

    nDCG with the grade as gain and log2(rank + 1) as discount (Järvelin & Kekäläinen 2002); a
    document counts as relevant from grade 1. One without a grade, or with a negative one, gains
    nothing. Nothing found is 0.

    Parameters
    ----------
    ranking
        Ids, each once, best first.
    grades
        Id → grade; at least one above 0.
    asked
        Metric → trec_eval's measure, and the cut of the list.
    """
    check_provider()
    import pytrec_eval

    found = dict.fromkeys(asked, 0.0)
    # Numbers in place of ids: what is written in an id cannot matter.
    number = {id: str(place) for place, id in enumerate(dict.fromkeys((*ranking, *grades)))}
    qrels = {"q": {number[id]: max(0, grade) for id, grade in grades.items()}}
    for cut in {cut for _, cut in asked.values()}:
        kept = ranking[:cut]
        run = {"q": {number[id]: float(len(kept) - place) for place, id in enumerate(kept)}}
        names = {name: measure for name, (measure, at) in asked.items() if at == cut}
        if kept:
            values = pytrec_eval.RelevanceEvaluator(qrels, _asked(names.values())).evaluate(run)
            found |= {name: float(values["q"][measure]) for name, measure in names.items()}
    return found


def _asked(measured: Iterable[str]) -> set[str]:
    """``ndcg_cut_10`` is asked for as ``ndcg_cut.10``."""
    return {
        f"{name}.{end}" if end.isdigit() else measure
        for measure in measured
        for name, _, end in [measure.rpartition("_")]
    }
