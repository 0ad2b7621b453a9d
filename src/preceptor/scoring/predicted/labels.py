"""Display names of the metrics of predictions."""

from __future__ import annotations

from preceptor.scoring.names import OVERALL

__all__ = ["HEADLINES", "labels_of", "taken"]

#: Kind of outcomes → name of its overall score.
HEADLINES = {
    "binary": "AUROC",
    "multiclass": "AUROC, one against the rest (macro)",
    "multilabel": "AUROC (macro over labels)",
    "regression": "Mean absolute error",
    "survival": "C (Harrell)",
    "start_stop": "C (start–stop)",
}
_NAMES = {
    "auprc": "AUPRC (average precision)",
    "auprc_trapezoid": "AUPRC by trapezoids",
    "min_precision_sensitivity": "min(precision, sensitivity)",
    "sensitivity_at_specificity_95": "Sensitivity at specificity ≥ .95",
    "brier": "Brier score",
    "brier_scaled": "Brier score, scaled",
    "log_loss": "Log loss",
    "observed_expected": "Observed : expected",
    "calibration_slope": "Calibration slope",
    "calibration_intercept": "Calibration intercept (with the slope)",
    "calibration_in_the_large": "Calibration in the large",
    "ece": "ECE, 10 bins of equal width",
    "ece_mass": "ECE, 10 bins of equally many",
    "ece_15": "ECE, 15 bins of equal width",
    "mce": "Largest error of a bin",
    "net_benefit": "Net benefit at threshold",
    "treat_all": "Net benefit of treating all at threshold",
    "at_0.5": "At threshold .5",
    "at_prevalence": "At the prevalence (optimistic)",
    "over_folds": "Over folds: mean, SD",
    "over_folds:auroc": "AUROC",
    "over_folds:auprc": "AUPRC (average precision)",
}
_CELLS = {"ppv": "PPV", "npv": "NPV", "f1": "F1", "mcc": "MCC"}
_RATES = {
    "positive_rate": "positive rate",
    "sensitivity": "sensitivity",
    "false_positive_rate": "false positive rate",
    "ppv": "PPV",
    "observed_expected": "observed : expected",
}
_FAIRNESS = {
    "auroc_gap": "AUROC, largest less smallest",
    "equalised_odds_gap": "Equalised odds gap",
    "equal_opportunity_gap": "Equal opportunity gap (TPR)",
    "demographic_parity_gap": "Demographic parity gap",
    "es_auroc": "Equity-scaled AUROC (1 + Σ|I − I_g|)",
    "es_auroc_sd": "Equity-scaled AUROC (1 + SD, FairSeg v1)",
}


def labels_of(kind: str, groups: list[str]) -> dict[str, str]:
    """Metric or namespace → its name, for this kind of outcomes and these columns of groups."""
    labels = {OVERALL: HEADLINES[kind], **_NAMES}
    for space in ("at_0.5", "at_prevalence"):
        labels |= {f"{space}:{name}": text for name, text in _CELLS.items()}
    for column in groups:
        labels[column] = f"{HEADLINES[kind]} by {column}"
        labels |= {f"{column}_{name}": f"{column}: {text}" for name, text in _RATES.items()}
        labels[f"{column}_fairness"] = f"{column}: fairness, called at the prevalence"
        labels |= {f"{column}_fairness:{name}": text for name, text in _FAIRNESS.items()}
    return labels


def taken(column: str) -> bool:
    """Whether a column of groups has the name of a metric."""
    return column in _NAMES or column == OVERALL
