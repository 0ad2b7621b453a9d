"""``preceptor reliability``, ``length``, ``efficiency``, ``power`` and ``estimate``."""

from __future__ import annotations

from typing import Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Json, Sides, StorePath, number, numbers, whole_number
from preceptor.cli.output import note, print_json, show
from preceptor.errors import InputError

__all__ = ["efficiency", "estimate", "length", "power", "reliability"]


def reliability(
    sides: Sides,
    k: Annotated[
        int | None,
        typer.Option(
            "--k",
            parser=whole_number,
            metavar="K",
            help="Largest k. Default: what half of the repeated examples have.",
        ),
    ] = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """How good is the worst of k answers, and how often does a question's score change?"""
    from preceptor import api
    from preceptor.analysis.reliability import reliability as measure
    from preceptor.reports.tables import reliability_sentence, reliability_table

    if k is not None and k < 1:
        raise InputError(f"--k: expected a whole number from 1, found {k}")
    gathered = api.sides(sides, store=store)
    measured = {side.label: measure(side, k) for side in gathered}
    found = [one for one in measured.values() if one is not None]
    missing = [label for label, one in measured.items() if one is None]
    if not found:
        raise InputError(
            f"{', '.join(missing)}: no example was answered twice: run with --repeats, or name "
            "several runs as one side: LABEL=RUN,RUN"
        )
    if as_json:
        print_json(found)
        return
    show(reliability_table(found))
    for one in found:
        note(f"  • {reliability_sentence(one)}")
        if one.left_out:
            note(f"  • {one.label}: {one.left_out:,} examples have fewer than {one.k[-1]} answers.")
    for label in missing:
        note(f"  • {label}: no example was answered twice.")


def efficiency(
    sides: Sides,
    right: Annotated[
        float,
        typer.Option(
            "--right",
            parser=number,
            metavar="POINTS",
            help="Score from 0 to 100 from which an answer is right, for the ratios.",
        ),
    ] = 100.0,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """What does a score take, in tokens, seconds and dollars, and who is on the Pareto front?"""
    from preceptor import api
    from preceptor.analysis.efficiency import efficiency as measure
    from preceptor.reports.efficiency import efficiency_sentences, efficiency_table, ratio_table

    if not 0 < right <= 100:
        raise InputError(f"--right: expected points above 0 and up to 100, found {right:g}")
    found = measure(api.sides(sides, store=store), right=right / 100)
    if as_json:
        print_json(found)
        return
    show(efficiency_table(found))
    if found.ratios:
        show(ratio_table(found))
    for sentence in efficiency_sentences(found):
        note(f"  • {sentence}")


def length(
    sides: Sides,
    levels: Annotated[
        bool,
        typer.Option("--levels", help="Labels are SETTING/LEVEL: one setting at several lengths."),
    ] = False,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Do longer answers score higher, and what price on length would be fair?"""
    from preceptor import api
    from preceptor.analysis.length import lengths
    from preceptor.reports.tables import length_sentences, length_table

    found = lengths(api.sides(sides, store=store), levels=levels)
    if as_json:
        print_json(found)
        return
    show(length_table(found))
    for sentence in length_sentences(found):
        note(f"  • {sentence}")


def power(  # noqa: PLR0917
    pilots: Sides,
    difference: Annotated[
        float, typer.Option(parser=number, metavar="POINTS", help="The difference to detect.")
    ] = 3.0,
    powers: Annotated[
        str, typer.Option("--power", metavar="P,P", help="Chance of detecting it.")
    ] = "0.8,0.9",
    repeats: Annotated[
        str, typer.Option(metavar="N,N", help="Answers to each example.")
    ] = "1,2,4,8",
    alpha: Annotated[
        float, typer.Option(parser=number, metavar="P", help="Two-sided level of the test.")
    ] = 0.05,
    correlation: Annotated[
        float,
        typer.Option(
            parser=number,
            metavar="R",
            help="With one pilot: the assumed correlation of the systems' scores of an example.",
        ),
    ] = 0.0,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """How many examples and repeats detect a difference? Planned from one or two pilot runs."""
    from preceptor import api
    from preceptor.analysis.planning import plan
    from preceptor.reports.tables import power_table

    made = plan(
        api.sides(pilots, store=store),
        difference=difference / 100,
        repeats=numbers("--repeats", repeats, int),
        powers=numbers("--power", powers, float),
        alpha=alpha,
        correlation=correlation,
    )
    if as_json:
        print_json(made)
        return
    show(power_table(made))
    for sentence in made.notes:
        note(f"  • {sentence}")


def estimate(
    sample: Annotated[
        str, typer.Argument(metavar="[LABEL=]RUN", help="A run on a sample of the examples.")
    ],
    control: Annotated[
        str,
        typer.Option(
            "--control",
            metavar="[LABEL=]RUN",
            help="A run on all of them: another system's, or a cheaper grader's.",
        ),
    ],
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Estimate the score on all examples from a run on a sample and a control on all."""
    from preceptor import api
    from preceptor.analysis.estimating import estimate as make
    from preceptor.reports.tables import estimate_table

    gathered = api.sides([sample, control], store=store)
    if len(gathered) != 2:
        raise InputError("estimate: a pattern names several runs: pool them with LABEL='…'")
    found = make(*gathered)
    if as_json:
        print_json(found)
        return
    show(estimate_table(found))
    if found.correlation is not None:
        note(f"  • The scores of sample and control correlate by {found.correlation:.2f}.")
    if found.left_out:
        note(f"  • {found.left_out:,} examples of the sample are not in the control: left out.")
