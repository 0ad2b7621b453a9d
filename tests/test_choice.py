"""Multiple choice: reading the letter, the orders of the options, votes, and their metrics."""

from __future__ import annotations

import random
import string
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from preceptor.protocols.choice import ChoiceProtocol, choice_example, circular
from preceptor.records import Example, Graded, Metric, Response
from preceptor.scoring.groups import group_gaps
from preceptor.scoring.letters import read_choice

OPTIONS = {
    "A": "Hepatitis B",
    "B": "Watchful waiting",
    "C": "C. difficile colitis",
    "D": "Measles",
}

#: (answer, the letter that it states; None where it states none, or not one)
CASES = [
    # A letter alone
    ("B", "B"),
    ("b", "B"),
    (" B.\n", "B"),
    ("(B)", "B"),
    ("[B]", "B"),
    ("**B**", "B"),
    ("`B`", "B"),
    ('"B"', "B"),
    ("「B」", "B"),
    ("Ｂ", "B"),
    ("𝐁", "B"),
    ("#### B", "B"),
    ("2", "B"),
    ("E", None),
    ("X", None),
    ("BC", None),
    ("B, C", None),
    ("A\nB\nC\nD", None),
    # With its text, or the text alone
    ("B. Watchful waiting", "B"),
    ("B) watchful   waiting.", "B"),
    ("(B): Watchful waiting", "B"),
    ("Watchful waiting", "B"),
    ("**measles.**", "D"),
    ("B. Watchful waiting\n\nThe course is mild and no treatment is needed.", "B"),
    ("B\n\nBecause the course is mild.", "B"),
    ("B. Measles", None),
    # Statements
    ("The answer is B.", "B"),
    ("The correct answer is **(B)**", "B"),
    ("The correct answer is: \n\nB. Watchful waiting", "B"),
    ("Answer: B) Watchful waiting", "B"),
    ("answer: b", "B"),
    ("Final answer - B", "B"),
    ("<answer>B</answer>", "B"),
    ("Hence $\\boxed{B}$.", "B"),
    ("\\boxed{\\text{(B)}}", "B"),
    ('{"answer": "B"}', "B"),
    ('```json\n{"explanation": "A is too early", "answer": "B"}\n```', "B"),
    ('{"choice": "B", "confidence": 0.9}', "B"),
    ("The best option is B because the others do harm.", "B"),
    ("I would choose option B.", "B"),
    ("The answer for this patient would be B.", "B"),
    ("Therefore, B is correct.", "B"),
    ("Option B (Watchful waiting) is the best choice.", "B"),
    ("Option A is wrong. Option B is correct.", "B"),
    ("The answer is hepatitis B.", "A"),
    ("The answer is C. difficile colitis", "C"),
    ("The answer is: measles", "D"),
    ("The most likely diagnosis is:\n\n**D. Measles**\n\nIt has a rash.", "D"),
    ("Option B", "B"),
    ("Choice: (B)", "B"),
    ("Option B: Watchful waiting", "B"),
    ("Final answer B", "B"),
    ("I'd say B.", "B"),
    ("I think it's B", "B"),
    ("It is between A and C, but I would go with C.", "C"),
    ("The answer is C rather than B.", "C"),
    ("The answer is (C), not (B).", "C"),
    ("The answer might be B.", "B"),
    ("The correct answer choice is B", "B"),
    # What is said of the others does not count
    ("The answer is C.\nA is most likely in children. B is correct for adults.", "C"),
    ("The answer is D. Answer A would be for adults; answer choice B is for children.", "D"),
    ("Answer: D\n\nWhy not the others?\nA: too early.\nB: too late.\nC: too rare.", "D"),
    ("A is correct in part. B is correct too.", None),
    # Reasoning: the last statement counts
    ("The answer is A. Wait, no: the answer is D.", "D"),
    ("A. Hepatitis B: no.\nB. Watchful waiting: no.\nD. Measles: yes.\nAnswer: D", "D"),
    ("<think>The answer is A.</think>The answer is D.", "D"),
    ("<think>The answer is A, or perhaps", None),
    ("Answer choices: A. Hepatitis B, D. Measles.\nB is the correct answer.", "B"),
    ("First, the fever. Then, the rash.\n\nD", "D"),
    # More than one, or none
    ("Answer: A or B", None),
    ("Answer: B/C", None),
    ("The answer is either B or D.", None),
    ("The answer is A. The answer is B and C.", None),
    ("A. Hepatitis B\nB. Watchful waiting\nC. C. difficile colitis\nD. Measles", None),
    ("I don't know", None),
    ("I do not know.", None),
    ("A patient with fever should be seen.", None),
    ("Answer: A patient with fever should be seen.", None),
    ("The answer is A matter of debate.", None),
    ("The answer is not A.", None),
    ("The answer cannot be A", None),
    ("Option A is incorrect.", None),
    ("B cells are raised, which speaks for vitamin D.", None),
    ("The answer is B cells", None),
    ("The answer is D-dimer", None),
    ("The answer is vitamin D", None),
    ("D. pteronyssinus is the cause", None),
    ("The patient has hepatitis A.", None),
    ("The answer is C5 palsy", None),
    ("Correct answer: the patient has vitamin D deficiency", None),
    ("Going through the options:\n\nA. Hepatitis B: the serology would be", None),
    ("", None),
    ("…", None),
    ("\x00\ufffd", None),
    # Other scripts and languages
    ("答案是B", "B"),
    ("答案：B。", "B"),
    ("正确答案为（B）", "B"),
    ("选B", "B"),
    ("应选择B选项。", "B"),
    ("不选B", None),
    ("答案是B型肝炎", None),
    ("乙", "B"),
    ("甲状腺", None),
    ("正解はBです。", "B"),
    ("イ", "B"),
    ("정답은 B입니다.", "B"),
    ("ب", "B"),
    ("الإجابة الصحيحة هي (ب)", "B"),
    ("الجواب: د", "D"),
    ("أ", "A"),
    ("ख", "B"),
    ("उत्तर: ग", "C"),
    ("सही उत्तर ख है।", "B"),
    ("ब)", "B"),
    ("बी", "B"),
    ("की", None),
    ("उत्तर: कोई नहीं", None),
    ("Б", "B"),
    ("Ответ: Г", "D"),
    ("Правильный ответ — А.", "A"),
    ("В", None),
    ("В. Watchful waiting", "B"),
    ("В) C. difficile colitis", "C"),
    ("С", "C"),
    ("Β", "B"),
    ("Γ", "C"),
    ("התשובה הנכונה היא ב'", "B"),
    ("La respuesta correcta es la B.", "B"),
    ("A resposta correta é a letra B.", "B"),
    ("La réponse est B)", "B"),
    ("Réponse : d'abord, attendre.", None),
    ("Die richtige Antwort ist B.", "B"),
    ("Đáp án: B", "B"),
]


