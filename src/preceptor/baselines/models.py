"""The models, by name: training rows → what is predicted of other rows.

Imputing and scaling are fitted on the training rows alone. Settings are those with which published
tables of intensive care were refitted; none is tuned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from preceptor.baselines.cohort import Cohort
from preceptor.baselines.cox import Cox
from preceptor.errors import InputError, did_you_mean, shorten
from preceptor.installation import MissingExtra, installed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

__all__ = ["DEFAULTS", "QUANTILES", "check_models", "predict"]

#: Kind of outcome → the models that can predict it, the usual ones first.
DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "binary": ("logistic", "boosting", "prevalence"),
    "multiclass": ("logistic", "boosting", "prevalence"),
    "multilabel": ("logistic", "boosting", "prevalence"),
    "regression": ("ridge", "quantile-boosting", "carry-forward", "median"),
    "survival": ("cox",),
}
QUANTILES = (0.1, 0.5, 0.9)
_BOOSTING = {
    "learning_rate": 0.05,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 20,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}
#: Strength 1/C of the penalty, by kind; a few examples need less of it.
_C = {"binary": 0.01, "multiclass": 0.01, "multilabel": 1.0}


def check_models(cohort: Cohort, asked: list[str]) -> list[str]:
    """The models to fit. Raises InputError for one that cannot predict this kind of outcome."""
    there = DEFAULTS[cohort.kind]
    for name in asked:
        if name not in there:
            raise InputError(
                f"--model {shorten(name)}: {did_you_mean(name, there)}for a {cohort.kind} outcome "
                f"there are {', '.join(there)}"
            )
    if "carry-forward" in asked and cohort.last is None:
        raise InputError("--model carry-forward: name the column of the last value: --last COLUMN")
    chosen = asked or [n for n in there if n != "carry-forward" or cohort.last is not None]
    if not installed("distil"):
        raise MissingExtra("baseline: folds and models need scikit-learn", "distil")
    return chosen


def predict(  # noqa: PLR0917
    model: str,
    cohort: Cohort,
    train: Places,
    test: Places,
    horizons: tuple[float, ...] = (),
    c: float | None = None,
    other: Cohort | None = None,
) -> dict[str, Floats]:
    """Fit on some rows and predict others: column of a file of predictions → its values.

    Parameters
    ----------
    horizons
        Times at which survival is predicted.
    c
        Inverse strength of the penalty of the logistic regression; None for the usual one.
    other
        Where the rows of ``test`` are; None for the same table.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # on a busy machine, boosting in two took seven times as long
        inside = cohort if other is None else other
        x, z = cohort.x[train], inside.x[test]
        if cohort.kind == "survival":
            return _cox(cohort, x, z, train, horizons)
        if cohort.kind == "regression":
            return _amount(model, cohort, inside, (x, z), train, test)
        strength = _C[cohort.kind] if c is None else c
        if cohort.kind == "multilabel":
            return {
                f"p:{name[2:]}": _chances(model, x, y[train], z, (0.0, 1.0), strength)[:, 1]
                for name, y in cohort.y.items()
            }
        labels = tuple(map(float, range(len(cohort.classes)))) or (0.0, 1.0)
        found = _chances(model, x, cohort.y["y_true"][train], z, labels, strength)
        if cohort.kind == "binary":
            return {"y_score": found[:, 1]}
        return {f"p:{name}": found[:, place] for place, name in enumerate(cohort.classes)}


def _chances(  # noqa: PLR0917
    model: str, x: Floats, y: Floats, z: Floats, labels: tuple[float, ...], c: float
) -> Floats:
    """Probability of each label; the share in the training rows where only one is there."""
    there = np.unique(y)
    shares = np.array([(y == label).mean() for label in labels])
    if model == "prevalence" or len(there) < 2:
        return np.tile(shares, (len(z), 1))
    fitted = _classifier(model, c).fit(x, y)
    found = np.zeros((len(z), len(labels)))
    found[:, [labels.index(float(label)) for label in there]] = fitted.predict_proba(z)
    return found


def _classifier(model: str, c: float) -> Any:
    if model == "boosting":
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(max_iter=100, **_BOOSTING)
    from sklearn.linear_model import LogisticRegression

    return _scaled(LogisticRegression(C=c, max_iter=5000))


def _scaled(model: Any) -> Any:
    """After the median for what is missing, and scaling.

    A column without any value in the training rows stays: else columns would move between folds.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), model
    )


def _amount(  # noqa: PLR0917
    model: str,
    cohort: Cohort,
    inside: Cohort,
    tables: tuple[Floats, Floats],
    train: Places,
    test: Places,
) -> dict[str, Floats]:
    x, z = tables
    y = cohort.y["y_true"][train]
    last = None if inside.last is None else inside.last[test]
    naive = {} if last is None else {"last_value": last}
    middle = np.full(len(z), float(np.median(y)))
    if model == "median":
        return {"y_pred": middle, **naive}
    if model == "carry-forward":
        assert last is not None
        return {"y_pred": np.where(np.isnan(last), middle, last), **naive}
    if model == "ridge":
        from sklearn.linear_model import Ridge

        return {"y_pred": _scaled(Ridge(alpha=100)).fit(x, y).predict(z), **naive}
    from sklearn.ensemble import HistGradientBoostingRegressor

    found = {
        f"q{q:g}": HistGradientBoostingRegressor(
            loss="quantile", quantile=q, max_iter=60, **_BOOSTING
        )
        .fit(x, y)
        .predict(z)
        for q in QUANTILES
    }
    return {"y_pred": found["q0.5"], **found, **naive}


def _cox(
    cohort: Cohort, x: Floats, z: Floats, train: Places, horizons: tuple[float, ...]
) -> dict[str, Floats]:
    """Scaled without scikit-learn; a missing value is the training rows' median."""
    filled = [np.nanmedian(column) if (~np.isnan(column)).any() else 0.0 for column in x.T]
    x, z = (np.where(np.isnan(each), filled, each) for each in (x, z))
    middle, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    x, z = (x - middle) / spread, (z - middle) / spread
    fitted = Cox().fit(x, cohort.y["time"][train], cohort.y["event"][train])
    at = {f"s@{horizon:g}": fitted.survival(z, horizon) for horizon in horizons}
    return {"risk": fitted.risk(z), **at}
