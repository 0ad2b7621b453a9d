"""``preceptor audit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cli.options import Json
from preceptor.cli.output import note, print_json, show
from preceptor.errors import InputError, shorten

if TYPE_CHECKING:
    from preceptor.audit.ratings import Ratings
    from preceptor.audit.report import Audit

__all__ = ["audit"]


def audit(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Rows of HealthBench's meta-evaluation (.jsonl), or ratings (.csv) with the "
            "columns response, criterion, rater, label.",
        ),
    ],
    grader: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The grader: one of those in the file, or a rater."),
    ] = None,
    again: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its second pass, or its next version, in the file."),
    ] = None,
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="Of labels: met, nominal, ordinal or interval.")
    ] = "met",
    as_json: Json = False,
) -> None:
    """Can the grader be trusted? Its agreement with physicians, and where it fails."""
    from preceptor.audit.labels import choose_grader, read_meta_eval
    from preceptor.audit.ratings import KINDS, as_labels, read_ratings
    from preceptor.audit.report import audit as judge

    if kind not in KINDS:
        raise InputError(f"--kind: expected one of {', '.join(KINDS)}, found {shorten(kind)}")
    if file.suffix.lower() == ".csv":
        ratings = read_ratings(file, next(each for each in KINDS if each == kind))
        if kind != "met" or grader is None:
            if again is not None:
                raise InputError("--again needs a --grader, and labels of kind met")
            _panel(ratings, grader, as_json)
            return
        ratings.column(grader)
        if again is not None:
            ratings.column(again, "--again")
        labels = as_labels(ratings, [grader, *([again] if again else [])])
    elif kind != "met":
        raise InputError(f"--kind {kind}: is for ratings as .csv, found {shorten(file.name)}")
    else:
        labels = read_meta_eval(file)
    _grader(judge(labels, choose_grader(labels, grader), again), as_json)


def _grader(found: Audit, as_json: bool) -> None:
    from preceptor.reports.audit import (
        agreement_table,
        audit_json,
        audit_sentences,
        bands_table,
        headline,
        slices_table,
    )

    if as_json:
        print_json(audit_json(found))
        return
    one = found.agreement
    show(agreement_table(one))
    for table in (bands_table(one), slices_table(one.slices)):
        if table is not None:
            show(table)
    show(headline(one))
    for sentence in audit_sentences(one):
        note(f"  • {sentence}")


def _panel(ratings: Ratings, grader: str | None, as_json: bool) -> None:
    from preceptor.audit.panel import panel_audit
    from preceptor.reports.audit import audit_json, panel_sentences, panel_table, raters_table

    found = panel_audit(ratings, grader)
    if as_json:
        print_json(audit_json(found))
        return
    if found.panel is not None:
        show(panel_table(found.panel))
    show(raters_table(found))
    for sentence in panel_sentences(found):
        note(f"  • {sentence}")