@pytest.mark.parametrize(("answer", "letter"), CASES)
def test_reads_the_letter_that_an_answer_states(answer: str, letter: str | None) -> None:
    """Hand-made hard cases: what is stated is read, and nothing else."""
    assert read_choice(answer, OPTIONS) == letter


@pytest.mark.parametrize(
    ("answer", "options", "label"),
    [
        ("3", {"1": "a", "2": "b", "3": "c"}, "3"),
        ("3.0", {"1": "a", "2": "b", "3": "c"}, "3"),
        ("The answer is 2.", {"1": "3 mg", "2": "1 mg"}, "2"),
        ("The answer is 3.5 mg", {"1": "2 mg", "2": "1 mg", "3": "4 mg"}, None),
        ("Answer: B", {"1": "a mile", "2": "a yard"}, "2"),
        ("2", {"A": "3 days", "B": "2 days"}, None),
        ("AB", {"A": "O", "B": "AB", "C": "B"}, "B"),
        ("C", {"A": "C", "B": "A", "C": "B"}, "C"),
        ("yes", {"A": "yes", "B": "no", "C": "maybe"}, "A"),
        ("Answer: No.", {"A": "yes", "B": "no", "C": "maybe"}, "B"),
        ("The answer is B. No other option fits.", {"A": "Yes", "B": "No"}, "B"),
        ("Answer: J", dict(zip("ABCDEFGHIJ", string.ascii_lowercase, strict=False)), "J"),
        ("I cannot say.", dict(zip("ABCDEFGHIJ", string.ascii_lowercase, strict=False)), None),
        ("Same", {"A": "Same", "B": "same"}, None),
    ],
)
def test_reads_labels_as_the_options_have_them(
    answer: str, options: dict[str, str], label: str | None
) -> None:
    """Numbers as labels, options that are numbers, letters or each other's text are told apart."""
    assert read_choice(answer, options) == label


