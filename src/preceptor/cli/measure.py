"""``preceptor measure``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cli.groups import Group
from preceptor.cli.options import Json, number, numbers, whole_number
from preceptor.cli.output import note, print_json, show
from preceptor.errors import InputError, shorten

if TYPE_CHECKING:
    from preceptor.bridges.measuring import MeasuredValue

__all__ = ["app", "tell_values"]

app = typer.Typer(
    cls=Group,
    help="Measure masks, images, vectors, codes or tables against a reference.",
)

Reference = Annotated[
    Path, typer.Argument(metavar="REFERENCE", help="Folder of the reference, or one file.")
]
Predicted = Annotated[
    list[Path],
    typer.Argument(
        metavar="PREDICTED...",
        help="A folder for each algorithm, with files of the same names; or one file.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write every value as CSV, for `preceptor import cases`.",
    ),
]


@app.command("masks")
def masks(  # noqa: PLR0917
    reference: Reference,
    predicted: Predicted,
    spacing: Annotated[
        str | None,
        typer.Option(
            metavar="MM,MM[,MM]",
            help="Distance of neighbours along each axis, in the arrays' order. Default: as the "
            "NIfTI header says.",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER=NAME[,…]", help="Structures. Default: every label of any file."
        ),
    ] = None,
    tolerance: Annotated[
        str,
        typer.Option(metavar="MM[,MM]", help="Tolerances of the normalised surface Dice (NSD)."),
    ] = "1",
    nsd: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="NSD by voxel, or also by area of surface elements: surfel."
        ),
    ] = "voxel",
    empty: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="Both masks empty: perfect (Dice 1, distances 0) or undefined (left out).",
        ),
    ] = "perfect",
    penalty: Annotated[
        float | None,
        typer.Option(
            "--hd-penalty",
            parser=number,
            metavar="MM",
            help="Distance where one mask is empty. Default: the image's diagonal.",
        ),
    ] = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Dice, IoU, Hausdorff distances, surface distances and NSD of masks, case by case."""
    from preceptor.bridges.measuring import measure_masks
    from preceptor.scoring.masks import MaskRules, definitions

    rules = MaskRules(
        tolerances=tuple(_positive("--tolerance", tolerance, zero=True)),
        surfel=_one_of("--nsd", nsd, ("voxel", "surfel")) == "surfel",
        undefined=_one_of("--empty", empty, ("perfect", "undefined")) == "undefined",
        penalty=penalty,
    )
    if penalty is not None and not 0 <= penalty < float("inf"):
        raise InputError(f"--hd-penalty: expected a distance in mm, found {penalty:g}")
    rows = measure_masks(
        reference,
        predicted,
        rules,
        spacing=None if spacing is None else _positive("--spacing", spacing),
        names=None if labels is None else _labels(labels),
    )
    tell_values(rows, definitions(rules), output, as_json=as_json)


@app.command("images")
def images(
    reference: Reference,
    predicted: Predicted,
    data_range: Annotated[
        float,
        typer.Option(
            "--data-range",
            parser=number,
            metavar="NUMBER",
            help="Largest value less the smallest that is possible: 255 for 8 bits, 1 for shares.",
        ),
    ],
    output: Output = None,
    as_json: Json = False,
) -> None:
    """PSNR, SSIM (two windows) and squared error of images, case by case."""
    from preceptor.bridges.measuring import measure_images

    if not 0 < data_range < float("inf"):
        raise InputError(f"--data-range: expected a number above 0, found {data_range:g}")
    said = [
        f"PSNR and SSIM for a range of {data_range:g}. SSIM has a square window of 7, "
        "the other one a Gaussian of σ 1.5. PSNR of equal images is not defined."
    ]
    tell_values(measure_images(reference, predicted, data_range), said, output, as_json=as_json)


