"""``preceptor import``."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Data, Json, StorePath
from preceptor.cli.output import note, print_json, printable
from preceptor.cli.run import elsewhere
from preceptor.errors import InputError, shorten
from preceptor.installation import program

if TYPE_CHECKING:
    from preceptor.bridges.imported import Incoming
    from preceptor.bridges.tools import Found

__all__ = ["import_files", "keep_runs"]


def import_files(  # noqa: PLR0917
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="[TOOL] FILE...",
            help="Files or folders that a tool wrote. The tool is recognised by their content; or "
            "name it first: inspect, simple-evals, evalscope, batch, lm-eval, promptfoo, "
            "verifiers, chi-bench, cases (scores of cases, such as Dice), forecasts (of "
            "ForecastBench), graded (as `preceptor export` writes), predictions (any table).",
        ),
    ],
    benchmark: Annotated[
        str | None,
        typer.Option(
            "--benchmark", metavar="NAME", help="The benchmark. Default: as the file says."
        ),
    ] = None,
    data: Data = None,
    system: Annotated[
        str | None, typer.Option(metavar="NAME", help="The system, if the file does not name it.")
    ] = None,
    grader: Annotated[
        str | None, typer.Option(metavar="NAME", help="The grader, if the file does not name it.")
    ] = None,
    id_path: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="PATH",
            help="Of a table: column of the question's id, or dotted path into one (doc.id). "
            "Default: found by name.",
        ),
    ] = None,
    answer: Annotated[
        str,
        typer.Option(
            metavar="PATH[,PATH]",
            help="Of a table: columns of the answer, or dotted paths (choices.0.message.content); "
            "the first non-empty one counts, a list is repeats. Default: found by name.",
        ),
    ] = "",
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN[,COLUMN]",
            help="Of a table: one run for each combination of their values; '' for one run. "
            "Default: found by name (model, method, dataset, split, language, …).",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of scores of cases: the metric that is the score of a case. Default: Dice, else "
            "the first from 0 to 1.",
        ),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Of scores of cases: a table of what is known of each case."
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN[,COLUMN]",
            help="Of predictions with outcomes, or of cases with --metadata: columns that "
            "are groups; '' for none. Default: those with 2 to 12 values.",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            help="Of predictions with outcomes: read only these rows; may be repeated.",
        ),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(metavar="VALUE", help="Of predictions: the value of y_true that counts as 1."),
    ] = None,
    score_is: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="Of predictions: probability, rank for scores that only put rows in order, or "
            "forecast for the Brier score beside a crowd's.",
        ),
    ] = "probability",
    quartiles: Annotated[
        str,
        typer.Option(
            metavar="COLUMN,COLUMN",
            help="Of predictions: measure also by quartiles of these numbers.",
        ),
    ] = "",
    classes: Annotated[
        str,
        typer.Option(
            metavar="LABEL,LABEL",
            help="Of predictions: the classes from the lowest to the highest.",
        ),
    ] = "",
    normalise: Annotated[
        bool,
        typer.Option("--normalise", help="Of predictions: make probabilities of classes sum to 1."),
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name of the run; of several, what their names begin with."
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace imported runs of the same names.")
    ] = False,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Import results made elsewhere: answers, verdicts, and the tool's own scores."""
    from preceptor.bridges.outcome_columns import OutcomeColumns
    from preceptor.bridges.tool_runs import Asked
    from preceptor.bridges.tools import incoming_runs

    of_table = id_path is not None or bool(answer) or by is not None
    asked = Asked(
        benchmark=benchmark,
        data=data,
        system=system,
        grader=grader,
        id=id_path,
        answer=_names(answer),
        by=None if by is None else _names(by),
        metric=metric,
        metadata=metadata,
        groups=None if group is None else _names(group),
        outcomes=OutcomeColumns(
            groups=None if group is None else _names(group),
            where=_pairs(where or []),
            positive=positive,
            rank=_kind_of(score_is) == "rank",
            forecast=score_is == "forecast",
            quartiles=_names(quartiles),
            classes=_names(classes),
            normalise=normalise,
        ),
    )
    found, unknown = _files(paths, of_table)
    incoming = incoming_runs(found, asked, name)
    if not incoming:
        title = found[0].tool.title
        raise InputError(f"{found[0].files[0]}: expected answers, found none in {title}")
    keep_runs(incoming, store, data, as_json=as_json, replace=replace)
    if unknown:
        files = "1 file" if len(unknown) == 1 else f"{len(unknown):,} files, first"
        note(f"  • Not understood: {files} {printable(str(unknown[0]))}")


