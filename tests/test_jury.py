"""Juries: what the rules decide, what becomes of votes, and what they cost."""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import preceptor
from format_5 import to_format_5
from preceptor.errors import EndpointRefused, InputError
from preceptor.graders import OWN, resolve_grader
from preceptor.graders.jury import JuryGrader, decide
from preceptor.store import Store, database
from preceptor.systems import Parameters
from preceptor.testing import FakeEndpoint, Fault
from preceptor.testing.replies import chat_body, reply_to

pytestmark = pytest.mark.usefixtures("bare")

EXAMPLES, CRITERIA = 36, 148
Place = tuple[str, int, int]
Met = dict[Place, bool | None]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work.db"


def jury(fake: FakeEndpoint, *models: str) -> str:
    return "jury:" + "+".join(fake.address(model) for model in models)


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


def met(path: Path, name: str = "mine") -> Met:
    with Store(path, create=False) as store:
        return {
            (item.example.id, item.repeat, index): verdict.met
            for item in store.graded(store.run(name))
            for index, verdict in enumerate(item.verdicts)
            if verdict is not None
        }


def votes(path: Path, name: str = "mine") -> list[tuple[Any, ...]]:
    """Rows of the view that users query."""
    query = (
        "SELECT example_id, repeat, criterion, member, role, grader, met, reason FROM votes "
        "WHERE run = ? ORDER BY 1, 2, 3, 4"
    )
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query, (name,)).fetchall()


def asked(fake: FakeEndpoint) -> Counter[str]:
    return Counter(call.payload["model"] for call in fake.log)


# Rules

T, F, N = True, False, None


@pytest.mark.parametrize(
    ("votes", "options", "expected"),
    [
        ((T, T, F), {}, (True, None)),
        ((T, F, F), {}, (False, None)),
        ((T, N, N), {}, (True, None)),
        ((T, F, N), {}, (None, "tie")),
        ((T, F), {"tie": "met"}, (True, None)),
        ((T, F), {"tie": "not_met"}, (False, None)),
        ((N, N, N), {"tie": "met"}, (None, "votes_missing")),
        ((T, T, T), {"rule": "unanimous"}, (True, None)),
        ((T, T, F), {"rule": "unanimous"}, (False, None)),
        ((T, T, N), {"rule": "unanimous"}, (None, "votes_missing")),
        ((T, F, N), {"rule": "unanimous"}, (False, None)),
        ((F, F, T), {"rule": "any"}, (True, None)),
        ((F, F, F), {"rule": "any"}, (False, None)),
        ((F, F, N), {"rule": "any"}, (None, "votes_missing")),
        ((T, N, N), {"rule": "any"}, (True, None)),
        ((T, T, F, F), {"rule": "quorum", "quorum": 2}, (True, None)),
        ((T, F, F, N), {"rule": "quorum", "quorum": 2}, (None, "votes_missing")),
        ((T, F, F, N), {"rule": "quorum", "quorum": 3}, (False, None)),
        ((T, F, F), {"rule": "weighted", "weights": (3, 1, 1)}, (True, None)),
        ((T, F, F), {"rule": "weighted", "weights": (2, 1, 1)}, (None, "tie")),
        ((N, T, F), {"rule": "weighted", "weights": (9, 1, 2)}, (False, None)),
        ((T, F, F), {"rule": "weighted", "weights": (0.3, 0.1, 0.2), "tie": "met"}, (True, None)),
    ],
)
def test_rule(votes: Any, options: dict[str, Any], expected: Any) -> None:
    """By hand: majorities are of the votes given, counts may be undecided by those missing."""
    assert decide(votes, **options) == expected


ballots = st.lists(st.sampled_from([T, F, N]), min_size=1, max_size=6)


@given(ballots, st.data())
def test_missing_vote_is_decided_either_way_alike(ballot: list[bool | None], data: Any) -> None:
    """Where a count is needed, a verdict is one that no vote still missing could change."""
    options: dict[str, Any] = data.draw(
        st.sampled_from(
            [{"rule": "unanimous"}, {"rule": "any"}]
            + [{"rule": "quorum", "quorum": k} for k in range(1, len(ballot) + 1)]
        )
    )
    missing = [i for i, vote in enumerate(ballot) if vote is None]
    outcomes = set()
    for filled in itertools.product([T, F], repeat=len(missing)):
        whole = list(ballot)
        for index, vote in zip(missing, filled, strict=True):
            whole[index] = vote
        outcomes.add(decide(whole, **options)[0])
    found, reason = decide(ballot, **options)
    if len(missing) == len(ballot) or len(outcomes) > 1:
        assert (found, reason) == (None, "votes_missing")
    else:
        assert {found} == outcomes


