"""What is thought is not what is said: marks of reasoning, and everything that reads an answer."""

from __future__ import annotations

import json
import math
import re
import sqlite3
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import preceptor
from conftest import read_whole
from preceptor.audit.labels import read_meta_eval
from preceptor.graders import OWN, resolve_grader
from preceptor.graders.base import Case
from preceptor.graders.batched import parse_batch
from preceptor.graders.rubric import RubricGrader, parse_verdict
from preceptor.graders.yesno import probability_of_yes
from preceptor.protocols.correction import read_correction
from preceptor.protocols.ordering import read_order
from preceptor.reasoning import split_reasoning
from preceptor.records import Completion, Criterion, Example, Graded, Message, Response, as_answer
from preceptor.reports.explorer import payload
from preceptor.results.notes import run_notes
from preceptor.scoring.dates import read_date, read_weeks
from preceptor.scoring.letters import read_choice
from preceptor.scoring.numbers import read_amount, read_number
from preceptor.scoring.reading import field_of, json_in, list_in, word_in
from preceptor.scoring.spans import Text, read_spans
from preceptor.store import Store
from preceptor.store.rows import read_response, response_row
from preceptor.systems import resolve
from preceptor.systems.base import Parameters
from preceptor.systems.first_token import first_said, token_text
from preceptor.systems.openai_replies import ChatEvents, parse_chat
from test_graders import Scripted

pytestmark = pytest.mark.usefixtures("bare")

