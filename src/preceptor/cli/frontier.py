"""``preceptor frontier``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Json, StorePath
from preceptor.cli.output import note, print_json, show
from preceptor.errors import InputError, PreceptorError, shorten

if TYPE_CHECKING:
    from preceptor.audit.frontier import Frontier, Spent
    from preceptor.audit.labels import Labels
    from preceptor.records import Verdict
    from preceptor.reports.figures import Figure
    from preceptor.systems.prices import Price

__all__ = ["frontier", "write_page"]


def frontier(  # noqa: PLR0917
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Rows of HealthBench's meta-evaluation with the verdicts of one or more graders.",
        ),
    ],
    grader: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only this grader: a name in the file, or an address, which judges now; may be "
            "repeated.",
        ),
    ] = None,
    price: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=IN/OUT",
            help="Dollars per million tokens of a grader; may be repeated.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write an HTML page; without .html, write the figure into a folder.",
        ),
    ] = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Which grader is worth its price? Agreement with physicians against cost.

    Graders of the store are added where they judged the same answers by the same criteria.
    """
    from preceptor.audit.frontier import frontier as compare
    from preceptor.audit.labels import read_meta_eval

    prices = _prices(price or [])
    labels, asked = _with_asked(read_meta_eval(file), grader or [], store)
    labels, stored = _with_store(labels, store, known=asked)
    spent, notes = _spent(labels, stored | asked, prices, file, grader)
    found = compare(labels, grader, spent)
    if output is not None:
        from preceptor.reports.audit_page import render_frontier
        from preceptor.reports.figures.frontier import frontier as draw

        write_page(
            output,
            lambda: render_frontier(found, notes),
            lambda: [figure for figure in [draw(found)] if figure is not None],
        )
    if as_json:
        print_json(found)
        return
    _print(found, notes)


def write_page(
    output: Path, page: Callable[[], str], figures: Callable[[], Sequence[Figure]]
) -> None:
    """A page where ``output`` ends in .html, else its figures as files in that folder."""
    if output.suffix.lower() in (".html", ".htm"):
        from preceptor.reports.files import write_text

        note(str(write_text(output, page())))
        return
    from preceptor.reports.figures import FORMATS, check_formats, write

    formats = check_formats(FORMATS)
    for path in write(figures(), output, formats):
        note(str(path))


def _prices(texts: Sequence[str]) -> dict[str, Price]:
    from preceptor.systems.prices import parse_price

    found = {}
    for text in texts:
        name, sign, value = text.rpartition("=")
        if not sign or not name:
            raise InputError(f"--price: expected NAME=IN/OUT, found {shorten(text)}")
        found[name] = parse_price(value)
    return found


def _with_asked(
    labels: Labels, graders: Sequence[str], store: str
) -> tuple[Labels, dict[str, list[Verdict]]]:
    """Labels with the verdicts of addresses added, as `preceptor audit` gets them."""
    from preceptor.audit.regrade import is_address, regrade
    from preceptor.cli.progress import Display

    asked = {}
    for address in graders:
        if address in labels.graders or not is_address(address):
            continue
        with Display() as display:
            found = regrade(labels, address, store=store, watch=display.update)
        if found.outcome.status != "done":
            raise PreceptorError(
                f"--grader {address}: {found.outcome.status} "
                f"({found.outcome.why or 'some calls failed'}): the same command goes on"
            )
        labels, asked[address] = found.labels, found.verdicts
        for sentence in found.departures:
            note(f"  • {address}: {sentence}")
    return labels, asked


def _with_store(
    labels: Labels, store: str, known: Mapping[str, Sequence[Verdict]]
) -> tuple[Labels, dict[str, list[Verdict]]]:
    """Labels with the verdicts of other graders in the store added, if there is a store."""
    from preceptor.audit.frontier import with_stored
    from preceptor.store import Store

    if "://" not in store and not Path(store).exists():
        return labels, {}
    with Store(store, create=False) as opened:
        return with_stored(
            labels,
            (
                (run.grader, opened.graded(run))
                for run in opened.runs()
                if run.grader not in known and run.settings.marks is None
            ),
        )


def _spent(
    labels: Labels,
    stored: Mapping[str, Sequence[Verdict]],
    prices: Mapping[str, Price],
    file: Path,
    graders: Sequence[str] | None,
) -> tuple[dict[str, Spent], list[str]]:
    """Known costs of graders, and a sentence on what was estimated."""
    from preceptor.audit.card import cost_of
    from preceptor.audit.frontier import CHARACTERS_PER_TOKEN, Spent
    from preceptor.graders.template import find_template

    template = len(find_template().text)
    known = {
        name: Spent(cost)
        for name, verdicts in stored.items()
        if (cost := cost_of(verdicts)) is not None
    }
    estimated = []
    chosen = labels.graders if graders is None else graders
    for name, price in prices.items():
        if name not in chosen:
            listed = ", ".join(shorten(each, 60) for each in chosen)
            raise InputError(f"--price {shorten(name)}: no such grader here: {listed}")
        if name not in known:
            known[name] = _estimated(labels, name, file, template)
            estimated.append(name)
        known[name] = _priced(known[name], price)
    if not estimated:
        return known, []
    return known, [
        f"Tokens of {', '.join(estimated)} were not counted: estimated from the lengths of the "
        f"conversations, criteria and replies, with a grading prompt of {template:,} characters, "
        f"{CHARACTERS_PER_TOKEN} characters a token."
    ]


def _estimated(labels: Labels, grader: str, file: Path, template: int) -> Spent:
    from preceptor.audit.card import Cost
    from preceptor.audit.frontier import Spent, estimated_tokens, reply_characters

    replies = reply_characters(file)
    tokens = estimated_tokens(labels, grader, prompt=template, reply=replies.get(grader, 0.0))
    if tokens is None or grader not in replies:
        raise InputError(
            f"--price {shorten(grader)}: its tokens are unknown, and cannot be estimated: "
            f"{file} has no replies of it (graders.NAME.raw)"
        )
    judged = sum(grader in row.verdicts for row in labels.rows)
    return Spent(Cost(judged, *tokens, None), estimated=True)


def _priced(spent: Spent, price: Price) -> Spent:
    import msgspec

    cost = spent.cost
    usd = (cost.input_tokens * price.input + cost.output_tokens * price.output) / 1e6
    return msgspec.structs.replace(spent, cost=msgspec.structs.replace(cost, usd=usd))


def _print(found: Frontier, notes: Sequence[str]) -> None:
    from preceptor.reports.agreement_view import with_interval
    from preceptor.reports.frontier import frontier_table

    show(frontier_table(found))
    if found.physicians is not None:
        note(f"  • Physicians with each other: {with_interval(found.physicians)}.")
    if len({point.rows for point in found.points}) > 1:
        note("  • The graders did not all judge the same rows: these numbers are of their own.")
    for sentence in notes:
        note(f"  • {sentence}")
