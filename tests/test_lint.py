"""Each fault that is put into a file is found, and a file without faults has none."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data_fixtures import HEALTHBENCH, isolate, needs_data, row, write_rows
from preceptor import benchmarks, cli
from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.errors import InputError
from preceptor.lint.check import RULES, Linted, lint
from preceptor.lint.own import shape_of
from preceptor.lint.personal import RULES as FORMS
from preceptor.lint.rows import Finding
from preceptor.lint.rubrics import ADVICE
from preceptor.protocols.choice import ChoiceProtocol, choice_example
from preceptor.records import Example

DOCS = Path(__file__).parent.parent / "docs"


def gibberish(seed: object, words: int) -> str:
    """Made-up words, other ones for each seed."""
    made = random.Random(str(seed))
    return " ".join("".join(made.choices("abdeiklmnorstu", k=6)) for _ in range(words))


def parse(fields: Fields) -> Example:
    options = dict(zip("ABCD", fields.texts("options"), strict=False))
    answer = fields.one_of("answer", tuple(options))
    return choice_example(fields.text("id"), fields.text("question"), options, answer)


EXAM = Benchmark(
    name="made-up-exam",
    title="Made up",
    family="choice",
    summary="made up",
    licence="MIT",
    citation="nobody",
    n_examples=20,
    parse=parse,
    protocol=ChoiceProtocol(),
)


def exam() -> list[dict[str, Any]]:
    """Twenty questions, each letter right five times, with a licence: nothing is wrong."""
    return [
        {
            "id": f"q{number}",
            "question": f"{gibberish(number, 24)}?",
            "options": [gibberish((number, letter), 3) for letter in "ABCD"],
            "answer": "ABCD"[number % 4],
            "licence": "CC BY 4.0",
        }
        for number in range(20)
    ]


def rubrics() -> list[dict[str, Any]]:
    """Rubric rows in HealthBench's schema, likewise."""
    texts = ("Asks for the patient's age.", "Recommends aspirin without asking.")
    made = [row(f"e{number}", license="MIT") for number in range(4)]
    for number, each in enumerate(made):
        each["prompt"][0]["content"] = gibberish(number, 12)
        for criterion, text in zip(each["rubrics"], texts, strict=True):
            criterion["criterion"] = text
    return made


def linted(folder: Path, rows: Iterable[dict[str, Any]], benchmark: Benchmark = EXAM) -> Linted:
    return lint(write_rows(folder / "rows.jsonl", rows), benchmark)


def rules(found: Linted) -> list[tuple[str, int | None]]:
    return [(finding.rule, finding.line) for finding in found.findings]


def test_files_without_faults_have_none(tmp_path: Path) -> None:
    """An exam and rubrics in which nothing is wrong, and the tasks that come with the package."""
    assert linted(tmp_path, exam()) == Linted(str(tmp_path / "rows.jsonl"), EXAM.name, 20, [])
    assert linted(tmp_path, rubrics(), benchmarks.get("healthbench")).findings == []
    starter = benchmarks.get("starter")
    assert lint(starter.path(), starter).findings == []


Change = Callable[[list[dict[str, Any]]], object]


def injected(rows: list[dict[str, Any]], line: int, **changes: Any) -> None:
    rows[line - 1].update(changes)


def reworded(rows: list[dict[str, Any]]) -> None:
    first, rest = rows[2]["question"].split(" ", 1)
    injected(rows, 9, question=f"{first[::-1]} {rest}", options=rows[2]["options"])
    injected(rows, 9, answer=rows[2]["answer"])


def relabelled(rows: list[dict[str, Any]]) -> None:
    turned = rows[4]["options"][1:] + rows[4]["options"][:1]
    injected(rows, 11, question=rows[4]["question"], options=turned, answer=rows[4]["answer"])


def copied(rows: list[dict[str, Any]]) -> None:
    loud = rows[0]["question"].upper() + "  !"
    injected(rows, 5, question=loud, options=rows[0]["options"], answer="A")


