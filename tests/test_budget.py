"""Caps at the wire, what is paid to whom, and calls whose prompts begin alike."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from aiohttp import web

import preceptor
import virtual_time
from preceptor import cli
from preceptor.engine.budget import Budget
from preceptor.engine.prompt_cache import LEAST_TOKENS, CacheLeader, common_prefix
from preceptor.errors import BudgetExceeded
from preceptor.graders import OWN, Method, Settings, resolve_grader
from preceptor.graders.base import Call, Case, Recorder
from preceptor.graders.rubric import ask_until
from preceptor.records import Completion, Criterion, Message, Usage, Verdict
from preceptor.systems.base import Ask, Parameters, System
from preceptor.systems.prices import Price
from preceptor.systems.tokens import CHARS_PER_TOKEN
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

#: Replies of a grader that are no verdicts, and are paid for.
USELESS = ("prose", "met_text", "met_null", "met_missing", "empty", "refusal", "cut_off")
#: Dollars per million tokens: a token in is a dollar here, so that costs are whole numbers.
DOLLAR = "1000000/0"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work.db"


def tokens(payload: dict[str, Any]) -> int:
    """What the fake endpoint counts of a prompt."""
    return len(msgspec.json.encode(payload["messages"])) // 4 + 1


def grader_of(kind: str, fake: FakeEndpoint) -> str:
    one, two = fake.address("judge-a"), fake.address("judge-b")
    return {
        "rubric": one,
        "batched": f"batched:{one}",
        "yesno": f"yesno:{one}",
        "jury": f"jury:{one}+{two}",
        "cascade": f"cascade:yesno:{one},{two}",
    }[kind]


def test_a_budget_counts_and_says_when_a_cap_is_reached() -> None:
    """Dollars and tokens each have their cap; the message says which one and what to do."""
    budget = Budget(max_cost=1.0, max_tokens=100)
    budget.add(Usage(60, 30), 0.5)
    budget.check()
    assert not budget.reached
    budget.add(Usage(), 0.5)
    assert budget.reached
    with pytest.raises(BudgetExceeded, match=r"cap of \$1 is reached.* --max-cost"):
        budget.check()
    tokens_only = Budget(max_tokens=100, tokens=100)
    with pytest.raises(BudgetExceeded, match="cap of 100 tokens is reached"):
        tokens_only.check()


class Useless(System):
    """Says nothing that can be read, and takes ten tokens for a dollar."""

    address = "useless"
    max_tokens = 10
    price = Price(0, 100_000)

    def __init__(self) -> None:
        self.failures: Counter[str] = Counter()
        self.asked = 0

    async def answer(self, ask: Ask) -> Completion:
        self.asked += 1
        return Completion("no verdict", usage=Usage(0, 10), cost_usd=1.0)


def test_no_question_is_repeated_beyond_the_cap() -> None:
    """A useless reply is added at once, and the question is not asked again past the cap."""

    def read(completion: Completion) -> bool:
        raise ValueError(completion.text)

    system = Useless()
    budget = system.meter = Budget(max_cost=2.5)
    asked = asyncio.run(ask_until(system, Ask((Message("user", "?"),)), read, 4))
    assert (system.asked, asked.attempts, asked.cost_usd) == (2, 2, 2.0)
    assert (asked.value, asked.reason) == (None, "unparseable")
    assert budget.cost == 2.0
    with pytest.raises(BudgetExceeded, match=r"\$0.5 left, \$1 needed for the next call"):
        asyncio.run(ask_until(system, Ask((Message("user", "?"),)), read, 4))
    free = Useless()
    assert asyncio.run(ask_until(free, Ask((Message("user", "?"),)), read, 4)).attempts == 4


@pytest.mark.parametrize("concurrency", [1, 8, 100])
@pytest.mark.parametrize("kind", ["rubric", "batched", "yesno", "jury", "cascade"])
def test_a_cap_holds_with_any_number_of_calls_at_once(
    kind: str, concurrency: int, path: Path
) -> None:
    """By what the endpoint itself counts, with most verdicts useless and asked again."""
    cap = 16_000.0
    faults = [*USELESS, "no_logprobs"]
    with FakeEndpoint(faults=faults, rate=0.9, most_faults=99, latency=(0.0, 0.01)) as fake:
        run = preceptor.run(
            "starter",
            system=fake.address("model"),
            grader=grader_of(kind, fake),
            store=path,
            grader_template="preceptor",
            system_params=[f"price={DOLLAR}", f"concurrency={concurrency}"],
            grader_params=[f"price={DOLLAR}", f"concurrency={concurrency}"],
            max_cost=cap,
        )
        assert run.outcome is not None
        assert run.outcome.status == "incomplete"
        taken = [tokens(call.payload) for call in fake.log]
    assert 0.8 * cap <= sum(taken) <= cap + max(taken)
    # Everything that the endpoint counted is on the run's bill, and nothing else.
    assert run.result().cost_usd == pytest.approx(sum(taken))


class Sampled(System):
    """Takes output tokens from a distribution, and seconds that may depend on them."""

    price = Price(1, 10)

    def __init__(self, tokens: Callable[[random.Random], float], slow: bool, seed: int) -> None:
        self.random, self.tokens, self.follows = random.Random(seed), tokens, slow
        self.costs: list[float] = []

    async def answer(self, ask: Ask) -> Completion:
        made = self.tokens(self.random)
        await asyncio.sleep(0.3 + made / 50 if self.follows else self.random.uniform(0.5, 2))
        usage = Usage(len(ask.messages[0].content) // 4, round(made))
        self.costs.append(self.price.cost(usage))
        return Completion("", usage=usage, cost_usd=self.costs[-1])


LENGTHS: dict[str, Callable[[random.Random], float]] = {
    "equal": lambda r: 200,
    "exponential": lambda r: r.expovariate(1 / 200),
    "lognormal": lambda r: r.lognormvariate(5, 1),
    "pareto": lambda r: min(60_000, 100 * r.paretovariate(1.5)),
    # One in a hundred is a hundred times as long.
    "bimodal": lambda r: 100 if r.random() < 0.99 else 10_000,
}


@pytest.mark.parametrize("calls", [40, 300, 1000])
@pytest.mark.parametrize("follows", [False, True])
@pytest.mark.parametrize("at_once", [16, 500])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_a_cap_is_passed_by_no_more_than_the_error_of_one_call(
    lengths: str, at_once: int, follows: bool, calls: int
) -> None:
    """In virtual time: short and long answers, few and many at once; and the cap is used."""
    draw, past = LENGTHS[lengths], []
    for seed in range(3):
        sample = random.Random(seed + 99)
        mean = sum(draw(sample) for _ in range(2000)) / 2000 * 10e-6 + 1000e-6
        budget, system = Budget(max_cost=mean * calls), Sampled(draw, follows, seed)

        async def work(
            budget: Budget = budget, system: System = system, sample: random.Random = sample
        ) -> None:
            with contextlib.suppress(BudgetExceeded):
                while True:
                    prompt = "a" * sample.randrange(200, 8000)
                    await budget.answer(system, Ask((Message("user", prompt),)))

        async def all_at_once(work: Callable[[], Awaitable[None]] = work) -> None:
            await asyncio.gather(*(work() for _ in range(at_once)))

        virtual_time.run(all_at_once())
        assert budget.max_cost is not None
        # With a probability of 99 % by no more than one: bimodal lengths have one such case.
        past.append((budget.cost - budget.max_cost) / max(system.costs))
        assert past[-1] <= 1.5
        assert budget.cost >= 0.95 * budget.max_cost or past[-1] > -1
        assert budget.cost == pytest.approx(sum(system.costs))
    assert sorted(past)[-2] <= 1


def test_a_waiting_call_does_not_start_after_a_stop() -> None:
    """What waits for room when the run is stopped is not asked, and leaves nothing reserved."""

    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    async def work() -> list[Any]:
        asks = [budget.answer(system, Ask((Message("user", "?"),))) for _ in range(3)]
        budget.may_start = stop
        return await asyncio.gather(*asks, return_exceptions=True)

    budget, system = Budget(max_cost=0.6), Sampled(lambda r: 10_000, True, 0)
    first, *others = virtual_time.run(work())
    assert isinstance(first, Completion)
    assert all(isinstance(each, Stopped) for each in others)
    assert len(system.costs) == 1
    assert not budget.waiting


def test_the_last_line_has_the_sum_of_the_store(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Terminal, JSON and store give one sum of a run that its cap stopped."""
    with FakeEndpoint(latency=(0.0, 0.02)) as fake:
        options = ["--system", fake.address("model"), "--grader", fake.address("judge")]
        options += ["-p", "price=3/9", "-P", "price=3/9", "--max-cost", "0.1"]
        options += ["--grader-template", "preceptor", "--store", str(path), "--json"]
        assert cli.main(["run", "starter", *options]) == 1
    said = capsys.readouterr()
    paid = preceptor.load(store=path).result().cost_usd
    assert paid is not None
    assert 0.08 < paid <= 0.1
    assert json.loads(said.out)["cost_usd"] == pytest.approx(paid)
    assert f"; ${paid:,.4f} spent; go on with: " in said.err.splitlines()[-1]


