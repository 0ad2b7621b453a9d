"""A cascade's score corrected by its own audit, and thresholds from two runs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import preceptor
from preceptor import api
from preceptor.analysis.cascading import CascadeCorrection, correct_cascade
from preceptor.analysis.thresholds import plan_cascade
from preceptor.cli import main
from preceptor.errors import InputError
from preceptor.graders.cascade import drawn
from preceptor.graders.thresholds import calibrate
from preceptor.reports.correction import cascade_plan_sentences, cascade_sentences
from preceptor.results.pool import Side
from preceptor.store import Store, Vote
from preceptor.testing import FakeEndpoint, Fault

pytestmark = pytest.mark.usefixtures("bare")

CRITERIA = 148
SURE = ["low=.3", "high=.7"]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "work.db"


def run(fake: FakeEndpoint, path: Path, grader: str, name: str, *params: str, **more: Any) -> None:
    preceptor.run(
        "starter",
        system=fake.address("model-a"),
        grader=grader,
        grader_params=params,
        grader_template="preceptor",
        name=name,
        store=path,
        **more,
    )


def cascade(fake: FakeEndpoint) -> str:
    return f"cascade:yesno:{fake.address('cheap')},{fake.address('strong')}"


def taken(path: Path, name: str) -> tuple[Side, list[Vote]]:
    with Store(path, create=False) as store:
        return api.sides([name], store=path)[0], store.votes(store.run(name))


@pytest.fixture
def audited(path: Path) -> tuple[Side, list[Vote], float]:
    """A run with everything audited, its votes, and the strong grader's score of its answers."""
    with FakeEndpoint() as fake:
        run(fake, path, cascade(fake), "all", *SURE, "audit_share=1")
        run(fake, path, fake.address("strong"), "strong")
    strong = preceptor.load("strong", store=path).result()
    return *taken(path, "all"), strong.metrics["overall_score"].raw_mean


def thinned(side: Side, votes: list[Vote], share: float, seed: int) -> tuple[Side, list[Vote]]:
    """As if a share had been audited."""
    keys = {(v.position, v.repeat, v.criterion): v.verdict.key for v in votes if v.role == "cheap"}
    kept = [
        v
        for v in votes
        if v.role != "audit" or drawn(keys[v.position, v.repeat, v.criterion], share, seed)
    ]
    return _told(side, audit_share=share), kept


def _told(side: Side, **parameters: Any) -> Side:
    info = side.result.info
    told = {**(info.settings.grader_parameters or {}), **parameters}
    settings = msgspec.structs.replace(info.settings, grader_parameters=told)
    info = msgspec.structs.replace(info, settings=settings)
    result = msgspec.structs.replace(side.result, info=info)
    return msgspec.structs.replace(side, result=result)


def by_hand(side: Side, votes: list[Vote], share: float) -> tuple[float, float]:
    """The formula of the estimate and of its error, verdict by verdict."""
    items = side.result.graded
    cheap = {(v.position, v.criterion): v.verdict for v in votes if v.role == "cheap"}
    strong = {(v.position, v.criterion): v.verdict.met for v in votes if v.role != "cheap"}
    total, variance = 0.0, 0.0
    for position, item in enumerate(items):
        attainable = sum(c.points for c in item.example.criteria if c.points > 0)
        for index, criterion in enumerate(item.example.criteria):
            w, p = criterion.points / attainable, cheap[position, index].probability
            assert p is not None
            pi = share if p <= 0.3 or p >= 0.7 else 1.0
            label = strong.get((position, index))
            total += w * p
            if label is not None:
                total += w * (label - p) / pi
                variance += (1 - pi) / pi**2 * (w * (label - p)) ** 2
    return total / len(items), float(np.sqrt(variance)) / len(items)


# Correcting


def test_audit_of_everything_gives_the_strong_score(
    audited: tuple[Side, list[Vote], float],
) -> None:
    """Nothing is estimated then: the score of the strong grader, without error for this run."""
    side, votes, truth = audited
    found = correct_cascade(side, votes)
    assert found.corrected.value == pytest.approx(truth, abs=1e-12)
    assert found.corrected.run_ci95 == pytest.approx((truth, truth), abs=1e-12)
    assert found.corrected.ci95 is not None
    assert found.corrected.ci95[0] < truth < found.corrected.ci95[1]
    assert found.mean == side.result.metrics["overall_score"].raw_mean
    assert found.mean != pytest.approx(truth, abs=1e-3)
    assert (found.examples, found.answers, found.verdicts) == (36, 36, CRITERIA)
    assert 20 < found.audited == found.decided < CRITERIA


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_correction_is_the_formula(audited: tuple[Side, list[Vote], float], share: float) -> None:
    side, votes = thinned(*audited[:2], share, 1)
    found = correct_cascade(side, votes)
    value, error = by_hand(side, votes, share)
    assert found.corrected.value == pytest.approx(value, rel=1e-12)
    assert found.corrected.run_se == pytest.approx(error, rel=1e-12)
    assert 0 < found.audited < found.decided
    assert found.bound is not None
    assert found.agreement is not None
    assert 0 <= found.bound < found.agreement < 1


