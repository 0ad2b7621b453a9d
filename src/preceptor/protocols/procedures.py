"""A procedure written as a list of steps, held against a reference list."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.confident import with_values
from preceptor.protocols.scoring import Scoring, fingerprint
from preceptor.reasoning import said_in
from preceptor.records import Graded, Score
from preceptor.scoring.answers import PARSED, answered, merged, missing, scored
from preceptor.scoring.overlap import bleu, meteor, rouge_of, words
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.step_lists import (
    ALIKE,
    cosines,
    lines_of,
    order_of,
    paired_steps,
    word_overlaps,
)
from preceptor.systems.encoder import configured

__all__ = ["PROCEDURES", "PROCEDURE_LABELS", "ProcedureScoring"]

_START, _END = "[ANSWER_START]", "[ANSWER_END]"
_ROUGE = ("rouge1", "rouge2", "rougeL")
_BY_ENCODER = ("step_recall_by", "step_match_by")
#: Words too common to be keywords.
_COMMON = frozenset(
    (
        *("a", "an", "and", "any", "are", "as", "at", "be", "been", "before", "but", "by"),
        *("can", "do", "each", "for", "from", "had", "has", "have", "if", "in", "into"),
        *("is", "it", "its", "no", "not", "of", "off", "on", "once", "one", "or", "out"),
        *("over", "so", "such", "than", "that", "the", "their", "them", "then", "there"),
        *("these", "they", "this", "those", "to", "under", "until", "up", "using", "was"),
        *("were", "when", "where", "which", "while", "will", "with", "without", "you"),
        "your",
    )
)

#: Display names of the family's metrics, for a benchmark's ``labels``.
PROCEDURE_LABELS = {
    OVERALL: "BLEU-2, 0 for an answer that could not be read",
    PARSED: "Answers that could be read",
    "bleu2": "BLEU-2, of those read",
    "meteor": "METEOR without synonyms, of those read",
    "rouge1": "ROUGE-1 with stems, of those read",
    "rouge2": "ROUGE-2 with stems, of those read",
    "rougeL": "ROUGE-L with stems, of those read",
    "keyword_f1": "F1 of keywords, of those read",
    "step_recall": "Steps of the reference that are there",
    "step_precision": "Steps that are in the reference",
    "order": "Order of the paired steps (Kendall's tau, as a share)",
    "step_recall_by": "Steps of the reference that are there, by encoder",
    "step_match_by": "Steps that are in the reference, by encoder",
}


class ProcedureScoring(Scoring):
    """BioProBench's task of writing a protocol (Liu et al. 2025, arXiv:2505.07889).

    ``target`` is ``{"steps": […]}``. The answer stands between its two marks. BLEU-2, METEOR, and
    ROUGE with stems are of the joined steps. Steps are paired one to one by their words
    (`scoring.step_lists`): the shares of both lists that have a partner, and the order of those
    pairs, (τ + 1) / 2. With an encoder of the user's own there are, as published,
    ``step_recall_by`` and ``step_match_by`` with its name: the shares with any partner at a cosine
    of 0.7.
    """

    shares = (PARSED,)

    def read(self, text: str) -> str | None:
        """What stands between the marks; None where they are not there, or nothing is."""
        _, mark, rest = said_in(text).rpartition(_START)
        found = rest.partition(_END)[0].strip() if mark else ""
        return found or None

    @property
    def measuring(self) -> bool:
        return configured() is not None

    def measure(self, graded: Graded) -> Score:
        encoder, text = configured(), answered(graded)
        score = self.score(graded)
        said = None if text is None else self.read(text)
        if encoder is None or said is None or not lines_of(said):
            return score
        ours, wanted = (
            [encoder.vectors(step) for step in steps]
            for steps in (lines_of(said), graded.example.target["steps"])
        )
        same = cosines(wanted, ours) >= ALIKE["cosine"]
        values = (float(same.any(axis=1).mean()), float(same.any(axis=0).mean()))
        by = {f"{name}:{encoder.name}": v for name, v in zip(_BY_ENCODER, values, strict=True)}
        return with_values(score, by)

    def score(self, graded: Graded) -> Score:
        measured = self.recorded and self.recorded.get(fingerprint(graded))
        score = self._score(graded)
        if not measured:
            return score
        names = [name for name in measured.counts if name.partition(":")[0] in _BY_ENCODER]
        return merged(score, measured, names)

    def _score(self, graded: Graded) -> Score:
        text = answered(graded)
        if text is None:
            return missing(graded, dict.fromkeys((OVERALL, PARSED), (0.0, 1.0)))
        said = self.read(text)
        if said is None:
            return scored(graded, {OVERALL: 0.0}, None)
        values = _values(said, graded.example.target["steps"])
        score = scored(graded, {OVERALL: values["bleu2"], **values}, said)
        return msgspec.structs.replace(score, prediction=len(lines_of(said)))


def _values(said: str, steps: Sequence[str]) -> dict[str, float]:
    ours, whole = lines_of(said), " ".join(steps)
    joined = " ".join(ours)
    pairs = paired_steps(word_overlaps(steps, ours), ALIKE["words"])
    tau = order_of(pairs)
    values = {
        "bleu2": bleu(words(joined), words(whole), 2),
        "meteor": meteor(words(joined), words(whole)),
        **rouge_of(joined, whole, _ROUGE, stemmed=True),
        "keyword_f1": _keyword_f1(joined, whole),
        "step_recall": len(pairs) / len(steps),
        "step_precision": len(pairs) / len(ours) if ours else 0.0,
    }
    return values if tau is None else {**values, "order": (tau + 1) / 2}


def _keyword_f1(text: str, reference: str) -> float:
    one, two = (
        {each for each in words(some) if len(each) > 1 and each not in _COMMON}
        for some in (text, reference)
    )
    return 2 * len(one & two) / max(len(one) + len(two), 1)


_TOLD = (
    f"Put the steps, numbered and a line each, between {_START} and {_END}, and nothing else "
    "between them."
)
PROCEDURES = Protocol("procedures", asking=Asking(_TOLD), scoring=ProcedureScoring())
