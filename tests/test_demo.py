"""`preceptor demo` where no weights can be had; with them it is what README shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from preceptor.benchmarks import get, recorded
from preceptor.bridges.graded import read_graded
from preceptor.cli import demo, main


def test_without_any_weights_the_demo_says_that_verdicts_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No grader: recorded answers with recorded verdicts, said plainly, and the report is made."""
    monkeypatch.setattr(demo, "_weights", lambda name: False)
    assert main(["demo", "--folder", str(tmp_path / "demo")]) == 0
    printed = capsys.readouterr()
    assert "nothing is judged now" in printed.err
    assert "Imported: asked and graded elsewhere." in printed.err
    assert "Overall" in printed.out
    assert (tmp_path / "demo" / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("model", ["smollm2-135m", "qwen2.5-0.5b"])
def test_recorded_answers_cover_the_whole_starter_set(model: str) -> None:
    """One answer to each task, and one verdict for each criterion."""
    benchmark = get("starter")
    (run,) = read_graded(recorded(model), benchmark)
    assert {a.example.id for a in run.answers} == {e.id for e in benchmark.load().examples}
    assert all(len(a.verdicts) == len(a.example.criteria) for a in run.answers)