def test_one_call_at_a_time_stays_below_the_cap(path: Path) -> None:
    """What does not fit any more is asked when the run goes on with a higher cap."""
    with FakeEndpoint(faults=["prose"], rate=1.0, most_faults=99) as fake:
        run = preceptor.run(
            "starter",
            system="physician",
            grader=fake.address("judge"),
            store=path,
            grader_template="preceptor",
            grader_params=[f"price={DOLLAR}", "concurrency=1"],
            max_cost=5000,
        )
        taken = [tokens(call.payload) for call in fake.log]
    assert 5000 - 1.5 * max(taken) < sum(taken) <= 5000 + max(taken) / 4
    again = preceptor.resume(run.info.name, store=path, max_cost=5001)
    assert again.result().cost_usd == pytest.approx(sum(taken))


def test_what_was_paid_before_a_refusal_is_kept(path: Path) -> None:
    """A useless reply before the endpoint refuses all calls is on the bill of the stopped run."""
    with FakeEndpoint(script=["prose", "unauthorized", "unauthorized"]) as fake:
        with pytest.raises(preceptor.EndpointRefused):
            preceptor.run(
                "starter",
                system="physician",
                grader=fake.address("judge"),
                store=path,
                limit=2,
                grader_template="preceptor",
                grader_params=[f"price={DOLLAR}", "concurrency=1"],
            )
        paid = tokens(fake.log[0].payload)
    assert preceptor.load(store=path).result().cost_usd == pytest.approx(paid)


