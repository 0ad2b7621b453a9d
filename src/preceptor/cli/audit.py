"""``preceptor audit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Json, StorePath, whole_number
from preceptor.cli.output import note, print_json, show
from preceptor.cli.run_options import GraderParam, MaxCost, Template
from preceptor.errors import InputError, UnknownName, shorten

if TYPE_CHECKING:
    from preceptor.audit.card import Cost
    from preceptor.audit.labels import Labels
    from preceptor.audit.ratings import Ratings
    from preceptor.audit.regrade import Regraded
    from preceptor.audit.report import Audit
    from preceptor.audit.stored import Stored
    from preceptor.engine.runner import Outcome

__all__ = ["audit"]


def audit(  # noqa: PLR0917
    file: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|RUN...",
            help="Rows of HealthBench's meta-evaluation (.jsonl); ratings (a table, or an export "
            "of Label Studio) with the columns response, criterion, rater, label; or runs that "
            "physicians judged, with the grader's run as --grader.",
        ),
    ],
    grader: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The grader: a name in the file; an address, which judges every row now; or, with "
            "runs, the run of the same answers that it judged.",
        ),
    ] = None,
    again: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A second pass or the next version of the grader: a name in the file, or a run.",
        ),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="Scale of the labels: met, nominal, ordinal or interval."
        ),
    ] = "met",
    response: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Of ratings: the column, or dotted path, of the answer."
        ),
    ] = None,
    criterion: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Of the criterion. Default: criterion, or the name of --label."
        ),
    ] = None,
    rater: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Of the rater. Default: rater, or annotator."),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN[,COLUMN]",
            help="Of the label, such as a control of Label Studio; of several each is a criterion.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write an HTML page; without .html, write the figures into a folder.",
        ),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(
            "--card", metavar="FILE", help="Write the grader's card, for `preceptor report --card`."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            parser=whole_number,
            metavar="N",
            help="Audit a fixed random sample of N rows.",
        ),
    ] = None,
    grader_param: GraderParam = None,
    grader_template: Template = None,
    max_cost: MaxCost = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> int:
    """Can the grader be trusted? Its agreement with physicians, and where it fails."""
    from preceptor.audit.card import cost_of
    from preceptor.audit.labels import choose_grader, read_meta_eval
    from preceptor.audit.rating_rows import RatingColumns
    from preceptor.audit.ratings import KINDS, read_ratings
    from preceptor.audit.regrade import is_address, regrade, sample
    from preceptor.audit.report import audit as judge
    from preceptor.cli.progress import Display

    if kind not in KINDS:
        raise InputError(f"--kind: expected one of {', '.join(KINDS)}, found {shorten(kind)}")
    labels_in = tuple(name.strip() for name in (label or "").split(",") if name.strip())
    columns = RatingColumns(response, criterion, rater, labels_in)
    path, stored = Path(file[0]), None
    if len(file) > 1 or not _is_file(file[0]):
        if kind != "met":
            raise InputError(f"--kind {kind}: is for ratings as .csv, found {shorten(file[0])}")
        stored = _stored(file, grader, again, store)
        labels, grader, again = stored.labels, stored.grader, stored.again
    elif columns.named or path.suffix.lower() in (".csv", ".tsv", ".xlsx", ".json"):
        ratings = read_ratings(path, next(each for each in KINDS if each == kind), columns)
        for sentence in ratings.left_out:
            note(f"  • {sentence}")
        if kind != "met" or grader is None:
            if output is not None or card is not None:
                raise InputError("--output and --card need a --grader, and labels of kind met")
            _panel(ratings, grader, again, as_json)
            return 0
        labels = _labels(ratings, grader, again)
    elif kind != "met":
        raise InputError(f"--kind {kind}: is for ratings as .csv, found {shorten(path.name)}")
    else:
        labels = read_meta_eval(path)
    labels = sample(labels, limit)
    regraded = None
    if grader is not None and grader not in labels.graders and is_address(grader):
        with Display() as display:
            regraded = regrade(
                labels,
                grader,
                store=store,
                watch=display.update,
                grader_params=tuple(grader_param or ()),
                grader_template=grader_template,
                max_cost=max_cost,
            )
        labels = regraded.labels
        if regraded.outcome.status != "done" and not regraded.verdicts:
            raise InputError(f"--grader {grader}: no verdict was given: {_why(regraded.outcome)}")
    found = judge(labels, choose_grader(labels, grader), again)
    judged = stored if regraded is None else regraded
    cost = None if judged is None else cost_of(judged.verdicts)
    _write(found, labels, output, card, cost)
    _grader(found, as_json)
    return 0 if regraded is None else _end(regraded)


def _is_file(text: str) -> bool:
    """Whether a text names a readable file: a pipe is one, a folder is not."""
    path = Path(text)
    try:
        return path.exists() and not path.is_dir()
    except OSError:  # A list of runs can be too long for a file name.
        return False


def _stored(texts: list[str], grader: str | None, again: str | None, store: str) -> Stored:
    """Labels from runs of the store, with the verdicts of the grader's run."""
    from preceptor import api
    from preceptor.audit.stored import stored_labels

    if len(texts) > 1:
        for text in texts:
            if _is_file(text):
                raise InputError(f"{shorten(text)}: is a file: expected one file, or runs")
    elif "://" not in store and not Path(store).exists():
        raise InputError(f"{shorten(texts[0])}: no such file, and no store {store} to find runs in")
    try:
        raters = api.sides(texts, store=store)
    except UnknownName as error:
        if len(texts) > 1:
            raise
        raise UnknownName(f"{shorten(texts[0])}: no such file, and {error}") from None
    if grader is None:
        raise InputError("labels from runs need --grader RUN: the same answers as it judged them")
    return stored_labels(
        raters,
        api.sides([grader], store=store),
        api.sides([again], store=store) if again is not None else [],
    )


