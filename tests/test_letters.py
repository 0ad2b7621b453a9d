"""Answers as models write them: what is read out of each, and what is honestly not read."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from preceptor.protocols.labelling import LabelScoring
from preceptor.scoring.letters import read_choice, read_label

DRUGS = {"A": "Aspirin", "B": "Beta blocker", "C": "Vitamin C", "D": "Surgery"}
REPLIES = {"A": "yes", "B": "no", "C": "maybe"}
NUMBERED = {"1": "Fear", "2": "Panic", "3": "Sleep", "4": "Mood"}

OF_DRUGS = [
    ("\\fbox{B}", "B"),
    ('{"selected_option": "B"}', "B"),
    ('{"correct_option": "B"}', "B"),
    ('{"predicted_answer": "B"}', "B"),
    ('{"result": "B"}', "B"),
    ("<|begin_of_thought|>A<|end_of_thought|>B", "B"),
    ("<THINK>answer is A</THINK>B", "B"),
    ("The best choice is a beta blocker.", "B"),
    ("It is not A but B.", "B"),
    ("The answer is not A but B.", "B"),
    ("The answer is not A. It is B.", "B"),
    ("B, not A", "B"),
    ("B rather than A", "B"),
    ("B项正确", "B"),
    ("【答案】B", "B"),
    ("综上所述，正确的选项是 B。", "B"),
    ("٢", "B"),
    ("२", "B"),
    ("La risposta corretta è B", "B"),
    ("A alternativa correta é a B.", "B"),
    ("Going with B.", "B"),
    ("Let's go with B.", "B"),
    ("Solution: B", "B"),
    ("Ans: B", "B"),
    ("Ans. B", "B"),
    ("ans (b)", "B"),
    ("A: B", None),
    ("The right one is B.", "B"),
    ("1. B", "B"),
    ("Q1: B", "B"),
    ("\ufeffB", "B"),
    ("Answer:\n\n- [ ] A\n- [x] B\n- [ ] C", "B"),
    ("~~A~~ B", "B"),
    ("| Answer | B |", "B"),
    ("<p>B</p>", "B"),
    ("Answer&nbsp;B", "B"),
    ("Correction: C", "C"),
    ("Let's go with aspirin", "A"),
    ("Step 1: A is out.\nStep 2: B is out.\nStep 3: so C.", "C"),
    ("A is ruled out. B is ruled out. D is ruled out. Therefore C.", "C"),
    ("❌ A\n✅ C", "C"),
    ("The best next step is C.", "C"),
    ("C = Vitamin C", "C"),
    ("C, Vitamin C", "C"),
    ("C / Vitamin C", "C"),
    ("opt C", "C"),
    ("choose c", "C"),
    ("The answer is … C", "C"),
    ("The answer is...C", "C"),
    ("<ans>C</ans>", "C"),
    ("<final_answer>C</final_answer>", "C"),
    ("<option>C</option>", "C"),
    ("<choice>C</choice>", "C"),
    ("<response>C</response>", "C"),
    ("【解析】A错。【答案】C", "C"),
    ("C、Vitamin C", "C"),
    ("الخيار C هو الصحيح", "C"),
    ("الإجابة هي C وليس A", "C"),
    ("उत्तर C है क्योंकि A गलत है", "C"),
    ("Je choisis C.", "C"),
    ("Elijo la C.", "C"),
]
OF_REPLIES = [
    ("Yes, it does.", "A"),
    ("No, there is no evidence.", "B"),
    ("The answer is maybe.", "C"),
    ("Yes\n\nBecause the abstract says so.", "A"),
    ("**Yes**\n\nThe study found no difference.", "A"),
    ("Answer: Maybe", "C"),
    ("yes - the authors conclude so", "A"),
    ("Answer: yes/no", None),
    ("Final decision: yes", "A"),
    ("I would say maybe.", "C"),
]
OF_NUMBERED = [
    ("2, not 3", "2"),
    ("option3", "3"),
    ("3️⃣", "3"),
]


#: What must stay unread, or be read otherwise, although something like the above is in it.
NOT_READ = [
    "not a fever but a rash",
    "This is not only A but B.",
    "Not a B cell but a T cell.",
    "It is B cell lymphoma.",
    "It's a virus.",
    "It is a common disease.",
    "The solution: A mixture is needed.",
    "Solution B was given to the patient.",
    "Actually, a fever is rare.",
    "Going with a conservative approach.",
    "Aspirin or surgery",
    "The answer is aspirin or surgery.",
    "A: B",
    "- A: no\n- B: no\n- C: yes\n- D: no",
    "<think>The answer is A",
    "So A and B.",
    "Therefore I cannot say.",
    "A, aspirin, or B, a beta blocker",
]


@pytest.mark.parametrize(("text", "letter"), OF_DRUGS)
def test_a_stated_letter_is_read(text: str, letter: str | None) -> None:
    """Contrasts, retractions, tags, boxes, other scripts' digits, words of other languages."""
    assert read_choice(text, DRUGS) == letter


