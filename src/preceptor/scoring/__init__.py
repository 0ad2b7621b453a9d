"""Verdicts → scores. Pure functions, no I/O."""

from preceptor.scoring.length import CENTRE, LengthRule
from preceptor.scoring.names import LENGTH_SUFFIX, OVERALL
from preceptor.scoring.rubric import score_rubric
from preceptor.scoring.summary import summarise

__all__ = ["CENTRE", "LENGTH_SUFFIX", "OVERALL", "LengthRule", "score_rubric", "summarise"]
