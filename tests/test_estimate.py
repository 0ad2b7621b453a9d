"""`--dry-run`: what a run would take, beside what it then takes."""

from __future__ import annotations

import gzip
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

import preceptor
from data_fixtures import row, write_rows
from preceptor import benchmarks, cli, dry_run
from preceptor.api import dry_run_sweep
from preceptor.billing import Bill
from preceptor.cli.dry_run import duration
from preceptor.errors import InputError
from preceptor.estimate.counter import VERDICT_TOKENS
from preceptor.estimate.observed import ANSWER_CHARACTERS, Range, spread
from preceptor.estimate.parts import Part
from preceptor.systems.prices import Price
from preceptor.systems.tokens import CHARS_PER_TOKEN, FEWEST_CHARS, MOST_CHARS
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

KINDS = ("rubric", "batched", "yesno", "jury", "cascade")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work.db"


def grader_of(kind: str, fake: FakeEndpoint) -> str:
    one, two = fake.address("judge-a"), fake.address("judge-b")
    return {
        "rubric": one,
        "batched": f"batched:{one}",
        "yesno": f"yesno:{one}",
        "jury": f"jury:{one}+{two}",
        "cascade": f"cascade:yesno:{one},{two}",
    }[kind]


def options(fake: FakeEndpoint, path: Path, kind: str = "rubric", **others: Any) -> dict[str, Any]:
    return {
        "system": fake.address("model-b"),
        "grader": grader_of(kind, fake),
        "store": path,
        "system_params": ["price=1/2"],
        "grader_params": ["price=1/2/0.1"],
        "grader_template": "preceptor",
        **others,
    }


def within(value: float, found: Range) -> bool:
    return found.low - 1e-9 <= value <= found.high + 1e-9


def bills_of(run: preceptor.Run) -> dict[str, Bill]:
    return {bill.name: bill for bill in run.result().bills if bill.part != "example"}


@pytest.mark.parametrize("kind", KINDS)
def test_calls_are_counted_as_they_are_then_made(kind: str, fake: FakeEndpoint, path: Path) -> None:
    """Before the first run: nothing is called or written, and each part's calls come out."""
    asked = options(fake, path, kind, limit=12)
    estimate = dry_run("starter", **asked)
    assert not fake.log
    assert not path.exists()
    run = preceptor.run("starter", **asked)
    made: dict[str, int] = {}
    for call in fake.log:
        made[call.payload["model"]] = made.get(call.payload["model"], 0) + 1
    for part in estimate.parts:
        assert within(made[part.address.rpartition("#")[2]], part.calls), part.address
        assert within(bills_of(run)[part.address].paid, part.results), part.address
        assert part.reused == 0
        if kind != "cascade":
            assert part.calls.low == part.calls.high
    assert (estimate.examples, estimate.answers) == (12, 12)
    assert estimate.verdicts == run.result().verdicts


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_measured_tells_what_more_will_cost(
    kind: str, fake: FakeEndpoint, path: Path
) -> None:
    """After a run of half the examples, cost and tokens of the rest lie within the range given."""
    preceptor.run("starter", **options(fake, path, kind, limit=18))
    whole = options(fake, path, kind)
    estimate = dry_run("starter", **whole)
    run = preceptor.run("starter", **whole)
    bills = bills_of(run)
    for part in estimate.parts:
        bill = bills[part.address]
        assert part.reused == bill.reused
        assert within(bill.paid, part.results)
        assert within(bill.usage.input_tokens, part.input_tokens), part
        assert within(bill.usage.output_tokens, part.output_tokens), part
        assert any("in the store" in sentence for sentence in part.basis)
    cost = run.result().cost_usd
    assert cost is not None
    assert estimate.cost_usd is not None
    assert estimate.cost_usd.low < cost < estimate.cost_usd.high
    assert estimate.cost_usd.expected == pytest.approx(cost, rel=0.2)


def test_what_the_store_has_is_not_counted(fake: FakeEndpoint, path: Path) -> None:
    """After the run itself, nothing is left to call, and nothing to pay."""
    asked = options(fake, path, "jury", limit=4, repeats=2)
    asked["system_params"] = ["price=1/2", "seed=1"]
    run = preceptor.run("starter", **asked)
    estimate = dry_run("starter", **asked)
    system, one, two = estimate.parts
    assert (system.reused, one.reused, two.reused) == (8, *[run.result().verdicts] * 2)
    assert [part.calls for part in estimate.parts] == [Range(0, 0, 0)] * 3
    assert estimate.cost_usd == estimate.seconds == Range(0, 0, 0)


