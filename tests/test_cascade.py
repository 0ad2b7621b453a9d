"""Cascades: who decides what, the audit, the thresholds and their guarantee."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import preceptor
from preceptor import graders
from preceptor.errors import EndpointRefused, InputError
from preceptor.graders.cascade import drawn
from preceptor.graders.thresholds import Thresholds, agreement_bound, calibrate
from preceptor.records import Criterion, Message
from preceptor.store import Store, Vote
from preceptor.testing import FakeEndpoint, Fault
from preceptor.testing.replies import chat_body, reply_to

pytestmark = pytest.mark.usefixtures("bare")

EXAMPLES, CRITERIA = 36, 148
LOW, HIGH = 0.3, 0.7
SURE = ["low=.3", f"high={HIGH}"]
Place = tuple[str, int, int]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work.db"


def cascade(fake: FakeEndpoint, mark: str = ",", form: str = "") -> str:
    return f"cascade:yesno:{fake.address('cheap')}{mark}{form}{fake.address('strong')}"


def run(fake: FakeEndpoint, path: Path, grader: str, **options: Any) -> preceptor.Run:
    options.setdefault("name", "mine")
    return preceptor.run(
        "starter",
        system=fake.address("model-a"),
        grader=grader,
        grader_template="preceptor",
        store=path,
        **options,
    )


def met(path: Path, name: str = "mine") -> dict[Place, bool | None]:
    with Store(path, create=False) as store:
        return {
            (item.example.id, item.repeat, index): verdict.met
            for item in store.graded(store.run(name))
            for index, verdict in enumerate(item.verdicts)
            if verdict is not None
        }


def votes(path: Path, name: str = "mine") -> dict[str, dict[Place, Vote]]:
    """Role → place → vote."""
    found: dict[str, dict[Place, Vote]] = {"cheap": {}, "strong": {}, "audit": {}}
    with Store(path, create=False) as store:
        info = store.run(name)
        ids = [item.example.id for item in store.graded(info)]
        for vote in store.votes(info):
            place = (ids[vote.position], vote.repeat, vote.criterion)
            found[vote.role][place] = vote
    return found


def asked(fake: FakeEndpoint) -> Counter[str]:
    return Counter(call.payload["model"] for call in fake.log)


def is_sure(vote: Vote) -> bool:
    chance = vote.verdict.probability
    return chance is not None and (chance <= LOW or chance >= HIGH)


# Who decides


@pytest.mark.parametrize("mark", [",", ">", " > "])
def test_cheap_decides_where_it_is_sure_and_strong_the_rest(path: Path, mark: str) -> None:
    """Each verdict is that of the grader which decided, as it would have judged alone."""
    with FakeEndpoint() as fake:
        finished = run(fake, path, cascade(fake, mark), grader_params=SURE)
        calls = asked(fake)
        run(fake, path, f"yesno:{fake.address('cheap')}", name="cheap")
        run(fake, path, fake.address("strong"), name="strong")
    cast = votes(path)
    sure = {place for place, vote in cast["cheap"].items() if is_sure(vote)}
    assert 20 < len(sure) < CRITERIA - 20
    assert len(cast["cheap"]) == CRITERIA
    assert set(cast["strong"]) == set(cast["cheap"]) - sure
    assert cast["audit"] == {}
    assert calls == {"model-a": EXAMPLES, "cheap": CRITERIA, "strong": CRITERIA - len(sure)}
    cheap, strong = met(path, "cheap"), met(path, "strong")
    assert met(path) == {p: (cheap if p in sure else strong)[p] for p in cheap}
    assert finished.result().coverage == 1
    for item in finished.result().graded:
        for index, verdict in enumerate(item.verdicts):
            assert verdict is not None
            who = "yesno:" if (item.example.id, item.repeat, index) in sure else "http:"
            assert verdict.explanation.startswith(f"decided by {who}")
            assert (verdict.probability is not None) == (who == "yesno:")


def test_what_the_cheap_grader_fails_at_goes_to_the_strong_one(path: Path) -> None:
    """A cheap grader without a probability decides nothing; the run is complete all the same."""
    faults = [Fault("no_logprobs", on="grader")]
    with FakeEndpoint(faults=faults, rate=0.6, most_faults=99, seed=1) as fake:
        finished = run(fake, path, cascade(fake), grader_params=SURE)
    cast = votes(path)
    failed = {p for p, vote in cast["cheap"].items() if vote.verdict.met is None}
    assert 5 < len(failed) < CRITERIA
    assert failed <= set(cast["strong"])
    assert finished.result().coverage == 1


def test_what_the_strong_grader_fails_at_is_ungraded(path: Path) -> None:
    """The cheap grader's unsure opinion does not take its place; a resume asks the strong one."""
    with FakeEndpoint(faults=[Fault("prose", on="grader")], rate=1, most_faults=99) as fake:
        # For yes or no the token's probability counts and not the text, which this fault changes.
        finished = run(fake, path, cascade(fake), grader_params=["low=-1", "high=2"], limit=3)
        result = finished.result()
        assert set(result.ungraded) == {"unparseable"}
        assert result.coverage == 0


