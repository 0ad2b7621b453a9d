"""``preceptor measure codes``, ``tables``, ``embedding``, ``pose`` and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cli.measure import app, tell_values
from preceptor.cli.options import Json, whole_number
from preceptor.cli.output import note, print_json, show
from preceptor.errors import InputError

if TYPE_CHECKING:
    from preceptor.records import Metric

__all__ = ["app"]


@app.command("codes")
def codes(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Tables with id, true and pred (lists of codes), an admission a row.",
        ),
    ],
    hierarchy: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="icd-10-cm; prefix, for any form of ICD-10 (CIE-10) by the beginnings of codes; "
            "or a table with code and parent.",
        ),
    ] = "icd-10-cm",
    as_json: Json = False,
) -> None:
    """Precision, recall and F1 of sets of codes at each level of their hierarchy."""
    from preceptor.bridges.code_sets import read_code_sets
    from preceptor.scoring.code_levels import CODE_LABELS, code_notes, code_set_metrics
    from preceptor.terminology.hierarchy import hierarchy_of

    known = hierarchy_of(hierarchy)
    named = hierarchy in ("icd-10-cm", "prefix")
    found = {}
    said: list[str] = []
    for file in files:
        admissions = read_code_sets(file, icd=named)
        found[str(file)] = code_set_metrics(admissions, known)
        each = code_notes(admissions, known)
        said += each if len(files) == 1 else [f"{file}: {sentence}" for sentence in each]
    _tell(found, CODE_LABELS, said, as_json=as_json)


@app.command("tables")
def tables(  # noqa: PLR0917
    real: Annotated[Path, typer.Argument(metavar="REAL", help="Table of real records.")],
    synthetic: Annotated[
        Path, typer.Argument(metavar="SYNTHETIC", help="Table of synthetic ones, same columns.")
    ],
    holdout: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Real records that the synthetic ones were not made from: the reference of "
            "distances. Default: each real record against the others.",
        ),
    ] = None,
    ignore: Annotated[
        str, typer.Option(metavar="COLUMN[,COLUMN]", help="Leave out columns, such as ids.")
    ] = "",
    seed: Annotated[
        int, typer.Option("--seed", parser=whole_number, metavar="N", help="Another draw.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Synthetic records against real ones: columns, correlations, discriminator, copies."""
    import msgspec

    from preceptor.bridges.plain_tables import read_columns
    from preceptor.reports.measured import sections_table
    from preceptor.scoring.synthetic_tables import TABLE_LABELS, limited_tables, table_metrics

    ignored = [name.strip() for name in ignore.split(",") if name.strip()]
    columns, kept_out = read_columns(real, synthetic, holdout, ignored=ignored)
    columns, kept_out, said = limited_tables(columns, kept_out, seed=seed)
    found = table_metrics(columns, kept_out, seed=seed)
    if as_json:
        print_json(msgspec.to_builtins(found) | {"definitions": said})
        return
    show(sections_table(found.metrics, TABLE_LABELS, alike=found.alike))
    for sentence in said:
        note(f"  • {sentence}")


@app.command("embedding")
def embedding(
    features: Annotated[
        Path, typer.Argument(metavar="FEATURES", help=".npy of embeddings: rows × dimensions.")
    ],
    targets: Annotated[
        Path,
        typer.Argument(
            metavar="TARGETS",
            help="Table of the same rows: patient, and a column for each target, such as a gene.",
        ),
    ],
    components: Annotated[
        int,
        typer.Option(parser=whole_number, metavar="N", help="Principal components that are kept."),
    ] = 256,
    as_json: Json = False,
) -> None:
    """What ridge regression reads from embeddings: Pearson's r of each target, by patient."""
    from preceptor.bridges.amounts import read_targets
    from preceptor.bridges.arrays import read_features
    from preceptor.scoring.embeddings import EMBEDDING_LABELS, probe_metrics

    x = read_features(features)
    y, names, patients = read_targets(targets)
    if len(x) != len(y):
        raise InputError(f"{targets}: expected {len(x):,} rows as {features}, found {len(y):,}")
    if components < 1:
        raise InputError(f"--components: expected 1 or more, found {components}")
    said = [
        f"Each patient is predicted from the others: standardised features, at most {components} "
        "principal components, ridge with penalty 100 / (components · targets).",
        "A target that is constant in a patient has no r there and is counted. Intervals: over "
        "patients, with the models as they are.",
    ]
    found = probe_metrics(x, y, names, patients, components=components)
    _tell({str(features): found}, EMBEDDING_LABELS, said, as_json=as_json)


@app.command("pose")
def pose(
    reference: Annotated[
        Path,
        typer.Argument(
            metavar="REFERENCE",
            help="Table with frame (or time), a column for each joint in degrees, and trial of "
            "several.",
        ),
    ],
    predicted: Annotated[
        list[Path], typer.Argument(metavar="PREDICTED...", help="The same of each algorithm.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write every value as CSV."),
    ] = None,
    as_json: Json = False,
) -> None:
    """RMSE of the angles of joints, trial by trial."""
    from preceptor.bridges.amounts import measure_pose

    said = ["RMSE over the frames of a trial; all joints: their mean. Means are over trials."]
    tell_values(measure_pose(reference, predicted), said, output, as_json=as_json)


@app.command("efficiency")
def efficiency(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Table with a row for each model.")],
    more: Annotated[
        str,
        typer.Option(metavar="COLUMN[,COLUMN]", help="Of which more is better: dice,fps."),
    ],
    less: Annotated[
        str,
        typer.Option(metavar="COLUMN[,COLUMN]", help="Of which less is better: parameters,flops."),
    ] = "",
    name: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column of the models' names.")
    ] = "model",
    as_json: Json = False,
) -> None:
    """Accuracy and what it takes: which models none beats, and one declared mean, ours."""
    import msgspec

    from preceptor.bridges.amounts import read_amounts
    from preceptor.reports.measured import weighed_table
    from preceptor.scoring.efficiency import weighed

    good, cheap = (
        [each.strip() for each in text.split(",") if each.strip()] for text in (more, less)
    )
    if len({*good, *cheap}) < max(2, len(good) + len(cheap)):
        raise InputError("--more, --less: expected two columns or more, each once")
    names, columns = read_amounts(file, name, [*good, *cheap])
    rows = weighed(
        names, {each: columns[each] for each in good}, {each: columns[each] for each in cheap}
    )
    said = [
        "Front: no other model is as good in every column and better in one. A model without a "
        "value is on no front.",
        "Ours: the geometric mean of the columns, each from 0 (worst model here) to 1 (best). It "
        "changes with the models in the table, and is not the U-Score.",
    ]
    if as_json:
        print_json({"models": msgspec.to_builtins(rows), "definitions": said})
        return
    show(weighed_table(rows))
    for sentence in said:
        note(f"  • {sentence}")


def _tell(
    found: Mapping[str, Mapping[str, Metric]],
    labels: Mapping[str, str],
    said: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """Tables of metrics, one for each file, and what their definitions are."""
    import msgspec

    from preceptor.reports.measured import sections_table

    if as_json:
        first, *more = found.values()
        metrics: object = first if not more else found
        print_json({"metrics": msgspec.to_builtins(metrics), "definitions": list(said)})
        return
    for name, metrics in found.items():
        show(sections_table(metrics, labels, name if len(found) > 1 else None))
    for sentence in said:
        note(f"  • {sentence}")