@pytest.mark.parametrize(
    ("answer", "letters"),
    [
        ("ACD", ["A", "C", "D"]),
        ("D, A", ["A", "D"]),
        ("答案：BCD", ["B", "C", "D"]),
        ("The answers are A, C and D.", ["A", "C", "D"]),
        ('{"answer": ["A", "C"]}', ["A", "C"]),
        ("B", ["B"]),
        ("None that I know", None),
    ],
)
def test_reads_several_letters_where_several_may_be_right(
    answer: str, letters: list[str] | None
) -> None:
    """A set of letters is read where the question has one, in the order of the options."""
    assert read_choice(answer, OPTIONS, several=True) == letters


@given(st.text(max_size=300))
def test_reads_nothing_but_a_label_out_of_any_text(text: str) -> None:
    """Whatever the answer, the result is one of the options or None."""
    assert read_choice(text, OPTIONS) in {None, *OPTIONS}
    several = read_choice(text, OPTIONS, several=True)
    assert several is None or (several and set(several) <= set(OPTIONS))


words = st.lists(
    st.sampled_from(["the", "fever", "was", "high", "and", "rash", "pale", "cells", "of"]),
    max_size=12,
)


@given(
    st.sampled_from(sorted(OPTIONS)),
    words,
    st.sampled_from(["The answer is {}.", "Answer: ({})", "\\boxed{{{}}}", "**Answer: {}**", "{}"]),
)
def test_reads_what_a_chain_of_thought_ends_with(letter: str, before: list[str], form: str) -> None:
    """Reasoning before a final line does not change what is read out of it."""
    assert read_choice(" ".join(before) + "\n" + form.format(letter), OPTIONS) == letter


@given(words)
def test_takes_no_letter_out_of_plain_prose(sentence: list[str]) -> None:
    """A sentence of words states no option."""
    assert read_choice("A " + " ".join([*sentence, "patient"]), OPTIONS) is None


def test_reads_long_answers_in_linear_time() -> None:
    """Megabytes of cues and letters without an answer are gone through without backtracking."""
    for filler in ("the answer to this is that A cell ", "the answer is ", "((", "A cells and "):
        assert read_choice(filler * 60_000, OPTIONS) is None


# The orders of the options


def question(name: str = "q", answer: str | list[str] = "B", **texts: str) -> Example:
    options = texts or OPTIONS
    return choice_example(name, "Made-up question?", options, answer, ("topic:t",))


def test_rotates_the_options_and_the_answer_with_them() -> None:
    """Every circular order is asked once, and the right text stays right."""
    variants = circular(question())
    assert [each.id for each in variants] == ["q", "q#1", "q#2", "q#3"]
    assert [each.of for each in variants[1:]] == ["q"] * 3
    assert variants[0] == question()
    for each in variants:
        assert each.target["options"][each.target["answer"]] == OPTIONS["B"]
        for label, text in each.target["options"].items():
            assert f"\n{label}. {text}" in each.messages[-1].content
    firsts = [each.target["options"]["A"] for each in variants]
    assert sorted(firsts) == sorted(OPTIONS.values())


def test_moves_only_options_that_can_be_moved() -> None:
    """ "All of the above" keeps its place; an option with the letters of others keeps them all."""
    above = circular(question(A="x", B="y", C="All of the above"))
    assert [each.target["options"]["C"] for each in above] == ["All of the above"] * 2
    assert [each.target["answer"] for each in above] == ["B", "A"]
    assert len(circular(question(A="x", B="y", C="Both A and B"))) == 1
    assert len(circular(question(A="Cord", B="Eye", C="Vitamin A and D"))) == 3


def test_rotates_a_set_of_right_answers() -> None:
    """Where several options are right together, their letters all move."""
    variants = circular(question(answer=["A", "C"]))
    assert [each.target["answer"] for each in variants] == [
        ["A", "C"],
        ["B", "D"],
        ["A", "C"],
        ["B", "D"],
    ]


def test_asks_with_the_instructions_of_the_tag() -> None:
    """The question, its options, then the instructions of the example's language."""
    protocol = ChoiceProtocol({"": "Which?", "language:xx": "Quod?"})
    asked = protocol.messages(question())[-1].content
    assert asked.startswith("Made-up question?\n\nA. Hepatitis B\n")
    assert asked.endswith("Which?")
    other = msgspec.structs.replace(question(), tags=("language:xx",))
    assert protocol.messages(other)[-1].content.endswith("Quod?")


