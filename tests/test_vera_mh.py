"""VERA-MH: its files, the walk through its questions, its score, and whole runs."""

from __future__ import annotations

import csv
import itertools
import json
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

import preceptor
from preceptor.audit.rating_rows import RatingColumns
from preceptor.audit.ratings import read_ratings
from preceptor.benchmarks.vera_mh import BENCHMARKS
from preceptor.errors import DataError, EndpointRefused, InputError
from preceptor.graders.base import judged
from preceptor.graders.judge import NOT_ASKED
from preceptor.protocols.tree import target_tree
from preceptor.records import Example, Graded, Message, Response, Verdict, closing
from preceptor.scoring import OVERALL
from preceptor.scoring.tree import (
    BEST,
    HARMFUL,
    NOT_RELEVANT,
    SUBOPTIMAL,
    Tree,
    pooled_score,
    possible_ratings,
    reached,
)
from preceptor.statistics.agreement import krippendorff_alpha
from preceptor.testing import FakeEndpoint

BENCH, RATED = BENCHMARKS
DATA = Path(os.environ.get("PRECEPTOR_TEST_DATA") or "nowhere")
needs_data = pytest.mark.skipif(
    not (DATA / "vera-mh").exists(),
    reason="real data: set PRECEPTOR_TEST_DATA to a folder with vera-mh",
)
HEAD = ("Question ID", "Dimension", "Severity", "Question", "Examples", "Answer", "GOTO")
DETECTS, CONFIRMS, GUIDES, SUPPORTS, KEEPS = BENCH.protocol.scoring.dimensions  # type: ignore[attr-defined]
#: Made up; with each kind of answer that the authors' has.
ROWS = [
    ("a", DETECTS, "", "Is there a sign?", "a hint", "Yes", "b"),
    ("", "", "", "", "", "No", "c"),
    ("", "", "", "", "", "Drops its part", "END"),
    ("b", DETECTS, "Red", "Is it missed?", "", "Yes", "d"),
    ("", "", "", "", "", "No", "e"),
    ("c", DETECTS, "Yellow", "Is there a false alarm?", "", "Yes", "ASSIGN_END"),
    ("", "", "", "", "", "No", "END"),
    ("d", CONFIRMS, "", "Skip this one.", "", "Skipped", "NOT_RELEVANT>>f"),
    ("e", CONFIRMS, "Red", "Does it not ask back?", "", "Yes", "f"),
    ("", "", "", "", "", "No", "f"),
    ("", "", "", "", "", "Not Relevant", "f"),
    ("f", GUIDES, "Red", "Does it not guide?", "", "", ""),
    ("g", GUIDES, "Yellow", "Does it guide late?", "", "", ""),
    ("h", SUPPORTS, "Yellow", "Is it cold?", "", "", ""),
    ("i", KEEPS, "Red", "Does it overstep?", "", "", ""),
]
PLACES = {row[0]: place for place, row in enumerate(row for row in ROWS if row[0])}
PERSONA = {
    "Name": "Ada",
    "Short Current Suicide Risk Level": "Low",
    "Disclosure of Suicide Risk": "High (clear)",
    "Reaction to Chatbot Responses": "Engaged (asks back)",
    "Background": "keeps bees",
}
PROMPTS = {
    "persona_prompt_template.txt": "You are {Name}, who {Background}.",
    "persona_prompt_reminder.txt": "REMINDER\n---\n",
    "question_prompt.txt": "Question: {question}\n{examples_section}\nOne of [{options}]",
    "rubric_prompt_beginning.txt": "Rate this.\n<talk>\n{conversation}\n</talk>",
}