# Who was paid


def test_bills_of_system_grader_and_examples_add_up(fake: FakeEndpoint, path: Path) -> None:
    """Paid and reused are told apart, and each way of adding up gives the cost of the run."""
    grader = f"jury:{fake.address('judge-a')}+{fake.address('judge-b')}"
    options: dict[str, Any] = {
        "system": fake.address("model"),
        "store": path,
        "system_params": ["price=3/9"],
        "grader_params": ["price=1/2/0.1"],
        "grader_template": "preceptor",
    }
    first = preceptor.run("starter", grader=fake.address("judge-a"), limit=3, **options)
    second = preceptor.run("starter", grader=grader, limit=6, **options)
    criteria = [len(item.example.criteria) for item in second.result().graded]
    for run in (first, second):
        score, spent = run.score(), run.score()["spending"]
        parts = sum(bill["cost_usd"] for bill in (*spent["system"], *spent["graders"]))
        assert parts == pytest.approx(score["cost_usd"])
        assert sum(bill["cost_usd"] for bill in spent["examples"]) == pytest.approx(parts)
        assert len(spent["examples"]) == run.info.n_examples
    spent = second.score()["spending"]
    (system,), (a, b) = spent["system"], spent["graders"]
    assert (system["paid"], system["reused"]) == (3, 3)
    known = sum(len(item.example.criteria) for item in first.result().graded)
    assert (a["name"], a["paid"], a["reused"]) == (
        fake.address("judge-a"),
        sum(criteria) - known,
        known,
    )
    assert (b["name"], b["paid"], b["reused"]) == (fake.address("judge-b"), sum(criteria), 0)
    assert spent["reused_usd"] == pytest.approx(first.score()["cost_usd"])
    assert a["usage"]["cached_tokens"] > 0


