"""What a page must have for those who cannot see it, or have no mouse: checks of our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["faults", "tab_faults"]

_CHECKS = Path(__file__).with_suffix(".js").read_text()


def faults(page: Any) -> list[str]:
    """What is wrong with a page as it stands."""
    return list(page.evaluate(f"{_CHECKS} CHECKS.faults()"))


def tab_faults(page: Any, most: int = 400) -> tuple[int, list[str]]:
    """The number of stops that Tab makes from the top, and those whose focus is not seen."""
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0); window.stops = 0")
    found = []
    for stops in range(most):
        page.keyboard.press("Tab")
        at = page.evaluate(f"{_CHECKS} CHECKS.focus()")
        if at is None:
            return stops, found
        if not at["ringed"]:
            found.append(f"focus without a ring: {at['html']}")
        if not at["seen"]:
            found.append(f"focus out of sight or covered: {at['html']}")
    return most, [*found, f"more than {most} stops"]
