"""Labels of the store: runs that physicians judged, and the grader's run of the same answers."""

from __future__ import annotations

import json
import random
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import preceptor
from data_fixtures import example, graded, isolate, row, write_rows
from preceptor.audit.report import audit
from preceptor.audit.stored import Stored, stored_labels
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.records import Graded, Message, Response, Result, RunInfo, RunSettings, Usage
from preceptor.results.pool import Side

EXAMPLES = 12
JUDGE = "openai/gpt-made-up"
TAGS = (
    ["cluster:hedging_no-uncertainty_hedges", "axis:accuracy"],
    ["level:example", "axis:completeness"],
    ["level:example"],
)

Judgement = Callable[[int, int], bool | None]


def name_of(number: int) -> str:
    return f"e{number}"


def judged_by(seed: int) -> Judgement:
    """Made-up verdicts by example and criterion: mostly those of all others."""
    rng = random.Random(seed)
    truth = random.Random(0)
    said = {
        (number, index): (truth.random() < 0.5) is (rng.random() < 0.8)
        for number in range(EXAMPLES)
        for index in range(3)
    }
    return lambda number, index: said[number, index]


def put(
    run: str,
    judgement: Judgement,
    *,
    grader: str | None = None,
    system: str = "gpt-answers",
    examples: Sequence[int] = range(EXAMPLES),
) -> None:
    """Import a run whose answers follow from its system."""
    rows: list[dict[str, Any]] = []
    for number in examples:
        content = row(name_of(number), (5, -3, 2))
        for item, tags in zip(content["rubrics"], TAGS, strict=True):
            item["tags"] = tags
        rows.append(
            content
            | {
                "run": run,
                "model": system,
                "response": f"made-up answer of {system} to {number}",
                "criteria_met": [judgement(number, index) for index in range(3)],
            }
            | ({"grader": grader} if grader else {})
        )
    file = write_rows(Path(f"import-{run}.jsonl"), rows)
    arguments = ["import", "graded", str(file), "--benchmark", "healthbench", "--store", "p.db"]
    assert main(arguments) == 0


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Two physicians, a grader and its second pass, on the same answers."""
    isolate(monkeypatch, tmp_path)
    put("first", judged_by(1), grader="dr-a")
    put("second", judged_by(2), grader="dr-b")
    put("judged", judged_by(3), grader=JUDGE)
    put("judged-again", judged_by(4), grader=JUDGE)
    return "p.db"


def stored(raters: Sequence[str], grader: str, again: str | None = None) -> Stored:
    return stored_labels(
        preceptor.sides(raters, store="p.db"),
        preceptor.sides([grader], store="p.db"),
        preceptor.sides([again], store="p.db") if again else [],
    )


def as_file(again: bool = True) -> Path:
    """The same labels and verdicts as rows of the meta-evaluation."""
    said = [judged_by(seed) for seed in (1, 2, 3, 4)]
    rows = []
    for number in range(EXAMPLES):
        content = row(name_of(number), (5, -3, 2))
        for index, item in enumerate(content["rubrics"]):
            met = [each(number, index) for each in said]
            graders = {JUDGE: met[2]} | ({f"{JUDGE} (judged-again)": met[3]} if again else {})
            rows.append(
                {
                    "prompt": content["prompt"],
                    "completion": f"made-up answer of gpt-answers to {number}",
                    "rubric": item["criterion"],
                    "category": (TAGS[0][0], "axis:completeness", "")[index],
                    "points": item["points"],
                    "model": "gpt-answers",
                    "binary_labels": met[:2],
                    "anonymized_physician_ids": ["dr-a", "dr-b"],
                    "graders": graders,
                }
            )
    return write_rows(Path("meta.jsonl"), rows)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["audit", *arguments, "--store", "p.db"]) == code
    caught = capsys.readouterr()
    return caught.err if code else caught.out


def test_runs_give_the_audit_of_a_file_with_the_same_labels(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every number is that of the rows written as a meta-evaluation, the second pass included."""
    again = ["--grader", "judged", "--again", "judged-again", "--json"]
    found = json.loads(printed(capsys, "first", "second", *again))
    second = f"{JUDGE} (judged-again)"
    other = json.loads(
        printed(capsys, str(as_file()), "--grader", JUDGE, "--again", second, "--json")
    )
    assert found["agreement"].pop("source") == "runs first, second"
    assert other["agreement"].pop("source") == "meta.jsonl"
    assert found == other
    assert found["agreement"]["labels"] == 2 * 3 * EXAMPLES
    assert found["agreement"]["physicians"] == 2
    assert found["agreement"]["repeat"]["second"] == second


def test_rows_have_what_the_store_knows(store: str) -> None:
    """Points, category (the cluster before the axis), the answering system and the texts."""
    found = stored(["first", "second"], "judged")
    rows = found.labels.rows[:3]
    assert [each.points for each in rows] == [5.0, -3.0, 2.0]
    assert [each.category for each in rows] == [TAGS[0][0], "axis:completeness", ""]
    assert {each.model for each in rows} == {"gpt-answers"}
    assert {each.physicians for each in found.labels.rows} == {("dr-a", "dr-b")}
    assert rows[0].conversation == (
        Message("user", "made-up question e0"),
        Message("assistant", "made-up answer of gpt-answers to 0"),
    )
    assert len({each.prompt for each in found.labels.rows}) == EXAMPLES
    assert found.grader == JUDGE
    assert len(found.verdicts) == len(found.labels.rows)


def test_only_what_both_have_is_judged(store: str) -> None:
    """Rows without the grader's verdict are left out and counted; those without label are none."""
    put("few", lambda number, index: None if index == 2 else True, grader="dr-c", examples=[0, 1])
    put("half", judged_by(3), grader="half", examples=range(1, 6))
    found = stored(["few"], "half")
    assert len(found.labels.rows) == 4
    one = audit(found.labels, found.grader).agreement
    assert (one.rows, one.judged, one.labels) == (4, 2, 2)