@pytest.mark.parametrize(
    ("rule", "line", "change"),
    [
        ("malformed-row", 3, lambda rows: injected(rows, 3, answer="X")),
        ("duplicate-id", 6, lambda rows: injected(rows, 6, id="q0")),
        ("duplicate", 5, copied),
        ("near-duplicate", 9, reworded),
        ("contradictory-label", 11, relabelled),
        (
            "leaked-answer",
            2,
            lambda rows: injected(rows, 2, question="What is it? The correct answer is (B)."),
        ),
        (
            "leaked-answer",
            2,
            lambda rows: injected(rows, 2, question="这是什么？答案：B"),
        ),
        (
            "leaked-answer",
            2,
            lambda rows: injected(rows, 2, question=f"Which, if {rows[1]['options'][1]} is meant?"),
        ),
    ],
)
def test_a_fault_of_a_question_is_found(
    rule: str, line: int, change: Change, tmp_path: Path
) -> None:
    """One fault in one row: that rule names that line, and nothing else is said of any row."""
    rows = exam()
    change(rows)
    # A question that is reworded or relabelled is like another one, too.
    found = [each for each in rules(linted(tmp_path, rows)) if each[1] is not None]
    assert (rule, line) in found
    also = {"near-duplicate", "duplicate"} if rule == "contradictory-label" else set()
    assert {each for each, _ in found} - also == {rule}
    assert {where for _, where in found} == {line}


def test_other_letters_and_texts_of_wrong_options_are_no_leak(tmp_path: Path) -> None:
    """What is said of a wrong letter, or of all options, gives nothing away."""
    rows = exam()
    every = ", ".join(rows[1]["options"])
    injected(rows, 2, question=f"The answer is not: A. Which of {every} grows in a lung?")
    assert linted(tmp_path, rows).findings == []


def test_references_within_the_question_are_leaks(tmp_path: Path) -> None:
    """The physician's own answer, or a wanted criterion, stands in what is asked."""
    rows = rubrics()
    answer = "Please go to the nearest emergency department now, and do not drive."
    rows[1]["ideal_completions_data"] = {"ideal_completion": answer}
    rows[1]["prompt"][0]["content"] += f" My friend said: {answer.upper()}"
    long = "Tells the patient to stop the tablets and to call the clinic."
    rows[2]["rubrics"][0]["criterion"] = long
    rows[2]["prompt"][0]["content"] += f" ({long})"
    found = linted(tmp_path, rows, benchmarks.get("healthbench"))
    assert rules(found) == [("leaked-answer", 2), ("leaked-answer", 3)]


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("Fails to ask for the patient's age.", 5),
        ("The response incorrectly states a dose.", 3),
        ("Correctly names the dose.", -4),
    ],
)
def test_points_of_the_wrong_sign_are_found(text: str, points: int, tmp_path: Path) -> None:
    """Points for a fault, and points off for what is right; turned round they are right."""
    healthbench = benchmarks.get("healthbench")
    rows = rubrics()
    rows[2]["rubrics"][1] = {"criterion": text, "points": points, "tags": []}
    assert rules(linted(tmp_path, rows, healthbench)) == [("wrong-sign", 3)]
    rows[2]["rubrics"][1]["points"] = -points
    assert linted(tmp_path, rows, healthbench).findings == []


def test_rubrics_without_a_score_or_with_both_signs_are_found(tmp_path: Path) -> None:
    """Only negative points; one text that gives points and takes them."""
    rows = rubrics()
    for criterion in rows[0]["rubrics"]:
        criterion["points"] = -1
    rows[3]["rubrics"].append({**rows[3]["rubrics"][0], "points": -5})
    found = rules(linted(tmp_path, rows, benchmarks.get("healthbench")))
    assert found == [("contradictory-label", 4), ("no-positive-points", 1)]