def test_nothing_is_sent_on_where_all_is_sure(path: Path) -> None:
    with FakeEndpoint() as fake:
        finished = run(fake, path, cascade(fake), grader_params=["low=0.5", "high=0.5"])
        assert asked(fake)["strong"] == 0
    assert finished.result().coverage == 1
    assert votes(path)["strong"] == {}


def test_batched_strong_grader_is_asked_for_the_rest_at_once(path: Path) -> None:
    """Only for what it has to decide: its batches hold nothing that the cheap one is sure of."""
    with FakeEndpoint() as fake:
        finished = run(fake, path, cascade(fake, ",", "batched:"), grader_params=SURE)
        assert asked(fake)["strong"] <= EXAMPLES
        prompts = [
            call.payload["messages"][-1]["content"]
            for call in fake.log
            if call.payload["model"] == "strong"
        ]
    assert finished.result().coverage == 1
    texts = {
        (item.example.id, 0, index): criterion.text
        for item in finished.result().graded
        for index, criterion in enumerate(item.example.criteria)
    }
    everything = "\n".join(prompts)
    sent = votes(path)["strong"]
    assert all((f"] {text}\n" in everything) == (place in sent) for place, text in texts.items())


# The audit


def test_audit_asks_the_strong_grader_too_and_changes_nothing(path: Path) -> None:
    """About that share of the sure ones, and none of the others; both verdicts are kept."""
    with FakeEndpoint() as fake:
        run(fake, path, cascade(fake), grader_params=SURE)
        before = fake.calls.total()
        run(fake, path, cascade(fake), name="audit", grader_params=[*SURE, "audit_share=0.4"])
        after = fake.calls.total()
        run(fake, path, cascade(fake), name="again", grader_params=[*SURE, "audit_share=0.4"])
        assert fake.calls.total() == after
        more = [*SURE, "audit_share=0.4", "audit_seed=1"]
        run(fake, path, cascade(fake), name="other", grader_params=more)
        every = [*SURE, "audit_share=1"]
        run(fake, path, cascade(fake), name="every", grader_params=every)
        run(fake, path, fake.address("strong"), name="strong")
    assert met(path, "audit") == met(path)
    cast, strong = votes(path, "audit"), met(path, "strong")
    sure = {place for place, vote in cast["cheap"].items() if is_sure(vote)}
    assert set(cast["audit"]) < sure
    assert len(cast["audit"]) == after - before
    assert 0.2 < len(cast["audit"]) / len(sure) < 0.6
    assert all(vote.verdict.met == strong[place] for place, vote in cast["audit"].items())
    assert set(votes(path, "again")["audit"]) == set(cast["audit"])
    assert set(votes(path, "other")["audit"]) != set(cast["audit"])
    assert set(votes(path, "every")["audit"]) == sure


@given(st.integers(0, 50), st.floats(0, 1), st.floats(0, 1))
def test_larger_share_holds_the_smaller_one(seed: int, one: float, other: float) -> None:
    """What is in a share stays in a larger one, so an audit can be enlarged for the difference."""
    keys = [f"{i:032x}" for i in range(40)]
    few, many = sorted((one, other))
    assert {k for k in keys if drawn(k, few, seed)} <= {k for k in keys if drawn(k, many, seed)}


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
def test_share_is_what_was_asked_for(share: float) -> None:
    """Within four standard errors over 20,000 keys."""
    count = sum(drawn(f"{i:032x}", share, 3) for i in range(20_000))
    assert abs(count / 20_000 - share) <= 4 * np.sqrt(share * (1 - share) / 20_000)


