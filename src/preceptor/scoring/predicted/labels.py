"""Display names of the metrics of predictions."""

from __future__ import annotations

from collections.abc import Sequence

from preceptor.records import Slice
from preceptor.scoring.names import OVERALL
from preceptor.scoring.predicted.strata import quartile_spaces

__all__ = ["HEADLINES", "group_name", "labels_of", "slices_of"]

#: Kind of outcomes → name of its overall score.
HEADLINES = {
    "binary": "AUROC",
    "forecast": "Brier score",
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
    "rmse": "RMSE",
    "r2": "R² (1 − squared error / variance)",
    "median_absolute_error": "Median absolute error",
    "bias": "Bias (predicted − true)",
    "spearman": "Spearman's correlation",
    "within_20_percent": "Within 20 % of the true value",
    "pinball": "Pinball loss of the quantile",
    "below": "Share of outcomes at or below the quantile",
    "quantiles_cross": "Rows whose quantiles cross",
    "naive": "Naive prediction (last value, or the median)",
    "naive:mae": "Mean absolute error",
    "naive:rmse": "RMSE",
    "naive:r2": "R²",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro-F1",
    "weighted_f1": "Weighted F1",
    "micro_f1": "Micro-F1",
    "kappa": "κ",
    "kappa_linear": "κ, linear weights",
    "kappa_quadratic": "κ, quadratic weights",
    "auroc_ovo": "AUROC, one against one (macro)",
    "auroc_micro": "AUROC (micro)",
    "ap_macro": "AUPRC (macro)",
    "ap_micro": "AUPRC (micro)",
    "brier_classes": "Brier score, summed over classes",
    "rps": "Ranked probability score",
    "ece_top": "ECE of the top probability",
    "class": "AUROC against the rest",
    "class_ap": "AUPRC by label",
    "class_f1": "F1 by label, at .5",
    "samples_f1": "Samples-F1 (1 where no label is there)",
    "subset_accuracy": "Subset accuracy",
    "hamming_loss": "Hamming loss",
    "jaccard": "Jaccard, mean over rows",
    "lrap": "Label ranking average precision",
    "uno": "C (Uno), up to the last horizon",
    "auc": "AUC by the horizon (cumulative/dynamic)",
    "null_brier": "Brier score of Kaplan–Meier (no model)",
    "predicted_risk": "Mean predicted risk by the horizon",
    "observed_risk": "Observed risk by the horizon (1 − Kaplan–Meier)",
    "ibs": "Integrated Brier score, over the horizons",
    "ibs_null": "The same of Kaplan–Meier (no model)",
    "over_repeats": "Over repeats: mean, SD",
    "over_repeats:auroc": "AUROC",
    "over_repeats:auprc": "AUPRC (average precision)",
    "by_patient": "By patient: any positive row, highest score",
    "by_patient:auroc": "AUROC",
    "by_patient:auprc": "AUPRC (average precision)",
    "early": "Along a stay: death foreseen early (ES), errors in the stay (OSMAE)",
    "early:es_0.5": "ES, threshold T × 0.5",
    "early:es_1": "ES, threshold T × 1",
    "early:es_1.5": "ES, threshold T × 1.5",
    "early:specificity": "Specificity at .5 (ES has no false alarms in it)",
    "early:los_mae": "Mean absolute error of the stay",
    "early:osmae_0.5": "OSMAE, threshold T × 0.5",
    "early:osmae_1": "OSMAE, threshold T × 1",
    "early:osmae_1.5": "OSMAE, threshold T × 1.5",
    "crowd": "Beside the crowd, on the rows that have its forecast",
    "crowd:skill": "Skill (1 − Brier / Brier of the crowd)",
    "crowd:brier": "Brier score",
    "crowd:brier_crowd": "Brier score of the crowd",
    "auroc": "AUROC",
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


def labels_of(
    kind: str, groups: list[str], numbers: Sequence[str] = (), *, probabilities: bool = True
) -> dict[str, str]:
    """Metric or namespace → its name, for this kind of outcomes and these columns of groups, and
    of numbers whose quartiles are shown.

    Without ``probabilities`` only classes were predicted.
    """
    labels = {OVERALL: HEADLINES[kind], **_NAMES}
    for space in ("at_0.5", "at_prevalence"):
        labels |= {f"{space}:{name}": text for name, text in _CELLS.items()}
    if kind == "survival":
        labels["brier"] = "Brier score at the horizon, weighted for censoring"
    if kind == "multiclass" and not probabilities:
        labels[OVERALL] = "Accuracy"
    for column in numbers:
        main, brier, slope = quartile_spaces(column)
        labels[main] = f"{labels[OVERALL]} by quartile of {column}"
        labels[brier] = f"Brier score by quartile of {column}"
        labels[slope] = f"Slope for one quartile of {column} up"
        labels[f"{slope}:{OVERALL}"] = labels[OVERALL]
        labels |= {f"{slope}:{name}": "Brier score" for name in ("brier", "brier_classes")}
    for column in groups:
        labels[column] = f"{labels[OVERALL]} by {column}"
        labels |= {f"{column}_{name}": f"{column}: {text}" for name, text in _RATES.items()}
        labels[f"{column}_fairness"] = f"{column}: fairness, called at the prevalence"
        labels |= {f"{column}_fairness:{name}": text for name, text in _FAIRNESS.items()}
    return labels


def group_name(column: str) -> str:
    """The name of a column of groups: none may be that of a metric."""
    name = column.replace(":", "_")  # what stands before a colon is the kind of a metric
    return f"{name}_group" if name in _NAMES or name == OVERALL else name


def slices_of(groups: list[str], numbers: Sequence[str] = ()) -> tuple[Slice, ...]:
    """The tables of metrics in the order in which they are shown: groups after the others."""
    first = [name for name in _NAMES if ":" not in name]
    quartiles = [name for column in numbers for name in quartile_spaces(column)]
    own = [name for column in groups for name in (column, f"{column}_fairness")]
    return tuple(Slice(name) for name in (*first, *quartiles, *own))
