"""A small model that learns a grader's verdicts: cheap, calibrated, and wrong in known ways."""

from preceptor.distil.model import Card, Distilled, Measures

__all__ = ["Card", "Distilled", "Measures"]