def test_shows_worked_examples_as_turns() -> None:
    """A worked example is its question as it is asked, and its letters as the assistant's turn."""
    protocol = ChoiceProtocol()
    turns = protocol.asking.shots([question("s1"), question("s2", ["A", "C"])])
    assert [turn.role for turn in turns] == ["user", "assistant"] * 2
    assert [turn.content for turn in turns[1::2]] == ["Answer: B", "Answer: A, C"]
    assert turns[0] == protocol.messages(question("s1"))[-1]


# Scores and metrics


def alone(example: Example, *tags: str) -> Example:
    """A unit of its own, though its made-up stem is that of the others."""
    target = {**example.target, "cluster": example.id}
    return msgspec.structs.replace(example, target=target, tags=tags)


def answered(example: Example, text: str | None, repeat: int = 0) -> Graded:
    failure = None if text is not None else "timeout"
    return Graded(example, repeat, Response("r", text=text or "", failure=failure), ())


def metrics(graded: Sequence[Graded], protocol: ChoiceProtocol | None = None) -> dict[str, Metric]:
    protocol = protocol or ChoiceProtocol()
    examples = {each.example.id: each.example for each in graded}
    scores = [protocol.score(each) for each in graded]
    return protocol.summarise(scores, list(examples.values()))


def test_scores_right_wrong_unreadable_and_missing_apart() -> None:
    """An answer that cannot be read is wrong and counted; a failed call is neither."""
    texts = ["B", "C", "no idea", None]
    found = metrics([answered(question(f"q{i}"), text) for i, text in enumerate(texts)])
    assert found["overall_score"].value == pytest.approx(1 / 3)
    assert found["overall_score"].n == 3
    assert found["overall_score"].coverage == 0.75
    assert found["overall_score"].bounds == (0.25, 0.5)
    assert found["parse_rate"].value == pytest.approx(2 / 3)
    assert found["overall_score"].wilson_ci95 is not None
    assert not {"self_consistency", "circular_accuracy"} & set(found)


def test_counts_a_missing_answer_as_wrong_where_the_benchmark_does() -> None:
    """With missing_is_wrong every question is in the denominator; the coverage still says it."""
    graded = [answered(question("q1"), "B"), answered(question("q2"), None)]
    found = metrics(graded, ChoiceProtocol(missing_is_wrong=True))
    assert (found["overall_score"].value, found["overall_score"].n) == (0.5, 2)
    assert found["overall_score"].coverage == 0.5
    assert found["overall_score"].bounds is None


def test_needs_exactly_the_set_of_right_letters() -> None:
    """Where several are right together, a part of them or more than them is wrong."""
    both = question(answer=["A", "C"])
    texts = ["A, C", "C and A", "A", "A, B, C"]
    scored = [ChoiceProtocol().score(answered(both, text)) for text in texts]
    assert [score.values["overall_score"] for score in scored] == [1, 1, 0, 0]
    assert scored[1].prediction == ["A", "C"]


def test_circular_accuracy_needs_every_order() -> None:
    """Who always says A has the accuracy of guessing, and is never right in every order."""
    questions = [question("q1", "A"), question("q2", "B")]
    variants = [each for q in questions for each in circular(q)]
    guessing = metrics([answered(each, "A") for each in variants])
    assert guessing["overall_score"].value == 0.25
    assert guessing["vanilla_accuracy"].value == 0.5
    assert guessing["circular_accuracy"].value == 0.0
    knowing = metrics(
        [answered(each, OPTIONS[q.target["answer"]]) for q in questions for each in circular(q)]
    )
    assert knowing["circular_accuracy"].value == 1.0
    # Eight answers, two questions: what is resampled and counted is questions.
    assert [
        guessing[name].n for name in ("overall_score", "vanilla_accuracy", "circular_accuracy")
    ] == [2, 2, 2]


def test_one_wrong_order_decides_a_question_whatever_is_missing() -> None:
    """A missing order leaves circular accuracy open only where no other order was wrong."""
    first, second = (circular(question(name)) for name in ("q1", "q2"))
    right = {each.id: each.target["answer"] for each in (*first, *second)}
    said: dict[str, str | None] = {**right, "q1#1": None, "q2#1": None, "q2#2": "none of it"}
    found = metrics([answered(each, said[each.id]) for each in (*first, *second)])
    assert found["circular_accuracy"].n == 1
    assert found["circular_accuracy"].value == 0.0
    assert found["circular_accuracy"].bounds == (0.0, 0.5)