def test_an_unknown_price_leaves_the_bill_without_a_sum(fake: FakeEndpoint, path: Path) -> None:
    """Tokens are counted all the same, and the free system still has its cost of nothing."""
    run = preceptor.run(
        "starter", system="physician", grader=fake.address("judge"), limit=2, store=path
    )
    spent = run.score()["spending"]
    assert run.score()["cost_usd"] is None
    assert [bill["cost_usd"] for bill in spent["graders"]] == [None]
    assert spent["graders"][0]["usage"]["input_tokens"] > 0
    assert [bill["cost_usd"] for bill in spent["system"]] == [0.0]


def test_pooled_runs_have_one_bill(fake: FakeEndpoint, path: Path) -> None:
    """The runs behind one label are billed together."""
    costs = []
    for seed in (1, 2):
        run = preceptor.run(
            "starter",
            system=fake.address("model"),
            grader=fake.address("judge"),
            limit=2,
            store=path,
            system_params=["price=3/9", f"seed={seed}"],
            grader_params=["price=1/2"],
        )
        costs.append(run.score()["cost_usd"])
    (side,) = preceptor.sides(["both=*"], store=path)
    bills = [bill for bill in side.result.bills if bill.part != "example"]
    assert len(bills) == 2
    assert sum(bill.cost_usd or 0 for bill in bills) == pytest.approx(sum(costs))


def test_the_report_shows_costs(fake: FakeEndpoint, path: Path, tmp_path: Path) -> None:
    """Price with source, what was paid, and the examples that cost most stand in the page."""
    run = preceptor.run(
        "starter",
        system=fake.address("model"),
        grader=fake.address("judge"),
        limit=3,
        store=path,
        system_params=["price=30/90"],
        grader_params=["price=10/20/1"],
    )
    for share in (False, True):
        page = run.report(tmp_path / "report.html", share=share).read_text("utf-8")
        part = page.partition('<section id="cost"')[2].partition("</section>")[0]
        assert "$10 in, $20 out, $1 cached a million tokens (given with price=)" in part
        assert f"${run.score()['cost_usd']:.4f}" in part
        for item in run.result().graded:
            assert item.example.id in part


# Prompts that begin alike