def test_the_prompts_of_recorded_answers_are_rendered(fake: FakeEndpoint, path: Path) -> None:
    """Answers that are there already are not called for, and their prompts' length is exact."""
    asked = options(fake, path, limit=6, system="physician", system_params=())
    (part,) = dry_run("starter", **asked).parts
    preceptor.run("starter", **asked)
    characters = sum(len(call.payload["messages"][0]["content"]) for call in fake.log)
    assert part.part == "grader"
    assert part.input_tokens.low * MOST_CHARS == pytest.approx(characters)
    assert part.input_tokens.expected * CHARS_PER_TOKEN == pytest.approx(characters)
    assert part.input_tokens.high * FEWEST_CHARS == pytest.approx(characters)
    assert part.output_tokens.expected == len(fake.log) * VERDICT_TOKENS[1]


def test_assumptions_are_said(fake: FakeEndpoint, path: Path) -> None:
    """Length, reasoning and the limit of the user's own are in the sentences and the numbers."""
    asked = options(fake, path, limit=3, system_params=["reasoning_effort=low", "price=1/2"])
    system, grader = dry_run("starter", **asked).parts
    assert system.basis[0] == (
        "answers: assumed to have 2,000 characters (1,000 to 4,000), and 1,000 tokens of "
        "reasoning (0 to 4,000)"
    )
    assert system.output_tokens.expected == pytest.approx(3 * (2000 / CHARS_PER_TOKEN + 1000))
    assert grader.basis == (
        "verdicts: assumed to have 85 tokens (30 to 170)",
        "tokens: assumed 4.5 characters a token (3.5 to 5.2)",
    )
    asked["system_params"] = ["max_tokens=100", "price=1/2"]
    system, _ = dry_run("starter", **asked).parts
    assert system.output_tokens.low == pytest.approx(300) == system.output_tokens.high
    assert "at most 100" in system.basis[0]


def test_a_prefix_cache_is_in_the_lower_end_only(fake: FakeEndpoint, path: Path) -> None:
    """What a discount may save of long prompts is not promised before it was measured."""
    words = "word " * 2000
    example = benchmarks.get("starter").load(None).examples[0]
    Path("answers.jsonl").write_text(json.dumps({"id": example.id, "response": words}), "utf-8")
    asked = options(fake, path, system="replay:answers.jsonl", system_params=())

    def cost(price: str) -> Range:
        found = dry_run("starter", **{**asked, "grader_params": [f"price={price}"]}).cost_usd
        assert found is not None
        return found

    plain, discounted = cost("1/2"), cost("1/2/0.1")
    assert (plain.expected, plain.high) == (discounted.expected, discounted.high)
    assert discounted.low < 0.5 * plain.low


def test_a_cap_is_placed(fake: FakeEndpoint, path: Path) -> None:
    """The share of the run at which a cap is reached, for dollars and for tokens."""
    asked = options(fake, path, limit=12)
    cost = dry_run("starter", **asked).cost_usd
    assert cost is not None
    for cap, expected in ((cost.expected / 2, 0.5), (cost.high, 1.0), (cost.low / 10, None)):
        (found,) = dry_run("starter", **asked, max_cost=cap).caps
        assert found.option == "--max-cost"
        assert found.share.low == pytest.approx(min(1, cap / cost.high))
        assert found.share.high == pytest.approx(min(1, cap / cost.low))
        if expected is not None:
            assert found.share.expected == pytest.approx(expected)
    (tokens,) = dry_run("starter", **asked, max_total_tokens=100).caps
    assert tokens.option == "--max-total-tokens"
    assert tokens.share.high < 0.1


def test_an_unknown_price_gives_no_cost(fake: FakeEndpoint, path: Path) -> None:
    """Calls and tokens are there all the same; so with the user's own code, which has no tokens."""
    asked = options(fake, path, limit=2, grader_params=())
    estimate = dry_run("starter", **asked)
    assert estimate.cost_usd is None
    assert estimate.parts[0].cost_usd is not None
    assert estimate.parts[1].input_tokens.expected > 0
    code = options(fake, path, limit=2, system="python:json:dumps", system_params=())
    estimate = dry_run("starter", **code)
    assert estimate.parts[0].output_tokens == Range(0, 0, 0)
    assert estimate.parts[0].seconds is estimate.seconds is None


def test_each_cell_of_a_sweep_has_its_estimate(fake: FakeEndpoint, path: Path) -> None:
    """By the cell's name; a cell with an instruction has longer prompts."""
    asked = options(fake, path, limit=2)
    found = dry_run_sweep("starter", vary={"instruction": ["normal", "thorough"]}, **asked)
    assert list(found) == ["instruction=normal", "instruction=thorough"]
    plain, thorough = (each.parts[0].input_tokens.expected for each in found.values())
    assert plain < thorough


# The command