@given(ballots)
def test_majority_of_swapped_votes_is_the_opposite(ballot: list[bool | None]) -> None:
    found, reason = decide(ballot)
    swapped = decide([None if vote is None else not vote for vote in ballot])
    assert swapped == (None if found is None else not found, reason)
    assert decide(ballot, rule="weighted", weights=[0.1] * len(ballot)) == (found, reason)


# Whole runs


def test_jury_decides_by_what_its_members_say_alone(path: Path) -> None:
    """Each member's vote is the verdict it gives by itself; nothing of it is paid for twice."""
    models = ("judge-1", "judge-2", "judge-3")
    with FakeEndpoint() as fake:
        for model in models:
            run(fake, path, fake.address(model), name=model)
        before = fake.calls.total()
        finished = run(fake, path, jury(fake, *models))
        assert fake.calls.total() == before
    alone = [met(path, model) for model in models]
    found = met(path)
    assert found == {p: sum(bool(each[p]) for each in alone) >= 2 for p in alone[0]}
    assert {True, False} == set(found.values())
    assert finished.result().cost_usd in (0, None)
    assert finished.result().coverage == 1
    cast = votes(path)
    assert len(cast) == 3 * CRITERIA
    for example, repeat, criterion, member, role, grader, vote, reason in cast:
        assert (role, grader, reason) == ("juror", fake.address(models[member]), None)
        assert bool(vote) == alone[member][example, repeat, criterion]


def test_jury_pays_for_each_call_once(path: Path) -> None:
    """Tokens and dollars are those of the members' calls; each is asked each criterion once."""
    with FakeEndpoint() as fake:
        prices = ["1.price=1/1", "2.price=5/5"]
        grader = jury(fake, "judge-1", "judge-2")
        finished = run(
            fake, path, grader, grader_params=[*prices, "tie=met"], system_params=["price=free"]
        )
        usages = {
            model: sum(
                chat_body(call.payload, reply_to(call.payload))["usage"]["total_tokens"]
                for call in fake.log
                if call.payload["model"] == model
            )
            for model in ("judge-1", "judge-2")
        }
        assert asked(fake) == {"model-a": EXAMPLES, "judge-1": CRITERIA, "judge-2": CRITERIA}
    result = finished.result()
    assert result.grader_usage.total == sum(usages.values())
    dollars = (usages["judge-1"] + 5 * usages["judge-2"]) / 1e6
    assert result.cost_usd == pytest.approx(dollars, rel=1e-9)
    assert sum(
        verdict.cost_usd or 0 for item in result.graded for verdict in item.verdicts if verdict
    ) == pytest.approx(dollars, rel=1e-9)
    assert result.coverage == 1


def test_tie_is_ungraded_unless_told_otherwise(path: Path) -> None:
    with FakeEndpoint() as fake:
        grader = jury(fake, "judge-1", "judge-2")
        first = run(fake, path, grader)
        calls = fake.calls.total()
        for tie in ("met", "not_met"):
            run(fake, path, grader, name=tie, grader_params=[f"tie={tie}"])
        resumed = preceptor.resume("mine", store=path)
        assert fake.calls.total() == calls  # a tie is not broken by asking again
    ties = first.result().ungraded["tie"]
    assert 10 < ties < CRITERIA - 10
    assert resumed.result().ungraded == {"tie": ties}
    assert resumed.result().grader_usage == first.result().grader_usage
    undecided = {place for place, m in met(path).items() if m is None}
    said = met(path, "met"), met(path, "not_met")
    assert all(said[0][place] is True and said[1][place] is False for place in undecided)


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        (["rule=unanimous"], all),
        (["rule=any"], any),
        (["quorum=2"], lambda given: sum(given) >= 2),
        (["weights=3,1,1"], lambda given: given[0]),
    ],
)
def test_rule_of_a_run(path: Path, parameters: list[str], rule: Any) -> None:
    """The rule is a parameter; the run and its resume keep it."""
    with FakeEndpoint() as fake:
        grader = jury(fake, "judge-1", "judge-2", "judge-3")
        finished = run(fake, path, grader, grader_params=parameters)
        assert preceptor.resume("mine", store=path).result().coverage == 1
    found = met(path)
    ballot: dict[Place, list[bool]] = {}
    for example, repeat, criterion, _, _, _, vote, _ in votes(path):
        ballot.setdefault((example, repeat, criterion), []).append(bool(vote))
    assert found == {place: bool(rule(given)) for place, given in ballot.items()}
    key = parameters[0].partition("=")[0]
    assert finished.info.settings.grader_parameters[key]
    assert any("jury of 3" in departure for departure in finished.result().departures)