class Arrivals:
    """A grader's endpoint that notes which calls arrive before which are answered."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.done: list[str] = []
        self.overlaps: list[tuple[str, int, int]] = []
        self.url = ""

    async def chat(self, request: web.Request) -> web.Response:
        payload = await request.json()
        text = payload["messages"][-1]["content"]
        answer = text.partition("</conversation>")[0]
        finished = sum(each.partition("</conversation>")[0] == answer for each in self.done)
        same = sum(each.partition("</conversation>")[0] == answer for each in self.open)
        self.overlaps.append((answer, finished, same))
        self.open.add(text)
        await asyncio.sleep(0.02)
        self.open.discard(text)
        self.done.append(text)
        verdict = '{"explanation": "", "criteria_met": true}'
        body = {
            "choices": [{"message": {"content": verdict}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        }
        return web.json_response(body)


@pytest.fixture
def arrivals() -> Iterator[Arrivals]:
    import threading

    seen, loop, ready = Arrivals(), asyncio.new_event_loop(), threading.Event()

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", seen.chat)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        seen.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        ready.set()
        return runner

    def serve() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait()
    yield seen
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def answers(path: Path, length: int) -> str:
    """A file of recorded answers to two tasks of `starter`."""
    from preceptor import benchmarks

    examples = benchmarks.get("starter").load(None).examples[:2]
    rows = [{"id": e.id, "response": f"{n} " + "word " * length} for n, e in enumerate(examples)]
    file = path / "answers.jsonl"
    file.write_text("\n".join(msgspec.json.encode(row).decode() for row in rows), "utf-8")
    return f"replay:{file}"


@pytest.mark.parametrize(
    ("price", "words", "ahead"),
    [("1/2/0.1", 2000, True), ("1/2/1", 2000, False), ("1/2", 2000, False), ("1/2/0.1", 9, False)],
)
def test_one_call_about_an_answer_goes_ahead_where_that_saves(
    price: str, words: int, ahead: bool, arrivals: Arrivals, path: Path, tmp_path: Path
) -> None:
    """With a discount and a long beginning in common, the others start when the first is done."""
    run = preceptor.run(
        "starter",
        system=answers(tmp_path, words),
        grader=f"{arrivals.url}#judge",
        store=path,
        grader_template="preceptor",
        grader_params=[f"price={price}"],
        min_coverage=0,
    )
    judged = sum(
        len(g.example.criteria)
        for g in run.result().graded
        if g.response and not g.response.failure
    )
    first: dict[str, int] = {}
    for answer, finished, same in arrivals.overlaps:
        if finished == 0:
            first[answer] = max(first.get(answer, 0), same)
    assert len(arrivals.overlaps) == judged
    assert len(first) == 2
    assert all((most == 0) == ahead for most in first.values())


async def _leads(system: System) -> bool:
    """Whether of two calls with a long beginning in common one goes ahead."""
    ask = Ask((Message("user", "word " * 2000),))

    async def nothing() -> list[Verdict]:
        return []

    call, leader = Call({}, nothing, system, ask), CacheLeader()
    task = asyncio.ensure_future(nothing())
    leader.began(call, task)
    await task
    return leader.before(call) is task


def test_no_call_waits_for_a_batch() -> None:
    """Where a reply is hours away, nothing goes ahead, whatever the price."""
    system = Useless()
    assert not asyncio.run(_leads(system))
    system.price = Price(1, 2, 0.1)
    assert asyncio.run(_leads(system))
    system.slow = True
    assert not asyncio.run(_leads(system))


@pytest.mark.parametrize("kind", ["judge", "yesno:judge", "batched:judge"])
def test_the_conversation_stands_before_the_criteria(kind: str) -> None:
    """Prompts of one answer have all of it in common before they differ."""
    address = kind.replace("judge", "http://127.0.0.1:1/v1#judge")
    parameters = Parameters(price="free")
    settings = Settings(Method(criteria_per_call=2), (parameters,))
    grader = resolve_grader(address, settings, OWN)
    conversation = (Message("user", "q" * 500), Message("assistant", "a" * 500))
    asks: list[Ask] = []

    class Noting:
        async def judge(self, calls: Sequence[Call]) -> dict[int, Verdict]:
            asks.extend(call.ask for call in calls if call.ask is not None)
            return {p: Verdict(k, True) for c in calls for k, ps in c.about.items() for p in ps}

    criteria = {n: Criterion(f"{n} is said", 1) for n in range(4)}
    case = Case(conversation, criteria, "run")
    asyncio.run(grader.grade(case, list(criteria), cast("Recorder", Noting())))
    assert len(asks) == (2 if kind.startswith("batched") else 4)
    whole = "".join(message.content for message in asks[0].messages)
    assert common_prefix(asks[0], asks[1]) > whole.index("a" * 500) + 500


def test_the_beginning_that_two_prompts_have_in_common() -> None:
    """Whole messages that are equal, and of the first that differ the equal beginning."""

    def ask(*texts: str) -> Ask:
        return Ask(tuple(Message("user", text) for text in texts))

    assert common_prefix(ask("abc"), ask("abd")) == 2
    assert common_prefix(ask("abc", "de"), ask("abc", "dx")) == 4
    assert common_prefix(ask("x"), ask("y")) == 0
    assert common_prefix(ask("abc"), ask("abc")) == 3
    assert common_prefix(ask("abc"), ask("ab")) == 2
    other = Ask((Message("system", "abc"),))
    assert common_prefix(ask("abc"), other) == 0
    assert LEAST_TOKENS * CHARS_PER_TOKEN == 4608
