"""A system as predictor: `preceptor predict`, on made-up patients and the fake endpoint."""

from __future__ import annotations

import csv
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score
from tests.children import Child

import preceptor
from preceptor.baselines.asked import AskedRows, asked_benchmark
from preceptor.baselines.cohort import Cohort
from preceptor.baselines.dictionary import read_dictionary
from preceptor.baselines.prompts import record, shown
from preceptor.baselines.tables import Columns, read_table
from preceptor.cli import main
from preceptor.errors import DataError, InputError
from preceptor.protocols.predictor import LABEL_MASS, PREDICTED
from preceptor.records import Result
from preceptor.scoring.predicted.first_token import label_masses
from preceptor.testing import FakeEndpoint, Fault
from preceptor.testing.wires import _ERRORS

LETTERS = ("A", "B", "C")


class World(NamedTuple):
    fake: FakeEndpoint
    table: Path
    store: str


def write_table(path: Path, count: int = 60) -> None:
    drawn = random.Random(1)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "ward", "age", "lactate", "note", "died", "rash", "stage"])
        for number in range(count):
            lactate = "" if number % 7 == 0 else f"{drawn.uniform(0.5, 9):.1f}"
            note = f"seen {number}\ntwice"
            outcome = [int(drawn.random() < share) for share in (0.4, 0.5)]
            ward = "north" if number % 2 else "south"
            stage = drawn.choice(["early", "late", "none"])
            rows.writerow([f"p{number}", ward, 20 + number, lactate, note, *outcome, stage])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("predict")
    table = folder / "wards.csv"
    write_table(table)
    with FakeEndpoint() as fake:
        yield World(fake, table, str(folder / "p.db"))


def predict(world: World, name: str, *words: str, model: str = "m", outcome: str = "died") -> int:
    given = (str(world.table), "--system", world.fake.address(model), "--store", world.store)
    left = ("--leave-out", ",".join({"died", "rash", "stage"} - set(outcome.split(","))))
    return main(["predict", *given, "--outcome", outcome, *left, "--name", name, *words])


def result(world: World, name: str) -> Result:
    return preceptor.load(name, store=world.store).result()


