"""Names of metrics that are measured case by case: from 0 to 1 or in a unit, and the good end."""

from __future__ import annotations

import math

import msgspec

__all__ = ["CaseMetric", "case_metric", "is_case_metric", "primary_of", "title_of"]


class CaseMetric(msgspec.Struct, frozen=True):
    """What a metric is counted in, ``share`` for 0 to 1, and its lowest value.

    ``flag``: each value is 0 or 1.
    """

    title: str
    unit: str = "share"
    higher_is_better: bool = True
    lowest: float = 0.0
    flag: bool = False

    @property
    def is_score(self) -> bool:
        """Whether it goes from 0 to 1, 1 the good end: what cases and systems are ranked by."""
        return self.unit == "share" and self.higher_is_better


_MM, _DB = ("mm", False), ("dB", True, -math.inf)
_KNOWN = {
    "dice": CaseMetric("Dice"),
    "dsc": CaseMetric("Dice"),
    "iou": CaseMetric("IoU"),
    "jaccard": CaseMetric("IoU"),
    "nsd": CaseMetric("NSD"),
    "nsd_voxel": CaseMetric("NSD (voxels)"),
    "nsd_surfel": CaseMetric("NSD (surface elements)"),
    "sensitivity": CaseMetric("Sensitivity"),
    "recall": CaseMetric("Sensitivity"),
    "precision": CaseMetric("Precision"),
    "specificity": CaseMetric("Specificity"),
    "ssim": CaseMetric("SSIM", lowest=-1.0),
    "ssim_gaussian": CaseMetric("SSIM (Gaussian window)", lowest=-1.0),
    "macro_f1": CaseMetric("Macro-F1 of frames"),
    "macro_f1_true": CaseMetric("Macro-F1 of frames, true labels alone"),
    "edit": CaseMetric("Edit score of segments"),
    "mean": CaseMetric("Mean of macro-F1 and edit score"),
    "missed": CaseMetric("Missed, of the structures present", "share", False, flag=True),
    "false": CaseMetric("Falsely found, of the structures absent", "share", False, flag=True),
    "hd": CaseMetric("Hausdorff distance", *_MM),
    "hd95": CaseMetric("HD95", *_MM),
    "hd95_pooled": CaseMetric("HD95, pooled", *_MM),
    "assd": CaseMetric("ASSD", *_MM),
    "masd": CaseMetric("MASD", *_MM),
    "psnr": CaseMetric("PSNR", *_DB),
    "rmse": CaseMetric("RMSE", "°", False),
    "mse": CaseMetric("MSE", "levels²", False),
}
#: In this order the first that is there is the score of a case.
_FIRST = ("dice", "dsc", "iou", "jaccard", "mean", "ssim")


def is_case_metric(name: str) -> bool:
    """Whether it is a known metric's name; case and ``-`` do not matter."""
    return _plain(name) in _KNOWN


def case_metric(name: str) -> CaseMetric:
    """What is known of a metric; one of another name goes from 0 to 1."""
    return _KNOWN.get(_plain(name)) or CaseMetric(name)


def title_of(name: str) -> str:
    return case_metric(name).title


def primary_of(names: list[str]) -> str | None:
    """The metric that is the score of a case; None where none goes from 0 to 1."""
    by_name = {_plain(name): name for name in reversed(names)}
    for name in _FIRST:
        if name in by_name:
            return by_name[name]
    return next((name for name in names if case_metric(name).is_score), None)


def _plain(name: str) -> str:
    plain = name.strip().casefold().replace("-", "_").replace(" ", "_")
    return plain.partition("@")[0]  # nsd_voxel@2 is at a tolerance of 2 mm
