"""``preceptor studio pull``, ``labels``, ``estimate``, ``references`` and ``categories``."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.marks import marked_items
from preceptor.cli.options import Json, RunName, StorePath, whole_number
from preceptor.cli.output import note, print_json
from preceptor.cli.studio import DEFAULT, Database, open_studio
from preceptor.errors import InputError, shorten

if TYPE_CHECKING:
    from preceptor.audit.marks import Mark
    from preceptor.studio.labelling.drawing import Way

__all__ = ["categories", "estimate", "labels", "pull", "references", "scores"]


def pull(  # noqa: PLR0917
    run: RunName,
    number: Annotated[
        int,
        typer.Option(
            "--number",
            "-n",
            parser=whole_number,
            metavar="N",
            help="About how many criteria; of answers with --answers.",
        ),
    ] = 200,
    most_telling: Annotated[
        bool,
        typer.Option(
            "--most-telling",
            help="Not a draw: those on which the grader is least sure and most points hang.",
        ),
    ] = False,
    whole: Annotated[
        bool, typer.Option("--answers", help="Draw whole answers, with all their criteria.")
    ] = False,
    gold: Annotated[
        Path | None,
        typer.Option(
            "--gold",
            metavar="FILE",
            help="A sheet by `preceptor check-grader RUN -o FILE` with what is right: one in "
            "twenty that a labeller gets is of these.",
        ),
    ] = None,
    store: StorePath = DEFAULT_STORE,
    db: Database = DEFAULT,
    as_json: Json = False,
) -> None:
    """Draw criteria of a run's answers, for people to label in the studio."""
    from preceptor.audit.marks import criteria_of
    from preceptor.store import Store
    from preceptor.studio.labelling.drawing import pull as draw

    if most_telling and whole:
        raise InputError("--most-telling, --answers: choose one")
    way: Way = "telling" if most_telling else "answers" if whole else "audit"
    with Store(store, create=False) as opened:
        found = criteria_of(opened, opened.run(run))
        right = _gold(opened, gold)
    with open_studio(db) as studio:
        made = studio.write_now(
            lambda connection: draw(connection, None, found, way=way, count=number, gold=right)
        )
    if as_json:
        print_json(
            {
                "run": made.run,
                "way": made.way,
                "units": len(made.units),
                "answers": len(made.answers),
                "twice": sum(unit.seats > 1 for unit in made.units),
                "gold": sum(unit.gold is not None for unit in made.units),
                "of": len(found),
            }
        )
        return
    note(
        f"{len(made.units):,} of {len(found):,} criteria of run {made.run} wait for labellers, on "
        f"{len(made.answers):,} answers. Then: preceptor studio labels -o labels.jsonl"
    )


def labels(  # noqa: PLR0917
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The .jsonl file to write.")
    ],
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Only those of this run.")
    ] = None,
    meta_eval: Annotated[
        bool,
        typer.Option(
            "--meta-eval", help="In the form of HealthBench's meta-evaluation, for `audit`."
        ),
    ] = False,
    previews: Annotated[
        bool,
        typer.Option(
            "--previews",
            help="Write what authors say of verdicts in previews that they call wrong instead.",
        ),
    ] = False,
    ratings: Annotated[
        bool,
        typer.Option(
            "--ratings",
            help="Write the ratings of authors and reviewers instead: a table for `audit`.",
        ),
    ] = False,
    db: Database = DEFAULT,
    as_json: Json = False,
) -> None:
    """Write what people labelled: a run for each of them, and one of what most of them say."""
    import msgspec

    from preceptor.reports.files import whole_file
    from preceptor.studio.labelling import rows
    from preceptor.studio.preview import marking

    if ratings:
        if run or meta_eval or previews:
            raise InputError("--ratings: ratings belong to no run: leave out all but --output")
        _write_ratings(output, db, as_json)
        return
    if previews and run:
        raise InputError("--previews: previews belong to no run: leave out --run")
    with open_studio(db) as studio, studio.read() as connection:
        if previews:
            word, people = "author", marking.authors(connection)
            given = (marking.meta_rows if meta_eval else marking.marked_rows)(connection)
        else:
            word, people = "rater", rows.raters(connection)
            given = (rows.meta_eval_rows if meta_eval else rows.labels_rows)(connection, run)
        names = {person: f"{word}-{number}" for number, person in enumerate(people, 1)}
        found = [_named(row, names) for row in given]
    if previews and not found:
        raise InputError(f"{db}: no author has called a verdict in a preview of a task wrong yet")
    if not found:
        where = f" of run {shorten(run)}" if run else ""
        raise InputError(f"{db}: no labels{where} yet: `preceptor studio pull` draws what to label")
    with whole_file(output) as stream:
        stream.writelines(msgspec.json.encode(row) + b"\n" for row in found)
    if as_json:
        print_json({"file": str(output), "rows": len(found), "raters": len(names)})
        return
    print(output)
    if previews:
        note("these are verdicts called wrong, and no sample: agreement on them says little")
    for sentence in _next(found, output, meta_eval, "author" if previews else "rater"):
        note(sentence)


def _write_ratings(output: Path, db: str, as_json: bool) -> None:
    """Write a table of ratings; people have numbers in it."""
    import csv

    from preceptor.reports.files import whole_file
    from preceptor.studio.oversight.agreement import rating_rows

    with open_studio(db) as studio, studio.read() as connection:
        found = rating_rows(connection)
    if not found:
        raise InputError(f"{db}: nobody has rated an answer yet")
    people = {each: f"person-{n}" for n, each in enumerate(dict.fromkeys(r[2] for r in found), 1)}
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("response", "criterion", "rater", "label", "prompt"))
    for answer, part, person, rating, task in found:
        table.writerow((answer, part, people[person], rating, task))
    with whole_file(output) as stream:
        stream.write(text.getvalue().encode())
    if as_json:
        print_json({"file": str(output), "rows": len(found), "raters": len(people)})
        return
    print(output)
    note(f"then: preceptor audit {output} --kind ordinal")


