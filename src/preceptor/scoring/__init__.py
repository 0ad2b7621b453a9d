"""Verdicts → scores. Pure functions, no I/O."""

from preceptor.scoring.length import CENTRE, LengthRule
from preceptor.scoring.rubric import OVERALL, score_rubric
from preceptor.scoring.summary import LENGTH_SUFFIX, summarise

__all__ = ["CENTRE", "LENGTH_SUFFIX", "OVERALL", "LengthRule", "score_rubric", "summarise"]
