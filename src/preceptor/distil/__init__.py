"""Distilled graders: small calibrated models trained on another grader's verdicts."""

from preceptor.distil.model import Card, Distilled, Measures

__all__ = ["Card", "Distilled", "Measures"]
