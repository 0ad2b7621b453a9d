"""Graders: what they are shown, how they are read, and that their failures stay failures."""

from __future__ import annotations

import hashlib
import inspect
import math
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor import benchmarks
from preceptor.engine import resolve as parties
from preceptor.engine.plan import Request
from preceptor.errors import EndpointError, EndpointRefused, InputError, Unavailable
from preceptor.graders import OWN, Template, find_template, resolve_grader, template
from preceptor.graders.base import Case, Grader, render_conversation, render_item
from preceptor.graders.batched import BatchedGrader
from preceptor.graders.cascade import CascadeGrader
from preceptor.graders.distilled import DistilledGrader
from preceptor.graders.jury import JuryGrader
from preceptor.graders.labelled import LabelGrader, NoGrader
from preceptor.graders.model import AskingGrader, ModelGrader
from preceptor.graders.rubric import ATTEMPTS, RubricGrader, parse_verdict
from preceptor.graders.yesno import YesNoGrader, probability_of_yes
from preceptor.records import Completion, Criterion, Message, Usage
from preceptor.systems import Ask, Parameters, System
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

QUESTION = (
    Message("user", "Is this mole dangerous?"),
    Message("assistant", "Show it to a doctor."),
)
CRITERION = Criterion("Advises to see a dermatologist.", 7)
SLOTS = ("<<conversation>>", "<<rubric_item>>")


class Scripted(System):
    """Says one thing after another."""

    address = "scripted"

    def __init__(self, *replies: str | Completion | Exception) -> None:
        self.failures = Counter()
        self.replies = list(replies)
        self.asked: list[Ask] = []

    def identity(self) -> dict[str, Any]:
        return {"model": self.address}

    async def answer(self, ask: Ask) -> Completion:
        self.asked.append(ask)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, Completion):
            return reply
        return Completion(reply, usage=Usage(10, 5), latency_s=0.5, cost_usd=0.25)


def grader_of(system: System) -> RubricGrader:
    return RubricGrader("scripted", system, OWN)


# Reading a verdict

TRUE = '{"explanation": "It does.", "criteria_met": true}'


@pytest.mark.parametrize(
    "text",
    [
        TRUE,
        f"  \n{TRUE}\n\n",
        f"```json\n{TRUE}\n```",
        f"```JSON\n{TRUE}\n```",
        f"```\n{TRUE}\n```",
        f"```json{TRUE}```",
        f"\n```json\r\n{TRUE}\r\n```\n",
        f"```json\n{TRUE}",  # as the reference implementation, one end may be missing
        f"{TRUE}\n```",
        '{"criteria_met": true, "explanation": "It does.", "confidence": [1, {"a": null}]}',
        '{"criteria_met": false, "criteria_met": true, "explanation": "It does."}',  # the last one
    ],
)
def test_verdict_is_read(text: str) -> None:
    """Bare JSON or JSON in one fence, in any case, with any other keys."""
    assert parse_verdict(text) == (True, "It does.")