#: The marks of one model each, around A; then what is said is B.
MARKED = (
    "<think>A</think>B",
    "<think>\nA\n</think>\n\nB",
    "<THINK>A</THINK>B",
    '<think effort="high">A</think>B',
    "< think >A</ think>B",
    "<thinking>A</thinking>B",
    "<thought>A</thought>B",
    "<reasoning>A</reasoning>B",
    "<reflection>A</reflection>B",
    "<seed:think>A</seed:think>B",
    "<longcat_think>A</longcat_think>B",
    "<inner_monologue>A</inner_monologue>B",
    "<scratchpad>A</scratchpad>B",
    "<antThinking>A</antThinking>B",
    "[THINK]A[/THINK]B",
    "[THINKING]A[/THINKING]B",
    "◁think▷A◁/think▷B",
    "<|think|>A<|/think|>B",
    "<|thinking_start|>A<|thinking_end|>B",
    "<｜begin▁of▁thinking｜>A<｜end▁of▁thinking｜>B",
    "<begin_of_thought>A<end_of_thought>B",
    "&lt;think&gt;A&lt;/think&gt;B",
    "＜think＞A＜/think＞B",
    "<think>A<\\/think>B",
    "<思考>A</思考>B",
    "【思考过程】A【/思考过程】B",
    "{think}A{/think}B",
    "<ctrl94>thought\nA<ctrl95>B",
    "<details>\n<summary>Thought for 3 seconds</summary>\nA\n</details>\nB",
    "<unused94>thought\nA<unused95>B",
    "<|channel>thought\nA<channel|>B",
    "<|inner_prefix|>A<|inner_suffix|>B",
    "<|im_start|>think\nA<|im_start|>answer\nB",
    "<|begin_of_thought|>A<|end_of_thought|>\n<|begin_of_solution|>B<|end_of_solution|>",
    "<|START_THINKING|>A<|END_THINKING|><|START_RESPONSE|>B<|END_RESPONSE|>",
    "<|channel|>analysis<|message|>A<|end|><|start|>assistant<|channel|>final<|message|>B<|return|>",
    "<|channel|>analysis<|message|>A<|end|><|start|>assistant<|channel|>commentary to=f "
    "<|constrain|>json<|message|>{}<|call|><|start|>assistant<|channel|>final<|message|>B",
    "<|channel|>final<|message|>B",
    "analysisThe user asks. A.assistantfinalB",
    "## Thinking\n\nA\n\n## Final Response\n\nB",
    "Here is my thought process:\nA\nHere is my response:\nB",
    "Here are my reasoning steps:\nA\n[BEGIN FINAL RESPONSE]\nB\n[END FINAL RESPONSE]",
    "Thinking...\nA\n...done thinking.\n\nB",
    '<details type="reasoning" done="true">\n<summary>Thought</summary>\nA\n</details>\nB',
    # Several, nested, unbalanced, or with the opening mark in the prompt.
    "A</think>B",
    "So it is A\n</think>\n\nB",
    "It is A </think> B",
    "所以是A</think>B",
    "A</think>A</think>B",
    "A</think>B</think>",
    "<think>A<think>A</think>A</think>B",
    "<think>A <think> A</think>B",
    "<think>\n<think>A</think>B",
    "<think>A</thinking>B",
    "<think>A<|end_of_thought|>B",
    "<|assistant|><think>A</think>B<|im_end|>",
    "```json\nA\n``` so A, in ```\nA</think>B",
    "<thinking>A<reflection>A</reflection>A</thinking>B",
    "<think>I open <reasoning> now: A</think>B<reflection>A</reflection>",
    "<think>I shall close with `</think>`: A</think>B",
    "<think>\n\n</think>\n\nB",
    "<think>A</think>B<think>A",
)
#: Texts in which nothing is said.
UNSAID = (
    "<think>The answer is A",
    "<unused94>thought\nA",
    "[THINK]A",
    "◁think▷A",
    "<|START_THINKING|>A",
    "<|channel|>analysis<|message|>A",
    "analysisWe think of A",
    "## Thinking\n\nA",
    "A</think>",
    "<think>A</think>\n",
    "<think></think>",
)
#: Answers that have a mark in them and none of reasoning.
KEPT = (
    "Wrap the steps in `<think>` and `</think>`.",
    "Put it between <think> and </think> tags.",
    "The <think> tag opens reasoning. B",
    "La balise <think> ouvre le raisonnement et </think> le ferme.",
    "It ends with </think>. The answer is B",
    'The model says "<think>…</think>" first. B',
    "Models write “<think>” before they answer. B",
    "- <think>: opens\n- </think>: closes",
    "</think> ends the block. B",
    "```xml\n<think>A</think>\n```\nB",
    "Use ``<thinking>A</thinking>`` in the prompt.",
    "【思考】It fits. 【答案】B",
    "Write {think} in the template. B",
    '{"thinking": [{"text": "A"}]}',
    "<answer>B</answer>",
    "<p>B</p><details><summary>Why</summary>It is.</details>",
    "An analysis of B shows it.",
    "analysis of B",
    "Na < 120 and K > 5",
    "[Reasoning] It fits. [Answer] B",
    "I think so: B",
)


@pytest.mark.parametrize("text", MARKED)
def test_what_is_thought_is_taken_out(text: str) -> None:
    """Whatever marks a model's reasoning, only what it said is left."""
    said = split_reasoning(text)
    assert said.text == "B"
    assert said.start == text.rindex("B")
    assert "B" not in said.reasoning


@pytest.mark.parametrize("text", UNSAID)
def test_nothing_is_said_within_reasoning(text: str) -> None:
    """Reasoning that goes on to the end, or is all there is, leaves nothing."""
    assert split_reasoning(text).text == ""
    assert split_reasoning(text).start is None


@pytest.mark.parametrize("text", KEPT)
def test_a_mark_that_is_named_stays(text: str) -> None:
    """What quotes a mark, shows it as code or talks about it, and other tags, is left as it is."""
    assert split_reasoning(text) == (msgspec.structs.replace(split_reasoning("x"), text=text))


