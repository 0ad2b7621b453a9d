"""Candidates for the first token of an answer → the probability of each label."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import exp

__all__ = ["LEAST_MASS", "label_masses"]

#: Below this probability of all labels together, the model did not answer the question.
LEAST_MASS = 0.5
#: Some servers give a certain token a little more than 0.
_ROUNDING = 1e-3
_AROUND = re.compile(r"^[\W_]+|[\W_]+$")


def label_masses(chances: Mapping[str, float], labels: Sequence[str]) -> dict[str, float] | None:
    """The probability of each label, 0 to 1, summed over the tokens that it may begin with.

    Tokens are compared without case, and without white space, quotes and markup around them. One
    that two labels begin with is neither's.

    Parameters
    ----------
    chances
        Text of a token → log-probability.

    Returns
    -------
    dict or None
        Label → probability; None where the numbers are no log-probabilities.
    """
    if any(not logprob <= _ROUNDING for logprob in chances.values()):
        return None
    mass = dict.fromkeys(labels, 0.0)
    for token, logprob in chances.items():
        said = _AROUND.sub("", token).casefold()
        begun = [label for label in labels if said and label.casefold().startswith(said)]
        if len(begun) == 1:
            mass[begun[0]] += min(1.0, exp(logprob))
    return mass