@pytest.mark.parametrize(
    ("explanation", "read"),
    [
        ("null", ""),
        ('""', ""),
        ('{"why": [1]}', '{"why":[1]}'),
        ('"a ``` b"', "a ``` b"),
        ("7", "7"),
    ],
)
def test_explanation_may_be_anything(explanation: str, read: str) -> None:
    """The verdict counts, whatever the grader puts beside it."""
    text = f'{{"criteria_met": false, "explanation": {explanation}}}'
    assert parse_verdict(text) == (False, read)
    assert parse_verdict(f"```json\n{text}\n```") == (False, read)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "```",
        "``````",
        "```json\n```",
        "The criterion is met.",
        "true",
        "[true]",
        "null",
        f"Here is my verdict: {TRUE}",
        f"{TRUE}\nI hope this helps.",
        f"{TRUE}{TRUE}",
        f"```json\n{TRUE}\n```\n```json\n{TRUE}\n```",
        '{"criteria_met": "true"}',
        '{"criteria_met": 1}',
        '{"criteria_met": 0}',
        '{"criteria_met": null}',
        '{"criteria_met": [true]}',
        '{"criteria_met": "yes"}',
        '{"Criteria_met": true}',
        '{"explanation": "It does."}',
        '{"criteria_met": true',
        "{'criteria_met': True}",
        '{"criteria_met": true, "explanation": "\\ud800"}',
        '{"criteria_met": true, "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"x": ' * 50_000,
    ],
)
def test_anything_else_is_no_verdict(text: str) -> None:
    """Nothing is guessed: neither from prose nor from something that is almost a boolean."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - any message will do
        parse_verdict(text)
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "```" + "\n" * 300_000,
        "```json" + " " * 300_000 + "x",
        " " * 300_000,
        "```" * 100_000,
        '{"criteria_met": true, "explanation": "' + "a" * 2_000_000,
    ],
)
def test_huge_replies_are_read_in_linear_time(text: str) -> None:
    """A grader that ends in a hundred thousand newlines does not stop the run."""
    started = time.process_time()
    with pytest.raises(ValueError, match=r"."):
        parse_verdict(text)
    # A quadratic reader needs many minutes of processor time for this.
    assert time.process_time() - started < 20


@given(st.text())
def test_any_text_is_a_verdict_or_a_value_error(text: str) -> None:
    try:
        met, explanation = parse_verdict(text)
    except ValueError:
        return
    assert isinstance(met, bool)
    assert isinstance(explanation, str)


@given(st.booleans(), st.text(alphabet=st.characters(codec="utf-8")), st.sampled_from(["", "json"]))
def test_what_is_written_is_read(met: bool, explanation: str, tag: str) -> None:
    text = msgspec.json.encode({"explanation": explanation, "criteria_met": met}).decode()
    assert parse_verdict(text) == (met, explanation)
    assert parse_verdict(f"```{tag}\n{text}\n```") == (met, explanation)


# Rendering

ordinary = st.text().filter(lambda text: "<<" not in text)


@given(ordinary, ordinary, ordinary, ordinary, ordinary, st.booleans())
def test_rendering_is_replacing(
    before: str, between: str, after: str, conversation: str, item: str, swapped: bool
) -> None:
    """The same prompt as the reference implementation's two calls of `str.replace`."""
    first, second = reversed(SLOTS) if swapped else SLOTS
    text = f"{before}{first}{between}{second}{after}"
    expected = text.replace(SLOTS[0], conversation).replace(SLOTS[1], item)
    assert Template("x", text).render(conversation, item) == expected


@pytest.mark.parametrize(
    "odd", ["{}", "{0}", "{conversation}", "%s", "%(x)s", "$x", "\\1", "<<x>>"]
)
def test_marks_of_other_template_languages_survive(odd: str) -> None:
    rendered = OWN.render(f"user: {odd}", f"[3] {odd}")
    assert rendered.count(odd) == 2 + OWN.text.count(odd)


def test_slot_in_a_conversation_is_not_filled() -> None:
    """A patient who writes `<<rubric_item>>` is not shown the rubric's item, and vice versa."""
    rendered = OWN.render("user: what is <<rubric_item>>?", "[5] mentions <<conversation>>")
    assert "user: what is <<rubric_item>>?" in rendered
    assert "[5] mentions <<conversation>>" in rendered
    assert rendered.count("[5] mentions") == 1


def test_points_are_shown_in_brackets() -> None:
    assert render_item(Criterion("Recommends aspirin.", -8)) == "[-8] Recommends aspirin."
    assert render_item(Criterion("Recommends aspirin.", 10)) == "[10] Recommends aspirin."
    assert "[-8] Recommends aspirin." in grader_of(Scripted()).prompt(
        QUESTION, Criterion("Recommends aspirin.", -8)
    )


def test_conversation_is_rendered_as_in_the_reference() -> None:
    messages = (Message("system", "Be kind."), *QUESTION)
    assert render_conversation(messages) == (
        "system: Be kind.\n\nuser: Is this mole dangerous?\n\nassistant: Show it to a doctor."
    )
    assert render_conversation((Message("user", "x"), Message("assistant", ""))).endswith(
        "assistant: "
    )


def test_own_template_has_both_slots_once() -> None:
    assert [OWN.text.count(slot) for slot in SLOTS] == [1, 1]
    assert "criteria_met" in OWN.text