def test_member_that_fails_has_no_vote(path: Path) -> None:
    """Two of three decide; the verdict says who had no vote and why."""
    faults = [Fault("prose", on="grader")]
    with FakeEndpoint(faults=faults, rate=0.4, most_faults=99, seed=2) as fake:
        finished = run(fake, path, jury(fake, "judge-1", "judge-2", "judge-3"))
    reasons = Counter(row[7] for row in votes(path))
    assert set(reasons) == {None, "unparseable"}
    ballot: dict[Place, list[bool]] = {}
    for example, repeat, criterion, _, _, _, vote, _ in votes(path):
        given = ballot.setdefault((example, repeat, criterion), [])
        given += [] if vote is None else [bool(vote)]
    for item in finished.result().graded:
        for index, verdict in enumerate(item.verdicts):
            assert verdict is not None
            given = ballot[item.example.id, item.repeat, index]
            lead = sum(given) * 2 - len(given)
            assert verdict.met == (None if lead == 0 else lead > 0)
            told = verdict.explanation
            assert told.count("no vote (unparseable)") == 3 - len(given)
            assert told.count(": met") == sum(given)


def test_member_that_stands_twice_is_asked_twice(path: Path) -> None:
    """Each time is another call with another key, and with the next seed where there is one."""
    with FakeEndpoint() as fake:
        grader = jury(fake, "judge", "judge", "judge")
        run(fake, path, grader, limit=2, grader_params=["seed=7"])
        seeds = Counter(
            call.payload["seed"] for call in fake.log if call.payload["model"] == "judge"
        )
        calls = fake.calls.total()
        run(fake, path, fake.address("judge"), limit=2, name="alone", grader_params=["seed=7"])
        assert fake.calls.total() == calls
        assert fake.peak["judge"] >= 1
    assert set(seeds) == {7, 8, 9}
    assert len(set(seeds.values())) == 1
    with closing(sqlite3.connect(path)) as connection:
        [[count, keys]] = connection.execute(
            "SELECT count(*), count(DISTINCT verdict_id) FROM run_votes"
        )
    assert count == keys


def test_members_of_one_endpoint_share_its_limit(path: Path) -> None:
    """The same address twice is not twice the load."""
    with FakeEndpoint(latency=0.01) as fake:
        run(fake, path, jury(fake, "judge", "judge"), grader_params=["concurrency=3"])
        assert fake.peak["judge"] <= 3


def test_members_may_be_of_other_forms(path: Path) -> None:
    with FakeEndpoint() as fake:
        grader = "+".join(
            [
                "jury:" + fake.address("a"),
                "batched:" + fake.address("b"),
                "yesno:" + fake.address("c"),
            ]
        )
        finished = run(fake, path, grader, grader_params=["criteria_per_call=9"])
        assert asked(fake) == {"model-a": EXAMPLES, "a": CRITERIA, "b": EXAMPLES, "c": CRITERIA}
    assert finished.result().coverage == 1


def test_stop_in_the_middle_pays_nothing_twice(path: Path) -> None:
    """Votes that were cast before a stop are found by the resume, and stay this run's expense."""
    with FakeEndpoint(script=[None] * 150 + ["unauthorized"]) as fake:
        few = ["price=1/1", "concurrency=4"]
        prices = {"grader_params": [*few, "tie=met"], "system_params": few}
        with pytest.raises(EndpointRefused):
            run(fake, path, jury(fake, "judge-1", "judge-2"), **prices)
        calls = fake.calls.total()
        assert calls < 200
        resumed = preceptor.resume("mine", store=path)
        usages = [
            chat_body(call.payload, reply_to(call.payload))["usage"]["total_tokens"]
            for call in fake.log
            if call.fault is None
        ]
    assert resumed.result().coverage == 1
    assert fake.delivered.total() == EXAMPLES + 2 * CRITERIA
    assert resumed.result().cost_usd == pytest.approx(sum(usages) / 1e6, rel=1e-9)