def _files(paths: Sequence[str], of_table: bool) -> tuple[list[Found], list[Path]]:
    """The files with their tool: the one that the first word names, else by content."""
    from preceptor.bridges.tools import TABLE, TOOLS, Found, recognise

    tools = {tool.name: tool for tool in TOOLS}
    chosen = tools.get(paths[0]) if len(paths) > 1 else None
    files = [Path(path) for path in (paths[1:] if chosen else paths)]
    if of_table and chosen is None:
        chosen = TABLE
    if chosen is None:
        return recognise(files)
    named = [file for file in files if not file.is_dir()]
    inside = recognise([file for file in files if file.is_dir()])[0]
    named += [file for each in inside if each.tool == chosen for file in each.files]
    return [Found(chosen, named or files)], []


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    """``repeat=0`` → the column and its value."""
    for text in texts:
        if not text.partition("=")[0] or "=" not in text:
            raise InputError(f"--where {shorten(text)}: expected COLUMN=VALUE")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def _kind_of(scores: str) -> str:
    if scores not in ("probability", "rank", "forecast"):
        raise InputError(f"--score-is {shorten(scores)}: expected probability, rank or forecast")
    return scores


def keep_runs(
    incoming: Sequence[Incoming],
    where: str,
    data: Path | None = None,
    *,
    as_json: bool,
    replace: bool,
) -> None:
    """Store the runs one by one, each whole or not at all, and print what was made."""
    from preceptor.benchmarks import get
    from preceptor.bridges.imported import digests_of, existing_runs, keep_one
    from preceptor.bridges.resolve import none_known
    from preceptor.store import Store
    from preceptor.wording import plural

    lines: list[dict[str, object]] = []
    remarks: list[str] = []
    left_out: Counter[str] = Counter()
    what = "answer"
    with Store(where) as store:
        there = existing_runs(store, digests_of(incoming), replace=replace)
        for each in incoming:
            run = each.make()
            left_out[run.benchmark] += run.settings.left_out or 0
            remarks += run.remarks
            if run.answers:
                info, new = keep_one(store, run, each.source, each.digest, there.get(each.name))
                n, what = (run.rows, "row") if run.rows else (len(run.answers), "answer")
                lines.append({"run": info.name, "n": n, "new": new})
    for remark in dict.fromkeys(remarks):
        note(f"  • {printable(remark)}")
    if not lines:
        (benchmark, rows), *_ = left_out.items()
        raise none_known(incoming[0].source, rows, get(benchmark), data)
    _tell(lines, where, as_json, what)
    for benchmark, count in (+left_out).items():
        note(f"  • {plural(count, 'row')} left out: {benchmark} has no question of their id")


def _tell(lines: Sequence[Mapping[str, Any]], store: str, as_json: bool, what: str) -> None:
    from preceptor.wording import plural

    if as_json:
        print_json(lines)
        return
    for line in lines:
        there = "" if line["new"] else " (was there already)"
        print(printable(f"{line['run']}: {plural(line['n'], what)}{there}"))
    if len(lines) == 1:
        name = shlex.quote(str(lines[0]["run"]))
        note(f"see it with: {program()} score {name}{elsewhere(store)}")
    else:
        note(f"{len(lines)} runs; see them with: preceptor score --all{elsewhere(store)}")