def test_question_depends_on_all_that_a_verdict_depends_on() -> None:
    """Prompt, model and parameters make the key; the same question has the same key."""

    def key(
        messages: Sequence[Message] = QUESTION, criterion: Criterion = CRITERION, **p: Any
    ) -> str:
        parameters = Parameters(**p)
        grader = resolve_grader("http://h/v1#judge", parameters, OWN)
        return grader.question(Case(messages, {0: criterion}, "run"), criterion).key

    keys = [
        key(),
        key((*QUESTION[:1], Message("assistant", "Ask a dermatologist."))),
        key(criterion=Criterion(CRITERION.text, 6)),
        key(temperature=0.5),
    ]
    assert key() == keys[0]
    assert key(timeout=5) == keys[0]
    assert len(set(keys)) == 4


def test_verdicts_of_user_code_stay_in_their_run() -> None:
    """A function may change from run to run; an endpoint's model has its name."""
    for address, same in (("python:math:sqrt", False), ("http://h/v1#judge", True)):
        grader = resolve_grader(address, Parameters(), OWN)
        cases = [Case(QUESTION, {0: CRITERION}, run) for run in ("one", "two")]
        keys = {grader.question(case, CRITERION).key for case in cases}
        assert (len(keys) == 1) == same


# Judging


async def test_verdict_has_tokens_cost_and_time_of_its_call() -> None:
    system = Scripted(TRUE)
    grader = grader_of(system)
    question = grader.question(Case(QUESTION, {0: CRITERION}, "run"), CRITERION)
    verdict = await grader.judge(question)
    assert (verdict.key, verdict.met, verdict.explanation) == (question.key, True, "It does.")
    assert (verdict.attempts, verdict.reason) == (1, None)
    assert (verdict.usage, verdict.latency_s, verdict.cost_usd) == (Usage(10, 5), 0.5, 0.25)
    assert [m.role for m in system.asked[0].messages] == ["user"]


async def test_unreadable_reply_is_asked_again_afresh() -> None:
    """A retry is the same call once more, not a conversation about the bad reply; all are paid."""
    system = Scripted("Yes!", '{"criteria_met": "true"}', TRUE)
    grader = grader_of(system)
    verdict = await grader.judge(grader.question(Case(QUESTION, {0: CRITERION}, "run"), CRITERION))
    assert (verdict.met, verdict.attempts) == (True, 3)
    assert system.asked[0] == system.asked[1] == system.asked[2]
    assert len(system.asked[0].messages) == 1
    assert (verdict.usage, verdict.latency_s, verdict.cost_usd) == (Usage(30, 15), 1.5, 0.75)
    assert system.failures == {"unparseable": 2}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("Yes!", "unparseable"),
        ('{"criteria_met": 1}', "unparseable"),
        ("", "empty"),
        (" \n", "empty"),
        (Completion("No.", finish_reason="refusal"), "refusal"),
        (Completion("", finish_reason="content_filter"), "content_filter"),
        (Completion('{"expl', finish_reason="length"), "cut_off"),
    ],
)
async def test_grader_without_a_verdict_is_ungraded(reply: str | Completion, reason: str) -> None:
    """After ATTEMPTS calls the criterion is ungraded with a reason, and never "not met"."""
    system = Scripted(*[reply] * 9)
    grader = grader_of(system)
    verdict = await grader.judge(grader.question(Case(QUESTION, {0: CRITERION}, "run"), CRITERION))
    assert verdict.met is None
    assert (verdict.reason, verdict.attempts) == (reason, ATTEMPTS)
    assert verdict.detail
    assert len(system.asked) == ATTEMPTS


async def test_failed_call_is_ungraded_with_its_kind() -> None:
    """The endpoint has retried already; what was paid before stays counted."""
    system = Scripted("Yes!", EndpointError("timeout", "no answer within 3 s"))
    grader = grader_of(system)
    verdict = await grader.judge(grader.question(Case(QUESTION, {0: CRITERION}, "run"), CRITERION))
    assert (verdict.met, verdict.reason, verdict.detail) == (
        None,
        "timeout",
        "no answer within 3 s",
    )
    assert (verdict.attempts, verdict.cost_usd) == (1, 0.25)


async def test_refused_call_stops_the_run() -> None:
    grader = grader_of(Scripted(EndpointRefused("refused", "wrong key")))
    with pytest.raises(EndpointRefused):
        await grader.judge(grader.question(Case(QUESTION, {0: CRITERION}, "run"), CRITERION))