@pytest.mark.parametrize(
    ("text", "said", "thought"),
    [
        ("It is <think>A? no</think> B.", "It is  B.", "A? no"),
        ("5<think>hm</think>7", "5 7", "hm"),
        ("<think>a</think>First.\n<think>b</think>Second.", "First.\nSecond.", "a\n\nb"),
        ("<think>a</think><answer>B</answer>", "<answer>B</answer>", "a"),
        ("<think>never closed <answer>B</answer>", "<answer>B</answer>", "never closed"),
        ('{"answer": "<think>hm</think>B"}', '{"answer": "B"}', "hm"),
    ],
)
def test_what_is_said_around_it_stays(text: str, said: str, thought: str) -> None:
    """Reasoning in the middle leaves both sides, and what was taken out can be looked at."""
    found = split_reasoning(text)
    assert (found.text, found.reasoning) == (said, thought)


@given(st.text('<>/[] `"nthik.A◁▷|\n', max_size=60) | st.text())
def test_any_text_is_taken_apart(text: str) -> None:
    """No text fails, and what was said, read again, is the same."""
    said = split_reasoning(text)
    assert len(said.text) <= len(text) + text.count(">")
    assert (said.text == text) or said.text == said.text.strip()


UNITS = (
    "<think>",
    "</think>",
    "<think></think>",
    "x <think> and </think> ",
    "`",
    "``` ",
    "\n```\n",
)
UNITS += ("< ", "<think ", "`<think>`", "<think>a</think>b", "[THINK]", "assistantfinal", "◁think▷")
UNITS += (
    "<|channel|>",
    "</think>a",
    "<chain_",
    "'<think>' ",
    "<details type='reasoning' ",
    "(<think>)",
)


@pytest.mark.parametrize("unit", UNITS)
def test_it_takes_time_in_proportion_to_the_length(unit: str) -> None:
    """Four times as many marks take about four times as long, not sixteen times."""

    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        spans = []
        for _ in range(3):
            start = time.process_time()
            split_reasoning(text)
            spans.append(time.process_time() - start)
        return min(spans)

    assert seconds(200_000) < 9 * max(seconds(50_000), 1e-3)


# Everything that reads an answer

OPTIONS = {"A": "one", "B": "two", "C": "three"}
READERS: list[tuple[Callable[[str], Any], str, str]] = [
    (lambda text: read_choice(text, OPTIONS), "The answer is A.", "The answer is B."),
    (read_number, "5", "7"),
    (read_date, "2014-09-23", "2015-09-23"),
    (read_weeks, "3 weeks 1 day", "4 weeks 2 days"),
    (lambda text: read_amount(text, "carb"), '{"carb": 5}', '{"carb": 7}'),
    (json_in, '{"a": 1}', '{"a": 2}'),
    (lambda text: field_of(text, ("label",)), "label: x", "label: y"),
    (list_in, "1. Gout\n2. Lupus", "1. Lupus\n2. Gout"),
    (lambda text: word_in(text, {"x": ["yes"], "y": ["no"]}), "yes", "no"),
    (read_correction, "1 2 Take two.", "1 3 Take three."),
    (lambda text: read_order(text, ["a", "b"]), "[1, 2]", "[2, 1]"),
    (
        lambda text: read_spans(text, Text("gout lupus", ["gout", "lupus"], ["D"])),
        '[{"text": "gout", "label": "D"}]',
        '[{"text": "lupus", "label": "D"}]',
    ),
    (parse_verdict, '{"criteria_met": false}', '{"criteria_met": true}'),
    (
        lambda text: parse_batch(text, 1),
        '{"1": {"criteria_met": false}}',
        '{"1": {"criteria_met": true}}',
    ),
]
FRAMES = ("<thinking>{}</thinking>\n{}", "<unused94>thought\n{}<unused95>{}", "{}\n</think>\n{}")


@pytest.mark.parametrize(("read", "thought", "said"), READERS)
def test_every_reader_reads_what_is_said(
    read: Callable[[str], Any], thought: str, said: str
) -> None:
    """Numbers, letters, lists, words, corrections, orders, entities, verdicts: no thoughts."""
    assert read(thought) != read(said) is not None
    for frame in FRAMES:
        assert read(frame.format(thought, said)) == read(said)


