"""Each rule on rubrics finds what it is for, leaves the rest alone, and never fails on a text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_fixtures import isolate, row, write_rows
from preceptor import cli
from preceptor.lint.check import RULES
from preceptor.lint.rubrics import ADVICE, RubricFinding, rubric_findings
from preceptor.lint.similar import alike
from preceptor.records import Criterion, Message

ASKED = [Message("user", "My ear has hurt since Monday and the drops did not help. What now?")]
#: A criterion with which nothing is wrong, so that the rubric has positive points.
FINE = Criterion("Asks whether the child has had a fever", 7)


class Draft(Criterion, frozen=True):
    """A criterion while it is written: its points may be unsaid."""

    points: int | None = None  # type: ignore[assignment]


def found(*criteria: Criterion, language: str = "en", **more: set[int]) -> list[RubricFinding]:
    return rubric_findings(ASKED, [*criteria, FINE], language, **more)


def rules(findings: Sequence[RubricFinding]) -> list[tuple[str, bool, int | None]]:
    return [(each.rule, each.advice, each.criterion) for each in findings]


@pytest.mark.parametrize(
    ("rule", "wrong", "right"),
    [
        (
            "two-demands",
            "Explains why drops failed and advises a visit to the clinic",
            "Explains the risks of drops and of waiting for another week",
        ),
        (
            "two-demands",
            "Lists three signs of a burst drum. It also warns of swimming",
            "Lists three signs of a burst drum, or warns of swimming",
        ),
        (
            "two-demands",
            "Asks about hearing loss; recommends an otoscopy today",
            'Repeats the sentence "rests, and advises friends to rest"',
        ),
        (
            "vague-word",
            "Appropriately refers the user to an ear clinic",
            "Refers the user to the appropriate ear clinic",
        ),
        (
            "vague-word",
            "Provides a thorough explanation of otitis",
            "Recommends a thorough examination of the drum",
        ),
        ("vague-word", "Answers the question adequately.", "States that one dose is adequate."),
        (
            "not-self-contained",
            "Names the warning signs mentioned above",
            "Names a temperature above 39 degrees as a sign",
        ),
        (
            "not-self-contained",
            "Gives the dose according to current guidelines",
            "Gives the dose according to current guidelines of NICE",
        ),
        (
            "author-or-model",
            "The model asks how long the ear has hurt",
            "Asks for the model of the hearing aid",
        ),
        (
            "author-or-model",
            "Is briefer about ear drops than Model B",
            "Names model books on diseases of the ear",
        ),
        ("author-or-model", "Waits for two days, as I would do", "Names class I evidence on drops"),
        ("short-criterion", "Names drops", "询问孩子是否发烧以及持续了多久"),
        ("long-criterion", "Names the drum " * 25, "Names the drum " * 15),
    ],
)
def test_a_rule_on_one_criterion(rule: str, wrong: str, right: str) -> None:
    """The wrong text has that advice alone, the right one none; other languages have no words."""
    assert rules(found(Criterion(wrong, 5))) == [(rule, True, 1)]
    assert found(Criterion(right, 5)) == []
    in_french = [(rule, True, 1)] if rule in ("short-criterion", "long-criterion") else []
    assert rules(found(Criterion(wrong, 5), language="fr")) == in_french


@pytest.mark.parametrize(
    ("rule", "criteria"),
    [
        ("wrong-sign", [Criterion("Fails to ask about hearing loss", 5)]),
        ("wrong-sign", [Criterion("Correctly names the drum as intact", -5)]),
        ("duplicate-criterion", [FINE]),
        ("contradictory-label", [Criterion(FINE.text, -7)]),
        ("empty-criterion", [Criterion(" - ", 5)]),
        ("invalid-points", [Criterion("Advises not to fly for some days", 0)]),
        ("invalid-points", [Criterion("Advises not to fly for some days", 11)]),
        ("invalid-points", [Draft("Advises not to fly for some days")]),
        ("personal-data", [Criterion("Repeats the number 943 476 5919 of the user", 5)]),
        ("personal-data", [Criterion("Repeats the user's MRN 00482731 as given", 5)]),
    ],
)
def test_what_blocks_a_task(rule: str, criteria: Sequence[Criterion]) -> None:
    """Each of these has that one finding, and it is no advice."""
    [only] = found(*criteria)
    assert (only.rule, only.advice) == (rule, False)
    assert only.criterion == (2 if rule in ("duplicate-criterion", "contradictory-label") else 1)


@pytest.mark.parametrize(
    ("rule", "criteria"),
    [
        (
            "near-duplicate-criterion",
            [Criterion("Fails to ask whether the child has had a fever", -7)],
        ),
        ("near-duplicate-criterion", [Criterion("Asks whether the child has had a fever now", 3)]),
        ("negative-outweighs", [Criterion("Recommends surgery without any examination", -8)]),
        (
            "many-criteria",
            [
                Criterion(f"Names {word * 5} as a cause of pain", 2)
                for word in "abcdefghijklmnoprstu"
            ],
        ),
        (
            "equal-points",
            [Criterion("Names a wisdom tooth as a cause", 7), Criterion("Advises rest at home", 7)],
        ),
        ("leaked-answer", [Criterion("ear has hurt since Monday and the drops did not help", 2)]),
        ("personal-data", [Criterion("Writes the letter to jo.doe@clinic.org today", 5)]),
    ],
)
def test_advice_on_a_rubric(rule: str, criteria: Sequence[Criterion]) -> None:
    """Each of these has that advice, nothing that blocks."""
    findings = [each for each in found(*criteria) if each.rule != "short-criterion"]
    assert [(each.rule, each.advice) for each in findings] == [(rule, True)]


def test_a_confirmed_sign_and_a_rubric_without_points() -> None:
    """The author may mean a sign; without positive points nothing can be scored."""
    odd = Criterion("Does not mention surgery at any point", 5)
    assert found(odd, confirmed={1}) == []
    for criteria in ([], [Criterion("Recommends surgery without any examination", -8)]):
        findings = rubric_findings(ASKED, criteria, "en-GB")
        assert rules(findings) == [("no-positive-points", False, None)]


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        (
            "Explains (briefly, and names) why drops failed, and also advises a visit.",
            "Explains (briefly, and names) why drops failed.\nAdvises a visit.",
        ),
        ("Lists three signs of a burst drum and advises a visit for these", None),
        ("Clearly lists three signs of a burst drum", "Lists three signs of a burst drum"),
        (
            "The AI assistant lists signs of a burst drum",
            "The response lists signs of a burst drum",
        ),
        ("Keeps the model's answer to three sentences", "Keeps the answer to three sentences"),
        ("İs brief where the model asks", None),
    ],
)
def test_a_proposal_replaces_the_text(text: str, fix: str | None) -> None:
    """A line for each criterion; None where a half would not be understood alone."""
    assert {each.fix for each in found(Criterion(text, 5))} in ({fix}, set())
    assert found(Criterion(text, 5)) or fix is None
    [double] = found(FINE)
    assert double.fix == ""


_TEXTS = st.text(max_size=60) | st.lists(
    st.sampled_from(
        [
            "The model",
            "clearly",
            "states",
            " and advises",
            ". It",
            "(",
            '"',
            "above",
            "İ",
            "\n",
            "的",
        ]
    )
).map(" ".join)
_DRAFTS = st.lists(
    st.builds(Draft, text=_TEXTS, points=st.none() | st.integers(-12, 12)), max_size=6
)


@given(_DRAFTS, _TEXTS, st.sampled_from(["en", "en-US", "zh", "", "e\x00"]))
def test_any_text_in_any_order(drafts: list[Draft], said: str, language: str) -> None:
    """No text raises; the order of the criteria changes no advice on one of them or on all."""
    seen = []
    for criteria in (drafts, drafts[::-1]):
        findings = rubric_findings([Message("user", said)], criteria, language)
        assert all(each.rule in (*RULES, *ADVICE) for each in findings)
        # Of two doubles the later one is named.
        single = [each for each in findings if "criterion" not in each.rule + each.problem]
        places = ((e, e.criterion and criteria[e.criterion - 1].text) for e in single)
        seen.append(sorted((e.rule, e.problem, text or "") for e, text in places))
    assert seen[0] == seen[1]


def test_pairs_are_compared_without_spaces_too() -> None:
    """Chinese texts are alike by their characters, though they share no word."""
    texts = ["询问孩子是否发烧以及持续了多久并建议就诊", "询问孩子是否发烧以及持续了多久并建议休息"]
    [(one, other, similarity)] = alike(texts, 0.5)
    assert (one, other) == (0, 1)
    assert 0.5 < similarity < 1


def test_the_command_groups_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each rule with the first places; exit code 0, and no proposal in the JSON."""
    isolate(monkeypatch, tmp_path)
    rows = [row(f"e{number}", license="MIT") for number in range(5)]
    for each, word in zip(
        rows, ("fever", "diarrhoea", "snoring", "vertigo", "tinnitus"), strict=True
    ):
        each["prompt"][0]["content"] = f"I have had {word} for a {word} of days: {word}?"
        each["rubrics"][0]["criterion"] = f"Clearly lists two causes of {word}"
        each["rubrics"][1]["criterion"] = "Recommends surgery at once"
    rows[4]["example_tags"] = ["language:pt-BR"]
    at = write_rows(tmp_path / "mine.jsonl", rows)
    assert cli.main(["lint", str(at)]) == 0
    said = capsys.readouterr()
    [line] = [each for each in said.out.splitlines() if "vague-word" in each]
    assert [cell.strip() for cell in line.split("│")[1:-1]] == [
        "vague-word",
        "4",
        "4",
        "1: 1; 2: 1; 3: 1; …",
    ]
    assert said.err.splitlines()[-1].endswith("5 rows: no faults; advice on rubrics: 4")
    assert cli.main(["lint", str(at), "--json"]) == 0
    advice = json.loads(capsys.readouterr().out)["advice"]
    assert {each["criterion"] for each in advice} == {1}
    assert "fever" not in json.dumps(advice)