def test_a_letter_that_is_never_right_is_found(tmp_path: Path) -> None:
    """Of eighty questions none has D: it is empty, and another letter is right too often."""
    rows = [{**each, "id": f"{k}-{each['id']}"} for k in range(4) for each in exam()]
    for number, each in enumerate(rows):
        each["question"] = gibberish(number, 24)
        each["answer"] = "B" if number % 8 else "A"
    found = linted(tmp_path, rows).findings
    assert [(f.rule, f.problem[:2]) for f in found] == [
        ("empty-class", "C:"),
        ("empty-class", "D:"),
        ("unbalanced-class", "B:"),
    ]


def test_one_class_that_is_nearly_all_is_found(tmp_path: Path) -> None:
    """All questions have the options yes and no, and no is right in 18 of 20."""
    rows = exam()
    for number, each in enumerate(rows):
        each["options"] = ["yes", "no"]
        each["answer"] = "A" if number in {3, 9} else "B"
    [found] = linted(tmp_path, rows).findings
    assert found == Finding("unbalanced-class", None, None, "answer: one class has 18 of 20 rows")


@pytest.mark.parametrize(
    ("name", "text", "harmless"),
    [
        ("email", "write to jo.doe+x@clinic.co.uk today", "write to jo@clinic.invalid today"),
        ("phone", "ring +44 7911 123456 then", "it was 120-80-100 then"),
        ("phone", "ring (415) 555-2671 then", "of 415-555 then"),
        ("phone", "his phone number is 0490 75 40 81", "she took 490 75 mg"),
        ("us-ssn", "it is 514-69-0360 there", "it is 000-69-0360 there"),
        ("uk-nhs", "it is 943 476 5919 there", "it is 943 476 5918 there"),
        ("es-dni", "it is 12345678Z there", "it is 12345678A there"),
        ("cn-resident", "it is 11010519491231002X there", "it is 110105194912310021 there"),
        ("in-aadhaar", "it is 2341 2341 2346 there", "it is 2341 2341 2347 there"),
        ("ru-snils", "it is 112-233-445 95 there", "it is 112-233-445 94 there"),
        ("card", "it is 4111 1111 1111 1111 there", "it is 4111 1111 1111 1112 there"),
        ("iban", "it is GB82 WEST 1234 5698 7654 32", "it is GB82 WEST 1234 5698 7654 33"),
        ("ip", "from 192.168.17.254 then", "from 192.168.17.999 then"),
        ("ip", "from 10.0.0.4 then", "of EC 3.1.1.11 then"),
        ("name", "my name is Jo Quill", "my name is secret"),
        ("name", "Name: Jo O'Quill", "Generic name: Quillamide sodium"),
        ("street", "at 17 Made Up Street", "on 17 Made Up Days"),
        ("birth-date", "date of birth is 03-Apr-1961", "term was 03-Apr-1961"),
        ("birth-date", "DOB: 03/04/1961", "seen on 03/04/1961"),
        ("birth-date", "born on 3 April 1961", "born at 39 weeks"),
        ("record-number", "MRN 00482731", "MRN unknown"),
    ],
)
def test_personal_data_are_found_by_their_form(
    name: str, text: str, harmless: str, tmp_path: Path
) -> None:
    """A number with a check digit counts only where that is right; the text is not said."""
    rows = exam()
    injected(rows, 7, question=f"{rows[6]['question']} {text}")
    [found] = linted(tmp_path, rows).findings
    assert (found.rule, found.line, found.id) == ("personal-data", 7, "q6")
    assert found.problem == f"message 1: {FORMS[name].words} ({name})"
    injected(rows, 7, question=f"{exam()[6]['question']} {harmless}")
    assert linted(tmp_path, rows).findings == []


def test_a_licence_may_be_said_in_several_places(tmp_path: Path) -> None:
    """A file LICENSE, or a README that speaks of it, beside the rows; another README is none."""
    rows = [{key: value for key, value in each.items() if key != "licence"} for each in exam()]
    assert rules(linted(tmp_path, rows)) == [("missing-licence", None)]
    (tmp_path / "README.md").write_text("# Rows\n", "utf-8")
    assert rules(linted(tmp_path, rows)) == [("missing-licence", None)]
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n", "utf-8")
    assert linted(tmp_path, rows).findings == []
    (tmp_path / "README.md").unlink()
    (tmp_path / "LICENSE").write_text("do as you like", "utf-8")
    assert linted(tmp_path, rows).findings == []