def test_records_have_what_was_said() -> None:
    """A completion and a response are made of the whole text, which they keep, and count."""
    for record in (Completion("<think>hmm</think>B"), Response("k", "<think>hmm</think>B")):
        assert (record.text, record.reasoning_length) == ("B", 3)
        assert record.raw == record.whole == "<think>hmm</think>B"
        assert msgspec.structs.replace(record, latency_s=1.0).raw == record.raw
    plain = Response("k", "B")
    assert (plain.raw, plain.whole, plain.reasoning_length) == (None, "B", None)
    assert Completion("<think>hmm</think>B", reasoning_length=90).reasoning_length == 90


@pytest.mark.parametrize("text", UNSAID)
def test_a_response_of_reasoning_alone_has_failed(text: str) -> None:
    """Nothing was said: the failure has a name, and says whether the limit was the cause."""
    response = as_answer(Response("k", text, finish_reason="length"))
    assert (response.failure, response.text) == ("reasoning_only", "")
    assert "raise max_tokens" in response.detail
    thought = Response("k", "", reasoning_length=4, finish_reason="length")
    assert (thought.failure, as_answer(thought).failure) == (None, "reasoning_only")
    for said in (Response("k", ""), Response("k", "", reasoning_length=4, finish_reason="refusal")):
        assert as_answer(said) is said


def test_an_answer_whose_text_is_left_out_is_still_one(
    code: Callable[[str], Any], tmp_path: Path
) -> None:
    """Scores are computed without the texts: an answer after reasoning is no failure there."""
    code("<think>5</think>7")
    run = run_of(tmp_path)
    assert (run.scored().coverage, run.result().coverage) == (1.0, 1.0)
    assert all(item.response.failure is None for item in run.scored().graded if item.response)


# Runs

SYSTEM = """\
shown = []

def answer(messages):
    return ANSWER

def judge(messages):
    shown.append(messages[-1]["content"])
    return '<think>{"criteria_met": false}? No.</think>{"criteria_met": true}'
"""
TASK = Example("t", (Message("user", "How much?"),), (Criterion("Says 7.", 5),))


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Any:
        (tmp_path / "thinking_aloud.py").write_text(SYSTEM + f"\nANSWER = {text!r}\n", "utf-8")
        sys.modules.pop("thinking_aloud", None)
        return __import__("thinking_aloud")

    yield write
    sys.modules.pop("thinking_aloud", None)


def run_of(tmp_path: Path, **options: Any) -> preceptor.Run:
    return preceptor.run(
        "starter",
        system="python:thinking_aloud:answer",
        grader="python:thinking_aloud:judge",
        store=tmp_path / "p.db",
        grader_template="preceptor",
        limit=2,
        **options,
    )


def test_a_judge_is_shown_what_was_said(code: Callable[[str], Any], tmp_path: Path) -> None:
    """Reasoning is neither in a judge's prompt nor in the length; a judge may reason itself."""
    module = code("<think>" + "5 mg? " * 500 + "</think>Take 7 mg.")
    result = run_of(tmp_path).result()
    assert module.shown
    assert not any("5 mg?" in prompt for prompt in module.shown)
    assert all(verdict and verdict.met for item in result.graded for verdict in item.verdicts)
    assert {score.length for score in result.scores} == {len("Take 7 mg.")}
    assert any("2 of 2 answers have reasoning in their text" in note for note in result.notes)
    answer = next(payload([result], share=False)["examples"])["answers"][0]
    assert (answer["text"], answer["reasoning"]) == ("Take 7 mg.", ("5 mg? " * 500).strip())
    with closing(sqlite3.connect(tmp_path / "p.db")) as store:
        ((text, length),) = set(store.execute("SELECT text, reasoning_length FROM responses"))
    assert (zlib.decompress(text)[:7], length) == (b"<think>", 2999)


