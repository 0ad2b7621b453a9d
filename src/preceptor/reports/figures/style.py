"""How figures look: the palette and shapes of the page, so that a system looks alike everywhere.

The colours differ in lightness and hue, and always come with a shape: people with any of the common
deficiencies of colour vision, and readers of a grey print, tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from preceptor.results.pool import Side

__all__ = [
    "BAND",
    "FAINT",
    "FINE",
    "GRID",
    "INK",
    "QUIET",
    "SMALL_TEXT",
    "TEXT",
    "TITLE",
    "Look",
    "looks",
    "parameters",
    "plain_looks",
]

INK, QUIET, FAINT, GRID, BAND = "#1a1a1a", "#555555", "#9a9a9a", "#e3e3e3", "#d4d4d4"
#: Sizes of text in points.
TITLE, TEXT, SMALL_TEXT, FINE = 9.0, 7.0, 6.4, 5.8

#: Those of `--run-1` and the following in assets/tokens.css.
_COLOURS = ("#1b5fa6", "#b8470b", "#00745c", "#8a4a9e", "#7a6406", "#47515e", "#000000")
_MARKERS = ("o", "s", "D", "^", "v", "P", "X", "p", "<", "h", ">", "d")
_FILLS = ("none", "full", "left", "top")
_LINES: tuple[Any, ...] = (
    "-",
    (0, (4, 1.5)),
    (0, (1, 1.2)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (5, 1.5, 1, 1.5, 1, 1.5)),
)

#: Fonts for what the first one, which comes with matplotlib, lacks; used where installed.
_FALLBACKS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Micro Hei",
    "Source Han Sans SC",
    "Noto Sans",
    "Arial Unicode MS",
    "Microsoft YaHei",
)


class Look(msgspec.Struct, frozen=True):
    """One side's colour, marker and how that is filled, and line."""

    colour: str
    marker: str
    fill: str
    line: Any

    def markers(self, size: float = 4.6, colour: str | None = None) -> dict[str, Any]:
        """Arguments of `Axes.plot` for its marks alone."""
        chosen = colour or self.colour
        return {
            "marker": self.marker,
            "markersize": size,
            "fillstyle": "full" if self.fill == "none" else self.fill,
            "markerfacecolor": "white" if self.fill == "none" else chosen,
            "markerfacecoloralt": "white",
            "markeredgecolor": chosen,
            "markeredgewidth": 0.9,
            "color": chosen,
            "linestyle": "none",
        }


def looks(sides: Sequence[Side]) -> list[Look]:
    """Where sides are harnesses of several models, shape and colour are the model's and the filling
    the harness's (hollow is the first); else each side has a shape and colour of its own."""
    families = list(dict.fromkeys(side.family for side in sides))
    harnesses = list(dict.fromkeys(side.harness for side in sides))
    pairs = {(side.family, side.harness) for side in sides}
    crossed = len(pairs) == len(sides) and all(families) and len(families) < len(sides)
    if crossed and len(families) <= len(_COLOURS) and len(harnesses) <= len(_FILLS):
        return [
            _look(families.index(side.family), _FILLS[kind], (1, 0, 2, 3)[kind])
            for side in sides
            for kind in (harnesses.index(side.harness),)
        ]
    return plain_looks(len(sides))


def plain_looks(number: int) -> list[Look]:
    """A shape and colour for each; from the 13th on the shapes recur, hollow."""
    return [_look(each, _FILLS[1 - each // len(_MARKERS) % 2], each) for each in range(number)]


def _look(shape: int, fill: str, line: int) -> Look:
    return Look(
        colour=_COLOURS[shape % len(_COLOURS)],
        marker=_MARKERS[shape % len(_MARKERS)],
        fill=fill,
        line=_LINES[line % len(_LINES)],
    )


def parameters() -> dict[str, Any]:
    """Matplotlib's settings: text is never markup, and the same input gives the same file."""
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    return {
        "font.family": ["DejaVu Sans", *(name for name in _FALLBACKS if name in installed)],
        "font.size": TEXT,
        "text.color": INK,
        "text.parse_math": False,
        "text.usetex": False,
        "axes.formatter.use_mathtext": False,
        "axes.linewidth": 0.6,
        "axes.edgecolor": QUIET,
        "axes.labelcolor": INK,
        "axes.labelsize": TEXT,
        "axes.titlesize": TEXT,
        "axes.labelpad": 3,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "xtick.color": QUIET,
        "ytick.color": QUIET,
        "xtick.labelsize": SMALL_TEXT,
        "ytick.labelsize": SMALL_TEXT,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "svg.fonttype": "path",
        "svg.hashsalt": "preceptor",
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
    }