def test_a_benchmark_of_several_files_is_read_by_its_own_reader(tmp_path: Path) -> None:
    """Its examples are looked at as others are; a fault that stops the reader is said."""

    def read(path: Path) -> Iterable[Example]:
        yield parse(Fields(exam()[0] | {"question": "Who wrote to a@b.de?"}, str(path), 1))
        yield parse(Fields({"id": "q"}, str(path), 2))

    whole = msgspec.structs.replace(EXAM, parse=None, read=read)
    (tmp_path / "LICENSE").touch()
    found = lint(tmp_path, whole)
    assert rules(found) == [("malformed-row", 2), ("personal-data", 1)]


# The command


def test_the_command_says_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table or JSON with the keys of docs/lint.md, and exit code 1; 0 where there is nothing."""
    isolate(monkeypatch, tmp_path)
    rows = rubrics()
    at = write_rows(tmp_path / "mine.jsonl", rows)
    assert cli.main(["lint", str(at)]) == 0
    first, last = capsys.readouterr().err.splitlines()
    assert first.endswith("mine.jsonl: read as those of healthbench")
    assert last.endswith("mine.jsonl: 4 rows: no faults")
    rows[1]["prompt"][0]["content"] = "I am jo.doe@clinic.org, what now?"
    write_rows(at, rows)
    assert cli.main(["lint", str(at), "--benchmark", "healthbench-hard"]) == 1
    said = capsys.readouterr()
    assert "e-mail address" in said.out
    assert "jo.doe" not in said.out + said.err
    assert cli.main(["lint", str(at), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    tables = re.split(r"^<!-- keys: (\w+) -->$", (DOCS / "lint.md").read_text(), flags=re.MULTILINE)
    described = {name: cells(text) for name, text in zip(tables[1::2], tables[2::2], strict=True)}
    assert described == {"lint": list(found), "finding": list(found["findings"][0])}


def test_every_rule_is_described() -> None:
    """docs/lint.md lists the rules in the order in which faults and advice are printed."""
    faults, advice = (DOCS / "lint.md").read_text("utf-8").split("\n## Advice on rubrics\n")
    assert (tuple(cells(faults)), tuple(cells(advice))) == (RULES, ADVICE)


def cells(text: str) -> list[str]:
    table = text[text.index("|---") :].split("\n\n", 1)[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


def test_a_file_of_no_known_shape_is_refused(tmp_path: Path) -> None:
    """The message says how to name the shape; an empty file is none."""
    with pytest.raises(InputError, match="name the file's benchmark with --benchmark"):
        shape_of(write_rows(tmp_path / "rows.jsonl", [{"colour": "red"}]))
    with pytest.raises(InputError, match="found an empty file"):
        shape_of(write_rows(tmp_path / "rows.jsonl", []))


@needs_data
def test_real_rubrics_have_few_faults() -> None:
    """Of 537 real examples 8 have a sign that looks wrong, 1 has doubled criteria, 1 both signs."""
    found = lint(HEALTHBENCH / "examples_main.jsonl", benchmarks.get("healthbench"))
    assert (found.rows, len(found.findings)) == (537, 14)
    lines = [finding.line for finding in found.findings if finding.rule == "wrong-sign"]
    # Four are "Does not …" and mean it.
    assert lines == [36, 43, 91, 120, 298, 301, 505, 526]


def test_malformed_rows_are_counted(tmp_path: Path) -> None:
    """The number of rows is that of the file, also of those that cannot be read."""
    rows = rubrics()
    rows[0]["rubrics"][0]["points"] = 12
    found = linted(tmp_path, rows, benchmarks.get("healthbench"))
    assert found.rows == len(rows)
    assert ("malformed-row", 1) in rules(found)
