"""The notebook of the manual runs, and prints what stands in it."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parent.parent / "docs" / "notebook.ipynb"


def test_every_cell_runs_and_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other in one namespace, as in Jupyter."""
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            printed = io.StringIO()
            program = compile("".join(cell["source"]), f"cell {number}", "exec")
            with contextlib.redirect_stdout(printed):
                exec(program, names)
            shown = "".join(line for output in cell["outputs"] for line in output["text"])
            assert printed.getvalue() == shown, f"cell {number}"
    assert (tmp_path / "careful.html").exists()
