"""Runs are renamed, removed and listed by what is true of them."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

import preceptor
from preceptor.billing import BatchInfo
from preceptor.cli import main
from preceptor.errors import InputError, StoreBusy
from preceptor.records import (
    Criterion,
    Example,
    Image,
    Message,
    Response,
    RunInfo,
    RunSettings,
    Verdict,
)
from preceptor.results.filters import read_condition
from preceptor.store import Store
from preceptor.store.batches import Batches
from preceptor.store.deletion import Held, held, reclaim, remove, rename
from preceptor.testing import FakeEndpoint

EXAMPLES = [
    Example(f"e{n}", (Message("user", f"Question {n}?"),), (Criterion("A", 1), Criterion("B", 2)))
    for n in range(12)
]
TABLES = (
    *("runs", "examples", "responses", "turns", "verdicts", "judged", "packed_verdicts"),
    *("packed_keys", "run_verdicts", "run_responses", "run_examples", "run_systems", "blobs"),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "s.db") as opened:
        yield opened


def run_of(store: Store, name: str, examples: Sequence[Example] = EXAMPLES) -> RunInfo:
    return store.create_run(
        name=name,
        benchmark="healthbench",
        system="python:mine.py:answer",
        grader="openai/judge",
        settings=RunSettings(),
        examples=[(example, 1) for example in examples],
        repeats=1,
    )


def verdict(n: int, criterion: int, version: int = 0) -> Verdict:
    return Verdict(f"{10_000 * version + 100 * n + criterion:032x}", True, f"why {n} {criterion}")


def judge(store: Store, run: RunInfo, places: Sequence[int], second: Sequence[int] = ()) -> None:
    """Write answers, each with two verdicts; the second is another at the places ``second``."""
    store.write(
        run,
        [(n, 0, Response(f"{n:032x}", text=f"Answer {n}"), False) for n in places],
        [(n, 0, c, verdict(n, c, c if n in second else 0), False) for n in places for c in (0, 1)],
    )


def counts(store: Store) -> dict[str, int]:
    with store.reading() as connection:
        return {
            name: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name)))
            for name in TABLES
        }


@pytest.mark.parametrize("seed", range(2))
def test_removing_a_run_takes_what_no_other_run_has(store: Store, seed: int) -> None:
    """Whatever runs share, in packs or in rows: the others read as before and find each verdict."""
    rng = random.Random(seed)
    runs = [run_of(store, f"run-{n}") for n in range(3)]
    asked: dict[str, set[str]] = {}
    for run in runs:
        places = rng.sample(range(12), 9)
        second = rng.sample(range(12), 3)
        for start in range(0, len(places), 4):
            judge(store, run, places[start : start + 4], second)
        open_ = next(n for n in range(12) if n not in places)
        store.write(run, [], [(open_, 0, 0, verdict(open_, 0), False)])  # not complete
        keys = {verdict(n, c, c if n in second else 0).key for n in places for c in (0, 1)}
        asked[run.name] = keys | {verdict(open_, 0).key}
    before = {run.name: store.graded(run) for run in runs}
    for place, run in enumerate(runs):
        remove(store, run)
        for left in runs[place + 1 :]:
            assert store.graded(left) == before[left.name]
            assert store.find_verdicts(sorted(asked[left.name])).keys() == asked[left.name]
        gone = asked[run.name].difference(*(asked[left.name] for left in runs[place + 1 :]))
        assert not store.find_verdicts(sorted(gone))
    assert not any(counts(store).values()), counts(store)


def test_what_a_run_shares_is_told_before_it_is_removed(store: Store) -> None:
    """Answers and verdicts are counted, and those that stay."""
    one, two = run_of(store, "one"), run_of(store, "two")
    judge(store, one, range(5))
    judge(store, two, range(3))
    assert held(store, one) == Held(5, 10, 3, 6)


def test_images_go_with_the_last_run_that_has_them(store: Store) -> None:
    """An image of two runs stays with the second; then it goes too, and others stay."""
    kept = store.keep_blob("application/msgpack", b"not of a run")
    picture = Image.of(b"\x89PNG of two runs", "image/png")
    seen = Example("image", (Message("user", (picture,)),), ())
    one, two = run_of(store, "one", [seen]), run_of(store, "two", [seen])
    remove(store, one)
    assert store.media([picture.sha256])
    remove(store, two)
    assert not store.media([picture.sha256])
    assert store.blob(kept) == b"not of a run"


def test_a_run_under_way_is_neither_removed_nor_renamed(store: Store) -> None:
    """As long as a process works on it, or a provider has a batch of it."""
    run = run_of(store, "run")
    with store.lease(run):
        for change in (lambda: remove(store, run), lambda: rename(store, run, "other")):
            with pytest.raises(StoreBusy, match="run: process"):
                change()
    Batches(store, run).intend(BatchInfo("m", "openai", "http://h", ("a",), 1, "2999-01-01"))
    with pytest.raises(StoreBusy, match="a batch of it is under way at openai"):
        remove(store, run)
    Batches(store, run).end("m", "failed")
    remove(store, run)
    assert store.runs() == []


def test_space_is_given_back(store: Store, tmp_path: Path) -> None:
    """The file is smaller after most of it was removed; little is kept for what comes next."""
    large, small = run_of(store, "large"), run_of(store, "small")
    noise = random.Random(0)
    texts = [noise.randbytes(30_000).hex() for _ in range(12)]
    store.write(
        large, [(n, 0, Response(f"r{n}", text=text), False) for n, text in enumerate(texts)], []
    )
    store.write(small, [(0, 0, Response("s", text="short"), False)], [])
    remove(store, large)
    assert reclaim(store) > 200_000
    assert (tmp_path / "s.db").stat().st_size < 200_000
    assert reclaim(store) == 0


def test_a_renamed_run_keeps_its_answers_to_itself(store: Store) -> None:
    """Keys of user code have the first name: the run finds its own, a new one of that name none."""
    run = rename(store, run_of(store, "mine"), "theirs")
    assert (run.name, run.scope) == ("theirs", "mine")
    assert store.run("theirs") == run
    assert run_of(store, "mine").scope == "mine'"
    assert run_of(store, "new").settings.scope is None
    with pytest.raises(InputError, match="exists already"):
        rename(store, run, "mine")


@pytest.mark.parametrize("name", ["latest", " ", "a\nb", "a\u2028b", "a\r"])
def test_a_name_that_no_run_can_have(store: Store, name: str) -> None:
    """It would break a line or mean another run: refused wherever it is given."""
    run = run_of(store, "mine")
    for give in (lambda: rename(store, run, name), lambda: run_of(store, name)):
        with pytest.raises(InputError, match="expected a name on one line"):
            give()


# The command line


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of one system, of which the second has what the first has, and one of another."""
    path = tmp_path_factory.mktemp("manage") / "w.db"
    with FakeEndpoint() as fake:
        for name, model, limit in (("a", "gpt-one", 3), ("b", "gpt-one", 5), ("c", "claude", 3)):
            preceptor.run(
                "starter",
                system=fake.address(model),
                grader=fake.address("judge"),
                name=name,
                limit=limit,
                store=path,
            )
    return path


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        (["benchmark=starter"], "abc"),
        (["system=gpt*"], "ab"),
        (["system=*#claude"], "c"),
        (["SYSTEM"], "system"),
        (["system!=GPT-*"], "c"),
        (["n>3"], "b"),
        (["n<=3", "run != c"], "a"),
        (["started>=2020", "status=done"], "abc"),
        (["started<2020-01-01"], ""),
        (["coverage=100", "score>-101"], "abc"),
        (["score>100"], ""),
        (["cost>=0"], ""),  # without a price it is unknown, and not 0
    ],
)
def test_runs_are_listed_by_conditions(
    workspace: Path, conditions: list[str], names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """All must hold; a text in any case, with patterns, and a model by its name alone."""
    words = [word for text in conditions for word in ("--where", text)]
    code = main(["runs", "--store", str(workspace), "--json", *words])
    printed = capsys.readouterr()
    if names == "system":
        assert (code, "expected FIELD=VALUE" in printed.err) == (2, True)
        return
    assert code == 0
    assert [each["run"] for each in json.loads(printed.out)] == list(names)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scoer>1", "did you mean score"),
        ("colour=red", "the fields are run, benchmark"),
        ("n>many", "expected a number, found 'many'"),
        ("score>nan", "expected a number"),
        ("=x", "expected FIELD=VALUE"),
    ],
)
def test_a_wrong_condition_is_one_line(text: str, words: str) -> None:
    """The fields that there are, or what is wrong with the value."""
    with pytest.raises(InputError, match=words):
        read_condition(text)


def test_removing_asks_first(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No is no, and so is nobody there; yes removes, and a run that shares its answers stays."""

    def typed(answer: str, *words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        code = main([*words, "--store", str(workspace)])
        return code, "".join(capsys.readouterr())

    code, said = typed("n\n", "rm", "a")
    assert (code, "3 answers" in said, "for other runs have them too" in said) == (0, True, True)
    assert typed("", "rm", "a")[0] == 2
    assert len(preceptor.runs(store=workspace)) == 3
    before = preceptor.load("b", store=workspace).result()
    assert typed("", "rename", "b", "kept")[0] == 0
    assert typed("y\n", "rm", "a")[0] == 0
    assert typed("", "rm", "c*", "--yes")[0] == 0
    (left,) = preceptor.runs(store=workspace)
    assert (left.info.name, left.result().graded) == ("kept", before.graded)
    assert typed("", "rm", "nothing", "-y")[0] == 2