@pytest.mark.parametrize(("text", "letter"), OF_REPLIES)
def test_a_reply_of_yes_or_no_is_read(text: str, letter: str | None) -> None:
    """With or without its reasons; a word that often stands before an answer may be one."""
    assert read_choice(text, REPLIES) == letter


@pytest.mark.parametrize(("text", "letter"), OF_NUMBERED)
def test_a_number_of_an_option_is_read(text: str, letter: str | None) -> None:
    """Options that are numbered."""
    assert read_choice(text, NUMBERED) == letter


def test_a_number_with_a_zero_is_the_text_of_its_option() -> None:
    """As well as a table's way of writing the number of an option."""
    doses = {"A": "0.5", "B": "4.0", "C": "1.0"}
    assert read_choice("4.0", doses) == "B"
    assert read_choice("2.0", NUMBERED) == "2"


def test_a_framed_answer_is_read() -> None:
    """As the authors of BioProBench ask for it."""
    said = "Aspirin is out.\n[ANSWER_START]Beta blocker[ANSWER_END]"
    assert read_choice(said, DRUGS) == "B"
    assert read_choice("[ANSWER_START]Yes[ANSWER_END]", REPLIES) == "A"


@pytest.mark.parametrize("text", NOT_READ)
def test_what_states_nothing_is_not_read(text: str) -> None:
    """No letter is better than one that was not meant."""
    assert read_choice(text, DRUGS) is None


@pytest.mark.parametrize(
    "text", ["Yes and no.", "Yes/no", "No evidence was found.", "Possibly", "Maybe yes, maybe no"]
)
def test_half_a_reply_is_none(text: str) -> None:
    """ "No" before a noun is no reply."""
    assert read_choice(text, REPLIES) is None


ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """``bench/readings.py``."""
    spec = importlib.util.spec_from_file_location("readings", ROOT / "bench" / "readings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_readings_is_read(bench: ModuleType) -> None:
    """At least 97 % is read rightly, in 30 languages, and no plain announcement wrongly."""
    rows = bench.rows([ROOT / "tests" / "data" / "readings.jsonl"])
    assert len(rows) >= 300
    assert len({row["language"] for row in rows}) >= 30
    assert len({row["id"] for row in rows}) == len(rows)
    outcomes = Counter((row["case"], bench.outcome(row)) for row in rows)
    right = sum(count for (_, result), count in outcomes.items() if result == "right")
    assert right >= 0.97 * len(rows)
    assert outcomes["plain", "wrong"] == 0


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ('{"answer": "B", "second_best_answer": "C"}', "B"),
        ("{'answer': 'B', 'reasoning': \"The answer isn't A\"}", "B"),
        ('{"answer": "B", "reasoning": "Cut off after the answer is A bec', "B"),
        ('{"reasoning": "The answer is A.", "final_answer": "B", "answer": "A"}', "B"),
        ('{"answer": null, "reasoning": "The answer is A."}', "A"),
        ('{"wrong_answer": "A"}', None),
        ('{"answer_index": 1}', None),
        ('{"respuesta_correcta": "B", "comentario": "La respuesta es A."}', "B"),
        ('{"answer": "A"}\n\nWait, the pulse is 140. The answer is B.', "B"),
    ],
)
def test_the_key_of_the_answer_wins_over_other_keys(text: str, letter: str | None) -> None:
    """Whatever order JSON has its keys in, whole or broken; prose after it may correct it."""
    assert read_choice(text, DRUGS) == letter


@pytest.mark.parametrize(
    "text",
    [
        "B\n\nQuestion: What treats scurvy?\nAnswer: C",
        "B\n\n**Question 2:** What treats scurvy?\n**Answer:** C",
        "B\n\n### Question\nWhat treats scurvy?\n\n### Answer\nC",
        "B\nUser: What treats scurvy?\nAssistant: C",
        "B<|im_end|>\n<|im_start|>user\nThe answer is C<|im_end|>",
        "<|im_start|>assistant\nB<|im_end|>\n<|im_start|>user\nThe answer is C",
        "B</s>[INST] And scurvy? [/INST] The answer is C",
        "B<end_of_turn>\n<start_of_turn>model\nAnswer: C",
        "B\n\nPregunta: ¿Qué cura el escorbuto?\nRespuesta: C",
        "B" + "\n\nQuestion: What is next?\nAnswer: C" * 2_000,
    ],
)
def test_a_turn_that_a_model_adds_is_not_read(text: str) -> None:
    """What a model asks and answers itself after its answer is not part of it."""
    assert read_choice(text, DRUGS) == "B"


