"""What scores need of a run is read without its words: the same numbers from less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import preceptor
from preceptor.records import Result, Usage
from preceptor.reports.html import render
from preceptor.reports.score import score_json
from preceptor.results.select import gather
from preceptor.store import Store
from preceptor.testing import FakeEndpoint, Fault

pytestmark = pytest.mark.usefixtures("bare")

#: Dollars per million tokens, so that costs are exact and their order in a sum does not matter.
WHOLE = "1000000/2000000/500000"
#: What is left out of verdicts; of answers it is the text and what was sent.
WORDS: dict[str, Any] = {
    "key": "",
    "explanation": "",
    "detail": "",
    "cost_usd": None,
    "served_model": None,
    "created_at": None,
}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work.db"


def made(path: Path, kind: str, **options: Any) -> preceptor.Run:
    """A run with failed answers, ungraded verdicts, prices, repeats and answers found again."""
    faults: list[str | Fault] = ["bad_request", "prose"]
    with FakeEndpoint(faults=faults, rate=0.2, most_faults=99, seed=3) as fake:
        judge = fake.address("judge")
        graders = {
            "rubric": judge,
            "yesno": f"yesno:{judge}",
            "jury": f"jury:{judge}+{fake.address('other')}",
        }
        run: preceptor.Run | None = None
        for name in ("first", "second"):
            run = preceptor.run(
                "starter",
                system=fake.address("model"),
                grader=graders[kind],
                grader_template="preceptor",
                store=path,
                name=name,
                repeats=2 if name == "first" else 3,
                system_params=[f"price={WHOLE}"],
                grader_params=[f"price={WHOLE}"],
                **options,
            )
    assert run is not None
    return run


def numbers(result: Result) -> Result:
    """A result without what ``scored`` leaves out."""
    replace = msgspec.structs.replace
    graded = [
        replace(
            item,
            response=item.response and replace(item.response, text="", sent=None),
            verdicts=tuple(
                None
                if verdict is None
                else replace(verdict, **WORDS, usage=Usage(), latency_s=0.0, attempts=1)
                for verdict in item.verdicts
            ),
            length=None,
        )
        for item in result.graded
    ]
    return replace(result, graded=graded)


@pytest.mark.parametrize("kind", ["rubric", "yesno", "jury"])
def test_scores_need_no_words(kind: str, path: Path) -> None:
    """Metrics, coverage, reasons, notes and bills are the same, and no text is left."""
    run = made(path, kind, limit=12)
    whole, scored = run.result(), run.scored()
    assert whole.ungraded
    assert any(bill.reused for bill in whole.bills)
    unmeasured = [msgspec.structs.replace(item, length=None) for item in scored.graded]
    assert msgspec.structs.replace(scored, graded=unmeasured) == numbers(whole)
    assert score_json(scored) == score_json(whole)
    assert not any(item.response and item.response.text for item in scored.graded)


def test_verdicts_that_say_the_same_are_one(path: Path) -> None:
    """A million verdicts are not a million objects."""
    scored = made(path, "rubric", limit=12).scored()
    verdicts = [verdict for item in scored.graded for verdict in item.verdicts if verdict]
    assert len(verdicts) > 100
    assert len({id(verdict) for verdict in verdicts}) == len(set(map(repr, verdicts))) < 10


def test_page_to_be_shared_needs_no_words(path: Path) -> None:
    """What holds no text can be made from numbers alone."""
    made(path, "rubric", limit=12)
    with Store(path) as store:
        whole, scored = (gather(["first", "second"], store, words=words) for words in (True, False))
    assert render(scored, share=True) == render(whole, share=True)
