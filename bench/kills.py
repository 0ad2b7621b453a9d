"""What `tests/test_chaos.py` says of kills, with fifty of them in one run in place of ten.

python bench/kills.py [KILLS]
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


class Kills:
    """Sets how many there are."""

    def __init__(self, number: int) -> None:
        self.number = number

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        for item in items:
            item.module.KILLS = self.number


if __name__ == "__main__":
    tests = Path(__file__).parent.parent / "tests" / "test_chaos.py"
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    sys.exit(pytest.main([str(tests), "-k", "kills_in_one_run"], plugins=[Kills(number)]))