async def test_cost_is_unknown_where_one_attempt_has_no_price() -> None:
    grader = grader_of(Scripted(Completion("?", cost_usd=None), TRUE))
    verdict = await grader.judge(grader.question(Case(QUESTION, {0: CRITERION}, "run"), CRITERION))
    assert verdict.met
    assert verdict.cost_usd is None


# Yes or no


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ({"Yes": 0.6, "No": 0.2}, 0.75),
        ({"Yes": 0.3, " yes": 0.2, "YES": 0.1, "No": 0.2, "maybe": 0.2}, 0.75),
        ({"No": 0.5}, 0.0),
        ({"Yes": 1.0}, 1.0),
        ({"Yes": 0.1, "No": 0.1, "The": 0.8}, 0.5),
    ],
)
def test_probability_of_yes(tokens: dict[str, float], expected: float) -> None:
    logs = {token: math.log(share) for token, share in tokens.items()}
    assert probability_of_yes(logs) == pytest.approx(expected)


@pytest.mark.parametrize(
    "tokens",
    [
        {},
        {"The": -0.1},
        {"Yes": math.log(0.1), "No": math.log(0.09), "I": math.log(0.8)},
        {"Yes": 800.0},
        {"Yes": 0.7},
        {"Yes": -9999.0, "No": -9999.0},
    ],
)
def test_no_probability_of_yes(tokens: dict[str, float]) -> None:
    """A model that says something else, or a server whose numbers are none, gives no verdict."""
    with pytest.raises(ValueError, match="expected"):
        probability_of_yes(tokens)


def test_an_unlikely_no_is_not_said_to_be_another_word() -> None:
    """The reason is that the chance is small, where No is the only word that has one."""
    with pytest.raises(ValueError, match=r"expected a chance of 20% for Yes or No, found 8\.2%"):
        probability_of_yes({"No": -2.5})


async def test_yes_no_grader_over_the_wire() -> None:
    """One token with its candidates; the conversation stands before the criterion."""
    with FakeEndpoint(script=[None, "no_logprobs", None]) as fake:
        grader = resolve_grader(f"yesno:{fake.address('judge')}", Parameters(), OWN)
        assert isinstance(grader, YesNoGrader)
        question = grader.question(Case(QUESTION, {0: CRITERION}, "run"), CRITERION)
        one = await grader.judge(question)
        two = await grader.judge(question)
        await grader.system.close()
    payload = fake.log[0].payload
    assert (payload["max_tokens"], payload["logprobs"], payload["top_logprobs"]) == (1, True, 20)
    assert payload["temperature"] == 0
    prompt = payload["messages"][-1]["content"]
    assert prompt.index("Show it to a doctor.") < prompt.index(CRITERION.text)
    assert "[7]" not in prompt
    assert one.probability is not None
    assert one.met == (one.probability >= 0.5)
    assert (two.met, two.probability, two.attempts) == (one.met, one.probability, 2)


# Finding the template

REFERENCE = f"\nA synthetic text.\n{SLOTS[0]}\nItem: {SLOTS[1]}\n"


@pytest.fixture
def synthetic(monkeypatch: pytest.MonkeyPatch) -> str:
    """A text of ours in the place of the reference prompt."""
    digest = hashlib.sha256(REFERENCE.strip().encode()).hexdigest()
    monkeypatch.setattr(template, "REFERENCE_SHA256", digest)
    return REFERENCE