def test_reasoning_alone_is_not_judged(code: Callable[[str], Any], tmp_path: Path) -> None:
    """No judge is asked, the score is undefined, and the run says why."""
    module = code("<think>5 mg? Or perhaps")
    result = run_of(tmp_path).result()
    assert module.shown == []
    assert result.coverage == 0
    assert result.ungraded["no answer: reasoning_only"] > 0
    assert result.metrics["overall_score"].value is None


def test_an_old_store_is_read_as_a_new_one(code: Callable[[str], Any], tmp_path: Path) -> None:
    """Texts that were stored with their reasoning, turns of dialogues too, are shown without it."""
    code("B")
    run_of(tmp_path)
    sent = [{"role": "user", "content": "<think>?"}, {"role": "assistant", "content": "A</think>B"}]
    with closing(sqlite3.connect(tmp_path / "p.db")) as store, store:
        store.execute(
            "UPDATE responses SET text = '<think>A</think>C', sent = ?", [json.dumps(sent)]
        )
    with Store(tmp_path / "p.db") as known:
        response = known.graded(known.run("latest"))[0].response
    assert response is not None
    assert (response.text, response.reasoning_length) == ("C", 1)
    assert response.sent == (Message("user", "<think>?"), Message("assistant", "B"))


def test_a_response_is_stored_whole() -> None:
    """What comes back from a store is what went in; so does what failed within its reasoning."""
    for text in ("<think>A</think>B", "<think>A", "B"):
        response = as_answer(Response("k", text, reasoning_length=40, finish_reason="length"))
        row = response_row(response)
        assert row["text"] == text
        assert read_response(row | {"created_at": None, "turns": None}) == response


def test_a_reward_is_of_what_was_said(code: Callable[[str], Any], tmp_path: Path) -> None:
    """Reasoning earns nothing and costs no length; alone, it is never judged."""
    module = code("")
    options: dict[str, Any] = {"grader": "python:thinking_aloud:judge", "store": tmp_path / "r.db"}
    with preceptor.Rewarder(**options) as rewarder:
        one, two, three = rewarder.grade(
            [(TASK, "<think>5</think>7"), (TASK, "<think>5, so"), (TASK, None)]
        )
    assert (one.value, two.value, three.value) == (1.0, None, None)
    assert (two.reason, three.reason) == ("reasoning_only", "no_answer")
    assert len(module.shown) == 1
    assert "<think>" not in module.shown[0]


def test_labels_of_physicians_are_of_what_was_said(tmp_path: Path) -> None:
    """The judge that is audited is shown the same text as the judge of a run."""
    row = {
        "prompt": [{"role": "user", "content": "How much?"}],
        "completion": "<think>5</think>7",
        "rubric": "Says 7.",
        "binary_labels": [True],
    }
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps(row), "utf-8")
    (judged,) = read_meta_eval(path).rows
    assert judged.conversation[-1] == Message("assistant", "7")


def test_notes_count_answers_alone() -> None:
    """An answer cut off within its reasoning is not counted as graded as it is."""
    graded = [
        Graded(TASK, 0, Response("a", "7", finish_reason="length"), (None,)),
        Graded(TASK, 1, as_answer(Response("b", "<think>5", finish_reason="length")), (None,)),
    ]
    (note, *_) = run_notes(graded)
    assert note.startswith("1 of 2 answers were cut off")


# Judges

CASE = Case((Message("user", "How much?"), Message("assistant", "7")), {0: TASK.criteria[0]}, "r")


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (
            Completion("<think>" + "hm" * 700, finish_reason="length"),
            "reasoning_only",
            r"cut off at the token limit within its reasoning \(1,400 characters\)",
        ),
        (Completion("", reasoning_length=9), "reasoning_only", r"reasoning \(9 characters\) and"),
        (Completion("<think>hm</think>Yes!"), "unparseable", "2 characters of reasoning came"),
        (
            Completion('<think>hm</think>{"crit', finish_reason="length"),
            "cut_off",
            "2 characters of reasoning came",
        ),
    ],
)
async def test_what_a_judge_thought_is_said(reply: Completion, reason: str, words: str) -> None:
    """If nothing can be read after a judge's reasoning, reason or detail mention the reasoning."""
    grader = RubricGrader("scripted", Scripted(*[reply] * 4), OWN)
    verdict = await grader.judge(grader.question(CASE, TASK.criteria[0]))
    assert (verdict.met, verdict.reason) == (None, reason)
    assert re.search(words, verdict.detail)