def test_command_prints_a_table_and_what_it_rests_on(
    fake: FakeEndpoint, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Table on standard output, sentences on standard error, nothing made, exit code 0."""
    arguments = ["starter", "--system", fake.address("m"), "--grader", fake.address("judge")]
    arguments += ["--dry-run", "--limit", "5", "-p", "price=1/2", "-P", "price=1/2/0.1"]
    assert cli.main(["run", *arguments, "--max-cost", "0.01", "--store", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "starter: what a run would take" in out
    assert "The cap of $0.01 is reached after about" in err
    assert "priced at $1 in, $2 out, $0.1 cached a million tokens (given with price=)" in err
    assert cli.main(["run", *arguments[:-2], "--store", str(path)]) == 0
    assert f"No price is known for {fake.address('judge')}" in capsys.readouterr().err
    assert not path.exists()
    assert not fake.log
    assert cli.main(["run", *arguments, "--limit", "0"]) == 2


def test_command_prints_json(
    fake: FakeEndpoint, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The keys are those of docs/cost.md; a sweep prints a list, each with its cell."""
    at = ["--system", fake.address("m"), "--grader", fake.address("judge"), "--limit", "2"]
    at += ["-P", "price=1/2", "-p", "price=1/2", "--max-cost", "1", "--store", str(path)]
    assert cli.main(["run", "starter", *at, "--dry-run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    page = (Path(__file__).parent.parent / "docs" / "cost.md").read_text("utf-8")
    parts = re.split(r"^<!-- keys: ([\w ]+) -->$", page, flags=re.MULTILINE)
    described = {
        name: re.findall(r"^\| `(\w+)`", text, re.MULTILINE)
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    assert described == {
        "estimate": list(found),
        "part": list(found["parts"][0]),
        "range": list(found["tokens"]),
        "cap": list(found["caps"][0]),
        "price": list(found["parts"][0]["price"]),
    }
    assert tuple(Part.__struct_fields__) == tuple(described["part"])
    assert tuple(Price.__struct_fields__) == tuple(described["price"])
    assert cli.main(["sweep", "starter", *at, "--vary", "seed=1,2", "--dry-run", "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)
    assert [cell["cell"] for cell in cells] == ["seed=1", "seed=2"]
    assert list(cells[0])[1:] == list(found)


def test_what_is_wrong_is_said_before_anything_is_counted(fake: FakeEndpoint, path: Path) -> None:
    """As for the run itself: an unknown benchmark, and a store that is none."""
    with pytest.raises(InputError, match="no price is known"):
        dry_run("starter", **options(fake, path, grader_params=(), max_cost=1.0))
    path.write_bytes(b"not a database at all, but long enough to be looked at")
    with pytest.raises(preceptor.PreceptorError, match="is not a SQLite file"):
        dry_run("starter", **options(fake, path))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.31, "0.3 s"), (45, "45 s"), (720, "12 min"), (9000, "2.5 h")],
)
def test_durations(seconds: float, words: str) -> None:
    """In the unit that one would say."""
    assert duration(seconds) == words


def test_a_range_holds_as_often_as_it_says() -> None:
    """Of skewed lengths, the mean of 50 more lies within that of 15 nine times in ten or more."""
    source = random.Random(1)

    def lengths(number: int) -> list[float]:
        return [source.lognormvariate(7, 0.6) for _ in range(number)]

    held = sum(within(sum(lengths(50)) / 50, spread(lengths(15), 50)) for _ in range(1000))
    assert 900 <= held <= 985


def test_a_mean_of_few_is_less_certain() -> None:
    """Two standard errors of a prediction: narrower with more measured and with more to come."""
    few, many = spread([1, 3] * 3, 10), spread([1, 3] * 100, 1000)
    assert few.expected == many.expected == 2
    assert few.low < many.low < 2 < many.high < few.high


# Real data


def test_assumed_lengths_hold_on_real_answers(real: Path) -> None:
    """Of every model and harness, the mean length lies in the range, and within half of it."""
    lengths: dict[tuple[str, str], list[int]] = {}
    with gzip.open(real / "healthbench" / "graded_responses_hard.jsonl.gz", "rt") as lines:
        for line in lines:
            each = json.loads(line)
            group = lengths.setdefault((each["model"], each["condition"]), [])
            group.append(len(each["response"]))
    low, expected, high = ANSWER_CHARACTERS
    assert len(lengths) >= 5
    for found in lengths.values():
        mean = sum(found) / len(found)
        assert low < mean < high
        assert abs(expected / mean - 1) < 0.5


@pytest.fixture
def real() -> Path:
    import os

    folder = os.environ.get("PRECEPTOR_TEST_DATA")
    if not folder:
        pytest.skip("PRECEPTOR_TEST_DATA is not set: real answers are not here")
    return Path(folder)


def test_prompts_that_occur_twice_are_asked_once(fake: FakeEndpoint, path: Path) -> None:
    """Two examples with one conversation and rubric: one answer and its verdicts are counted."""
    write_rows(Path("tasks.jsonl"), [row("a"), row("b")])
    asked = options(fake, path, data=Path("tasks.jsonl"))
    estimate = dry_run("healthbench", **asked)
    preceptor.run("healthbench", **asked)
    assert sum(part.calls.expected for part in estimate.parts) == len(fake.log)