def test_correction_has_no_bias_and_its_interval_covers(
    audited: tuple[Side, list[Vote], float],
) -> None:
    """Over 300 audits of 40 %: the mean is the strong score, and nearly all intervals hold it."""
    side, votes, truth = audited
    found = [correct_cascade(*thinned(side, votes, 0.4, seed)).corrected for seed in range(300)]
    values = np.array([one.value for one in found])
    assert abs(values.mean() - truth) < 4 * values.std(ddof=1) / np.sqrt(300)
    held = [one.run_ci95 and one.run_ci95[0] <= truth <= one.run_ci95[1] for one in found]
    assert np.mean(held) > 0.88


def test_answer_given_twice_is_one_draw(audited: tuple[Side, list[Vote], float]) -> None:
    """The audit takes both or neither, so a copy makes nothing more certain."""
    side, votes = thinned(*audited[:2], 0.4, 2)
    result = side.result
    again = [
        msgspec.structs.replace(item, repeat=repeat) for item in result.graded for repeat in (0, 1)
    ]
    scores = [msgspec.structs.replace(s, repeat=repeat) for s in result.scores for repeat in (0, 1)]
    double = msgspec.structs.replace(
        side, result=msgspec.structs.replace(result, graded=again, scores=scores)
    )
    found = correct_cascade(
        double, [*votes, *(msgspec.structs.replace(v, repeat=1) for v in votes)]
    )
    once = correct_cascade(side, votes)
    assert (found.answers, found.verdicts, found.audited) == (72, 296, 2 * once.audited)
    assert found.corrected.value == pytest.approx(once.corrected.value)
    assert found.corrected.run_se == pytest.approx(once.corrected.run_se)
    assert found.corrected.se == pytest.approx(once.corrected.se)
    # The bound is an approximation by clusters; which verdicts are audited differs from run to run.
    assert found.bound == pytest.approx(once.bound, abs=0.05)


def test_audit_that_failed_in_part_counts_as_a_thinner_one(
    audited: tuple[Side, list[Vote], float],
) -> None:
    """What the strong grader failed at is no label; with nothing left there is no correction."""
    side, votes = thinned(*audited[:2], 0.8, 3)
    few = failing(votes, every=3)
    found = correct_cascade(side, few)
    whole = sum(vote.role == "audit" for vote in votes)
    assert (found.audited + found.failed, found.failed) == (whole, len(range(0, whole, 3)))
    value, error = by_hand(side, few, 0.8 * found.audited / whole)
    assert found.corrected.value == pytest.approx(value)
    assert found.corrected.run_se == pytest.approx(error)
    assert any("failed at" in text for text in cascade_sentences(found))
    with pytest.raises(InputError, match="failed at all"):
        correct_cascade(side, failing(votes, every=1))


def failing(votes: list[Vote], every: int) -> list[Vote]:
    kept, number = [], 0
    for vote in votes:
        if vote.role == "audit":
            if number % every == 0:
                verdict = msgspec.structs.replace(vote.verdict, met=None, reason="timeout")
                vote = msgspec.structs.replace(vote, verdict=verdict)  # noqa: PLW2901
            number += 1
        kept.append(vote)
    return kept


def test_what_the_cheap_grader_failed_at_counts_as_the_strong_one_says(path: Path) -> None:
    """It was sent on surely; with everything else audited the strong score comes out."""
    faults = [Fault("no_logprobs", on="grader")]
    with FakeEndpoint(faults=faults, rate=0.6, most_faults=99, seed=1) as fake:
        run(fake, path, cascade(fake), "all", *SURE, "audit_share=1")
    with FakeEndpoint() as fake:
        run(fake, path, fake.address("strong"), "strong")
    side, votes = taken(path, "all")
    assert any(v.role == "cheap" and v.verdict.met is None for v in votes)
    truth = preceptor.load("strong", store=path).result().metrics["overall_score"].raw_mean
    assert correct_cascade(side, votes).corrected.value == pytest.approx(truth, abs=1e-12)


