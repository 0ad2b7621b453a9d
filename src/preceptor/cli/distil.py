"""``preceptor distil``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Json, StorePath, whole_number
from preceptor.cli.output import note, print_json, show
from preceptor.errors import InputError, shorten

if TYPE_CHECKING:
    from rich.table import Table

    from preceptor.distil import Card

__all__ = ["distil"]


def distil(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN|PATTERN]...",
            help="Runs to learn from, all by one grader. Default: all of the store.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")
    ] = Path("grader.npz"),
    seed: Annotated[
        int, typer.Option(parser=whole_number, metavar="N", help="Seed of folds and trees.")
    ] = 0,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Train a small, free grader on the verdicts of a strong one; its file is `distilled:FILE`."""
    from preceptor import api
    from preceptor.distil.train import distil as train

    if not out.parent.is_dir():
        raise InputError(f"--output {out}: expected an existing folder, found none at {out.parent}")
    if out.is_dir():
        raise InputError(f"--output {out}: expected a file, found a folder")
    results = [side.result for side in api.sides(runs or ["*"], store=store)]
    graders = list(dict.fromkeys(result.info.grader for result in results))
    if len(graders) != 1:
        raise InputError(
            f"distil: expected runs of one grader, found {', '.join(map(shorten, graders))}"
        )
    made = train(
        {result.info.name: result.graded for result in results},
        grader=graders[0],
        benchmarks=list(dict.fromkeys(result.info.benchmark for result in results)),
        seed=seed,
        say=lambda text: note(f"  {text} …"),
    )
    made.save(out)
    if as_json:
        print_json({"file": str(out), **_plain(made.card)})
        return
    show(_table(made.card))
    note(f"  • {out}: distilled from {made.card.verdicts:,} verdicts by {made.card.grader}.")
    note(
        "  • Its expected scores may still be far off for a system unlike those it learnt from: "
        "audit a random share with the strong grader."
    )


def _plain(card: Card) -> dict[str, object]:
    import msgspec

    plain: dict[str, object] = msgspec.to_builtins(card)
    return plain


def _table(card: Card) -> Table:
    from rich.table import Table

    measured = card.held_out
    table = Table(
        title=f"Distilled grader, on prompts it was not trained on ({measured.folds} folds)"
    )
    for name in ("measure", "value", "95 % interval"):
        table.add_column(name, justify="left" if name == "measure" else "right")
    rows: list[tuple[str, str, tuple[float, float] | None]] = [
        ("AUROC", f"{measured.auroc:.3f}", measured.auroc_ci95),
        ("macro F1", f"{measured.macro_f1:.3f}", measured.macro_f1_ci95),
        ("agreement", f"{100 * measured.accuracy:.1f} %", None),
        (
            "Brier score",
            f"{measured.brier:.3f} (share of met alone {measured.brier_base:.3f})",
            None,
        ),
        ("calibration error", f"{100 * measured.calibration_error:.1f} %", None),
        (
            "a run's score is off by, expected score",
            f"{100 * measured.score_error:.1f} points",
            None,
        ),
        ("… thresholded verdicts", f"{100 * measured.score_error_thresholded:.1f} points", None),
        ("verdicts", f"{measured.verdicts:,}", None),
        ("prompts", f"{measured.prompts:,}", None),
    ]
    for name, value, interval in rows:
        shown = "" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
        table.add_row(name, value, shown)
    return table