def _why(outcome: Outcome) -> str:
    return outcome.why or "every call failed"


def _end(regraded: Regraded) -> int:
    """Print the departures of a grader that was asked now; returns the exit code."""
    for sentence in regraded.departures:
        note(f"  • {sentence}")
    if regraded.outcome.status == "done":
        return 0
    note(f"{regraded.outcome.status} ({_why(regraded.outcome)}): the same command goes on")
    return 130 if regraded.outcome.status == "interrupted" else 1


def _write(
    found: Audit, labels: Labels, output: Path | None, card: Path | None, cost: Cost | None
) -> None:
    """The page or the figures, and the card."""
    if output is not None:
        from preceptor.audit.calibration import calibrated
        from preceptor.cli.frontier import write_page
        from preceptor.reports.audit_page import render_audit
        from preceptor.reports.figures.agreement import agreement_figures

        levels = calibrated(labels.rows, found.agreement.grader)
        write_page(
            output,
            lambda: render_audit(found, calibration=levels, cost=cost),
            lambda: agreement_figures(found.agreement, levels),
        )
    if card is not None:
        from preceptor.audit.card import card as card_of
        from preceptor.reports.card import write_card

        note(str(write_card(card_of(found, cost), card)))


def _grader(found: Audit, as_json: bool) -> None:
    from preceptor.reports.audit import (
        agreement_table,
        agreement_words,
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
    show(agreement_words(one))
    show(headline(one))
    for sentence in audit_sentences(one):
        note(f"  • {sentence}")


def _labels(ratings: Ratings, grader: str, again: str | None) -> Labels:
    """The ratings of all but the grader as physicians' labels."""
    from preceptor.audit.ratings import as_labels

    ratings.column(grader)
    if again is not None:
        ratings.column(again, "--again")
    return as_labels(ratings, [grader, *([again] if again else [])])


def _panel(ratings: Ratings, grader: str | None, again: str | None, as_json: bool) -> None:
    from preceptor.audit.panel import panel_audit
    from preceptor.reports.audit import audit_json, panel_sentences, panel_table, raters_table

    if again is not None:
        raise InputError("--again needs a --grader, and labels of kind met")
    found = panel_audit(ratings, grader)
    if as_json:
        print_json(audit_json(found))
        return
    if found.panel is not None:
        show(panel_table(found.panel))
    show(raters_table(found))
    for sentence in panel_sentences(found):
        note(f"  • {sentence}")