# What it costs, and how it goes on


def test_cascade_pays_for_each_call_once(path: Path) -> None:
    """Each stage with its own price; a stop in the middle and the resume pay nothing twice, and the
    audit is whole."""
    script = [None] * 120 + ["unauthorized"]
    parameters = [*SURE, "audit_share=0.3", "cheap.price=free", "strong.price=10/10"]
    with FakeEndpoint(script=script) as fake:
        with pytest.raises(EndpointRefused):
            run(
                fake,
                path,
                cascade(fake),
                grader_params=[*parameters, "concurrency=4"],
                system_params=["price=free", "concurrency=4"],
            )
        assert fake.calls.total() < 160
        resumed = preceptor.resume("mine", store=path)
        usages = [
            chat_body(call.payload, reply_to(call.payload))["usage"]["total_tokens"]
            for call in fake.log
            if call.payload["model"] == "strong" and call.fault is None
        ]
    assert resumed.result().coverage == 1
    assert set(fake.delivered.values()) == {1}
    assert resumed.result().cost_usd == pytest.approx(10 * sum(usages) / 1e6, rel=1e-9)
    cast = votes(path)
    keys = {p: vote.verdict.key for p, vote in cast["cheap"].items() if is_sure(vote)}
    assert set(cast["audit"]) == {p for p, key in keys.items() if drawn(key, 0.3, 0)}


def test_votes_are_there_to_be_queried(path: Path) -> None:
    """The cheap and the strong verdict of one criterion stand side by side."""
    with FakeEndpoint() as fake:
        run(fake, path, cascade(fake), grader_params=[*SURE, "audit_share=1"])
    query = """
        SELECT count(*), sum(a.met = b.met) FROM votes a
        JOIN votes b USING (run, example_id, repeat, criterion)
        WHERE a.role = 'cheap' AND b.role = 'audit'
    """
    with closing(sqlite3.connect(path)) as connection:
        [[n, same]] = connection.execute(query)
    cast = votes(path)
    assert n == len(cast["audit"])
    assert same == sum(
        vote.verdict.met == cast["cheap"][place].verdict.met
        for place, vote in cast["audit"].items()
    )


# A distilled grader


class Model:
    """As sure as its file says."""

    def __init__(self, chances: list[float]) -> None:
        self.chances, self.seen = chances, []  # type: ignore[var-annotated]

    def probabilities(
        self, conversation: Sequence[Message], response: str, criteria: Sequence[Criterion]
    ) -> list[float]:
        self.seen += [(conversation[-1].role, bool(response), c.text) for c in criteria]
        return [self.chances[len(c.text) % len(self.chances)] for c in criteria]