def estimate(
    run: RunName,
    store: StorePath = DEFAULT_STORE,
    db: Database = DEFAULT,
    as_json: Json = False,
) -> None:
    """Print a run's score as it would be if the labellers had judged all of it."""
    from preceptor.audit.checked import LEAST_WRONG
    from preceptor.results.load import load_result
    from preceptor.scoring import OVERALL
    from preceptor.store import Store
    from preceptor.studio.labelling.estimate import estimate as estimated

    with Store(store, create=False) as opened:
        result = load_result(opened, opened.run(run))
    with open_studio(db) as studio, studio.read() as connection:
        found = estimated(connection, result)
    score = result.metrics[OVERALL].raw_mean if OVERALL in result.metrics else None
    if as_json:
        print_json({"run": result.info.name, "score": score, "corrected": found})
    elif found is None or found.run_ci95 is None or score is None:
        note(
            f"run {result.info.name}: not estimated: that needs {LEAST_WRONG} verdicts that "
            f"labellers call wrong, or labels of all, and a score that is a sum of points"
        )
    else:
        low, high = (100 * each for each in found.run_ci95)
        print(
            f"If labellers had judged all of run {result.info.name}, its score would be about "
            f"{100 * found.value:.1f} (between {low:.1f} and {high:.1f}), not {100 * score:.1f}."
        )


def references(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Runs on tasks of this studio: one of each system."),
    ],
    group: Annotated[
        str, typer.Option("--group", metavar="2|3", help="2 and 3 are two sets of systems.")
    ] = "2",
    store: StorePath = DEFAULT_STORE,
    db: Database = DEFAULT,
) -> None:
    """Have accepted tasks answered by physicians who see these systems' answers, too."""
    from preceptor.store import Store
    from preceptor.studio.baselines.commands import set_references

    with Store(store, create=False) as opened:
        found = [
            (each.example, each.response.text, info.system)
            for info in map(opened.run, runs)
            for each in opened.graded(info)
            if each.repeat == 0 and each.response is not None and each.response.failure is None
        ]
    with open_studio(db) as studio:
        number = studio.write_now(lambda connection: set_references(connection, None, group, found))
    note(f"{number:,} tasks wait for an answer of group {group}")


def scores(
    run: RunName,
    store: StorePath = DEFAULT_STORE,
    db: Database = DEFAULT,
) -> None:
    """Show each physician how a run of --system physician graded their own answers."""
    from preceptor.results.load import load_result
    from preceptor.scoring import OVERALL
    from preceptor.store import Store
    from preceptor.studio.baselines.commands import keep_scores

    with Store(store, create=False) as opened:
        result = load_result(opened, opened.run(run))
    values = {
        (each.example_id, each.repeat): each.values[OVERALL]
        for each in result.scores
        if OVERALL in each.values
    }
    found = [
        (each.example, each.response.text or "", values[each.example.id, each.repeat])
        for each in result.graded
        if each.response is not None and (each.example.id, each.repeat) in values
    ]
    with open_studio(db) as studio:
        number = studio.write_now(
            lambda connection: keep_scores(connection, None, result.info.name, found)
        )
    note(f"{number:,} answers have scores: each writer sees their own on the page My score")


def categories(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A table with a row for each criterion: category, about, criterion, points.",
        ),
    ],
    db: Database = DEFAULT,
) -> None:
    """Set the categories that labellers sort tasks into, and the criteria that each brings."""
    from preceptor.files import read_rows
    from preceptor.studio.consensus.commands import read_categories, set_categories

    try:
        found = read_categories(read_rows(file))
    except InputError as error:
        if str(error).startswith("line "):
            raise InputError(f"{file}: {error}") from None
        raise
    with open_studio(db) as studio:
        studio.write_now(lambda connection: set_categories(connection, None, found))
    criteria = sum(len(each.criteria) for each in found)
    note(f"{len(found):,} categories with {criteria:,} criteria, in place of those before")


def _gold(store: Any, path: Path | None) -> dict[str, Mark]:
    if path is None:
        return {}
    from preceptor.reports.mark_sheet import read_marks

    sheet = read_marks(path)
    marked_items(store, sheet)  # raises where a text of a row was changed
    return sheet.marks


def _named(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The row with numbers for people."""
    if "anonymized_physician_ids" in row:
        return row | {
            "anonymized_physician_ids": [names[each] for each in row["anonymized_physician_ids"]]
        }
    person = row["grader"]
    if person not in names:
        return row
    run = re.sub(rf"^(rater-)?{re.escape(person)}", names[person], row["run"])
    return row | {"grader": names[person], "run": run}


def _next(found: list[dict[str, Any]], output: Path, meta_eval: bool, word: str) -> Iterator[str]:
    from preceptor.benchmarks.own_tasks.task_sheets import taken

    if meta_eval:
        yield f"then: preceptor audit {output}"
        return
    for benchmark in dict.fromkeys(row["benchmark"] for row in found):
        # A release is read from its folder, and the studio does not know where that is.
        of = f"that of {benchmark}" if word == "rater" else "that of a release"
        place = benchmark if taken(benchmark) else f"./FOLDER ({of})"
        yield f"then: preceptor import graded {output} --benchmark {place}"
    yield f"then: preceptor audit '{word}-*' --grader RUN"
