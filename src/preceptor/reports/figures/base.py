"""What a figure is, and how it becomes a file.

The same input gives the same bytes on one machine: no date, no random name. Text is drawn as
shapes, so that a reader's fonts cannot shift it.
"""

from __future__ import annotations

import contextlib
import csv as tables
import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.errors import InputError, shorten
from preceptor.installation import MissingExtra
from preceptor.reports.figures.page import Page
from preceptor.reports.figures.style import parameters
from preceptor.reports.figures.words import clean
from preceptor.reports.files import whole_file

__all__ = [
    "FORMATS",
    "Figure",
    "check",
    "check_formats",
    "csv",
    "drawn",
    "png",
    "svg",
    "svg_of",
    "write",
]

FORMATS = ("svg", "png", "csv")
_DPI = 200
_LONGEST_TITLE, _LONGEST_CAPTION = 160, 1200
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")

Row = dict[str, str | int | float | bool | None]


class Figure(msgspec.Struct, frozen=True):
    """One figure.

    Attributes
    ----------
    name
        The stem of its file.
    title
        What is seen.
    caption
        n, interval, coverage, and what is left out.
    rows
        The numbers behind it; scores and their differences on the 0–1 scale, unclipped.
    draw
        Draws it on a page.
    """

    name: str
    title: str
    caption: str
    rows: list[Row]
    draw: Callable[[Page], None]


def check() -> None:
    """Raise Unavailable where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingExtra("figures need matplotlib", "figures") from None


@contextlib.contextmanager
def drawn(figure: Figure, *, bare: bool = False) -> Iterator[Any]:
    """The figure as matplotlib's own, under the settings that it must be rendered with.

    Parameters
    ----------
    bare
        Without title and caption, for a page that prints them itself.

    Raises
    ------
    Unavailable
        Matplotlib is not installed.
    """
    check()
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    # Not the user's style: a figure is the same wherever it is drawn. No warning of a sign that
    # no font here has: it is drawn as a box, and the rows have it.
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        settings: Any = matplotlib.rcParams
        settings.update(parameters())
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        canvas = Canvas(dpi=_DPI)
        FigureCanvasAgg(canvas)
        page = Page(canvas)
        if not bare:
            page.title(clean(figure.title, _LONGEST_TITLE))
        figure.draw(page)
        if not bare:
            page.caption(clean(figure.caption, _LONGEST_CAPTION))
        page.finish()
        yield canvas
        # What is drawn refers to its axes, and would stay until it is collected. `canvas.clear()`
        # would make every axis anew, a tenth of the time that a page takes.
        for axes in canvas.axes:
            for artist in (*axes.lines, *axes.texts, *axes.patches, *axes.collections):
                artist.remove()


def svg(figure: Figure, *, bare: bool = False) -> str:
    """One SVG document, 7 inches wide; title and caption are in its metadata too.

    ``bare`` leaves them out of the picture, for a page that prints them itself.
    """
    with drawn(figure, bare=bare) as canvas:
        return svg_of(canvas, figure)


def svg_of(canvas: Any, figure: Figure) -> str:
    """The SVG document of a figure that is drawn."""
    stream = io.StringIO()
    canvas.savefig(
        stream,
        format="svg",
        metadata={
            "Title": clean(figure.title, _LONGEST_TITLE),
            "Description": clean(figure.caption, _LONGEST_CAPTION),
            "Creator": "preceptor",
            "Date": None,
        },
    )
    return stream.getvalue()


def png(figure: Figure) -> bytes:
    """200 dots an inch, 1,400 wide."""
    stream = io.BytesIO()
    with drawn(figure) as canvas:
        canvas.savefig(stream, format="png", dpi=_DPI, metadata={"Software": "preceptor"})
    return stream.getvalue()


def csv(figure: Figure) -> str:
    """The rows as a table. Needs no matplotlib.

    A text that a spreadsheet would run as a formula has a ``'`` put before it, as in an export of
    verdicts.
    """
    columns = list(dict.fromkeys(name for row in figure.rows for name in row))
    stream = io.StringIO(newline="")
    writer = tables.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    for row in figure.rows:
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return stream.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def check_formats(names: Iterable[str]) -> list[str]:
    """Each format once, as it is spelled in FORMATS.

    Raises InputError for another name and Unavailable for a picture without matplotlib.
    """
    chosen = list(dict.fromkeys(name.strip().lower() for name in names if name.strip()))
    for name in chosen or [""]:
        if name not in FORMATS:
            raise InputError(f"--format: expected {', '.join(FORMATS)}, found {shorten(name)}")
    if chosen != ["csv"]:
        check()
    return chosen


def write(figures: Sequence[Figure], folder: Path, formats: Sequence[str] = ("svg",)) -> list[Path]:
    """Write ``folder/NAME.FORMAT`` for each figure and format; the folder is made.

    Each file is written whole or not at all.

    Raises
    ------
    InputError
        An unknown format, or a place that cannot be written.
    Unavailable
        A picture without matplotlib.
    """
    chosen = check_formats(formats)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror or error}") from None
    paths = []
    for figure in figures:
        for name in chosen:
            path = folder / f"{figure.name}.{name}"
            content = (
                png(figure) if name == "png" else _text(figure, name).encode("utf-8", "replace")
            )
            with whole_file(path) as stream:
                stream.write(content)
            paths.append(path)
    return paths


def _text(figure: Figure, format: str) -> str:
    return svg(figure) if format == "svg" else csv(figure)
