"""An enriched sample: drawn as asked, kept as drawn, and said beside the score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import preceptor
from preceptor import benchmarks, cli
from preceptor.engine.plan import Request, check
from preceptor.engine.sampling import _lowest, enrich, sentence
from preceptor.errors import InputError
from preceptor.records import Criterion, Example, Message, Stratum
from preceptor.statistics.subsets import sample_weights
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

STARTER = benchmarks.get("starter")
TAG = "difficulty:difficult"
#: Of the starter set, and how many of them have the tag.
N, N_RICH = 36, 20


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRECEPTOR_STORE", raising=False)
    return tmp_path / "work.db"


def run(fake: FakeEndpoint, path: Path, **options: Any) -> preceptor.Run:
    return preceptor.run(
        "starter",
        store=path,
        **{
            "system": fake.address("m"),
            "grader": fake.address("judge"),
            "grader_template": "preceptor",
            **options,
        },
    )


def made(n: int, rich: int) -> list[Example]:
    """Examples of which the first ``rich`` have the tag x:y."""
    return [
        Example(
            f"e{i:04}",
            (Message("user", f"question {i}"),),
            (Criterion("Agrees.", 1),),
            ("x:y",) if i < rich else ("x:z",),
        )
        for i in range(n)
    ]


def plan(**options: Any) -> Any:
    return check(
        Request(
            **{
                "benchmark": "starter",
                "system": "http://127.0.0.1:1/v1#m",
                "grader": "python:json:dumps",
                "grader_template": "preceptor",
                **options,
            }
        )
    )


# By tag


def test_sample_has_the_asked_ratio() -> None:
    """3.5 times as likely: of 100 rich and 900 others, 100 drawn are 28 and 72."""
    drawn, strata = enrich(made(1000, 100), "x:y=3.5", 100, STARTER)
    assert strata.strata == {"rich": Stratum(100, 28), "other": Stratum(900, 72)}
    assert strata.rich == [example.id for example in drawn if "x:y" in example.tags]
    assert (strata.by, strata.factor, strata.kind) == ("x:y", 3.5, "tag")
    assert len({example.id for example in drawn}) == len(drawn) == 100
    assert sentence(strata) == (
        "Examples with x:y were drawn 3.5 times as often as others: the plain mean is not that of "
        "the benchmark; see the reweighted score."
    )


@given(
    n=st.integers(6, 300),
    share=st.floats(0.05, 0.95),
    part=st.floats(0.1, 0.95),
    factor=st.floats(0.1, 20),
)
def test_sizes_are_those_of_the_sample(n: int, share: float, part: float, factor: float) -> None:
    """Strata sum to the whole and to the limit, and weights made from them sum to the whole."""
    rich, limit = min(max(1, round(n * share)), n - 1), min(max(4, round(n * part)), n - 1)
    examples = made(n, rich)
    drawn, strata = enrich(examples, f"x:y={factor}", limit, STARTER)
    assert sum(each.sampled for each in strata.strata.values()) == limit == len(drawn)
    assert sum(each.population for each in strata.strata.values()) == n
    assert strata.strata["rich"] == Stratum(rich, len(strata.rich))
    places = {example.id: i for i, example in enumerate(examples)}
    kinds = ["x:y" in example.tags for example in examples]
    weights = sample_weights(kinds, [places[example.id] for example in drawn])
    expected = [
        each.population / each.sampled
        for example in drawn
        for each in [strata.strata["rich" if example.id in strata.rich else "other"]]
    ]
    assert weights == pytest.approx(expected)
    assert sum(expected) == pytest.approx(n)


def test_sample_is_the_same_each_time() -> None:
    """And another one for another size, factor or tag."""
    examples = made(100, 30)
    first = enrich(examples, "x:y=2", 20, STARTER)
    assert enrich(examples, "x:y=2", 20, STARTER) == first
    assert enrich(examples, "x:y=4", 20, STARTER)[0] != first[0]


def test_exhausted_stratum_is_said_as_it_is() -> None:
    """The sentence has the ratio that was reached, not the factor."""
    _, strata = enrich(made(100, 5), "x:y=100", 50, STARTER)
    assert strata.strata == {"rich": Stratum(5, 5), "other": Stratum(95, 45)}
    assert f"drawn {95 / 45:.3g} times as often" in sentence(strata)
    assert strata.factor == 100


def test_run_keeps_how_it_was_drawn(fake: FakeEndpoint, path: Path) -> None:
    """Settings as documented, the sentence among the departures, the sample as recorded."""
    done = run(fake, path, limit=12, stratify=f"{TAG}=3.5")
    result = done.result()
    settings = result.info.settings.stratify
    assert list(settings.__struct_fields__) == ["by", "factor", "strata", "rich", "kind"]
    assert (settings.by, settings.factor) == (TAG, 3.5)
    rich = [item.example.id for item in result.graded if TAG in item.example.tags]
    assert settings.rich == rich
    assert settings.strata == {
        "rich": Stratum(N_RICH, len(rich)),
        "other": Stratum(N - N_RICH, 12 - len(rich)),
    }
    assert len(rich) > 12 * N_RICH / N
    [said] = [s for s in result.departures if "reweighted" in s]
    assert said.startswith(f"Examples with {TAG} were drawn ")
    assert done.info.n_examples == 12


def test_run_without_it_has_no_such_setting(fake: FakeEndpoint, path: Path) -> None:
    """And the sample of simple-evals, as ever."""
    result = run(fake, path, limit=5).result()
    assert result.info.settings.stratify is None
    expected = [example.id for example in STARTER.load().sample(5)]
    assert [item.example.id for item in result.graded] == expected


def test_resume_keeps_the_sample(path: Path) -> None:
    """The failed answers are asked again, of the same examples."""
    with FakeEndpoint(script=["error_500"] * 3) as fake:
        first = run(fake, path, limit=12, stratify=f"{TAG}=2", system_params=["retries=0"])
        assert first.outcome is not None
        assert first.outcome.status == "incomplete"
        again = preceptor.resume(first.info.name, store=path)
        assert again.outcome is not None
        assert again.outcome.status == "done"
    ids = [[item.example.id for item in each.result().graded] for each in (first, again)]
    assert ids[0] == ids[1]
    assert set(again.info.settings.stratify.rich) <= set(ids[0])


# By run


def test_lowest_third_by_hand() -> None:
    """Seven scores: two of them; of equal ones those whose id comes first."""
    means = {"g": 0.1, "f": 0.5, "e": 0.5, "d": 0.5, "c": 0.9, "b": 1.0, "a": -0.2}
    assert _lowest(means, "r") == {"a", "g"}
    assert _lowest({**means, "h": 0.7, "i": 0.8}, "r") == {"a", "g", "d"}
    with pytest.raises(InputError, match="at least 3 examples of this benchmark, found 2"):
        _lowest({"a": 1.0, "b": 0.0}, "r")


def test_difficult_is_what_had_the_lowest_scores_in_a_run(fake: FakeEndpoint, path: Path) -> None:
    """Mean over repeats; examples that the run does not have are others; the name is in full."""
    pilot = run(fake, path, limit=18, repeats=2, name="pilot")
    scores: dict[str, list[float]] = {}
    for score in pilot.result().scores:
        scores.setdefault(score.example_id, []).append(score.values["overall_score"])
    means = {name: sum(each) / 2 for name, each in scores.items()}
    lowest = set(sorted(means, key=lambda name: (means[name], name))[:6])
    done = run(fake, path, limit=15, stratify="pil=4", system=fake.address("other"))
    settings = done.info.settings.stratify
    assert (settings.by, settings.kind) == ("pilot", "run")
    assert settings.strata["rich"].population == 6
    assert settings.strata["other"].population == N - 6
    assert set(settings.rich) <= lowest
    ids = {item.example.id for item in done.result().graded}
    assert set(settings.rich) == lowest & ids
    assert any(
        s.startswith("Examples with the lowest third of the scores of run pilot were drawn")
        for s in done.result().departures
    )


def test_run_without_a_complete_score_is_no_guide(fake: FakeEndpoint, path: Path) -> None:
    """An ungraded example is not a difficult one."""
    with FakeEndpoint() as other:
        run(other, path, limit=6, name="bare", grader="python:json:dumps", min_coverage=0)
    with pytest.raises(InputError, match="run bare: expected scores of at least 3"):
        run(fake, path, limit=6, stratify="bare=2")


# What cannot be


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"stratify": f"{TAG}=3.5"}, "--stratify: goes with --limit"),
        ({"stratify": TAG, "limit": 5}, "expected TAG=FACTOR or RUN=FACTOR"),
        ({"stratify": "=2", "limit": 5}, "expected TAG=FACTOR"),
        ({"stratify": f"{TAG}=0", "limit": 5}, "a factor above 0"),
        ({"stratify": f"{TAG}=-1", "limit": 5}, "a factor above 0"),
        ({"stratify": f"{TAG}=nan", "limit": 5}, "a factor above 0"),
        ({"stratify": f"{TAG}=inf", "limit": 5}, "a factor above 0"),
        ({"stratify": f"{TAG}=many", "limit": 5}, "a factor above 0"),
        ({"stratify": f"{TAG}=2", "limit": 36}, "takes all 36 examples"),
        ({"stratify": f"{TAG}=2", "limit": 99}, "takes all 36 examples"),
        ({"stratify": f"{TAG}=2", "limit": 1}, "none is of the other stratum"),
        ({"stratify": "difficulty:none=2", "limit": 5}, "no tag of an example; tags: difficulty:"),
    ],
)
def test_what_cannot_be_drawn(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        plan(**options)


def test_tag_of_every_example_enriches_nothing() -> None:
    with pytest.raises(InputError, match="every example is of 'x:y'"):
        enrich(made(10, 10), "x:y=2", 5, STARTER)


def test_neither_tag_nor_run_makes_no_store(fake: FakeEndpoint, path: Path) -> None:
    """The complaint names the store and some tags; nothing is asked."""
    with pytest.raises(InputError, match=r"no tag of an example and no run in .*work\.db; tags:"):
        run(fake, path, limit=5, stratify="pilot=2")
    assert not path.exists()
    assert not fake.log


def test_strata_count_what_can_be_answered(tmp_path: Path) -> None:
    """The physicians wrote no answer to ten examples: the other 26 are drawn from."""
    rows = [json.loads(line) for line in STARTER.path().read_text("utf-8").splitlines()]
    for row in rows[:10]:
        row["physician_response"] = None
    data = tmp_path / "some.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    made = plan(system="physician", data=data, limit=8, stratify=f"{TAG}=2")
    strata = made.settings.stratify.strata
    difficult = sum(row["difficulty"] == "difficult" for row in rows[10:])
    assert strata["rich"].population == difficult
    assert strata["other"].population == 26 - difficult
    assert len(made.examples) == 8
    assert not {example.id for example, _ in made.examples} & {row["id"] for row in rows[:10]}


def test_command_line(fake: FakeEndpoint, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --limit one line and exit 2; with it the departure is printed."""
    command = ["run", "starter", f"--system={fake.address('m')}", f"--grader={fake.address('g')}",
               "--grader-template=preceptor", f"--store={path}", f"--stratify={TAG}=2"]  # fmt: skip
    assert cli.main(command) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --stratify: goes with --limit")
    assert cli.main([*command, "--limit=8"]) == 0
    assert f"Examples with {TAG} were drawn" in capsys.readouterr().err
