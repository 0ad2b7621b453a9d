"""What families other than rubrics need of the engine: no grader, labels, dialogues, variants."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

import preceptor
from preceptor import benchmarks, cli
from preceptor.benchmarks.base import Benchmark, Fields
from preceptor.environments.base import Environment, Session
from preceptor.environments.scripted import Script
from preceptor.errors import InputError
from preceptor.graders.judge import LabelJudge
from preceptor.protocols.base import Protocol, replies
from preceptor.protocols.choice import ChoiceProtocol, choice_example
from preceptor.protocols.judging import Judging, ReferenceGrader
from preceptor.protocols.scoring import Scoring
from preceptor.records import (
    Criterion,
    Example,
    Graded,
    Image,
    Message,
    Metric,
    Result,
    RunInfo,
    RunSettings,
    Score,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from preceptor.reports.score import score_table
from preceptor.scoring import OVERALL, summarise
from preceptor.scoring.answers import missing, scored
from preceptor.store import Store
from preceptor.systems.base import Parameters, ToolSpec
from preceptor.testing import FakeEndpoint, Fault

TURNS = 4


class Talk(Scoring):
    """Four turns; a judge gives each of two criteria 0, 1 or 2."""

    def score(self, graded: Graded) -> Score:
        given = [verdict for verdict in graded.verdicts if verdict is not None and verdict.given]
        if len(given) < len(graded.verdicts):
            return missing(graded, {OVERALL: (0.0, 1.0)})
        values = [int(verdict.label or 0) / 2 for verdict in given]
        return scored(graded, {OVERALL: sum(values) / len(values)}, None)

    def summarise(self, scores: Sequence[Score], examples: Sequence[Example]) -> dict[str, Metric]:
        return summarise(scores, {example.id: example.tags for example in examples})


def talk(row: Fields) -> Example:
    opening = (Message("user", f"I am patient {row.text('id')}."),)
    return Example(row.text("id"), opening, (Criterion("Is it kind?", 1), Criterion("True?", 1)))


def exam(row: Fields) -> Example:
    number = int(row.text("id"))
    options = {"A": f"{number}", "B": f"{number + 1}", "C": f"{number + 2}"}
    return choice_example(row.text("id"), f"What follows on {number}?", options, "B")


TALKING = Protocol(
    "talk",
    environment=Script(lambda _: [f"And then, {number}?" for number in range(1, TURNS)]),
    judging=Judging(
        ReferenceGrader("openai/gpt-4.1", Parameters()),
        LabelJudge(
            "{conversation}\n\nReply: {answer}\n\n{criterion} Rate it 0, 1 or 2, as JSON.",
            ("0", "1", "2"),
        ),
    ),
    scoring=Talk(),
)
COMMON = {"family": "toy", "summary": "s", "licence": "MIT", "citation": "c", "url": "none"}
TALK = Benchmark(name="talk", title="Talk", n_examples=6, protocol=TALKING, parse=talk, **COMMON)
EXAM = Benchmark(
    name="exam", title="Exam", n_examples=6, protocol=ChoiceProtocol(), parse=exam, **COMMON
)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    known = benchmarks.all_benchmarks()
    monkeypatch.setattr(benchmarks, "all_benchmarks", lambda: (*known, TALK, EXAM))
    path = tmp_path / "six.jsonl"
    path.write_text("".join(json.dumps({"id": f"{i}"}) + "\n" for i in range(6)))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "judging.py").write_text(
        "def judge(messages):\n"
        "    text = messages[0]['content']\n"
        '    return \'{"explanation": "so", "label": %d}\' % (len(text) % 3)\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return path


JUDGE = "python:judging:judge"


class Chart(Session):
    """Answers each look into the chart."""

    tools = (ToolSpec("look_up", "The latest value."),)

    async def reply(self, said: Message) -> Message | None:
        calls = [part for part in said.parts if isinstance(part, ToolCall)]
        results = tuple(ToolResult(call.id, call.name, "5.9 mmol/L") for call in calls)
        return Message("tool", results) if results else None

    @property
    def state(self) -> Any:
        return {"looked": True}


class Charts(Environment):
    needs = frozenset({"tools"})

    def open(self, example: Example) -> Session:
        return Chart()


class Looking(ChoiceProtocol):
    """Questions whose answer may be looked up first."""

    environment = Charts()


LOOKING = Benchmark(
    name="looking", title="Looking", n_examples=6, protocol=Looking(), parse=exam, **COMMON
)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google"])
def test_tools_are_called_on_the_wire_and_the_transcript_is_kept(
    data: Path, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is answered by the environment; a resumed run asks nothing more."""
    known = benchmarks.all_benchmarks()
    monkeypatch.setattr(benchmarks, "all_benchmarks", lambda: (*known, LOOKING))
    common = {"data": data, "store": "s.db", "limit": 1}
    with FakeEndpoint(script=["tool_calls", None]) as fake:
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        run = preceptor.run("looking", system=f"{provider}/m", **common)
        first, second = (call.payload for call in fake.log)
        assert preceptor.resume("latest", store="s.db").outcome == run.outcome
        assert len(list(fake.log)) == 2
    assert first["tools"] == second["tools"]
    assert "5.9 mmol/L" in json.dumps(second)
    [graded] = run.result().graded
    response = graded.response
    assert response is not None
    assert [turn.party for turn in response.turns] == ["system", "environment", "system"]
    assert isinstance(response.turns[0].message.parts[-1], ToolCall)
    assert response.turns[1].message.parts[0] == ToolResult(
        response.turns[0].message.parts[-1].id, "look_up", "5.9 mmol/L"
    )
    assert response.state == {"looked": True}
    assert response.turns[0].usage.total > 0


