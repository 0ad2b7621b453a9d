"""Several criteria in one call: what is read, what is lost, what it costs, and how it resumes."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import preceptor
from children import Child
from preceptor.errors import EndpointRefused, InputError
from preceptor.graders import OWN, resolve_grader
from preceptor.graders.base import Case
from preceptor.graders.batched import EXPLAIN, BatchedGrader, parse_batch, shares, split
from preceptor.records import Criterion, Message, Usage, Verdict
from preceptor.store import Store
from preceptor.systems import Parameters
from preceptor.testing import CHAOS, FakeEndpoint
from preceptor.testing.replies import chat_body, reply_to

pytestmark = pytest.mark.usefixtures("bare")

EXAMPLES, CRITERIA = 36, 148
CONVERSATION = (Message("user", "Is this mole dangerous?"), Message("assistant", "See a doctor."))
ITEM = '{"explanation": "It does.", "criteria_met": true}'
NOT = '{"criteria_met": false}'
Verdicts = dict[tuple[str, int, int], Verdict]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work.db"


def run(fake: FakeEndpoint, path: Path, **options: Any) -> preceptor.Run:
    options.setdefault("grader", f"batched:{fake.address('judge')}")
    options.setdefault("name", "mine")
    return preceptor.run(
        "starter",
        system=fake.address("model-a"),
        grader_template="preceptor",
        store=path,
        **options,
    )


def verdicts(path: Path, name: str = "mine") -> Verdicts:
    with Store(path, create=False) as store:
        return {
            (item.example.id, item.repeat, index): verdict
            for item in store.graded(store.run(name))
            for index, verdict in enumerate(item.verdicts)
            if verdict is not None
        }


def met(path: Path, name: str = "mine") -> dict[tuple[str, int, int], bool | None]:
    return {place: verdict.met for place, verdict in verdicts(path, name).items()}


def judged(fake: FakeEndpoint) -> list[str]:
    """The prompts that reached the grader."""
    calls = (call.payload for call in fake.log if call.payload["model"] == "judge")
    return [payload["messages"][-1]["content"] for payload in calls]


def batches(fake: FakeEndpoint) -> list[str]:
    return [prompt for prompt in judged(fake) if "every number from 1 to" in prompt]


# Which verdicts are explained


@pytest.mark.parametrize("explain", EXPLAIN[1:])
def test_form_explains_what_it_says(path: Path, explain: str) -> None:
    """Every criterion has its verdict in each form; the reasons are those that were asked for."""
    with FakeEndpoint() as fake:
        finished = run(fake, path, limit=4, grader_params=[f"explain={explain}"])
        first = batches(fake)[0]
    found = verdicts(path).values()
    assert finished.result().coverage == 1
    assert any(f"explain={explain}" in each for each in finished.result().departures)
    assert finished.info.settings.grader_parameters["explain"] == explain
    assert ("unsure" in first) == (explain == "doubtful")
    asked_again = {each.key for each in found if each.attempts > 1}
    assert bool(asked_again) == (explain == "doubtful")
    expected = {
        "short": {each.key for each in found},
        "unmet": {each.key for each in found if not each.met},
        "none": set(),
        "doubtful": asked_again,
    }
    assert {each.key for each in found if each.explanation} == expected[explain]


def test_doubtful_are_asked_again_together(path: Path) -> None:
    """One more call with reasons, for them alone; a stop before it pays for nothing twice."""
    options = {"limit": 1, "grader_params": ["explain=doubtful", "price=1/2"]}
    with FakeEndpoint(script=[None, None, "unauthorized"]) as fake:
        with pytest.raises(EndpointRefused):
            run(fake, path, **options)
        reasons = [each.reason for each in verdicts(path).values()]
        assert reasons.count("doubtful") > 1
        assert set(reasons) == {None, "doubtful"}
        resumed = preceptor.resume("mine", store=path).result()
        first, *_, second = batches(fake)
        usages = [
            chat_body(call.payload, reply_to(call.payload))["usage"]["total_tokens"]
            for call in fake.log
            if call.fault != "unauthorized"
        ]
    assert resumed.coverage == 1
    assert f"every number from 1 to {len(reasons)}" in first
    assert f"every number from 1 to {reasons.count('doubtful')}" in second
    assert len(usages) == 3
    with Store(path) as store:
        assert store.spent(store.run("mine")).tokens == sum(usages)


@pytest.mark.parametrize("explain", EXPLAIN)
def test_bare_words_are_verdicts_only_where_they_were_asked_for(explain: Any) -> None:
    bare = explain in ("unmet", "none", "doubtful")
    text = f'{{"1": true, "2": {NOT}, "3": "unsure", "4": 1, "5": "true", "6": null}}'
    expected: dict[int, tuple[bool | None, str]] = {2: (False, "")}
    if bare:
        expected[1] = True, ""
    if explain == "doubtful":
        expected[3] = None, ""
    assert parse_batch(text, 6, explain) == expected


def test_dry_run_has_the_price_of_each_form(path: Path) -> None:
    """Fewer words cost less; what is asked again is counted."""
    with FakeEndpoint() as fake:
        address = fake.address("judge")
        found = {
            explain: preceptor.dry_run(
                "starter",
                system="physician",
                grader=f"batched:{address}",
                grader_params=[f"explain={explain}", "price=2/8"],
                grader_template="preceptor",
                store=path,
            )
            for explain in EXPLAIN
        }
    cost = {explain: each.cost_usd.expected for explain, each in found.items() if each.cost_usd}
    assert cost["none"] < cost["doubtful"]
    assert cost["none"] < cost["short"] < cost["unmet"] < cost["all"]
    calls = {explain: each.parts[-1].calls.expected for explain, each in found.items()}
    assert calls["doubtful"] == 2 * calls["none"] == 2 * calls["all"]


# Reading a reply


@pytest.mark.parametrize(
    "text",
    [
        f'{{"1": {ITEM}, "2": {NOT}}}',
        f'```json\n{{"2": {NOT}, "1": {ITEM}}}\n```',
        f'```\n{{"2": {NOT}, "1": {ITEM}}}',
        f'{{"1": {ITEM}, "2": {NOT}, "3": {ITEM}, "note": "none"}}',
        f'{{"1": {NOT}, "1": {ITEM}, "2": {NOT}}}',  # of a key that stands twice the last counts
    ],
)
def test_reply_is_read(text: str) -> None:
    """A JSON object, bare or in one fence; keys that were not asked for count for nothing."""
    assert parse_batch(text, 2) == {1: (True, "It does."), 2: (False, "")}


@pytest.mark.parametrize(
    "bad",
    [
        '{"criteria_met": "true"}',
        '{"criteria_met": 1}',
        '{"criteria_met": null}',
        '{"explanation": "It does."}',
        '"met"',
        "true",
        "null",
        "[]",
    ],
)
def test_item_that_is_no_verdict_is_left_out(bad: str) -> None:
    """Nothing is guessed from it, and the others are read."""
    assert parse_batch(f'{{"1": {bad}, "2": {NOT}}}', 2) == {2: (False, "")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Both are met.",
        "[true, false]",
        f"[{ITEM}, {NOT}]",
        "{}",
        f'{{"one": {ITEM}}}',
        f'{{"01": {ITEM}, "1.0": {ITEM}}}',
        f'{{"3": {ITEM}}}',
        ITEM,
        f'{{"1": {ITEM}, "2": {NOT}',
        f'{{"1": {ITEM}}} and so on',
        '{"1": ' * 50_000,
        f'{{"1": {"[" * 5_000}{"]" * 5_000}, "2": {ITEM}}}',
        "```" + "\n" * 300_000,
    ],
)
def test_reply_without_any_verdict_is_refused(text: str) -> None:
    """Also one that was cut off: which of its items are whole is not guessed."""
    with pytest.raises(ValueError, match=r".") as caught:
        parse_batch(text, 2)
    assert len(str(caught.value)) < 500


@given(st.text(), st.integers(1, 20))
def test_any_text_is_read_or_refused(text: str, count: int) -> None:
    try:
        found = parse_batch(text, count)
    except ValueError:
        return
    assert set(found) <= set(range(1, count + 1))


@given(st.lists(st.tuples(st.booleans(), st.text(alphabet=st.characters(codec="utf-8")))))
def test_what_is_written_is_read(items: list[tuple[bool, str]]) -> None:
    text = msgspec.json.encode(
        {str(i): {"criteria_met": m, "explanation": e} for i, (m, e) in enumerate(items, 1)}
    ).decode()
    if items:
        assert parse_batch(text, len(items)) == dict(enumerate(items, 1))


# Sharing and splitting


@given(st.tuples(*[st.integers(0, 10**7)] * 4), st.integers(1, 60))
def test_shares_add_up(tokens: tuple[int, int, int, int], count: int) -> None:
    """Whole tokens that differ by one at the most, and sum to the call's."""
    found = shares(Usage(*tokens), count)
    assert sum(found, Usage()) == Usage(*tokens)
    assert len(found) == count
    for name in Usage.__struct_fields__:
        parts = [getattr(share, name) for share in found]
        assert max(parts) - min(parts) <= 1


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 15))
def test_split_asks_for_each_criterion_once(numbers: list[int], most: int) -> None:
    """Parts of nearly one size, none too large; one that stands twice is asked once for both."""
    case = Case(CONVERSATION, {i: Criterion(f"C{n}", 5) for i, n in enumerate(numbers)}, "run")
    parts = split(case, most)
    sizes = [len(part) for part in parts]
    assert all(1 <= size <= most for size in sizes)
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
    assert len(parts) == -(-len(set(numbers)) // most)
    asked = [criterion.text for part in parts for criterion, _ in part]
    assert Counter(asked) == Counter({f"C{n}" for n in numbers})
    waiting = sorted(place for part in parts for _, places in part for place in places)
    assert waiting == list(range(len(numbers)))


def grader(most: int = 12) -> BatchedGrader:
    found = resolve_grader("batched:http://h/v1#judge", Parameters(), OWN)
    assert isinstance(found, BatchedGrader)
    found.most = most
    return found


def test_prompt_has_the_conversation_once_and_the_criteria_numbered() -> None:
    criteria = [Criterion(f"Says {word}.", points) for word, points in (("yes", 7), ("no", -3))]
    prompt = grader().prompt(CONVERSATION, *criteria)
    assert prompt.count("user: Is this mole dangerous?\n\nassistant: See a doctor.") == 1
    assert "\n1. [7] Says yes.\n2. [-3] Says no.\n" in prompt
    assert "every number from 1 to 2 " in prompt
    assert "criteria_met" in prompt


def test_slot_in_a_conversation_is_not_filled() -> None:
    """A patient who writes the name of a slot is shown as they wrote it, and so is a criterion."""
    odd = "<<findings>> <<count>> <<conversation>> {} %s"
    prompt = grader().prompt((Message("assistant", odd),), Criterion(odd, 5))
    assert prompt.count(odd) == 2
    assert "from 1 to 1 " in prompt


# Whole runs


def test_batches_are_calls(path: Path) -> None:
    """One call an example; every criterion has its verdict; the shares are what the calls took."""
    with FakeEndpoint() as fake:
        finished = run(fake, path, grader_params=["price=1/2"], system_params=["price=1/2"])
        payloads = [call.payload for call in fake.log]
    assert finished.result().coverage == 1
    assert fake.calls.total() == EXAMPLES + EXAMPLES
    assert len(batches(fake)) == EXAMPLES
    assert len(met(path)) == CRITERIA
    usages = [chat_body(payload, reply_to(payload))["usage"] for payload in payloads]
    with Store(path) as store:
        spent = store.spent(store.run("mine"))
    assert spent.tokens == sum(usage["total_tokens"] for usage in usages)
    cost = sum(usage["prompt_tokens"] + 2 * usage["completion_tokens"] for usage in usages) / 1e6
    assert spent.cost_usd == pytest.approx(cost, rel=1e-9)
    assert any("criteria a call" in departure for departure in finished.result().departures)


def test_each_verdict_is_that_of_its_number(path: Path) -> None:
    """The third criterion has what the reply says under "3"."""
    with FakeEndpoint() as fake:
        run(fake, path)
        replies = {
            prompt: reply_to(call.payload)
            for prompt, call in zip(
                judged(fake), [c for c in fake.log if c.payload["model"] == "judge"], strict=True
            )
        }
    seen = 0
    with Store(path) as store:
        for item in store.graded(store.run("mine")):
            assert item.response is not None
            conversation = (*item.example.messages, Message("assistant", item.response.text))
            prompt = grader().prompt(conversation, *item.example.criteria)
            said = json.loads(replies[prompt].text or "")
            for number, verdict in enumerate(item.verdicts, 1):
                assert verdict is not None
                assert verdict.met is said[str(number)]["criteria_met"]
                assert verdict.explanation == f"Item {number}."
                seen += 1
    assert seen == CRITERIA


def test_criteria_per_call_is_obeyed(path: Path) -> None:
    with FakeEndpoint() as fake:
        finished = run(fake, path, grader_params=["criteria_per_call=2"])
        sizes = Counter(
            prompt.partition("every number from 1 to ")[2][:1] for prompt in judged(fake)
        )
    assert finished.result().coverage == 1
    with Store(path) as store:
        lengths = [len(item.example.criteria) for item in store.graded(store.run("mine"))]
    # An odd rubric has a last part of one, which is asked in the ordinary way.
    assert sizes == {"2": sum(n // 2 for n in lengths), "": sum(n % 2 for n in lengths)}
    assert finished.info.settings.grader_parameters["criteria_per_call"] == 2


@pytest.mark.parametrize("fault", ["item_missing", "item_text"])
def test_lost_item_is_asked_alone(path: Path, fault: str) -> None:
    """It, and nothing else, with the prompt for one criterion; its share of the batch is kept."""
    with FakeEndpoint(script=[None, fault]) as fake:
        finished = run(fake, path, limit=1, grader_params=["price=1/2"])
        alone = [prompt for prompt in judged(fake) if prompt not in batches(fake)]
        [batch] = [call for call in fake.log if call.fault]
        first = reply_to(batch.payload)
        whole = chat_body(batch.payload, first)["usage"]["prompt_tokens"]
    assert finished.result().coverage == 1
    assert len(batches(fake)) == 1
    [item] = finished.result().graded
    assert alone == [
        OWN.render(
            "\n\n".join(f"{m.role}: {m.content}" for m in item.example.messages)
            + f"\n\nassistant: {item.response.text if item.response else ''}",
            f"[{item.example.criteria[0].points}] {item.example.criteria[0].text}",
        )
    ]
    found = verdicts(path)
    first_of_all = found[item.example.id, 0, 0]
    assert first_of_all.explanation == "Judged by the fake endpoint."
    assert first_of_all.attempts == 2
    share = whole // len(item.verdicts)
    assert first_of_all.usage.input_tokens > share
    assert sum(v.usage.input_tokens for v in found.values()) == whole + (
        first_of_all.usage.input_tokens - share
    )


@pytest.mark.parametrize("fault", ["prose", "cut_off", "refusal", "empty", "null", "met_text"])
def test_unreadable_batch_is_asked_criterion_by_criterion(path: Path, fault: str) -> None:
    """After a second try: each criterion has its own verdict then, and none is "not met" for it."""
    with FakeEndpoint(script=[None, fault, fault]) as fake:
        finished = run(fake, path, limit=1)
        [item] = finished.result().graded
        assert len(batches(fake)) == 2
        assert len(judged(fake)) == 2 + len(item.verdicts)
    assert finished.result().coverage == 1
    assert {v.explanation for v in verdicts(path).values()} == {"Judged by the fake endpoint."}


def test_refused_batch_is_asked_criterion_by_criterion(path: Path) -> None:
    """A batch may be too long where one criterion is not."""
    with FakeEndpoint(script=[None, "bad_request"]) as fake:
        finished = run(fake, path, limit=1)
    assert finished.result().coverage == 1
    assert len(batches(fake)) == 1


def test_endpoint_that_fails_is_not_asked_still_more(path: Path) -> None:
    """Its failure is no lost item: the criteria are ungraded, and a resume asks the batch again."""
    with FakeEndpoint(script=[None, "error_500"]) as fake:
        finished = run(fake, path, limit=1, grader_params=["retries=0"])
        [item] = finished.result().graded
        assert finished.result().ungraded == {"server_error": len(item.verdicts)}
        assert len(judged(fake)) == 1
        resumed = preceptor.resume("mine", store=path)
        assert resumed.result().coverage == 1
        assert len(batches(fake)) == len(judged(fake)) == 2


def test_lost_item_never_counts_as_not_met(path: Path) -> None:
    """Lost from the batch, and unreadable alone: ungraded, with the others as they were."""
    with FakeEndpoint(script=[None, "item_missing", *["prose"] * 4]) as fake:
        finished = run(fake, path, limit=1)
        assert finished.result().ungraded == {"unparseable": 1}
        assert finished.outcome is not None
        assert finished.outcome.status == "incomplete"
        before = fake.calls.total()
        resumed = preceptor.resume("mine", store=path)
        assert resumed.result().coverage == 1
        assert fake.calls.total() == before + 1  # that one alone
    assert len(batches(fake)) == 1


def test_stop_between_a_batch_and_its_lost_item(path: Path) -> None:
    """What the batch gave is kept; the resume asks for the lost one alone, and pays once."""
    with FakeEndpoint(script=[None, "item_missing", "unauthorized"]) as fake:
        with pytest.raises(EndpointRefused):
            run(fake, path, limit=1)
        kept = met(path)
        assert list(kept.values()).count(None) == 1
        assert {v.reason for v in verdicts(path).values()} == {None, "lost"}
        before = fake.calls.total()
        resumed = preceptor.resume("mine", store=path)
        assert fake.calls.total() == before + 1
        usages = [
            chat_body(call.payload, reply_to(call.payload))["usage"]["prompt_tokens"]
            for call in fake.log
            if call.fault != "unauthorized"
        ]
    assert resumed.result().coverage == 1
    assert {place: m for place, m in met(path).items() if kept[place] is not None} == {
        place: m for place, m in kept.items() if m is not None
    }
    result = resumed.result()
    assert result.system_usage.input_tokens + result.grader_usage.input_tokens == sum(usages)


def test_run_with_faults_loses_nothing(path: Path) -> None:
    """Each criterion has the verdict of its batch, or that of itself alone; none is missing."""
    faults = [*CHAOS, "item_missing", "item_text"]
    with FakeEndpoint() as fake:
        run(fake, path, name="batched")
        run(fake, path, name="alone", grader=fake.address("judge"))
        port = int(fake.url.split(":")[2].split("/")[0])
    noisy = path.with_name("noisy.db")
    with FakeEndpoint(faults=faults, rate=0.5, seed=5, latency=(0, 0.01), port=port) as fake:
        timeout = ["timeout=1"]
        finished = run(fake, noisy, system_params=timeout, grader_params=timeout)
    assert finished.result().coverage == 1
    expected, alone = met(path, "batched"), met(path, "alone")
    found = verdicts(noisy)
    single = {p for p, v in found.items() if v.explanation == "Judged by the fake endpoint."}
    assert 0 < len(single) < CRITERIA
    for place, verdict in found.items():
        assert verdict.met == (alone if place in single else expected)[place]


def test_the_same_again_costs_nothing(path: Path) -> None:
    """Another run finds each batch, also the criterion that had to be asked alone."""
    with FakeEndpoint(script=[None, "item_missing"]) as fake:
        run(fake, path, system_params=["concurrency=1"], grader_params=["concurrency=1"])
        before = fake.calls.total()
        second = run(fake, path, name="second")
    assert fake.calls.total() == before
    assert second.result().coverage == 1
    assert met(path, "second") == met(path)


def test_cap_on_tokens_counts_calls_once(path: Path) -> None:
    """The budget adds up the shares of a call, and the cap holds."""
    with FakeEndpoint() as fake:
        stopped = run(
            fake,
            path,
            max_total_tokens=20_000,
            system_params=["concurrency=1"],
            grader_params=["concurrency=1"],
        )
        assert stopped.outcome is not None
        assert "the cap of 20,000 tokens is reached" in (stopped.outcome.why or "")
        result = stopped.result()
        used = result.system_usage.total + result.grader_usage.total
        usages = [chat_body(c.payload, reply_to(c.payload))["usage"] for c in fake.log]
        assert used == sum(usage["total_tokens"] for usage in usages)
        assert 0.75 * 20_000 < used <= 20_000 + max(usage["total_tokens"] for usage in usages)
        again = preceptor.resume("mine", store=path, max_total_tokens=10**9)
    assert again.result().coverage == 1
    assert fake.calls.total() == 2 * EXAMPLES


def test_kill_repeats_no_batch(path: Path) -> None:
    """kill -9 at any moment: a batch whose verdicts are in the store is not asked again."""
    with FakeEndpoint(latency=(0.02, 0.1)) as fake:
        arguments = [
            *("run", "starter", f"--system={fake.address('model-a')}", "--name=mine"),
            *(f"--grader=batched:{fake.address('judge')}", "--grader-template=preceptor"),
            *("-P", "criteria_per_call=2", "-P", "concurrency=4", f"--store={path}", "--json"),
        ]
        for moment in (10, 60, 100):
            process = Child(*arguments)
            wait_for(path, moment, process)
            process.kill()
            process.communicate()
            kept = verdicts(path)
            assert len(kept) >= moment
            asked = Counter(judged(fake))
            arguments = ["resume", "mine", "--json", f"--store={path}"]
        process = Child(*arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert json.loads(out)["coverage"] == 1
        final = verdicts(path)
        assert final.items() >= kept.items()
        # Of each kill, what was under way or waited to be written is asked again.
        assert len(judged(fake)) - len(set(judged(fake))) <= 3 * 10
        again = [prompt for prompt, count in Counter(judged(fake)).items() if count > asked[prompt]]
    with Store(path) as store:
        for item in store.graded(store.run("mine")):
            assert item.response is not None
            conversation = (*item.example.messages, Message("assistant", item.response.text))
            places = [(item.example.id, item.repeat, i) for i in range(len(item.verdicts))]
            for part in split(Case(conversation, dict(enumerate(item.example.criteria)), ""), 2):
                prompt = grader().prompt(conversation, *(criterion for criterion, _ in part))
                if any(places[i] in kept for _, waiting in part for i in waiting):
                    assert prompt not in again


def wait_for(path: Path, count: int, process: Child) -> None:
    while process.poll() is None:
        with (
            contextlib.suppress(sqlite3.OperationalError),
            contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection,
        ):
            if connection.execute("SELECT count(*) FROM graded").fetchone()[0] >= count:
                return
        time.sleep(0.005)


# What cannot be


@pytest.mark.parametrize(
    ("address", "parameters", "words"),
    [
        ("batched:", [], "expected the address of a model after batched:"),
        ("batched:replay:answers.jsonl", [], "recorded answers and cannot judge"),
        ("batched:yesno:http://h/v1#m", [], "expected a models address after batched:"),
        ("batched:gpt-4", [], "unknown grader gpt-4: did you mean openai/gpt-4?"),
        ("batched:http://h/v1#m", ["criteria_per_call=0"], "expected a whole number from 1"),
        ("batched:http://h/v1#m", ["criteria_per_call=x"], "expected a whole number from 1"),
        ("http://h/v1#m", ["criteria_per_call=4"], "expected KEY=VALUE with KEY one of"),
        ("batched:http://h/v1#m", ["low=0.2"], "expected KEY=VALUE with KEY one of"),
    ],
)
def test_bad_address_or_parameter_is_one_line(
    address: str, parameters: list[str], words: str, path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        preceptor.run(
            "starter", system="physician", grader=address, grader_params=parameters, store=path
        )
    assert words in str(caught.value).replace("'", "")
    assert "\n" not in str(caught.value)
    assert not path.exists()
