"""What people's marks say of a grader, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from preceptor.audit.card import Check, GraderCard
from preceptor.audit.checked import LEAST_WRONG, Disagreement
from preceptor.reports.agreement_view import with_interval
from preceptor.reports.format import percent, points
from preceptor.wording import count, plural

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["check_clause", "check_sentences", "disagreement_table"]


def check_clause(check: Check) -> str:
    """Agreement alone."""
    who = _people(check)
    if check.agreement.value is None:
        return (
            f"the grader agreed with {who} on {count(check.agreed)} of {count(check.marks)} marks"
        )
    return f"the grader agreed with {who} on {_share(check)}"


def check_sentences(card: GraderCard, *, you: bool = False, brief: bool = False) -> list[str]:
    """Agreement, errors of both kinds, what is beyond chance, the score, and for whom it holds.

    ``you`` where the reader is who marked; ``brief`` for one who has no use for coefficients.
    """
    check = card.check
    assert check is not None
    who = "you" if you else _people(check)
    said = [_agreement(check, who), *_errors(check, who)]
    if check.cannot_tell:
        marks = plural(check.cannot_tell, "mark")
        verb = "counts" if check.cannot_tell == 1 else "count"
        said.append(f"{marks} of “cannot tell” {verb} for neither.")
    if card.kappa.value is not None and check.agreement.value is not None and not brief:
        said.append(
            f"Beyond chance: Cohen’s kappa {with_interval(card.kappa)}; macro F1 "
            f"{with_interval(card.macro_f1)}."
        )
    if card.among_physicians is not None and not brief:
        said.append(f"People with each other: macro F1 {with_interval(card.among_physicians)}.")
    said += [*_score(check, who), _holds(check, card.grader)]
    return said


def _agreement(check: Check, who: str) -> str:
    text = f"The grader agreed with {who} on {count(check.agreed)} of {plural(check.marks, 'mark')}"
    if check.agreement.value is None:
        kind = "met" if not check.confusion.both + check.confusion.only_grader else "not met"
        return f"{text}. None is on what it called {kind}: too little for the whole run."
    return f"{text}, which stands for {_share(check)}."


def _share(check: Check) -> str:
    low, high = (points(bound) for bound in check.agreement.ci95 or (None, None))
    value = percent(check.agreement.value or 0.0)
    verdicts = plural(check.verdicts, "verdict")
    return f"{value} of the run’s {verdicts} (between {low} and {high})"


def _people(check: Check) -> str:
    return "a person" if check.raters == 1 else f"{count(check.raters)} people"


def _errors(check: Check, who: str) -> Iterator[str]:
    cells, parts = check.confusion, []
    if met := cells.both + cells.only_grader:
        wrong = cells.only_grader
        parts.append(f"of {count(met)} that it called met, {who} called {count(wrong)} not met")
    if unmet := cells.neither + cells.only_physician:
        wrong = cells.only_physician
        parts.append(f"of {count(unmet)} that it called not met, {who} called {count(wrong)} met")
    text = "; ".join(parts)
    yield f"{text[0].upper()}{text[1:]}."


def _score(check: Check, who: str) -> Iterator[str]:
    """What that means for the score."""
    if check.score is None:
        return
    found, wrong = check.corrected, check.marks - check.agreed
    if found is not None and found.run_se == 0:
        by_grader = points(check.score)
        yield f"The score is {points(found.value)} by these marks, {by_grader} by the grader."
    elif found is not None and found.run_ci95 is not None:
        low, high = (points(bound) for bound in found.run_ci95)
        most = " (by majority)" if check.raters > 1 else ""
        yield (
            f"If {who} had marked everything{most}, the score would be about "
            f"{points(found.value)} (between {low} and {high}), not {points(check.score)}."
        )
    elif wrong < LEAST_WRONG and check.marked < check.verdicts:
        yield (
            f"The score of {points(check.score)} is not corrected: {plural(wrong, 'mark')} "
            f"{'differs' if wrong == 1 else 'differ'}, too few to tell how far it is off."
        )


def _holds(check: Check, grader: str) -> str:
    return (
        f"This holds for {grader} on the answers of {check.system} to {check.benchmark} "
        f"(run {check.run}), as {_people(check)} saw them."
    )


def disagreement_table(found: Sequence[Disagreement]) -> Table:
    """Where grader and rater differ: a row for each text, so that a narrow terminal holds it."""
    from rich.table import Table

    table = Table("", "", title="Disagreements", title_justify="left", show_header=False)
    for one in found:
        verdicts = f"grader: {_word(one.grader)}; {one.rater}: {_word(one.mark)}"
        rows = (
            ("example", one.example),
            ("criterion", one.criterion),
            ("verdicts", verdicts),
            ("comment", one.comment),
            ("grader’s reason", one.explanation),
        )
        for name, text in rows:
            if text:
                table.add_row(name, " ".join(text.split()))
        table.add_section()
    return table


def _word(met: bool) -> str:
    return "met" if met else "not met"
