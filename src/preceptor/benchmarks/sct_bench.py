"""SCT-Bench: how a finding changes a plan or a diagnosis, scored by a panel's own votes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.protocols.base import Protocol
from preceptor.protocols.choice import CHOICE_LABELS, ChoiceScoring, choice_asking, choice_example
from preceptor.records import Example, Graded, Score
from preceptor.scoring.answers import PARSED, answered, missing, scored
from preceptor.scoring.choices import listed, read_choice
from preceptor.scoring.names import OVERALL

__all__ = ["BENCHMARKS"]

_STEPS = ("-2", "-1", "0", "1", "2")
_WORDS = (
    "much less likely, or much less useful",
    "less likely, or less useful",
    "neither more nor less so",
    "more likely, or more useful",
    "much more likely, or much more useful",
)
_OPTIONS = {
    letter: f"{'+' if int(step) > 0 else ''}{step}: {words}"
    for letter, step, words in zip("ABCDE", _STEPS, _WORDS, strict=True)
}
_TOLD = "What does the finding make of the plan or the diagnosis? Reply with the letter only."


class PanelScoring(ChoiceScoring):
    """The share of a panel that gave the answer, by the share of its most frequent answer.

    ``credits`` of a target: letter → credit, 1 the best. ``always:A`` is the score of an agent
    that gives this answer to every question. Source: script concordance, Charlin et al. 2000.
    """

    shares = (PARSED,)

    def score(self, graded: Graded) -> Score:
        text, target = answered(graded), graded.example.target
        if text is None:
            return missing(graded, {OVERALL: (0.0, 1.0), PARSED: (0.0, 1.0)})
        options: Mapping[str, str] = target["options"]
        question = graded.example.messages[-1].text.removesuffix(listed(options))
        said = _step(text) or read_choice(text, options, question=question)
        credits: Mapping[str, float] = target["credits"]
        values = {OVERALL: 0.0 if said is None else credits[said[0]]}
        values |= {f"always:{letter}": credit for letter, credit in credits.items()}
        return scored(graded, values, said)


def _step(text: str) -> str | None:
    """The letter of an answer that is the step itself, such as +1."""
    match = re.fullmatch(r"\+?([-−]?[0-2])\.?", text.strip())
    step = None if match is None else match[1].replace("−", "-")
    return dict(zip(_STEPS, _OPTIONS, strict=True)).get(step or "")


def _parse(row: Fields) -> Example:
    votes = {letter: row.number(step) for letter, step in zip(_OPTIONS, _STEPS, strict=True)}
    most = max(votes.values())
    if most <= 0 or min(votes.values()) < 0:
        raise row.fault("-2", "votes of a panel, none below 0 and one above", list(votes.values()))
    example = choice_example(
        row.id("question_id"),
        "\n\n".join(row.text(name) for name in ("sct_stem", "question", "additional_info")),
        _OPTIONS,
        max(votes, key=votes.__getitem__),
        (f"source:{row.text('source')}",),
        cluster=row.text("sct_stem"),
    )
    example.target["credits"] = {letter: vote / most for letter, vote in votes.items()}
    return example


BENCHMARKS = (
    Benchmark(
        name="sct-bench",
        title="SCT-Bench (public part)",
        family="choice",
        summary="script concordance: what a new finding makes of a plan, as a panel voted",
        licence="MIT by its port; none seen at its home",
        citation="McCoy et al. 2025, NEJM AI",
        n_examples=174,
        parse=_parse,
        protocol=Protocol("concordance", asking=choice_asking(_TOLD), scoring=PanelScoring()),
        url="https://github.com/SCT-Bench/sctpublic",
        brings="`sct_public.csv`",
        folder="sct-bench/sct_public.csv",
        labels={
            **CHOICE_LABELS,
            OVERALL: "Agreement with the panel",
            **{
                f"always:{letter}": f"Whoever always answers {step}"
                for letter, step in zip(_OPTIONS, _STEPS, strict=True)
            },
        },
        measures="Whether a model weighs a new finding as experienced clinicians do, where they "
        "differ among themselves.",
        faults=(
            "The same answer to every question scores .24 to .42: no score means much below.",
            "In 12 questions the panel has two best answers.",
            "The public copy has letters that were decoded wrongly.",
        ),
        verified="The five constant answers score as computed from the file.",
    ),
)