def test_distilled_grader_calls_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It judges alone by its probability, and is the first stage of a cascade for nothing."""
    model = Model([0.05, 0.5, 0.8])
    monkeypatch.setattr(graders, "_load", lambda _: model)
    file = path.with_name("grader.bin")
    file.write_bytes(b"weights")
    with FakeEndpoint() as fake:
        alone = run(fake, path, f"distilled:{file}", system_params=["price=free"], max_cost=1.0)
        assert fake.calls.total() == EXAMPLES
        both = f"cascade:distilled:{file},{fake.address('strong')}"
        run(fake, path, both, name="both")
        again = fake.calls.total()
        seen = len(model.seen)
        run(fake, path, f"distilled:{file}", name="again")
        assert (fake.calls.total(), len(model.seen)) == (again, seen)
        file.write_bytes(b"other weights")
        run(fake, path, f"distilled:{file}", name="other")
    assert len(model.seen) > seen
    assert alone.result().coverage == 1
    assert alone.result().cost_usd == 0
    assert set(Counter(role for role, *_ in model.seen)) == {"user"}
    for item in alone.result().graded:
        for criterion, verdict in zip(item.example.criteria, item.verdicts, strict=True):
            assert verdict is not None
            assert verdict.probability == model.chances[len(criterion.text) % 3]
            assert verdict.met == (verdict.probability >= 0.5)
    cast = votes(path, "both")
    assert set(cast["strong"]) == {
        p for p, vote in cast["cheap"].items() if (vote.verdict.probability or 0) > 0.1
    }


# What cannot be

A, B = "http://h/v1#a", "http://h/v1#b"
GOOD = f"cascade:yesno:{A},{B}"


@pytest.mark.parametrize(
    ("address", "parameters", "words"),
    [
        ("cascade:", [], "expected cascade:CHEAP,STRONG"),
        (f"cascade:yesno:{A}", [], "expected cascade:CHEAP,STRONG"),
        (f"cascade:yesno:{A},{B},{B}", [], "expected cascade:CHEAP,STRONG"),
        (f"cascade:yesno:{A},", [], "expected cascade:CHEAP,STRONG"),
        (f"cascade:{A},{B}", [], "the first grader must give a probability"),
        (f"cascade:batched:{A}>{B}", [], "the first grader must give a probability"),
        (f"cascade:yesno:{A},jury:{A}+{B}", [], "a jury cannot be within another grader"),
        (f"cascade:yesno:{A},gpt-4", [], "unknown grader gpt-4"),
        (f"cascade:distilled:,{A}", [], "expected a file after distilled:"),
        (f"cascade:distilled:gone.bin,{A}", [], "No such file"),
        (GOOD, ["low=0.9", "high=0.1"], "expected at most high (0.1), found 0.9"),
        (GOOD, ["low=x"], "expected a number from 0 to 1"),
        (GOOD, ["low=nan"], "expected a number from 0 to 1"),
        (GOOD, ["high=2.5"], "expected a number from 0 to 1"),
        (GOOD, ["audit_share=1.1"], "expected a number from 0 to 1"),
        (GOOD, ["audit_seed=a"], "expected a whole number"),
        (GOOD, ["weak.price=free"], "expected KEY=VALUE with KEY one of"),
        (GOOD, ["rule=any"], "expected KEY=VALUE with KEY one of"),
        ("distilled:pyproject.toml", ["price=free"], "takes no parameters"),
    ],
)
def test_bad_cascade_is_one_line(
    address: str, parameters: list[str], words: str, path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        preceptor.run(
            "starter", system="physician", grader=address, grader_params=parameters, store=path
        )
    assert words in str(caught.value).replace("'", "")
    assert "\n" not in str(caught.value)
    assert not path.exists()


# Thresholds


def test_bound_of_independent_decisions_is_clopper_and_pearsons() -> None:
    """With groups of one, whatever their number, against SciPy's exact interval."""
    rng = np.random.default_rng(0)
    for n in (30, 200, 1000):
        wrong = rng.permutation(np.arange(n) < n // 10)
        exact = stats.binomtest(int(n - wrong.sum()), n).proportion_ci(0.90, "exact").low
        assert agreement_bound(wrong, np.arange(n)) == pytest.approx(exact, abs=0.15 / n)
        # Precisely: the variance within the sample counts one decision less.
        less, share = n - 1, 1 - wrong.mean()
        fewer = stats.beta.ppf(0.05, share * less, (1 - share) * less + 1)
        assert agreement_bound(wrong, np.arange(n)) == pytest.approx(fewer, rel=1e-9)


def test_bound_of_whole_groups_is_that_of_their_number() -> None:
    """Ten copies of each decision in its group say no more than one does."""
    wrong = np.arange(100) < 8
    once = agreement_bound(wrong, np.arange(100))
    ten = agreement_bound(np.repeat(wrong, 10), np.repeat(np.arange(100), 10))
    assert once is not None
    assert ten == pytest.approx(once, abs=0.003)


def test_bound_at_the_ends() -> None:
    assert agreement_bound([], []) is None
    assert agreement_bound([0, 0, 1], [7, 7, 7]) == 0
    assert agreement_bound([1, 1], [0, 1]) == 0
    # No error in 50 groups: the rule of three.
    assert agreement_bound([0] * 200, np.repeat(np.arange(50), 4)) == pytest.approx(
        0.05 ** (1 / 50)
    )


@given(st.integers(2, 40), st.integers(0, 10**6))
def test_bound_is_below_the_share_and_grows_with_less_confidence(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(count), 5)
    wrong = rng.random(len(groups)) < 0.2
    careful = agreement_bound(wrong, groups, confidence=0.99)
    bold = agreement_bound(wrong, groups, confidence=0.8)
    assert careful is not None
    assert bold is not None
    assert 0 <= careful <= bold <= 1 - wrong.mean() + 1e-12 or wrong.sum() == 0


def verdicts_of(
    rng: np.random.Generator, prompts: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Made-up probabilities, labels and prompts; a prompt's items go wrong together."""
    g = np.repeat(np.arange(prompts), rng.integers(2, 24, prompts))
    signal = 2 * rng.normal(size=len(g)) + rng.normal(size=prompts)[g]
    p = 1 / (1 + np.exp(-signal))
    chance = 1 / (1 + np.exp(-1.2 * signal - 0.8 * rng.normal(size=prompts)[g]))
    return p, (rng.random(len(g)) < chance).astype(float), g


@pytest.mark.parametrize("target", [0.8, 0.85, 0.9])
def test_thresholds_keep_their_promise_on_new_prompts(target: float) -> None:
    """In 200 calibrations the true agreement is below what was asked for in at most 5 % of them
    (and what chance adds to that), while much is decided."""
    rng = np.random.default_rng(1)
    p, y, _ = verdicts_of(rng, 20_000)
    broken, decided = 0, []
    for _ in range(200):
        sample = verdicts_of(rng, 150)
        found = calibrate(sample[0], sample[1], list(sample[2]), agreement=target)
        sure = (p <= found.low) | (p >= found.high)
        decided.append(sure.mean())
        broken += bool(sure.any() and (y[sure] == (p[sure] >= found.high)).mean() < target)
    assert broken <= stats.binom.ppf(0.999, 200, 0.05)
    assert np.mean(decided) > {0.8: 0.75, 0.85: 0.55, 0.9: 0.35}[target]


def test_thresholds_say_what_they_are_worth() -> None:
    """On the held-out half: share sent on, agreement and its bound, which holds what was asked."""
    p, y, g = verdicts_of(np.random.default_rng(2), 400)
    found = calibrate(p, y, list(g), agreement=0.9)
    assert isinstance(found, Thresholds)
    assert 0 < found.low < found.high < 1
    assert found.agreement is not None
    assert found.bound is not None
    assert 0.9 <= found.bound < found.agreement <= 1
    assert 0.2 < found.sent < 0.8
    assert found.groups == 200
    assert found == calibrate(list(p), list(y), [f"prompt {i}" for i in g], agreement=0.9)


def test_useless_grader_may_decide_nothing() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 1000)
    found = calibrate(rng.random(1000), labels, list(np.arange(1000) // 5), agreement=0.9)
    assert (found.low, found.high, found.sent) == (-1.0, 2.0, 1.0)
    assert (found.agreement, found.bound) == (None, None)


def test_one_side_may_be_all_that_is_decided() -> None:
    """A grader that knows "not met" and nothing else decides that alone."""
    rng = np.random.default_rng(4)
    known = rng.random(4000) < 0.5
    p = np.where(known, 0.05, rng.uniform(0.4, 1, 4000))
    y = np.where(known, rng.random(4000) < 0.01, rng.random(4000) < 0.5)
    found = calibrate(p, y, list(np.arange(4000) // 10), agreement=0.95)
    assert 0.05 <= found.low < 0.42
    assert found.high > 0.95
    assert found.sent == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (([0.5] * 4, [1] * 3, list("abcd")), {}, "as many labels"),
        (([0.5] * 4, [1] * 4, list("abc")), {}, "as many labels"),
        (([0.5, 1.5, 0, 0], [1] * 4, list("abcd")), {}, "probabilities from 0 to 1"),
        (([0.5, float("nan"), 0, 0], [1] * 4, list("abcd")), {}, "probabilities from 0 to 1"),
        (([0.5] * 4, [0, 1, 2, 1], list("abcd")), {}, "labels 0 or 1"),
        (([0.5] * 4, [1] * 4, list("aabb")), {}, "at least 4 groups, found 2"),
        (([0.5] * 4, [1] * 4, list("abcd")), {"agreement": 1.0}, "agreement between 0 and 1"),
        (([0.5] * 4, [1] * 4, list("abcd")), {"confidence": 95}, "confidence between 0 and 1"),
    ],
)
def test_bad_input_of_a_calibration_is_named(
    arguments: Any, options: dict[str, float], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        calibrate(*arguments, **options)