def install(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = folder / "inspect_evals"
    (package / "healthbench").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('this package was run')")
    (package / "healthbench" / "__init__.py").write_text("")
    (package / "healthbench" / "scorer.py").write_text(source)
    monkeypatch.syspath_prepend(str(folder))


@pytest.mark.parametrize(
    "form", ["GRADER_TEMPLATE = {!r}", "import gone\nGRADER_TEMPLATE = {!r}.strip()"]
)
def test_reference_of_an_installed_package(
    synthetic: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text is read as data: nothing of the package is imported."""
    install(tmp_path, form.format(synthetic), monkeypatch)
    found = find_template("reference")
    assert (found.name, found.text) == ("reference", synthetic.strip())
    assert find_template().name == "reference"
    assert "inspect_evals" not in sys.modules


def test_the_reference_is_that_of_healthbench_alone(
    synthetic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claims of GAPS are judged in our words, and the run says that these are not its authors'."""
    install(tmp_path, f"GRADER_TEMPLATE = {synthetic!r}", monkeypatch)
    gaps, healthbench = (
        benchmarks.get(name).protocol.judging for name in ("gaps-nsclc", "healthbench")
    )
    assert find_template(healthbench.prompt_choice(None)).name == "reference"
    assert find_template(gaps.prompt_choice(None)) == OWN
    with pytest.raises(InputError, match="prompt of HealthBench's authors"):
        gaps.prompt_choice("reference")
    judge = "http://127.0.0.1:9/v1#judge"
    request = Request(benchmark="gaps-nsclc", system="physician", grader=judge)
    grader, used, _ = parties.grader_of(benchmarks.get("gaps-nsclc"), request, None)
    assert used == OWN
    assert "not the reference prompt" in grader.departures()[0]


@pytest.mark.parametrize(
    "source", ["GRADER_TEMPLATE = 'other'", "X = 1", "not python at all", "\0"]
)
def test_another_text_is_refused(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text with another hash is not the reference: our own is used, or the user is told."""
    install(tmp_path, source, monkeypatch)
    assert find_template() == OWN
    with pytest.raises(Unavailable, match="preceptor fetch grader-template"):
        find_template("reference")


def wheel(folder: str, members: dict[str, str]) -> None:
    with zipfile.ZipFile(Path(folder) / "inspect_evals-0.26-py3-none-any.whl", "w") as file:
        for name, text in members.items():
            file.writestr(name, text)


def test_reference_from_a_wheel(synthetic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fetch` takes it out of the wheel and keeps it; afterwards it is found."""

    def download(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        members = {"inspect_evals/healthbench/scorer.py": f"GRADER_TEMPLATE = {synthetic!r}"}
        wheel(command[command.index("-d") + 1], members)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", download)
    path = template.fetch_reference()
    assert path.read_text() == synthetic.strip()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert find_template("reference") == Template("reference", synthetic.strip())
    path.write_text("changed by hand")
    assert find_template() == OWN


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"other.py": ""},
        {"inspect_evals/healthbench/scorer.py": "GRADER_TEMPLATE = 'a newer one'"},
        {"inspect_evals/healthbench/scorer.py": "\0"},
    ],
)
def test_wheel_with_another_text_is_refused(
    members: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        wheel(command[command.index("-d") + 1], members)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", download)
    with pytest.raises(Unavailable, match="is not the reference prompt"):
        template.fetch_reference()
    assert find_template() == OWN


def test_pip_without_a_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "ERROR: one\nERROR: No route to host")

    monkeypatch.setattr(subprocess, "run", download)
    with pytest.raises(Unavailable, match=r"No route to host.*fetch grader-template` again"):
        template.fetch_reference()


def test_template_of_the_users(synthetic: str, tmp_path: Path) -> None:
    """A file with both slots; the reference in a file is known by its hash."""
    path = tmp_path / "mine.txt"
    path.write_text(f"Judge {SLOTS[1]} in {SLOTS[0]}\n")
    assert find_template(str(path)) == Template(str(path), f"Judge {SLOTS[1]} in {SLOTS[0]}")
    path.write_text(synthetic)
    assert find_template(str(path)).name == "reference"


@pytest.mark.parametrize(
    "content", [b"", b"no slots", b"<<conversation>>", b"\xff\xfe", b"<<rubric_item>>" * 2]
)
def test_template_of_the_users_without_a_slot(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="--grader-template"):
        find_template(str(path))
    with pytest.raises(InputError, match="No such file"):
        find_template(str(tmp_path / "none.txt"))


def test_no_grader_inherits_what_can_only_fail() -> None:
    """Each of ours has every method that its bases leave open."""
    bases = (Grader, AskingGrader, ModelGrader)
    kinds = (
        *(BatchedGrader, CascadeGrader, DistilledGrader, JuryGrader, LabelGrader, NoGrader),
        *(RubricGrader, YesNoGrader),
    )
    left_open = {
        method
        for base in bases
        for method in vars(base).values()
        if inspect.isfunction(method) and "raise NotImplementedError" in inspect.getsource(method)
    }
    assert len(left_open) == 5
    for kind in kinds:
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            assert method not in left_open, (kind, name)
    for kind in (CascadeGrader, DistilledGrader, JuryGrader, NoGrader):
        assert not issubclass(kind, AskingGrader)
