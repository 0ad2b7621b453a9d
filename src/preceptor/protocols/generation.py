"""A text that is compared with a reference: a note of a visit, the summary of a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.scoring import Scoring, fingerprint
from preceptor.records import Graded, Score
from preceptor.scoring.answers import PARSED, answered, merged, missing, scored
from preceptor.scoring.overlap import ROUGE, bleu, meteor, rouge, words
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.similarity import bertscore
from preceptor.systems.encoder import configured

__all__ = ["GENERATION_LABELS", "TRANSLATED_LABELS", "GenerationScoring", "generation"]

#: Display names of the family's metrics, for a benchmark's ``labels``.
GENERATION_LABELS = {
    OVERALL: "Overall (ROUGE-1)",
    PARSED: "Answers that are not empty",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeLsum": "ROUGE-Lsum",
    "bertscore": "BERTScore (F1), by encoder",
}
#: With BLEU and METEOR, where they are made.
TRANSLATED_LABELS = {
    **GENERATION_LABELS,
    "bleu": "BLEU-4 of a sentence",
    "meteor": "METEOR without synonyms",
}

_BERTSCORE = "bertscore"
#: A text → its sections by name, those that it has.
Sections = Callable[[str], Mapping[str, str]]


class GenerationScoring(Scoring):
    """One text, and the text that a person wrote for the same input.

    ``target`` of an example is ``{"reference": text}``. The overall score is ROUGE-1; beside it are
    ROUGE-1, ROUGE-2 and ROUGE-Lsum (``rouge_score``, no stemmer) of the whole and, as
    ``section:NAME:rouge1``, of each section that the reference has: a text without that section has
    0 there. An empty answer is an empty text. Where the user has an encoder of their own
    (:func:`~preceptor.systems.encoder.configured`) when a run ends, the run records BERTScore by it
    as ``bertscore:NAME``.

    Parameters
    ----------
    sections
        Takes a text apart; None where there are no sections.
    translated
        With ``bleu`` (BLEU-4, smoothed) and ``meteor`` (without synonyms), by NLTK.
    """

    shares = (PARSED,)
    reads = False

    def __init__(self, sections: Sections | None = None, *, translated: bool = False) -> None:
        self.sections, self.translated = sections, translated

    @property
    def measuring(self) -> bool:
        return configured() is not None

    def measure(self, graded: Graded) -> Score:
        encoder = configured()
        score = self.score(graded)
        if encoder is None:
            return score
        name, text = f"{_BERTSCORE}:{encoder.name}", answered(graded)
        if text is None:
            return merged(score, missing(graded, {name: (0.0, 1.0)}), [name])
        wanted = encoder.vectors(graded.example.target["reference"])
        alike = {name: bertscore(encoder.vectors(text), wanted)}
        return merged(score, scored(graded, alike, None), [name])

    def score(self, graded: Graded) -> Score:
        score = self._score(graded)
        measured = self.recorded and self.recorded.get(fingerprint(graded))
        if not measured:
            return score
        names = [name for name in measured.counts if name.startswith(f"{_BERTSCORE}:")]
        return merged(score, measured, names)

    def _score(self, graded: Graded) -> Score:
        text, reference = answered(graded), graded.example.target["reference"]
        parts = {} if self.sections is None else self.sections(reference)
        if text is None:
            others = [f"section:{part}:{kind}" for part in parts for kind in ROUGE]
            others += ["bleu", "meteor"] if self.translated else []
            names = (OVERALL, *ROUGE, *others, PARSED)
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        whole = rouge(text, reference)
        values = {OVERALL: whole["rouge1"], **whole}
        if self.translated:
            said, wanted_words = words(text), words(reference)
            values["bleu"] = bleu(said, wanted_words, 4)
            values["meteor"] = meteor(said, wanted_words)
        own = {} if self.sections is None else self.sections(text)
        for part, wanted in parts.items():
            for kind, value in rouge(own.get(part, ""), wanted).items():
                values[f"section:{part}:{kind}"] = value
        score = scored(graded, values, text.strip() or None)
        # The text itself is with the response; a second copy would also be one more to withhold.
        return msgspec.structs.replace(score, prediction=None)


def generation(
    instructions: str, sections: Sections | None = None, *, translated: bool = False
) -> Protocol:
    """A text that is written by ``instructions``, which stand before what it is about."""
    asking, scoring = (
        Asking(instructions, "before"),
        GenerationScoring(sections, translated=translated),
    )
    return Protocol("generation", asking=asking, scoring=scoring)