@pytest.mark.parametrize("sampled", [True, False])
async def test_a_judge_cut_off_at_temperature_0_is_asked_once(sampled: bool) -> None:
    """What would end at the same token again is not paid again; an unreadable reply may differ."""
    cut = Completion("<think>" + "hm" * 700, finish_reason="length")
    for replies in ([cut] * 4, [Completion('{"crit', finish_reason="length")] * 4):
        system = Scripted(*replies)
        system.sampled = sampled
        grader = RubricGrader("scripted", system, OWN)
        verdict = await grader.judge(grader.question(CASE, TASK.criteria[0]))
        assert verdict.attempts == (4 if sampled else 1)
    system = Scripted(*[Completion("Yes!")] * 4)
    system.sampled = sampled
    grader = RubricGrader("scripted", system, OWN)
    assert (await grader.judge(grader.question(CASE, TASK.criteria[0]))).attempts == 4


@pytest.mark.parametrize(("temperature", "sampled"), [(0, False), (0.5, True), (None, True)])
def test_a_model_samples_unless_its_temperature_is_0(
    temperature: float | None, sampled: bool
) -> None:
    """Where no temperature is set, the provider's own is not 0."""
    for address in ("http://127.0.0.1:1/v1#m", "local:/nowhere/m.gguf"):
        assert resolve(address, Parameters(temperature=temperature)).sampled is sampled


# Yes or no

LIKELY, UNLIKELY = math.log(0.9), math.log(0.05)


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("▁Yes", " Yes"),
        ("ĠYes", " Yes"),
        ("ĊYes", "\nYes"),
        (r"bytes:\x59\x65\x73", "Yes"),
        (r"bytes:\xc3\xa9", "é"),
        ("<0x59>", "Y"),
        ("Yes</w>", "Yes "),
        ("Yes", "Yes"),
    ],
)
def test_a_token_says_what_it_says(token: str, said: str) -> None:
    """Signs of vocabularies are spaces, and bytes are characters."""
    assert token_text(token) == said


@pytest.mark.parametrize(
    "token", ["▁Yes", "ĠYES", r"bytes:\x59\x65\x73", "Yes.", "**Yes", '"yes"', "Y", "ĊYes,"]
)
def test_a_yes_in_any_spelling_is_one(token: str) -> None:
    """With what a vocabulary, Markdown or quotes put around it."""
    assert probability_of_yes({token: LIKELY, "▁No": UNLIKELY}) == pytest.approx(0.9 / 0.95)


TOP = {"Yes": LIKELY, "No": UNLIKELY}


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["Yes"], "Yes"),
        (["**", "Yes", "**"], "**Yes**"),
        (["<think>", "No", "</think>", "Ċ", "Yes"], "<think>No</think>\nYes"),
        (["<think>", "No", "</think>", "Ċ", "Yes"], "Yes"),
        (["No", "?", "Yes"], "Yes"),  # a server that keeps the reasoning apart
        (["No", "</think>", "Yes", "."], ""),
    ],
)
def test_the_first_token_is_that_of_what_is_said(tokens: list[str], text: str) -> None:
    """Behind reasoning and markup, where the server lists tokens so far."""
    listed = [(token, TOP if token == "Yes" else {token: -0.1}) for token in tokens]
    assert first_said(listed, text) == TOP


def reply_of(text: str, *tokens: dict[str, Any], **choice: Any) -> bytes:
    content = {"logprobs": {"content": list(tokens)}, "finish_reason": "length", **choice}
    return json.dumps({"choices": [{"message": {"content": text}, **content}]}).encode()


