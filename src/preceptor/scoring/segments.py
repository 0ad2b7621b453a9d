"""Labels of frames in time → macro-F1 over frames, and the edit score of segments."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby

__all__ = ["edit_score", "macro_f1", "phase_metrics"]


def phase_metrics(
    truth: Sequence[str], predicted: Sequence[str], dropped: Collection[str] = ()
) -> dict[str, float | None]:
    """Metrics of one video, 0 to 1; None where no frame is left.

    Frames whose *true* label is in ``dropped`` are left out. ``macro_f1`` is over all labels that
    are true or predicted in the others, so that a predicted background is a class of its own;
    ``macro_f1_true`` over the true ones alone. ``mean`` is that of macro-F1 and edit score.
    """
    if len(truth) != len(predicted):
        raise ValueError("each frame must have a true and a predicted label")
    kept = [pair for pair in zip(truth, predicted, strict=True) if pair[0] not in dropped]
    if not kept:
        return dict.fromkeys(("mean", "macro_f1", "edit", "macro_f1_true"))
    true, said = [pair[0] for pair in kept], [pair[1] for pair in kept]
    f1, edit = macro_f1(true, said, {*true, *said}), edit_score(true, said)
    return {
        "mean": (f1 + edit) / 2,
        "macro_f1": f1,
        "edit": edit,
        "macro_f1_true": macro_f1(true, said, {*true}),
    }


def macro_f1(truth: Sequence[str], predicted: Sequence[str], labels: Collection[str]) -> float:
    """Mean over these labels of 2·TP / (2·TP + FP + FN)."""
    total = 0.0
    for label in labels:
        both = sum(a == label == b for a, b in zip(truth, predicted, strict=True))
        whole = sum(a == label for a in truth) + sum(b == label for b in predicted)
        total += 2 * both / whole if whole else 1.0
    return total / len(labels)


def edit_score(truth: Sequence[str], predicted: Sequence[str]) -> float:
    """1 − Levenshtein distance of the orders of segments / the larger number of them."""
    true = [label for label, _ in groupby(truth)]
    said = [label for label, _ in groupby(predicted)]
    row = list(range(len(said) + 1))
    for i, label in enumerate(true, start=1):
        before, row = row, [i]
        for j, other in enumerate(said, start=1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (label != other)))
    return 1 - row[-1] / max(len(true), len(said))
