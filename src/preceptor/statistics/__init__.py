"""Scores → claims: intervals, tests, rankings, power. Pure and vectorised."""

from preceptor.statistics.intervals import bootstrap_std, mean_interval

__all__ = ["bootstrap_std", "mean_interval"]