def test_runs_of_one_grader_on_other_answers_are_one_rater(store: str) -> None:
    """A physician who labels two systems' answers stays one physician."""
    put("first-x", judged_by(5), grader="dr-a", system="x")
    found = stored(["first", "first-x"], "judged")
    assert {each.physicians for each in found.labels.rows} == {("dr-a",)}
    assert {each.model for each in found.labels.rows} == {"gpt-answers", "x"}
    assert sum(JUDGE in each.verdicts for each in found.labels.rows) == 3 * EXAMPLES


def test_runs_of_one_grader_on_the_same_answers_are_told_apart(store: str) -> None:
    """Two people who were imported under one name count as two; one without is named as the run."""
    put("other", judged_by(5), grader="dr-a")
    put("nobody", judged_by(6))
    found = stored(["first", "other", "nobody"], "judged")
    names = ("dr-a (first)", "dr-a (other)", "nobody")
    assert {each.physicians for each in found.labels.rows} == {names}


def side(name: str, items: Sequence[Graded], grader: str) -> Side:
    info = RunInfo(name, "healthbench", "made-up", grader, "done", "", RunSettings(), len(items))
    result = Result(info, "", {}, list(items), [], {}, [], [], 1.0, 1, {}, None, Usage(), Usage())
    return Side(name, "", name, result, (name,))


def test_answers_that_failed_and_repeats_are_no_further_labels() -> None:
    """A failed answer has no rows; of two labels of one rater on one row the first counts."""
    item = example([5, -3])
    failed = Graded(item, 2, Response("f", failure="timeout"), (None, None))
    rater = side("r", [graded(item, [True, False]), graded(item, [False, False], 1), failed], "dr")
    judge = side("j", [graded(item, [True, True])], "judge")
    found = stored_labels([rater], [judge], [])
    assert [each.labels for each in found.labels.rows] == [(True,), (False,)]
    assert [each.verdicts for each in found.labels.rows] == [{"judge": True}, {"judge": True}]


def test_nothing_labelled_is_an_error() -> None:
    """A run without verdicts is no label."""
    item = example([5])
    judge = side("j", [graded(item, [True])], "judge")
    with pytest.raises(InputError, match="run r: expected verdicts of met or not met"):
        stored_labels([side("r", [graded(item, [None])], "dr")], [judge], [])


def test_page_card_and_tables_are_written(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A pattern names the physicians; the page and the card say which runs they are."""
    put("dr-one", judged_by(1), grader="dr-a")
    put("dr-two", judged_by(2), grader="dr-b")
    files = ["-o", "audit.html", "--card", "card.json"]
    out = printed(capsys, "dr-*", "--grader", "judged", *files)
    assert f"{JUDGE}: macro F1" in out
    assert "runs dr-one, dr-two" in Path("audit.html").read_text("utf-8")
    assert "runs dr-one, dr-two" in Path("card.json").read_text("utf-8")


def test_the_commands_of_the_section_run(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands of docs/audit.md on runs end with 0, on runs of these names."""
    put("dr-a", judged_by(1), grader="dr-a")
    put("dr-b", judged_by(2), grader="dr-b")
    put("judged-2", judged_by(4), grader=JUDGE)
    page = (Path(__file__).parent.parent / "docs" / "audit.md").read_text("utf-8")
    section = page.partition("## Labels in the store\n")[2].partition("\n## ")[0]
    commands = re.findall(r"`\$ preceptor audit (.*?)`", section)
    assert len(commands) == 2
    for command in commands:
        assert f"{JUDGE}: macro F1" in printed(capsys, *shlex.split(command))
    assert Path("audit.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing", "--grader", "judged"], ("'nothing': no such file", "no such run")),
        (["first", "nothing", "--grader", "judged"], ("run 'nothing'", "no such run")),
        (["first", "--grader", "nothing"], ("run 'nothing'", "no such run")),
        (["first"], ("--grader RUN",)),
        (["first", "--grader", "first"], ("'first'", "found 2 times")),
        (["first", "first", "--grader", "judged"], ("'first'", "found 2 times")),
        (["first", "--grader", "judged", "--again", "judged"], ("'judged'", "found 2 times")),
        (["first", "--grader", "elsewhere"], ("--grader 'elsewhere'", "none of its verdicts")),
        (
            ["first", "--grader", "judged", "--again", "elsewhere"],
            ("--again 'elsewhere'", "none of its verdicts"),
        ),
        (["judged", "--grader", "[fs]*[td]"], ("--grader: expected runs of one grader", "'dr-b'")),
        (["first", "--grader", "judged", "--kind", "ordinal"], ("--kind ordinal", "'first'")),
        (["import-first.jsonl", "first", "--grader", "judged"], ("is a file",)),
    ],
)
def test_what_is_wrong_is_one_line(
    store: str, capsys: pytest.CaptureFixture[str], arguments: list[str], words: tuple[str, ...]
) -> None:
    """What is named, and what is wrong with it, without a trace of where in the program."""
    put("elsewhere", judged_by(3), grader="other", system="another")
    err = printed(capsys, *arguments, code=2)
    assert err.strip().count("\n") == 0, err
    for word in words:
        assert word in err


def test_without_a_store_a_file_is_missed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that is no file, where there is no store either, is refused, and none is made."""
    isolate(monkeypatch, tmp_path)
    err = printed(capsys, "none.jsonl", "--grader", "judged", code=2)
    assert "'none.jsonl': no such file, and no store p.db" in err
    assert not Path("p.db").exists()