def test_cap_on_cost_needs_the_price_of_every_member(path: Path) -> None:
    with FakeEndpoint() as fake:
        grader = jury(fake, "judge-1", "judge-2")
        options = {"max_cost": 1.0, "system_params": ["price=free"]}
        with pytest.raises(InputError, match=r"no price is known for .*judge-2"):
            run(fake, path, grader, grader_params=["1.price=1/1"], **options)
        assert fake.calls.total() == 0


def test_departing_run_is_forgotten_with_its_votes(path: Path) -> None:
    """Deleting a run deletes its votes; the members' verdicts stay for other runs."""
    with FakeEndpoint() as fake:
        run(fake, path, jury(fake, "judge-1", "judge-2"), limit=2)
        with Store(path) as store:
            assert len(store.votes(store.run("mine"))) > 0
            store.delete_run(store.run("mine"))
        assert votes(path) == []
        calls = fake.calls.total()
        run(fake, path, jury(fake, "judge-1", "judge-2"), limit=2)
    assert fake.calls.total() == calls


def test_store_of_the_second_format_takes_votes(path: Path) -> None:
    """A store from before there were juries has room for votes once it is opened."""
    with FakeEndpoint() as fake:
        run(fake, path, fake.address("judge-1"), limit=2, name="old")
        with Store(path) as store, database.writing(store.engine) as connection:
            to_format_5(connection)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(
                "DROP TABLE run_votes; DROP TABLE batches;"
                "ALTER TABLE verdicts DROP COLUMN label;"
                "UPDATE preceptor SET value = '2' WHERE key = 'format';"
            )
        run(fake, path, jury(fake, "judge-1", "judge-2"), limit=2)
    assert len(votes(path)) == 2 * len(met(path, "old")) > 0


# What cannot be

A, B = "http://h/v1#a", "http://h/v1#b"


@pytest.mark.parametrize(
    ("address", "parameters", "words"),
    [
        ("jury:", [], "expected jury:A+B or more"),
        (f"jury:{A}", [], "expected jury:A+B or more"),
        (f"jury:{A}+", [], "expected jury:A+B or more"),
        (f"jury:{A}+gpt-4", [], "unknown grader gpt-4"),
        (f"jury:{A}+physician", [], "recorded answers and cannot judge"),
        (f"jury:{A}+jury:{B}", [], "a jury cannot be within another grader"),
        (
            f"jury:{A}+{B}",
            ["rule=loudest"],
            "expected majority, unanimous, any, quorum or weighted",
        ),
        (f"jury:{A}+{B}", ["quorum=3"], "expected 1 to 2 members, found 3"),
        (f"jury:{A}+{B}", ["rule=quorum"], "belongs to rule=quorum, and that needs it"),
        (f"jury:{A}+{B}", ["rule=any", "quorum=1"], "belongs to rule=quorum"),
        (f"jury:{A}+{B}", ["weights=1,2,3"], "expected 2, one for each member, found 3"),
        (f"jury:{A}+{B}", ["weights=1,-2"], "expected numbers above 0"),
        (f"jury:{A}+{B}", ["weights=1,inf"], "expected numbers above 0"),
        (f"jury:{A}+{B}", ["weights=1,x"], "expected numbers above 0"),
        (f"jury:{A}+{B}", ["tie=heads"], "expected met, not_met or ungraded"),
        (f"jury:{A}+{B}", ["3.price=free"], "expected KEY=VALUE with KEY one of"),
        (f"jury:{A}+{B}", ["2.colour=red"], "expected KEY=VALUE with KEY one of"),
        (A, ["rule=any"], "expected KEY=VALUE with KEY one of"),
    ],
)
def test_bad_jury_is_one_line(address: str, parameters: list[str], words: str, path: Path) -> None:
    with pytest.raises(InputError) as caught:
        preceptor.run(
            "starter", system="physician", grader=address, grader_params=parameters, store=path
        )
    assert words in str(caught.value).replace("'", "")
    assert "\n" not in str(caught.value)
    assert not path.exists()


def test_parameters_alone_are_those_of_every_member() -> None:
    grader = resolve_grader(f"jury:{A}+{B}", Parameters(temperature=0.3), OWN)
    assert isinstance(grader, JuryGrader)
    assert [system.identity()["temperature"] for system in grader.systems] == [0.3, 0.3]