def test_the_majority_of_repeats_votes() -> None:
    """Most letters win, the first of equals counts, and the unreadable has no vote."""
    said = {
        "q1": ["B", "C", "B"],
        "q2": ["C", "no idea", "no idea"],
        "q3": ["B", "C", "no idea"],
        "q4": ["C", "B", "no idea"],
        "q5": ["no idea"] * 3,
    }
    graded = [
        answered(question(name), text, repeat)
        for name, texts in said.items()
        for repeat, text in enumerate(texts)
    ]
    found = metrics(graded)
    assert found["self_consistency"].value == pytest.approx(2 / 5)
    assert found["self_consistency"].n == 5
    assert found["overall_score"].value == pytest.approx(4 / 15)
    lost = metrics([*graded[:2], answered(question("q1"), None, 2)])
    assert (lost["self_consistency"].n, lost["self_consistency"].bounds) == (0, (0.0, 1.0))


def test_macro_f1_is_that_of_scikit_learn() -> None:
    """The same number as f1_score over the same predictions, unreadable ones being of no class."""
    draw = random.Random(3)
    graded, truth, said = [], [], []
    for number in range(120):
        right = draw.choice("ABCD")
        text = draw.choice([right, right, "A", "C", "no idea"])
        graded.append(answered(alone(question(f"q{number}", right)), text))
        truth.append(right)
        said.append(text if len(text) == 1 else "unread")
    labels = ("A", "B", "C", "D")
    found = metrics(graded, ChoiceProtocol(labels=labels))["macro_f1"]
    expected = f1_score(truth, said, labels=labels, average="macro")
    assert found.value == pytest.approx(expected)
    assert found.ci95 is not None
    assert found.ci95[0] < expected < found.ci95[1]


def test_macro_f1_knows_classes_by_their_text_in_any_order() -> None:
    """Yes, no and maybe are the classes, whatever letters they have after a rotation."""
    protocol = ChoiceProtocol(labels=("yes", "no", "maybe"))
    questions = [
        question(f"q{i}", right, A="yes", B="no", C="maybe") for i, right in enumerate("AAB")
    ]
    variants = [each for q in questions for each in circular(q)]
    found = metrics([answered(each, "yes") for each in variants], protocol)["macro_f1"]
    assert found.value == pytest.approx((4 / 5 + 0) / 2)
    assert found.n == 3


def test_the_interval_of_a_gap_is_that_of_a_difference_of_two_shares() -> None:
    """With 400 and 200 questions it is near ±1.96·√(Σ p(1−p)/n), and the seed makes it the same."""
    graded = [
        answered(
            alone(question(f"{code}{i}"), f"language:{code}"),
            "B" if i % 5 < hits else "C",
        )
        for code, count, hits in (("en", 400, 4), ("fr", 200, 3))
        for i in range(count)
    ]
    scores = [ChoiceProtocol().score(each) for each in graded]
    examples = [each.example for each in graded]
    found = group_gaps(scores, examples, "language", "en")["language_gap:fr"]
    half = 1.96 * (0.8 * 0.2 / 400 + 0.6 * 0.4 / 200) ** 0.5
    assert found.ci95 == pytest.approx((0.2 - half, 0.2 + half), abs=0.005)
    assert found == group_gaps(scores, examples, "language", "en")["language_gap:fr"]


def test_gaps_between_groups_weigh_each_group_alike() -> None:
    """The mean over languages is unweighted; a gap is the reference less a language."""
    right = {"en": [1, 1, 1, 0], "fr": [1, 0], "hi": [0, 0, 0, 1]}
    graded = [
        answered(
            alone(question(f"{code}{i}"), f"language:{code}"),
            "B" if hit else "C",
        )
        for code, hits in right.items()
        for i, hit in enumerate(hits)
    ]
    scores = [ChoiceProtocol().score(each) for each in graded]
    examples = [each.example for each in graded]
    found = group_gaps(scores, examples, "language", "en")
    assert found["language_mean"].value == pytest.approx((0.75 + 0.5 + 0.25) / 3)
    assert found["language_gap:fr"].value == pytest.approx(0.25)
    assert found["language_gap:hi"].value == pytest.approx(0.5)
    assert found["language_gap"].value == pytest.approx(0.375)
    assert found["language_gap"].ci95 is not None
    counted = {name: metric.n for name, metric in found.items()}
    assert counted["language_mean"] == counted["language_gap"] == 10
    assert counted["language_gap:fr"] == 6
    assert group_gaps(scores[:4], examples[:4], "language", "en") == {}
    assert set(group_gaps(scores[4:], examples[4:], "language", "en")) == {"language_mean"}