@pytest.mark.parametrize(
    "text",
    [
        "Include.\n\n**Question:** And this abstract?\n**Answer:** exclude",
        "include<|im_end|>\n<|im_start|>user\nNext one\nexclude",
        "Include\nUser: And this one?\nAssistant: Exclude",
    ],
)
def test_a_label_is_read_from_the_first_turn(text: str) -> None:
    """A question that a model goes on to ask itself is not its answer."""
    forms = {"yes": ("include", "included"), "no": ("exclude", "excluded")}
    assert LabelScoring(forms).read(text) == "yes"


def test_a_question_that_is_repeated_first_is_read_past() -> None:
    """Nothing is stated before its heading, so that what follows is the answer."""
    text = "Let us see.\n\nQuestion: What treats scurvy?\n\nAnswer: C"
    assert read_choice(text, DRUGS) == "C"


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Final answer: B\n\nFor scurvy the best choice is C.", "B"),
        ("Final answer: B\n\nNote: the best choice in scurvy is C.", "B"),
        ("Final answer: B. Wait, that is wrong: the answer is C.", "C"),
        ("The best option for pregnant women is C.", "C"),
        ("The next best step is C.", "C"),
        ("The next best answer is C.", None),
    ],
)
def test_what_is_said_in_passing_takes_nothing_back(text: str, letter: str | None) -> None:
    """A final answer stands unless it is corrected; a qualified one counts where it is alone."""
    assert read_choice(text, DRUGS) == letter


@pytest.mark.parametrize(
    "unit", ["-=", "(", "[{", "not ", "answer: ", '{"answer": "', '"a": "', "<|im_start|>", "B is "]
)
def test_reading_looks_at_each_character_a_bounded_number_of_times(unit: str) -> None:
    """Hostile texts are read as nothing, or as what they plainly say."""
    text = unit * (200_000 // len(unit))
    assert read_choice(text, DRUGS) in (None, "B")
    assert read_choice("not" + " " * 200_000 + "but", DRUGS) is None


@pytest.mark.parametrize(
    ("question", "text", "letter"),
    [
        ("¿Cuál de las siguientes es INCORRECTA?", "La respuesta INCORRECTA es: C", "C"),
        ("Which of the following is the LEAST likely cause?", "The least likely cause is B.", "B"),
        ("All of these apply EXCEPT:", "The exception is C.", "C"),
        ("誤っているのはどれか。", "誤っているのはCである。", "C"),
        ("Which drug is best?", "The incorrect answer is C.", None),
        ("Which is NOT true?", "The second best answer is C.", None),
    ],
)
def test_the_wrong_option_is_read_where_it_is_asked_for(
    question: str, text: str, letter: str | None
) -> None:
    """What the question asks for is no qualification of the answer."""
    assert read_choice(text, DRUGS, question=question) == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Wenn man alle Befunde berücksichtigt, ist die Antwort C", "C"),
        ("If I had to choose, the answer is C.", "C"),
        ("Even if the ECG is normal, the answer is C.", "C"),
        ("No caso apresentado, a resposta correta é C.", "C"),
        ("Wenn das Kalium hoch wäre, wäre die Antwort C.", None),
    ],
)
def test_a_condition_that_only_weighs_the_case_takes_nothing_back(
    text: str, letter: str | None
) -> None:
    """Another condition does."""
    assert read_choice(text, DRUGS) == letter


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I would not include this study.", None),
        ("Do not include. Decision: exclude", "no"),
        ("We could include it, but the final decision: exclude.", "no"),
        ("The second best label is include. The best choice is exclude.", "no"),
        ("It should be included.", "yes"),
    ],
)
def test_a_label_that_is_denied_is_not_read(text: str, label: str | None) -> None:
    """Labels are announced and qualified as letters are."""
    assert read_label(text, {"yes": ("include", "included"), "no": ("exclude",)}) == label


@pytest.mark.parametrize("text", ["Да.", "Sí, lo es.", "Die Antwort lautet ja.", "是的，支持。"])
def test_yes_is_read_in_other_languages(text: str) -> None:
    """Where the labels are yes and no, a reply in another language is one of them."""
    assert read_label(text, {"1": ("yes",), "0": ("no",)}) == "1"
    assert read_choice(text, REPLIES) == "A"


def test_the_same_words_are_read_for_each_question_anew() -> None:
    """What an answer states depends on options and question, however often the words were read."""
    said, options = "The incorrect one is B.", {"A": "rest", "B": "water"}
    for _ in range(2):
        assert read_choice(said, options, question="Which is incorrect?") == "B"
        assert read_choice(said, options, question="Which is right?") is None
        assert read_choice("B", options) == "B"
        assert read_choice("B", options, several=True) == ["B"]
        assert read_choice("water", options) == "B"
        assert read_choice("water", {"A": "water", "B": "rest"}) == "A"