def test_a_run_is_beside_the_baselines(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The chance of yes is scored, compared by id, ranked and exported as those of baselines are,
    and the numbers are those of scikit-learn on the probabilities that the endpoint listed.
    """
    at = ("--store", world.store)
    made = ("--outcome", "died", "--leave-out", "rash,stage", "--model", "logistic")
    main(["baseline", str(world.table), *made, "-o", str(tmp_path), *at, "--group", "ward"])
    assert predict(world, "llm", "--group", "ward") == 0
    found = result(world, "llm")
    y, p = [], []
    for item in found.graded:
        assert item.response is not None
        chances = item.response.state["first_token"]
        yes = sum(math.exp(v) for k, v in chances.items() if k.strip().lower() == "yes")
        no = math.exp(chances["No"])
        y.append(item.example.target["outcome"]["y_true"][0])
        p.append(yes / (yes + no))
    assert found.metrics["overall_score"].raw_mean == pytest.approx(roc_auc_score(y, p))
    assert found.metrics["brier"].raw_mean == pytest.approx(brier_score_loss(y, p))
    assert found.metrics[LABEL_MASS].n == found.metrics["overall_score"].n == 60
    assert found.metrics[PREDICTED].value == 1
    assert {"ward:north", "ward:south"} <= set(found.metrics)
    assert not any("cut off" in note or "no tags" in note for note in found.notes)
    capsys.readouterr()
    assert main(["compare", "wards-logistic", "llm", *at, "--json"]) == 0
    [contrast] = msgspec.json.decode(capsys.readouterr().out)["contrasts"]
    assert (contrast["n"], contrast["left_out"]) == (60, [0, 0])
    assert contrast["changes"][0]["contender"] == pytest.approx(roc_auc_score(y, p))
    assert main(["leaderboard", "--benchmark", "wards", *at, "--json"]) == 0
    [ranking] = msgspec.json.decode(capsys.readouterr().out)
    assert ranking["n"] == 60
    rows = tmp_path / "rows.csv"
    assert main(["export", "llm", *at, "-o", str(rows)]) == 0
    assert main(["import", "predictions", str(rows), "--name", "again", *at]) == 0
    again = result(world, "again").metrics["overall_score"]
    assert again.raw_mean == pytest.approx(roc_auc_score(y, p), abs=1e-9)


def test_labels_and_classes(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Several labels are a question each, and one row again; classes have letters that sum to 1."""
    assert predict(world, "labels", outcome="died,rash") == 0
    found = result(world, "labels")
    assert (found.info.n_examples, found.info.size) == (120, 60)
    assert found.metrics["overall_score"].n == 60
    assert {"class:died", "class:rash"} <= set(found.metrics)
    asked = [item.example.messages[-1].text for item in found.graded[:2]]
    assert asked[0].replace("died?", "rash?") == asked[1]
    assert predict(world, "classes", outcome="stage") == 0
    found = result(world, "classes")
    assert "A: " in found.graded[0].example.messages[-1].text
    assert all(
        sum(values[0] for values in score.prediction.values()) == pytest.approx(1)
        for score in found.scores
    )
    assert found.labels["overall_score"] == "AUROC, one against the rest (macro)"
    capsys.readouterr()


def test_what_is_no_prediction_is_counted_and_never_zero(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Less than half of the probability on the labels, and failed calls, are ungraded: they are in
    no metric, lower the coverage, and are counted by reason; a resume asks failed calls again.
    """
    faults = [
        Fault("other_words", on="grader", most=9),
        Fault("bad_request", on="grader", most=4),
    ]
    with FakeEndpoint(faults=faults, rate=0.9, most_faults=1, seed=3) as fake:
        unsure = world._replace(fake=fake)
        assert predict(unsure, "unsure", "--system-param", "concurrency=1") == 1
    found = result(world, "unsure")
    missing = [score for score in found.scores if score.prediction == {"y_score": [None]}]
    low = [score for score in found.scores if score.values.get(PREDICTED) == 0]
    assert (len(missing), len(low)) == (13, 9)
    assert found.metrics["overall_score"].n == 47
    assert found.metrics["overall_score"].coverage == pytest.approx(47 / 60)
    [said] = [note for note in found.notes if note.startswith("Ungraded")]
    assert "13 of 60" in said
    assert "less than 0.5 of the probability on the labels (9)" in said
    assert "failed call: bad_request (4)" in said
    assert "47" in capsys.readouterr().out
    assert main(["compare", "llm", "unsure", "--store", world.store]) == 0
    assert "on 47 common rows" in capsys.readouterr().out


def test_a_killed_run_is_resumed_without_a_second_call(world: World, tmp_path: Path) -> None:
    """kill -9 amid the calls: the rest is asked, what was kept is not, and the metrics are those of
    a run that nobody killed; the same question in another run costs nothing.
    """
    store = str(tmp_path / "k.db")
    with FakeEndpoint(latency=0.03) as fake:
        slow = World(fake, world.table, store)
        words = ["predict", str(world.table), "--outcome", "died", "--leave-out", "rash,stage"]
        words += ["--system", fake.address("m"), "--store", store, "--name", "killed"]
        child = Child(*words, "--system-param", "concurrency=2", quiet=True)
        while fake.delivered.total() < 12:
            time.sleep(0.01)
        child.kill()
        child.wait()
        assert fake.delivered.total() < 60
        assert main(["resume", "killed", "--store", store]) == 0
        assert 60 <= fake.delivered.total() <= 60 + 2
        before = fake.delivered.total()
        assert predict(slow, "again") == 0
        assert fake.delivered.total() == before
    whole = result(world._replace(store=store), "killed").metrics
    assert whole == result(world._replace(store=store), "again").metrics


def test_a_system_without_log_probabilities_stops_the_run(
    world: World, bare: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line: before the run where a wire has none, else at the first answer, and once more at
    each resume without another call.
    """
    for name, value in world.fake.environment().items():
        monkeypatch.setenv(name, value)
    at = ("--outcome", "died", "--store", world.store)
    for system in ("anthropic/claude-sonnet-4-5", "google/gemini-2.5-flash"):
        assert main(["predict", str(world.table), "--system", system, *at]) == 2
        assert "gives no log-probabilities of tokens" in capsys.readouterr().err
    words = "Logprobs is not supported for the current model"
    monkeypatch.setitem(_ERRORS, "bad_request", (400, "invalid_request_error", None, words))
    with FakeEndpoint(faults=["bad_request"], rate=1.0, most_faults=99) as fake:
        refused = world._replace(fake=fake)
        assert predict(refused, "refused", "--system-param", "concurrency=1") == 2
        assert f"'{words}': it gives no log-probabilities" in capsys.readouterr().err
        assert fake.calls.total() == 1
    with FakeEndpoint(faults=["no_logprobs"], rate=1.0, most_faults=99) as fake:
        none = world._replace(fake=fake)
        assert predict(none, "none", "--system-param", "concurrency=1") == 2
        assert "expected log-probabilities (logprobs) with the first answer" in (
            capsys.readouterr().err
        )
        assert fake.calls.total() == 1
        assert main(["resume", "none", "--store", world.store]) == 2
        assert fake.calls.total() == 1
    capsys.readouterr()


def test_dry_run_caps_and_samples(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A price is known beforehand; a cap stops the run cleanly; a smaller sample is part of a
    larger one; the first prompt can be read.
    """
    price = ("--system-param", "price=1000/1000")
    assert predict(world, "x", "--dry-run", "--json", *price, model="priced") == 0
    estimate = msgspec.json.decode(capsys.readouterr().out)
    assert estimate["parts"][0]["calls"]["expected"] == 60
    assert estimate["cost_usd"]["expected"] > 0
    assert predict(world, "capped", *price, "--max-cost", "1", model="priced") == 1
    capsys.readouterr()
    found = result(world, "capped")
    assert 0 < found.metrics["overall_score"].n < 60
    assert any("not asked yet" in note for note in found.notes)
    for limit in (5, 20):
        assert predict(world, f"s{limit}", "--limit", str(limit)) == 0
    few, more = (
        {item.example.id for item in result(world, f"s{limit}").graded} for limit in (5, 20)
    )
    assert few < more
    capsys.readouterr()
    assert predict(world, "y", "--show-prompt", "--text", "note", "--columns", "age,note") == 0
    out = capsys.readouterr().out
    assert "- age: 20\n- note: seen 0 twice\n" in out
    assert out.endswith("Is this true of the patient: died?\nAnswer with one word: yes or no.\n")


def test_a_record_has_names_units_and_what_is_missing(world: World, tmp_path: Path) -> None:
    """A data dictionary names columns; what was not measured is said to be missing, and is not 0;
    of a stay there are the last, the lowest and the highest value.
    """
    words = tmp_path / "d.csv"
    words.write_text("column,name,unit\nlactate,lactate in blood,mmol/L\nage,age,\n")
    cohort = read_table(world.table, Columns(outcome=("died",), leave_out=("rash", "stage")))
    said = record(cohort, 0, shown(cohort), read_dictionary(words))
    assert said.endswith("- ward: south\n- age: 20\n- missing: lactate in blood")
    assert "- lactate in blood: " in record(cohort, 1, shown(cohort), read_dictionary(words))
    x = np.array([[7.0, np.nan, 5.0, np.nan, 9.0, np.nan, 2.0, 0.0, 70.123456, 1.0]])
    names = [f"{name}_{kind}" for kind in ("last", "min", "max", "count") for name in ("hr", "ph")]
    stays = Cohort(
        name="mortality24-made-up",
        kind="binary",
        id=["1"],
        unit=["1"],
        features=[*names, "age", "male"],
        x=x,
        y={"y_true": np.array([1.0])},
        groups={"sex": ["Male"]},
        series=("hr", "ph"),
    )
    asked = asked_benchmark(stays, tmp_path / "mortality24" / "made-up", AskedRows())
    [example] = asked.load(tmp_path).examples
    said = example.messages[0].text
    assert "- age: 70.12 years\n- sex: male\n- heart rate: 7 (5 to 9) /min\n" in said
    assert "\n- missing: blood pH\n" in said
    with pytest.raises(InputError, match="--question"):
        asked_benchmark(stays, tmp_path / "aki" / "made-up", AskedRows())
    for text, error in (("a,b\n1,2\n", "column, name and unit"), ("column,name\nage,\n", "a text")):
        words.write_text(text)
        with pytest.raises((InputError, DataError), match=error):
            read_dictionary(words)


def test_what_cannot_be_asked_is_one_line(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """An amount, a column that is not there, and a limit of nothing."""
    for words, said, outcome in (
        ((), "expected yes or no, classes or labels", "age"),
        (("--columns", "lactat"), "did you mean", "died"),
        (("--text", "age"), "has the columns of texts ward, note", "died"),
        (("--limit", "0"), "--limit: expected a whole number from 1", "died"),
        (("--dictionary", "nowhere.csv"), "nowhere.csv", "died"),
    ):
        assert predict(world, "wrong", *words, outcome=outcome) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert said in lines[0]


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["Yes", " yes", "**YES", "y", "No", "n", "\n", "", "Mo", "yess", "'no'"]),
        st.floats(-30, 0),
    )
)
def test_masses_are_sums_over_the_spellings_of_a_word(chances: dict[str, float]) -> None:
    """Every token counts for at most one label, whatever its case, space and quotes."""
    found = label_masses(chances, ("yes", "no"))
    assert found is not None
    spelt = {"yes": ("Yes", " yes", "**YES", "y"), "no": ("No", "n", "'no'")}
    for word, tokens in spelt.items():
        expected = sum(math.exp(chances[token]) for token in tokens if token in chances)
        assert found[word] == pytest.approx(expected)
    assert label_masses({**chances, "Yes": 0.5}, ("yes", "no")) is None
    assert label_masses({"B": 0.0}, LETTERS) == {"A": 0.0, "B": 1.0, "C": 0.0}
    assert label_masses({"Sam": 0.0}, ("same", "sample")) == {"same": 0.0, "sample": 0.0}


def test_one_row_of_a_class_is_no_ground_for_a_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a small sample of a rare outcome has: a difference of AUROC has no interval and no p."""
    at = ("--store", str(tmp_path / "o.db"))
    for name, scores in (("a", (0.9, 0.1, 0.2, 0.8)), ("b", (0.3, 0.4, 0.2, 0.8))):
        rows = [f"{row},{int(row == 0)},{score}" for row, score in enumerate(scores)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,y_true,y_score", *rows, ""]))
        words = ("--benchmark", "rare", *at)
        assert main(["import", "predictions", str(tmp_path / f"{name}.csv"), *words]) == 0
    capsys.readouterr()
    assert main(["compare", "a", "b", "--json", *at]) == 0
    first = msgspec.json.decode(capsys.readouterr().out)["contrasts"][0]["changes"][0]
    assert first["difference"] == pytest.approx(-2 / 3)
    assert (first["ci95"], first["p"]) == (None, None)
