"""How much of a reference text another text has, in words: ROUGE, BLEU, METEOR."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from preceptor.installation import MissingExtra

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

__all__ = ["ROUGE", "bleu", "meteor", "rouge", "rouge_of", "words"]

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


#: A sign of Chinese or Japanese, which is a word of its own; else letters and digits in a row.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W\u3040-\u9fff]+")


def words(text: str) -> list[str]:
    """The words of a text in any script, without case; of Chinese and Japanese the characters."""
    return _WORD.findall(text.casefold())


class _Words:
    """``rouge_score`` takes an object with this method; its own drops all but a–z and 0–9."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def rouge_of(
    text: str,
    reference: str,
    kinds: Sequence[str] = ("rouge1", "rougeL"),
    *,
    any_script: bool = False,
    stemmed: bool = False,
) -> dict[str, float]:
    """F-measures of these kinds of ROUGE by ``rouge_score``, each from 0 to 1.

    Parameters
    ----------
    any_script
        Words by `words`. Otherwise by ``rouge_score``, which knows the letters a to z alone: of a
        Chinese or Russian text it compares what little is left.
    stemmed
        Whether endings are cut off first (Porter), for English.
    """
    found = _scorer(tuple(kinds), any_script, stemmed).score(reference, text)
    return {name: float(found[name].fmeasure) for name in kinds}


def bleu(text: Sequence[str], reference: Sequence[str], order: int) -> float:
    """Sentence BLEU up to n-grams of ``order``, 0 to 1, with equal weights.

    Source: Papineni et al. 2002; by NLTK, with a count of 0 taken as 0.1 (method 1 of Chen & Cherry
    2014). A text without words has 0.
    """
    try:
        from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
    except ImportError:
        raise MissingExtra("BLEU needs nltk", "rouge") from None
    if not text or not reference:
        return 0.0
    weights, smoothing = (1 / order,) * order, SmoothingFunction().method1
    return float(sentence_bleu([reference], text, weights, smoothing_function=smoothing))


class _NoSynonyms:
    def synsets(self, word: str) -> list[object]:
        return []


def meteor(text: Sequence[str], reference: Sequence[str]) -> float:
    """METEOR of the same words and the same stems, 0 to 1; by NLTK, without WordNet's synonyms.

    Source: Banerjee & Lavie 2005, with NLTK's α = 0.9, β = 3, γ = 0.5.
    """
    try:
        from nltk.translate.meteor_score import single_meteor_score
    except ImportError:
        raise MissingExtra("METEOR needs nltk", "rouge") from None
    if not text or not reference:
        return 0.0
    return float(single_meteor_score(reference, text, wordnet=_NoSynonyms()))


@functools.cache
def _scorer(
    kinds: tuple[str, ...] = ROUGE, any_script: bool = False, stemmed: bool = False
) -> RougeScorer:
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        raise MissingExtra("ROUGE needs rouge-score", "rouge") from None
    tokenizer = _Words() if any_script else None
    return RougeScorer(list(kinds), use_stemmer=stemmed, tokenizer=tokenizer)