def listed(token: str, *others: str) -> dict[str, Any]:
    top = [{"token": each, "logprob": LIKELY} for each in (token, *others)[: 1 + len(others)]]
    return {"token": token, "logprob": LIKELY, "top_logprobs": top if others else []}


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        (reply_of("<think>", listed("<think>", "Okay")), "reasoning_only", "begins with reasoning"),
        (reply_of("", listed("<think>", "Okay")), "reasoning_only", "found '<think>'"),
        (reply_of("It", listed("It", "The")), "unparseable", "found 'It'"),
        (reply_of("Yes"), "no_logprobs", "no token probabilities"),
        (reply_of("Yes", logprobs=None), "no_logprobs", "no token probabilities"),
    ],
)
async def test_a_yes_or_no_that_is_none_has_its_reason(
    body: bytes, reason: str, words: str
) -> None:
    """The reason is never that the reply was cut off: each such reply is, after one token."""
    grader = resolve_grader("yesno:http://127.0.0.1:1/v1#m", Parameters(), OWN)
    grader.system = Scripted(*[parse_chat(body)] * 4)
    verdict = await grader.judge(grader.question(CASE, TASK.criteria[0]))
    assert (verdict.met, verdict.reason) == (None, reason)
    assert words in verdict.detail


def test_a_token_without_others_is_its_own_candidate() -> None:
    """A server that lists no candidates still says how likely its token was."""
    assert parse_chat(reply_of("Yes", listed("▁Yes"))).first_token == {"▁Yes": LIKELY}


def test_tokens_of_a_stream_are_listed_together() -> None:
    """The first token of the answer may come in a later event than the first."""
    tokens = ["<think>", "No", "</think>", "Yes"]
    events = [
        {"choices": [{"delta": {"content": token}, "logprobs": {"content": [listed(token, "x")]}}]}
        for token in tokens
    ]
    events[-1]["choices"][0]["finish_reason"] = "stop"
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    completion = read_whole(body.encode(), parse_chat, ChatEvents)
    assert (completion.text, completion.reasoning_length) == ("Yes", 2)
    assert set(completion.first_token or ()) == {"Yes", "x"}


@pytest.mark.parametrize("text", [*MARKED, *UNSAID, *KEPT])
@pytest.mark.parametrize("form", ["{}", "```json\n{}\n```"])
def test_mark_quoted_in_an_explanation_costs_no_verdict(text: str, form: str) -> None:
    """JSON stays JSON, whatever marks of an answer a judge quotes in its explanation."""
    verdict = {"explanation": f"It says: {text} and so on", "criteria_met": True}
    reply = Completion(form.replace("{}", json.dumps(verdict, ensure_ascii=False)))
    assert parse_verdict(reply.text)[0] is True


@pytest.mark.parametrize(
    ("logprobs", "first"),
    [
        (
            {
                "tokens": ["\n", "Yes"],
                "token_logprobs": [-0.01, -0.1],
                "top_logprobs": [{"\n": -0.01}, {"Yes": -0.1, "No": -2.5}],
            },
            {"Yes": -0.1, "No": -2.5},
        ),
        ({"tokens": ["Yes"], "token_logprobs": [-0.1], "top_logprobs": None}, {"Yes": -0.1}),
        ({"tokens": ["Yes"], "token_logprobs": [None]}, None),
        ({"tokens": ["Yes"], "top_logprobs": ["x"]}, None),
        ({"tokens": "Yes"}, None),
    ],
)
def test_older_form_of_log_probabilities(logprobs: object, first: object) -> None:
    """Log-probabilities in the form of the API for completions are read in a chat's reply too."""
    choice = {"message": {"content": "Yes"}, "finish_reason": "length", "logprobs": logprobs}
    assert parse_chat(json.dumps({"choices": [choice]}).encode()).first_token == first
