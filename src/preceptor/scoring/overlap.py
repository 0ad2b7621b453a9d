"""How much of a reference text another text has, in words: ROUGE."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from preceptor.installation import MissingExtra

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

__all__ = ["ROUGE", "rouge"]

#: The kinds of ROUGE that are given, by the names that ``rouge_score`` has for them.
ROUGE = ("rouge1", "rouge2", "rougeLsum")


def rouge(text: str, reference: str) -> dict[str, float]:
    """F-measure of ROUGE-1, ROUGE-2 and ROUGE-Lsum, each from 0 to 1.

    Source: Lin 2004 (ROUGE: A Package for Automatic Evaluation of Summaries), as the library
    ``rouge_score`` by Google Research computes it, without a stemmer. ROUGE-Lsum takes lines for
    sentences. An empty text has 0 in all three.

    Raises Unavailable where the library is not installed.
    """
    found = _scorer().score(reference, text)
    return {name: float(found[name].fmeasure) for name in ROUGE}


@functools.cache
def _scorer() -> RougeScorer:
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        raise MissingExtra("ROUGE needs rouge-score", "rouge") from None
    return RougeScorer(ROUGE, use_stemmer=False)