def pictured(row: Fields) -> Example:
    """The question of `exam` below a picture that all examples share."""
    example = exam(row)
    words = Text(example.messages[0].text)
    picture = Image.of(b"made up pixels", "image/png")
    return msgspec.structs.replace(example, messages=(Message("user", (picture, words)),))


PICTURES = Benchmark(
    name="pictures", title="Pictures", n_examples=6, protocol=ChoiceProtocol(), parse=pictured,
    **COMMON,
)  # fmt: skip


def test_a_picture_is_sent_each_time_and_kept_once(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a run that is resumed, which has the picture from the store alone."""
    known = benchmarks.all_benchmarks()
    monkeypatch.setattr(benchmarks, "all_benchmarks", lambda: (*known, PICTURES))
    url = "data:image/png;base64," + base64.b64encode(b"made up pixels").decode()
    with FakeEndpoint(script=[None, *["bad_request"] * 2]) as fake:
        common = {"system": fake.address("m"), "data": data, "store": "s.db"}
        preceptor.run("pictures", system_params=("concurrency=1",), **common)
        done = preceptor.resume("latest", store="s.db")
        asked = [call.payload["messages"][0]["content"] for call in fake.log]
    assert done.result().info.status == "done"
    assert len(asked) >= 6
    assert all(parts[0]["image_url"]["url"] == url for parts in asked)
    assert all(parts[1]["text"].startswith("What follows") for parts in asked)
    with Store("s.db") as store, store.reading() as connection:
        kept = connection.exec_driver_sql("SELECT media_type, bytes FROM blobs").all()
        texts = connection.exec_driver_sql("SELECT data FROM examples").scalars().all()
    assert kept == [("image/png", b"made up pixels")]
    assert not any("base64" in text or url[-12:] in text for text in texts)


def test_a_system_without_tools_is_refused_before_it_is_asked(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says what it lacks."""
    known = benchmarks.all_benchmarks()
    monkeypatch.setattr(benchmarks, "all_benchmarks", lambda: (*known, LOOKING))
    with pytest.raises(InputError, match="takes no tools, which 6 of 6 examples of looking need"):
        preceptor.run("looking", system="local/qwen2.5-1.5b", data=data, store="s.db")


# Dialogues


def test_dialogue_keeps_what_was_said(data: Path) -> None:
    """Each turn is asked with all before it; tokens of all are the answer's; labels are kept."""
    with FakeEndpoint() as fake:
        run = preceptor.run(
            "talk",
            system=fake.address("m"),
            grader=JUDGE,
            data=data,
            store="s.db",
            system_params={"price": "1/2"},
        )
        lengths = sorted(len(call.payload["messages"]) for call in fake.log)
    result = run.result()
    assert lengths == sorted([1, 3, 5, 7] * 6)
    assert result.coverage == 1
    assert result.info.status == "done"
    for graded in result.graded:
        said = replies(graded)
        assert len(said) == TURNS
        assert graded.response is not None
        assert graded.response.sent is not None
        assert [m.content for m in graded.response.sent if m.role == "user"][1:] == [
            f"And then, {number}?" for number in (1, 2, 3)
        ]
        assert {verdict.label for verdict in graded.verdicts if verdict} <= {"0", "1", "2"}
    with Store("s.db") as store, store.reading() as connection:
        turns = connection.exec_driver_sql(
            "SELECT sum(input_tokens), count(*) FROM responses WHERE id NOT IN "
            "(SELECT response_id FROM run_responses)"
        ).one()
    assert turns == (result.system_usage.input_tokens, 6 * TURNS)
    assert result.cost_usd is None or result.cost_usd > 0


def test_dialogue_that_was_broken_off_goes_on_where_it_was(data: Path) -> None:
    """A turn that was answered is not asked again: not after a stop, not after a failed turn."""
    with FakeEndpoint(latency=0.02) as fake:
        seen = threading.Event()

        def watch(progress: Any) -> None:
            if fake.delivered.total() >= 7 and not seen.is_set():
                seen.set()
                raise KeyboardInterrupt

        common = {"system": fake.address("m"), "grader": JUDGE, "data": data, "store": "s.db"}
        first = preceptor.run("talk", watch=watch, system_params=("concurrency=2",), **common)
        assert first.outcome is not None
        before = fake.delivered.total()
        assert before < 6 * TURNS
        whole = preceptor.resume("latest", store="s.db")
        assert fake.delivered.total() == 6 * TURNS
        assert set(fake.delivered.values()) == {1}
    assert whole.result().coverage == 1


def test_turn_that_fails_fails_its_dialogue_alone(data: Path) -> None:
    """The others are whole; resumed, the failed one is asked from the failed turn on."""
    fault = Fault("bad_request", on="system", most=1)
    with FakeEndpoint(faults=[fault], rate=0.2, seed=3) as fake:
        run = preceptor.run(
            "talk",
            system=fake.address("m"),
            grader=JUDGE,
            data=data,
            store="s.db",
            system_params=("concurrency=1",),
        )
        failed = [g for g in run.result().graded if g.response and g.response.failure]
        assert len(failed) == fake.met["bad_request"] == 1
        assert replies(failed[0]) == ()
        again = preceptor.resume("latest", store="s.db")
        assert set(fake.delivered.values()) == {1}
    assert again.result().coverage == 1


def test_label_that_is_none_is_ungraded(data: Path, tmp_path: Path) -> None:
    """A judge that says something else has not judged; its reason is kept, the score undecided."""
    (tmp_path / "wild.py").write_text("def judge(messages):\n    return '{\"label\": 7}'\n")
    with FakeEndpoint() as fake:
        run = preceptor.run(
            "talk",
            system=fake.address("m"),
            grader="python:wild:judge",
            data=data,
            limit=2,
        )
    result = run.result()
    assert (result.coverage, result.ungraded) == (0.0, {"unparseable": 4})
    assert result.metrics[OVERALL].value is None
    assert result.metrics[OVERALL].bounds == (0.0, 1.0)
    assert "expected one of 0, 1, 2" in result.graded[0].verdicts[0].detail  # type: ignore[union-attr]


def test_verdicts_of_labels_are_found_again(data: Path) -> None:
    """Another run of the same answers takes its labels from the store."""
    with FakeEndpoint() as fake:
        common = {"system": fake.address("m"), "grader": fake.address("j"), "data": data}
        one = preceptor.run("talk", **common)
        calls = fake.calls.total()
        two = preceptor.run("talk", **common)
        # The fake's replies are no labels: what was ungraded is asked again, answers are not.
        assert fake.calls.total() - calls == 6 * 2 * 4
    assert one.result().ungraded == two.result().ungraded == {"unparseable": 12}


# Nothing is judged


def test_run_that_nobody_judges(data: Path) -> None:
    """A right letter is right without a grader; what cannot be read is counted apart."""
    with FakeEndpoint() as fake:
        run = preceptor.run("exam", system=fake.address("m"), data=data)
        assert fake.calls.total() == 6
    result = run.result()
    assert (result.info.grader, result.verdicts, result.coverage) == ("none", 0, 1.0)
    assert {OVERALL, "parse_rate"} <= result.metrics.keys()
    assert result.metrics["parse_rate"].n == 6
    for form in ("a.jsonl", "a.csv", "a.parquet"):
        run.export(form)
    rows = [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]
    assert [row["target"]["answer"] for row in rows] == ["B"] * 6
    assert len(Path("a.csv").read_text().splitlines()) >= 7
    assert "What is right" in run.report("r.html").read_text()


def test_a_share_has_no_interval_below_zero(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One right answer of six: the interval is exact, and ends within 0 and 1."""
    (data.parent / "guesses.py").write_text(
        "def answer(messages):\n"
        "    return 'B' if 'follows on 3?' in messages[-1]['content'] else 'A'\n"
    )
    run = preceptor.run("exam", system="python:guesses:answer", data=data, name="guess")
    overall = run.result().metrics[OVERALL]
    assert overall.raw_ci95 == overall.ci95 == pytest.approx((0.0042, 0.6412), abs=1e-4)
    assert cli.main(["score", "guess"]) == 0
    assert "0.4–64.1" in " ".join(capsys.readouterr().out.split())


def test_grader_where_nothing_is_judged_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="nothing is judged in exam: leave it out"):
        preceptor.run("exam", system="python:judging:judge", grader="openai/x", data=data)


@pytest.mark.parametrize("grader", ["yesno:python:judging:judge", "jury:openai/a+openai/b"])
def test_method_for_criteria_is_refused_where_there_are_labels(data: Path, grader: str) -> None:
    with pytest.raises(InputError, match="here verdicts are labels: name the model alone"):
        preceptor.run("talk", system="python:judging:judge", grader=grader, data=data)


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        ('{"explanation": "why", "label": 2}', "2"),
        ('<think>{"label": 0}? No.</think>\n{"explanation": "why", "label": 2}', "2"),
        ('It is kind, so:\n```json\n{"explanation": "why", "label": "1"}\n```\nDone.', "1"),
        ('Either {"label": 1} or {"label": 2}.', None),
        ('{"label": 1} {"label": 1}', None),
        ("The label is 2.", None),
        ('"label": 2', None),
        ('"label" {2}', None),
    ],
)
def test_a_judge_may_think_aloud(reply: str, label: str | None) -> None:
    """The one reply in a text counts; of two, or of none, there is no verdict."""
    judge = LabelJudge("{answer}", ("0", "1", "2"))
    if label is not None:
        assert judge.read(reply)[0] == label
        return
    with pytest.raises(ValueError, match="the reply was"):
        judge.read(reply)


# Estimates


def test_an_estimate_counts_turns_and_labels(data: Path, tmp_path: Path) -> None:
    """Each turn of a dialogue is a call, and each label; of what nobody judges only the answer."""
    with FakeEndpoint() as fake:
        asked: dict[str, Any] = {"system": fake.address("m"), "data": data}
        found = preceptor.dry_run("talk", grader=fake.address("judge"), **asked)
        system, grader = found.parts
        assert (system.calls.expected, grader.calls.expected) == (6 * TURNS, 6 * 2)
        found = preceptor.dry_run("exam", **asked)
        (system,) = found.parts
        assert (system.calls.expected, found.verdicts) == (6, 0)
        assert not fake.log


# Variants


def test_circular_asks_every_order(data: Path, tmp_path: Path) -> None:
    """A system that always says B is right in one order of three, and in no question in all."""
    (tmp_path / "b_only.py").write_text("def answer(messages):\n    return 'B'\n")
    run = preceptor.run("exam", system="python:b_only:answer", data=data, circular=True)
    metrics = run.result().metrics
    assert run.info.n_examples == 18
    assert metrics["vanilla_accuracy"].value == 1
    assert metrics["circular_accuracy"].value == 0
    assert metrics[OVERALL].value == pytest.approx(1 / 3)
    assert {metrics[name].n for name in (OVERALL, "circular_accuracy")} == {6}


def test_orders_of_a_question_are_no_independent_evidence(data: Path, tmp_path: Path) -> None:
    """Six questions in three orders are compared as six, by errors clustered by question."""
    for name in ("b_only", "a_only"):
        letter = name[0].upper()
        (tmp_path / f"{name}.py").write_text(f"def answer(messages):\n    return {letter!r}\n")
        system = f"python:{name}:answer"
        preceptor.run("exam", system=system, data=data, circular=True, name=name)
    comparison = preceptor.compare(["a_only", "b_only"])
    (contrast,) = comparison.contrasts
    assert (contrast.common, contrast.prompts) == (18, 6)
    assert contrast.tests.clustered is not None
    assert contrast.tests.clustered.clusters == 6
    assert contrast.overall.p == contrast.tests.clustered.p
    assert any("McNemar's takes them as independent" in note for note in comparison.notes)


def test_shots_are_other_questions(data: Path) -> None:
    """They stand before the question with their answers, the same in each run, never itself."""
    with FakeEndpoint() as fake:
        run = preceptor.run("exam", system=fake.address("m"), data=data, shots=2)
        asked = [call.payload["messages"] for call in fake.log]
    assert {len(messages) for messages in asked} == {5}
    for messages in asked:
        assert len({message["content"] for message in messages if message["role"] == "user"}) == 3
    assert any("2 other questions" in sentence for sentence in run.info.settings.departures)


@pytest.mark.parametrize("option", [{"circular": True}, {"shots": 1}])
def test_variants_are_for_multiple_choice(data: Path, option: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"is for .*, and talk is not of that kind"):
        preceptor.run("talk", system=JUDGE, grader=JUDGE, data=data, **option)


def test_majority_of_several_answers(data: Path, tmp_path: Path) -> None:
    """With K answers to a question, the majority's accuracy stands beside the mean."""
    (tmp_path / "often.py").write_text(
        "import itertools\ncount = itertools.count()\n"
        "def answer(messages):\n    return 'A' if next(count) % 3 == 0 else 'B'\n"
    )
    run = preceptor.run(
        "exam",
        system="python:often:answer",
        data=data,
        repeats=3,
        system_params=("concurrency=1",),
    )
    metrics = run.result().metrics
    assert metrics[OVERALL].value == pytest.approx(2 / 3)
    assert "self_consistency" in metrics


def test_answer_that_failed_makes_a_run_incomplete(data: Path) -> None:
    """Where nothing is judged, coverage is the share of answers; resumed, the rest is asked."""
    with FakeEndpoint(faults=[Fault("bad_request", most=1)], rate=0.3, seed=1) as fake:
        run = preceptor.run(
            "exam", system=fake.address("m"), data=data, system_params=("concurrency=1",)
        )
        result = run.result()
        assert run.outcome is not None
        assert (run.outcome.status, result.coverage) == ("incomplete", pytest.approx(5 / 6))
        assert result.metrics[OVERALL].n == 5
        assert result.metrics[OVERALL].bounds is not None
        assert preceptor.resume("latest").result().coverage == 1


def test_a_table_prints_shares_and_p_values() -> None:
    """Three answers of which one is right, with its exact interval; p-values keep digits."""
    info = RunInfo("r", "medqa", "s", "none", "done", "2026-01-01T00:00:00+00:00", RunSettings(), 3)
    metrics = {
        "overall_score": Metric(1 / 3, 1 / 3, 3, (0.0084, 0.9057), (0.0084, 0.9057), None, 1.0),
        "changed_p": Metric(2e-5, 2e-5, 3, None, None, None, 1.0, unit="p"),
    }
    result = Result(info, "t", {}, [], [], metrics, [], [], 1.0, 0, {}, None, Usage(), Usage())
    _, score, interval, *_ = (list(column.cells) for column in score_table(result)[0].columns)
    assert interval[0] == "0.8–90.6"
    assert score[1] == "<0.0001"
