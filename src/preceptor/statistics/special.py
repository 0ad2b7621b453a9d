"""Functions of :mod:`scipy.special`, imported when one is first called: that takes long."""

from __future__ import annotations

from typing import Any

__all__ = ["bdtr", "betaincinv", "fdtri", "nctdtr", "nctdtrinc", "ndtr", "poch", "stdtr", "stdtrit"]


def _called(name: str) -> Any:
    def function(*arguments: Any) -> Any:
        from scipy import special

        return getattr(special, name)(*arguments)

    return function


bdtr, betaincinv, fdtri, nctdtr, nctdtrinc, ndtr, poch, stdtr, stdtrit = map(_called, __all__)