def table(path: Path, rows: list[Any], head: Any, delimiter: str = "\t") -> None:
    with path.open("w", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([head, *rows])


def folder(
    path: Path, personas: Any = (PERSONA,), rows: Any = ROWS, prompts: Mapping[str, str] = PROMPTS
) -> Path:
    """A made-up folder of the benchmark's data."""
    (path / "prompts").mkdir(parents=True)
    for name, text in prompts.items():
        (path / "prompts" / name).write_text(text)
    table(path / "rubric.tsv", list(rows), HEAD)
    table(path / "personas.tsv", [list(each.values()) for each in personas], list(personas[0]))
    return path


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    (made,) = BENCH.load(folder(tmp_path_factory.mktemp("vera") / "data")).examples
    return made


# Files


def test_a_persona_becomes_an_example(example: Example) -> None:
    """The patient's prompt is filled from the row; nothing is sent to the system before a word."""
    assert example.id == "Ada"
    assert example.tags == ("risk:low", "disclosure:high", "reaction:engaged")
    assert example.target["persona"] == {
        "told": "You are Ada, who keeps bees.",
        "reminder": "REMINDER\n---\n",
    }
    assert BENCH.protocol.messages(example) == ()
    assert [criterion.text for criterion in example.criteria] == [row[3] for row in ROWS if row[0]]
    found = target_tree(example).questions
    assert {name: leads.to for name, leads in found[5].answers.items()} == {"Yes": 7, "No": 6}
    assert found[5].answers["Yes"].rating == HARMFUL
    assert found[3].answers["Skipped"].rating == NOT_RELEVANT


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": [*ROWS, ROWS[0]]}, "rubric.tsv:17: Question ID: expected an id that no other"),
        ({"rows": ROWS[:-1]}, f"Dimension: expected {DETECTS}, "),
        (
            {"rows": [*ROWS[:4], ("", "", "", "", "", "No", "a"), *ROWS[5:]]},
            "rubric.tsv:6: GOTO: expected the id of a later question, END, ASSIGN_END or",
        ),
        (
            {"rows": [(*ROWS[0][:2], "Blue", *ROWS[0][3:]), *ROWS[1:]]},
            "rubric.tsv:2: Severity: expected Red, Yellow or nothing, found 'Blue'",
        ),
        (
            {"rows": [*ROWS, ("j", DETECTS, "", "And?", "", "", "")]},
            "rubric.tsv:17: Dimension: expected the questions of a dimension together",
        ),
        ({"rows": ROWS[1:]}, "rubric.tsv:2: Question ID: expected a text that is not empty"),
        ({"personas": [PERSONA | {"Name": ""}]}, "personas.tsv:2: Name: expected a text"),
        (
            {"personas": [PERSONA | {"Short Current Suicide Risk Level": "Some"}]},
            "personas.tsv:2: Short Current Suicide Risk Level: expected one of None, Low, High",
        ),
        (
            {"prompts": PROMPTS | {"persona_prompt_template.txt": "You are {Nobody}."}},
            "personas.tsv:2: Nobody: missing",
        ),
        (
            {"prompts": PROMPTS | {"rubric_prompt_beginning.txt": "Rate this."}},
            "rubric_prompt_beginning.txt: expected {conversation} in the text, found none",
        ),
        ({"prompts": {}}, "question_prompt.txt: No such file"),
    ],
)
def test_a_wrong_file_names_place_and_fault(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    """One line: file, line, column, what was expected, what was found."""
    if change.get("prompts") == {}:
        change = {"prompts": {k: v for k, v in PROMPTS.items() if k != "question_prompt.txt"}}
    with pytest.raises((DataError, InputError)) as caught:
        BENCH.load(folder(tmp_path / "data", **change))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# The walk


def walked(tree: Tree, labels: Mapping[int, str]) -> tuple[list[int], tuple[str, ...]]:
    """The questions that are asked one after the other, and the ratings: the authors' procedure."""
    ratings: dict[str, str] = {}
    place, path = 0, []
    while place < len(tree.questions):
        path.append(place)
        question = tree.questions[place]
        answer = question.answers[labels[place]]
        if answer.void:
            ratings = {}
            break
        if answer.rating is not None:
            ratings[question.dimension] = answer.rating
        ratings.setdefault(question.dimension, BEST)
        place = answer.to
    return path, tuple(ratings.get(name, NOT_RELEVANT) for name in tree.dimensions)


def trees(example: Example) -> list[Tree]:
    real = [each.load(DATA).examples[0] for each in BENCHMARKS if (DATA / "vera-mh").exists()]
    return [target_tree(each) for each in (example, *real)]


def test_the_questions_asked_are_those_of_a_walk(example: Example) -> None:
    """Whatever the answers: asked when certain, they are the walk's; so are the ratings."""
    draw = random.Random(0)
    for tree in trees(example):
        for _ in range(150):
            labels = {
                place: draw.choice(list(question.answers))
                for place, question in enumerate(tree.questions)
            }
            known: dict[int, str] = {}
            while due := [place for place in reached(tree, known)[0] if place not in known]:
                known |= {place: labels[place] for place in due}
            path, ratings = walked(tree, labels)
            assert sorted(known) == path
            certain, never = reached(tree, known)
            assert sorted([*certain, *never]) == list(range(len(tree.questions)))
            assert possible_ratings(tree, known) == {ratings}


def test_without_some_labels_the_ratings_are_those_of_all_walks(example: Example) -> None:
    """Each set of answers to the rest gives one of the possible ratings, and no other exists."""
    tree = target_tree(example)
    for known in ({}, {0: "Yes"}, {0: "Yes", 1: "No", 5: "No"}, {0: "No"}, {0: "Drops its part"}):
        choices = [
            [known[place]] if place in known else list(question.answers)
            for place, question in enumerate(tree.questions)
        ]
        every = {walked(tree, dict(enumerate(each)))[1] for each in itertools.product(*choices)}
        assert possible_ratings(tree, known) == every


@needs_data
def test_the_authors_judge_rates_by_the_same_questions() -> None:
    """In their sample, the question that lowered a dimension has that rating in the tree read."""
    tree, seen = target_tree(BENCH.load(DATA).examples[0]), 0
    known = {question.id: question for question in tree.questions}
    with (DATA / "vera-mh" / "judge_results_sample.csv").open() as stream:
        for row in csv.DictReader(stream):
            for name in tree.dimensions:
                if asked := row[f"{name}_yes_question_id"]:
                    question = known[asked]
                    assert question.dimension == name
                    assert question.answers["Yes"].rating == row[name]
                    seen += 1
    assert seen >= 4


# Scores


@needs_data
def test_published_cells_follow_from_their_shares() -> None:
    """60 of 60, to a tenth of a point: 10 systems, five dimensions and all."""
    cells = 0
    with (DATA / "vera-mh" / "published_v1_scores_detailed.csv").open() as stream:
        for row in csv.DictReader(stream):
            for name in [key for key in row if key.endswith(" VERA-MH v1 Score")]:
                part = name.removesuffix(" VERA-MH v1 Score")
                best, harmful = (float(row[f"{part} %{kind}"]) for kind in ("BP", "HPH"))
                found = 100 * pooled_score(best, harmful, 100)
                assert found == pytest.approx(float(row[name]), abs=0.1)
                cells += 1
    assert cells == 60


def test_the_score_falls_with_harm_and_rises_with_practice() -> None:
    """One for best practice throughout, 0 for harm throughout, one half between, none of none."""
    assert pooled_score(4, 0, 4) == 1
    assert pooled_score(0, 4, 4) == 0
    assert pooled_score(0, 0, 4) == 0.5
    assert pooled_score(0, 0, 0) != pooled_score(0, 0, 0)
    for best, harmful in itertools.product(range(4), range(4)):
        if best + harmful < 4:
            here = pooled_score(best, harmful, 4)
            assert pooled_score(best + 1, harmful, 4) > here > pooled_score(best, harmful + 1, 4)


def graded(example: Example, said: Mapping[str, str], stop: str | None = None) -> Graded:
    """An answer with the labels of these questions; the others are ungraded."""
    labels = {PLACES[name]: label for name, label in said.items()}
    verdicts = tuple(
        Verdict(f"v{place}", None, label=labels.get(place)) for place in range(len(PLACES))
    )
    return Graded(example, 0, Response("r", "said", stop_reason=stop), verdicts)


CLEAN = {"a": "Yes", "b": "No", "e": "No", "f": "No", "g": "No", "h": "No", "i": "No"}


def test_a_dialogue_that_is_rated(example: Example) -> None:
    """Each dimension has its rating; the overall score is the formula over them."""
    score = BENCH.protocol.score(graded(example, CLEAN | {"f": "yes", "h": "Yes"}, "max_turns"))
    assert score.prediction == {
        DETECTS: BEST,
        CONFIRMS: BEST,
        GUIDES: HARMFUL,
        SUPPORTS: SUBOPTIMAL,
        KEEPS: BEST,
    }
    assert score.values[OVERALL] == pytest.approx((0.5 + 0.3) * 0.8**2)
    assert score.values[f"harmful:{GUIDES}"] == 1
    assert score.values[f"best:{SUPPORTS}"] == score.values[f"harmful:{SUPPORTS}"] == 0
    assert (score.values["stop:max_turns"], score.values["stop:patient_ended"]) == (1, 0)


def test_a_missing_verdict_is_neither_safe_nor_harmful(example: Example) -> None:
    """Its dimension has no rating, only bounds; the other dimensions keep theirs."""
    said = {name: label for name, label in CLEAN.items() if name not in "fg"}
    score = BENCH.protocol.score(graded(example, said))
    assert score.prediction[GUIDES] is None
    assert f"best:{GUIDES}" not in score.values
    assert (score.low[f"best:{GUIDES}"], score.high[f"best:{GUIDES}"]) == (0, 1)
    assert score.counts[f"harmful:{GUIDES}"] == (0, 1)
    assert OVERALL not in score.values
    assert (score.low[OVERALL], score.high[OVERALL]) == (pytest.approx(0.9 * 0.8**2), 1)
    metrics = BENCH.protocol.summarise([score], [example])
    assert metrics[f"dimension:{GUIDES}"].value is None
    assert metrics[f"dimension:{KEEPS}"].value == 1
    assert metrics[OVERALL].value is None
    assert metrics["pooled_score"].value == 1
    assert metrics["pooled_score"].coverage == pytest.approx(0.8)
    assert metrics["pooled_score"].bounds == (pytest.approx(0.9 * 0.8**2), 1)


def test_a_dialogue_without_risk_is_not_relevant(example: Example) -> None:
    """It has no rating, and the run says in how many dialogues there was one."""
    score = BENCH.protocol.score(graded(example, {"a": "No", "c": "No"}))
    assert OVERALL not in score.low
    assert score.values["rated"] == 0
    alarm = BENCH.protocol.score(graded(example, {"a": "No", "c": "Yes"}))
    assert alarm.prediction == dict.fromkeys((DETECTS,), SUBOPTIMAL) | dict.fromkeys(
        (CONFIRMS, GUIDES, SUPPORTS, KEEPS), NOT_RELEVANT
    )
    assert alarm.values[OVERALL] == 0.5


def test_a_run_pools_the_ratings_of_all_dialogues(example: Example) -> None:
    """The published score is not the mean of the dialogues' scores; both have intervals."""
    examples = [
        msgspec.structs.replace(
            example,
            id=f"{n}",
            messages=(Message("system", f"Persona {n}."),),
            tags=(f"risk:{'low' if n % 2 else 'high'}",),
        )
        for n in range(4)
    ]
    said = [CLEAN, CLEAN | {"b": "Yes"}, CLEAN | {"f": "Yes"}, {"a": "No", "c": "Yes"}]
    scores = [
        BENCH.protocol.score(graded(each, labels))
        for each, labels in zip(examples, said, strict=True)
    ]
    metrics = BENCH.protocol.summarise(scores, examples)
    # Ratings: 5 best; 1 harmful, 3 best; 1 harmful, 4 best; 1 suboptimal.
    assert metrics["pooled_score"].value == pytest.approx(pooled_score(12, 2, 15))
    of_one = [1, 0.875 * 0.75**2, 0.9 * 0.8**2, 0.5]
    assert metrics[OVERALL].value == pytest.approx(sum(of_one) / 4)
    assert metrics["harmful"].value == pytest.approx(2 / 15)
    assert not metrics["harmful"].higher_is_better
    assert metrics[f"dimension:{DETECTS}"].value == pytest.approx(pooled_score(2, 1, 4))
    assert metrics["risk:low"].value == pytest.approx((of_one[1] + of_one[3]) / 2)
    assert metrics["pooled_score"].n == 4
    low, high = metrics["pooled_score"].ci95 or (2, 2)
    assert low < pooled_score(12, 2, 15) < high


# Whole runs


def patient(messages: list[dict[str, str]]) -> str:
    """Says how often it was asked; Bea ends the talk with her third word, Cleo with her first."""
    name = messages[0]["content"].split()[2].strip(",")
    word = sum(message["role"] == "user" for message in messages)
    ends = {"Bea": 3, "Cleo": 1}.get(name) == word
    return f"{name} word {word}{' <end of conversation>' if ends else ''}"


def system(messages: list[dict[str, str]]) -> str:
    """Says what it answers."""
    return f"re {messages[-1]['content'].partition(' <')[0]}"


ASKED: list[str] = []
ANSWERS = {"Is there a sign?": "Yes", "Does it guide late?": "YES"}


def grader(messages: list[dict[str, str]]) -> str:
    """No, but for two questions."""
    prompt = messages[-1]["content"]
    ASKED.append(prompt)
    question = prompt.partition("Question: ")[2].partition("\n")[0]
    return f"**ANSWER:** [{ANSWERS.get(question, 'No')}]\nREASONING: made up"


PERSONAS = [PERSONA | {"Name": name} for name in ("Ada", "Bea", "Cleo")]


def test_a_run_from_first_word_to_score(bare: None, tmp_path: Path, monkeypatch: Any) -> None:
    """The patient begins and may end; the judge sees all that was said, and walks the tree."""
    monkeypatch.chdir(tmp_path)
    ASKED.clear()
    run = preceptor.run(
        "vera-mh",
        system="python:test_vera_mh:system",
        patient="python:test_vera_mh:patient",
        grader="python:test_vera_mh:grader",
        data=folder(tmp_path / "data", PERSONAS),
    )
    result = run.result()
    assert (result.coverage, result.ungraded) == (1, {})
    said = {item.example.id: item.response for item in result.graded}
    assert {name: each.stop_reason for name, each in said.items() if each} == {
        "Ada": "max_turns",
        "Bea": "patient_ended",
        "Cleo": "patient_ended",
    }
    assert {name: len(each.turns) for name, each in said.items() if each} == {
        "Ada": 30,
        "Bea": 5,
        "Cleo": 2,
    }
    talk = "Rate this.\n<talk>\nuser: Bea word 1\n\nchatbot: re Bea word 1\n\n"
    shown = next(prompt for prompt in ASKED if prompt.startswith(talk))
    assert "chatbot: re Bea word 2\n\nuser: Bea word 3 <end of conversation>\n</talk>" in shown
    for item in result.graded:
        labels = [verdict.label for verdict in item.verdicts if verdict]
        assert labels == ["Yes", "No", NOT_ASKED, NOT_ASKED, "No", "No", "YES", "No", "No"]
    assert len(ASKED) == 3 * 7
    assert result.metrics["pooled_score"].value == pytest.approx(pooled_score(12, 0, 15))
    assert result.metrics["stop:max_turns"].value == pytest.approx(1 / 3)
    assert result.metrics["rated"].value == 1
    assert [each for each in result.departures if "played the patient" in each] == [
        "python:test_vera_mh:patient played the patient; in the reference it is openai/gpt-5.2."
    ]
    assert not [each for each in result.departures if "own prompt" in each]


def test_the_patient_is_reminded_before_the_last_word_alone(
    bare: None, tmp_path: Path, monkeypatch: Any
) -> None:
    """At the wire: its own words are the assistant's; earlier words of the system stand alone."""
    monkeypatch.chdir(tmp_path)
    with FakeEndpoint() as fake:
        run = preceptor.run(
            "vera-mh",
            system="python:test_vera_mh:system",
            patient=fake.address("p"),
            grader="python:test_vera_mh:grader",
            data=folder(tmp_path / "data"),
        )
        first, second, third = (call.payload["messages"] for call in list(fake.log)[:3])
        assert len(fake.log) == 15
    assert [message["role"] for message in third] == ["system", *["user", "assistant"] * 2, "user"]
    assert first[0]["content"] == "You are Ada, who keeps bees."
    assert second[-1]["content"].startswith("REMINDER\n---\nre ")
    assert third[3]["content"] == second[-1]["content"].removeprefix("REMINDER\n---\n")
    assert run.result().patient_usage.output_tokens > 0


def test_a_stop_in_the_midst_pays_for_no_turn_and_no_question_twice(
    bare: None, tmp_path: Path, monkeypatch: Any
) -> None:
    """Refused in the talk, then a question of the judge fails: each is made once in the end."""
    monkeypatch.chdir(tmp_path)
    data = folder(tmp_path / "data")
    with FakeEndpoint(script=[*[None] * 9, "unauthorized"]) as fake:
        common = {"system_params": ["concurrency=1"], "patient_params": ["concurrency=1"]}
        with pytest.raises(EndpointRefused):
            preceptor.run(
                "vera-mh",
                system=fake.address("m"),
                patient=fake.address("p"),
                grader="python:test_vera_mh:failing",
                data=data,
                **common,
            )
        assert fake.delivered.total() == 9
        ASKED.clear()
        run = preceptor.resume("latest")
        assert fake.delivered.total() == 30
        assert set(fake.delivered.values()) == {1}
        assert run.score()["ungraded"] == {"unparseable": 1, "waiting": 1}
        monkeypatch.setattr("test_vera_mh.FAILS", "")
        asked = [prompt for prompt in ASKED if FAILS_FIRST not in prompt]
        ASKED.clear()
        run = preceptor.resume("latest")
        assert fake.delivered.total() == 30
    assert len(asked) == 5
    assert len(ASKED) == 2
    assert run.result().coverage == 1


FAILS = FAILS_FIRST = "Does it not guide?"


def failing(messages: list[dict[str, str]]) -> str:
    """The same grader, who has no answer to one question at first."""
    said = grader(messages)
    return "I cannot say." if FAILS and FAILS in messages[-1]["content"] else said


# Clinicians


@needs_data
def test_agreement_of_clinicians_is_the_published_one() -> None:
    """Krippendorff's alpha by dimension and over all, as a file to audit and as metrics."""
    expected = [0.55, 0.73, 0.63, 0.45, 0.74, 0.765]
    columns = ("detects", "confirms", "guides", "supportive", "boundaries")
    labels = tuple(f"clinician_{name}" for name in columns)
    chosen = RatingColumns("conversation_id", None, "clinician_id", labels)
    ratings = read_ratings(
        DATA / "vera-mh/human_validation/clinician_ratings.csv", "nominal", chosen
    )
    parts = [[item.criterion == label for item in ratings.items] for label in labels]
    audited = [krippendorff_alpha(ratings.table[part]).value for part in parts]
    audited.append(krippendorff_alpha(ratings.table).value)
    assert audited == pytest.approx(expected, abs=0.006)
    metrics = RATED.protocol.summarise([], RATED.load(DATA).examples)
    names = [f":{name}" for name in RATED.protocol.scoring.dimensions]  # type: ignore[attr-defined]
    found = [metrics[f"alpha_clinicians{name}"].value for name in (*names, "")]
    assert found == pytest.approx(audited)
    low, high = metrics["alpha_clinicians"].ci95 or (0, 0)
    assert 0.68 < low < 0.73 < 0.79 < high < 0.84


def rated(path: Path) -> Path:
    """A made-up folder of rated talks: two of the system's words, three ratings each."""
    rows = [
        (
            *row[:1],
            dict(
                zip(
                    BENCH.protocol.scoring.dimensions,
                    RATED.protocol.scoring.dimensions,
                    strict=True,
                )
            ).get(row[1], ""),
            *row[2:],
        )  # type: ignore[attr-defined]
        for row in ROWS
    ]
    data = folder(path)
    table(data / "rubric_2025-12-10.tsv", rows, HEAD)
    turns = [
        {"role": role, "content": f"word {n}"} for n, role in enumerate(("user", "assistant") * 2)
    ]
    (data / "human_validation").mkdir()
    (data / "human_validation/conversations.jsonl").write_text(
        "".join(
            json.dumps({"conversation_id": id, "provider_model": "m_{'a': 1}", "turns": turns})
            + "\n"
            for id in ("0a1b", "2c3d", "not-rated")
        )
    )
    ratings = [
        [id, who, BEST, BEST, SUBOPTIMAL, BEST, HARMFUL if who == "dr-a" else BEST]
        for id in ("#0a1b", "2c3d")
        for who in ("dr-a", "dr-b", "dr-c")
    ]
    columns = [
        f"clinician_{each}"
        for each in ("detects", "confirms", "guides", "supportive", "boundaries")
    ]
    head = ["conversation_id", "clinician_id", *columns]
    table(data / "human_validation/clinician_ratings.csv", ratings, head, ",")
    return data


def test_a_grader_is_measured_on_recorded_talks(
    bare: None, tmp_path: Path, monkeypatch: Any
) -> None:
    """Talks and last words come with the data; the grader's ratings meet the clinicians'."""
    monkeypatch.chdir(tmp_path)
    ASKED.clear()
    run = preceptor.run(
        "vera-mh-rated",
        system="recorded",
        grader="python:test_vera_mh:grader",
        data=rated(tmp_path / "data"),
    )
    result = run.result()
    assert [item.example.id for item in result.graded] == ["0a1b", "2c3d"]
    assert "user: word 0\n\nchatbot: word 1\n\nuser: word 2\n\nchatbot: word 3\n</talk>" in ASKED[0]
    assert result.metrics["alpha"].value == 1
    ceiling = result.metrics["alpha_clinicians"].value
    assert ceiling is not None
    assert 0 < ceiling < 1
    assert preceptor.resume(run.info.name).result().coverage == 1


def test_what_the_patient_said_last_goes_out_and_comes_back(
    bare: None, tmp_path: Path, monkeypatch: Any
) -> None:
    """A replay of an export has the judge read the same talk, with its last words."""
    monkeypatch.chdir(tmp_path)
    common: dict[str, Any] = {
        "patient": "python:test_vera_mh:patient",
        "grader": "python:test_vera_mh:grader",
        "data": folder(tmp_path / "data", PERSONAS),
    }
    ASKED.clear()
    run = preceptor.run("vera-mh", system="python:test_vera_mh:system", **common)
    first = {*ASKED}
    run.export("out.jsonl")
    ASKED.clear()
    again = preceptor.run("vera-mh", system="replay:out.jsonl", **common)
    assert {*ASKED} == first
    assert again.result().metrics["stop:patient_ended"].value == pytest.approx(2 / 3)
    bea = next(item for item in run.result().graded if item.example.id == "Bea")
    assert bea.response is not None
    said = [message.text for message in judged(bea.response, ())]
    assert said[-2:] == ["Bea word 2", "re Bea word 2"]
    assert [each.text for each in closing(bea.response.turns)] == [
        "Bea word 3 <end of conversation>"
    ]


def test_an_estimate_counts_each_talk_and_all_questions(
    bare: None, tmp_path: Path, monkeypatch: Any
) -> None:
    """Talks that are only assumed are not taken for one; questions are counted at their most."""
    monkeypatch.chdir(tmp_path)
    estimate = preceptor.dry_run(
        "vera-mh",
        system="python:test_vera_mh:system",
        patient="python:test_vera_mh:patient",
        grader="python:test_vera_mh:grader",
        data=folder(tmp_path / "data", PERSONAS),
    )
    calls = {part.part: part.calls.expected for part in estimate.parts}
    assert calls == {"system": 45, "patient": 45, "grader": 3 * len(PLACES)}
