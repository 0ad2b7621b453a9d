"""A text that is compared with a reference: a note of a visit, the summary of a question."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import msgspec

from preceptor.protocols.base import Protocol
from preceptor.records import Example, Graded, Message, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.overlap import ROUGE, rouge
from preceptor.scoring.rubric import OVERALL
from preceptor.scoring.similarity import bertscore
from preceptor.systems.encoder import Encoder, configured

__all__ = ["GENERATION_LABELS", "GenerationProtocol"]

#: Display names of the family's metrics, for a benchmark's ``labels``.
GENERATION_LABELS = {
    OVERALL: "Overall (ROUGE-1)",
    PARSED: "Answers that are not empty",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeLsum": "ROUGE-Lsum",
    "bertscore": "BERTScore (F1), by encoder",
}

#: A text → its sections by name, those that it has.
Sections = Callable[[str], Mapping[str, str]]


class GenerationProtocol(Protocol):
    """One text, and the text that a person wrote for the same input.

    ``target`` of an example is ``{"reference": text}``. The overall score is ROUGE-1; beside it are
    ROUGE-1, ROUGE-2 and ROUGE-Lsum (``rouge_score``, no stemmer) of the whole and, as
    ``section:NAME:rouge1``, of each section that the reference has: a text without that section has
    0 there. An empty answer is an empty text. Where the user has an encoder of their own
    (:func:`~preceptor.systems.encoder.configured`), ``bertscore:NAME`` is BERTScore by it.

    Parameters
    ----------
    instructions
        Put before what is to be written about.
    sections
        Takes a text apart; None where there are no sections.
    """

    name = "generation"
    shares = (PARSED,)

    def __init__(self, instructions: str, sections: Sections | None = None) -> None:
        self.instructions = instructions
        self.sections = sections

    def messages(self, example: Example) -> tuple[Message, ...]:
        *before, last = example.messages
        return (*before, last.with_text(f"{self.instructions}\n\n{last.text}"))

    reads = False

    def score(self, graded: Graded) -> Score:
        text, reference = answered(graded), graded.example.target["reference"]
        parts = {} if self.sections is None else self.sections(reference)
        encoder = configured()
        if text is None:
            others = [f"section:{part}:{kind}" for part in parts for kind in ROUGE]
            others += [] if encoder is None else [f"bertscore:{encoder.name}"]
            names = (OVERALL, *ROUGE, *others, PARSED)
            return missing(graded, dict.fromkeys(names, (0.0, 1.0)))
        whole = rouge(text, reference)
        values = {OVERALL: whole["rouge1"], **whole}
        own = {} if self.sections is None else self.sections(text)
        for part, wanted in parts.items():
            for kind, value in rouge(own.get(part, ""), wanted).items():
                values[f"section:{part}:{kind}"] = value
        if encoder is not None:
            values[f"bertscore:{encoder.name}"] = _alike(text, reference, encoder)
        score = scored(graded, values, text.strip() or None)
        # The text itself is with the response; a second copy would also be one more to withhold.
        return msgspec.structs.replace(score, prediction=None)


@functools.lru_cache(maxsize=4096)
def _alike(text: str, reference: str, encoder: Encoder) -> float:
    """Kept, since a score is asked for again by each table and page."""
    return bertscore(encoder.vectors(text), encoder.vectors(reference))