@app.command("features")
def features(
    real: Annotated[
        Path, typer.Argument(metavar="REAL", help=".npy of real images: rows × dimensions.")
    ],
    generated: Annotated[
        Path, typer.Argument(metavar="GENERATED", help="The same of generated images.")
    ],
    nearest: Annotated[
        int,
        typer.Option(
            "-k", "--nearest", parser=whole_number, metavar="K", help="Neighbours of PRDC."
        ),
    ] = 5,
    seed: Annotated[
        int, typer.Option("--seed", parser=whole_number, metavar="N", help="Another draw.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """FID, KID, precision, recall, density and coverage of two sets of feature vectors."""
    import msgspec
    import numpy as np

    from preceptor.bridges.arrays import read_features
    from preceptor.reports.measured import metrics_table
    from preceptor.scoring.feature_sets import FEATURE_LABELS, feature_metrics

    sets = [read_features(path) for path in (real, generated)]
    if sets[0].shape[1] != sets[1].shape[1]:
        raise InputError(
            f"{generated}: expected {sets[0].shape[1]} dimensions as {real}, found "
            f"{sets[1].shape[1]}: use one encoder"
        )
    size = min(map(len, sets))
    if not 1 <= nearest < size:
        raise InputError(f"--nearest: expected 1 to {size - 1} for {size} rows, found {nearest}")
    said = [
        "FID falls with the number of rows and KID of a set with itself is below 0: compare at "
        "one size. Intervals of FID and KID: jackknife; of the others: over rows."
    ]
    if len(sets[0]) != len(sets[1]):
        rng = np.random.default_rng(seed)
        sets = [each[np.sort(rng.choice(len(each), size, replace=False))] for each in sets]
        said.append(f"The larger set was cut to {size:,} rows at random (seed {seed}).")
    found = feature_metrics(sets[0], sets[1], k=nearest, seed=seed)
    if as_json:
        print_json({"metrics": msgspec.to_builtins(found), "definitions": said})
        return
    show(metrics_table(found, FEATURE_LABELS))
    for sentence in said:
        note(f"  • {sentence}")


@app.command("phases")
def phases(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Tables with the columns truth and predicted, a frame a row; with case of several "
            "videos.",
        ),
    ],
    drop: Annotated[
        str,
        typer.Option(metavar="LABEL[,LABEL]", help="Leave out frames of these true labels."),
    ] = "",
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Macro-F1 of frames and edit score of segments, video by video."""
    from preceptor.bridges.measuring import measure_phases

    dropped = [label.strip() for label in drop.split(",") if label.strip()]
    said = ["Macro-F1 is over all labels that are true or predicted in the frames that are kept."]
    if dropped:
        said.append(f"Frames whose true label is {', '.join(dropped)} are left out.")
    tell_values(measure_phases(files, dropped), said, output, as_json=as_json)


def tell_values(
    values: Iterable[MeasuredValue], said: Sequence[str], output: Path | None, *, as_json: bool
) -> None:
    from preceptor.reports.measured import rows_csv, summary, summary_json, summary_table

    rows = list(values)
    if output is not None:
        from preceptor.reports.files import write_text

        note(str(write_text(output, rows_csv(rows))))
    found = summary(rows)
    if as_json:
        print_json(summary_json(found, said))
        return
    show(summary_table(found))
    for sentence in said:
        note(f"  • {sentence}")


def _positive(option: str, text: str, *, zero: bool = False) -> list[float]:
    found = numbers(option, text, float)
    for value in found:
        if not (0 < value < float("inf") or (zero and value == 0)):
            raise InputError(f"{option}: expected numbers above 0, found {value:g}")
    return found


def _one_of(option: str, text: str, known: Sequence[str]) -> str:
    if text not in known:
        raise InputError(f"{option} {shorten(text)}: expected {' or '.join(known)}")
    return text


def _labels(text: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for part in text.split(","):
        label, equals, name = part.partition("=")
        if not equals or not label.strip().isdigit() or not name.strip() or int(label) == 0:
            raise InputError(f"--labels: expected 1=liver,2=spleen, found {shorten(part)}")
        if int(label) in found or name.strip() in found.values():
            raise InputError(f"--labels: {shorten(part)} is there twice")
        found[int(label)] = name.strip()
    return found