def test_no_error_in_the_audit_is_said_not_to_prove_there_is_none() -> None:
    """The interval cannot know of errors that were not drawn; too few labels give none."""
    from preceptor.statistics.correction import Corrected

    corrected = Corrected(0.4, 0.1, (0.2, 0.6), None, None, 1.0, 30, 100, 20, 20)
    found = CascadeCorrection(
        "a", "yesno:x", "y", 20, 20, 0.4, None, corrected, 100, 90, 20, 0, 0.2, 1.0, 0.8
    )
    said = " ".join(cascade_sentences(found))
    assert "may be too narrow" in said
    assert "raise audit_share" in said


def test_command_prints_the_run_and_its_correction(path: Path, capsys: Any) -> None:
    with FakeEndpoint() as fake:
        run(fake, path, cascade(fake), "mine", *SURE, "audit_share=0.5")
        run(fake, path, cascade(fake), "bare", *SURE)
        run(fake, path, fake.address("strong"), "strong")
    capsys.readouterr()
    assert main(["correct", "mine", "--store", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "as the run has it" in out
    assert "corrected" in out
    assert "audit_share 0.5" in err
    assert main(["correct", "mine", "--store", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["corrected"]["value"] == correct_cascade(*taken(path, "mine")).corrected.value
    for arguments, words in (
        (["strong"], "was not judged by a cascade"),
        (["bare"], "its cascade has no audit"),
        (["x=mine,bare"], "must have the same grader parameters"),
        (["*"], "a pattern names several runs"),
        (["mine", "--next", "3"], "need --labels"),
        (["mine", "--half-width", "3"], "need --labels"),
    ):
        assert main(["correct", *arguments, "--store", str(path)]) == 2
        err = capsys.readouterr().err
        assert words in err
        assert err.count("\n") == 1


def test_run_without_its_votes_cannot_be_corrected(
    audited: tuple[Side, list[Vote], float],
) -> None:
    side, votes, _ = audited
    with pytest.raises(InputError, match="not in this store"):
        correct_cascade(side, [])
    with pytest.raises(InputError, match="expected one run, found 2"):
        correct_cascade(msgspec.structs.replace(side, runs=("a", "b")), votes)
    none = msgspec.structs.replace(side.result, graded=[], scores=[])
    with pytest.raises(InputError, match="no answer is graded completely"):
        correct_cascade(msgspec.structs.replace(side, result=none), votes)


# Thresholds


@pytest.fixture
def judged(path: Path) -> tuple[Side, Side]:
    """One by a grader with probabilities, one by a strong grader."""
    with FakeEndpoint() as fake:
        run(fake, path, f"yesno:{fake.address('cheap')}", "cheap")
        run(fake, path, fake.address("strong"), "strong")
    cheap, strong = api.sides(["cheap", "strong"], store=path)
    return cheap, strong


def agreeing(cheap: Side, strong: Side) -> Side:
    """The strong side as if it agreed where the cheap one is off the middle by 0.2."""
    graded = []
    for item, other in zip(cheap.result.graded, strong.result.graded, strict=True):
        verdicts = []
        for mine, label in zip(item.verdicts, other.verdicts, strict=True):
            assert mine is not None
            assert mine.probability is not None
            assert label is not None
            sure = abs(mine.probability - 0.5) > 0.2
            met = mine.met if sure else label.met
            verdicts.append(msgspec.structs.replace(label, met=met))
        graded.append(msgspec.structs.replace(other, verdicts=tuple(verdicts)))
    return msgspec.structs.replace(
        strong, result=msgspec.structs.replace(strong.result, graded=graded)
    )


def test_thresholds_of_two_runs_are_those_of_their_verdicts(judged: tuple[Side, Side]) -> None:
    """Matched by text, whatever the order; only what both have judged counts."""
    cheap, strong = judged[0], agreeing(*judged)
    few = strong.result.graded[:-4]
    shuffled = msgspec.structs.replace(
        strong, result=msgspec.structs.replace(strong.result, graded=few[::-1])
    )
    found = plan_cascade(cheap, shuffled, agreement=0.7)
    labels = {item.example.id: item.verdicts for item in few}
    rows = [
        (mine.probability, label.met, item.example.prompt_key)
        for item in cheap.result.graded
        if item.example.id in labels
        for mine, label in zip(item.verdicts, labels[item.example.id], strict=True)
        if mine is not None and label is not None
    ]
    p, y, groups = zip(*rows, strict=True)
    assert found.thresholds == calibrate(p, np.array(y, float), groups, agreement=0.7)
    assert (found.verdicts, found.prompts) == (len(rows), len(set(groups)))
    assert found.thresholds.bound is not None
    assert found.thresholds.bound >= 0.7
    assert 0 < found.thresholds.sent < 1


def test_printed_options_start_the_cascade_that_was_planned(path: Path) -> None:
    """Pasted into `preceptor run`, they decide what the plan's thresholds decide, to the digit."""
    with FakeEndpoint() as fake:
        run(fake, path, f"yesno:{fake.address('cheap')}", "cheap")
        run(fake, path, fake.address("strong"), "strong")
        cheap, strong = api.sides(["cheap", "strong"], store=path)
        found = plan_cascade(cheap, agreeing(cheap, strong), agreement=0.7)
        assert found.options is not None
        command = ["run", "starter", "--system", fake.address("model-a"), "--name", "both"]
        command += ["--grader-template", "preceptor", "--store", str(path)]
        assert main([*command, *shlex.split(found.options)]) == 0
    low, high = found.thresholds.low, found.thresholds.high
    votes = taken(path, "both")[1]
    chances = {(v.position, v.criterion): v.verdict.probability for v in votes if v.role == "cheap"}
    sent = {(v.position, v.criterion) for v in votes if v.role == "strong"}
    assert sent == {place for place, p in chances.items() if p is not None and low < p < high}
    assert 0 < len(sent) < len(chances) == CRITERIA


def test_command_says_where_the_cheap_grader_may_decide(
    judged: tuple[Side, Side], path: Path, capsys: Any
) -> None:
    """With the options on a line of their own; with none to give, it says what to do instead."""
    capsys.readouterr()
    command = ["thresholds", "cheap", "--labels", "strong", "--store", str(path)]
    assert main([*command, "--agreement", "0.1"]) == 0
    out, err = capsys.readouterr()
    found = plan_cascade(*judged, agreement=0.1)
    assert found.options is not None
    assert found.options in out.splitlines()
    assert "lower bound" in err
    assert main([*command, "--agreement", "0.1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == msgspec.to_builtins(found)
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "--grader" not in out
    assert "never" in out
    assert "No thresholds hold" in err


def test_graders_that_cannot_be_one_cascade_give_no_options(judged: tuple[Side, Side]) -> None:
    """A jury cannot be within a cascade; a comma within an address takes the other form."""
    cheap, strong = judged[0], agreeing(*judged)
    jury = plan_cascade(cheap, by(strong, "jury:http://h/v1#a+http://h/v1#b"), agreement=0.7)
    assert (jury.grader, jury.options) == (None, None)
    assert any("cannot be one cascade" in text for text in cascade_plan_sentences(jury))
    comma = plan_cascade(cheap, by(strong, "http://h/v1#a,b"), agreement=0.7)
    assert comma.grader is not None
    assert comma.grader.endswith(">http://h/v1#a,b")
    assert comma.options is not None
    assert shlex.split(comma.options)[1] == comma.grader


def by(side: Side, grader: str) -> Side:
    info = msgspec.structs.replace(side.result.info, grader=grader)
    return msgspec.structs.replace(side, result=msgspec.structs.replace(side.result, info=info))


def test_bad_input_of_thresholds_is_named(judged: tuple[Side, Side]) -> None:
    cheap, strong = judged
    with pytest.raises(InputError, match="gives no probabilities"):
        plan_cascade(strong, cheap)
    with pytest.raises(InputError, match="gives no probabilities"):
        plan_cascade(by(cheap, "cascade:yesno:http://h/v1#a,http://h/v1#b"), strong)
    with pytest.raises(InputError, match="expected a share between 0 and 1, found 95"):
        plan_cascade(cheap, strong, agreement=95)
    none = msgspec.structs.replace(strong.result, graded=[])
    with pytest.raises(InputError, match="has no verdict on the answers"):
        plan_cascade(cheap, msgspec.structs.replace(strong, result=none))
    info = msgspec.structs.replace(strong.result.info, benchmark="healthbench")
    other = msgspec.structs.replace(strong.result, info=info)
    with pytest.raises(InputError, match="expected one benchmark"):
        plan_cascade(cheap, msgspec.structs.replace(strong, result=other))
