"""Options that speak of other options are known in many languages; plain ones are not."""

from __future__ import annotations

import pytest

from preceptor.benchmarks import get
from preceptor.engine.variants import sentences, varied
from preceptor.protocols.choice import choice_example, circular
from preceptor.records import Variant
from preceptor.scoring.choices import rotated
from preceptor.scoring.references import Mention, mentions
from suite_answers import DATA, needs

OTHERS = {"A": "rest", "B": "surgery", "C": "an antibiotic"}

NAMES = """
A and C|ABC|Neither A nor B|1 and 3|both 1 and 2|A, C|A & B|A/B|A+B|both A and B are correct
(a) and (c)|a. and b. above|I and III|II only|Only A|All except B|All but A|A but not B
Either A or C|Options A and C|Answers B and C|A through C|Statements 1 and 2 are correct|Both AB
'B' & 'C'|All of the below|1、2、3|①と③|Ｂ、Ｃ|A>B>C|A und C|weder A noch B|sowohl A als auch B
Nur A und B|Die Antworten A und C|A oder C|A e C|nem A nem B|A e B estão corretas|A ou C|A y C
ni A ni B|tanto A como B|Solo A y B|A et C|Les réponses A et C|né A né B|sia A che B|A en C
A och C|A i C|Zarówno A i B|A ve C|A και C|A dan C|cả A và C|A и C|А и В|ни А, ни Б
как А, так и Б|أ و ب|أ وب|I و III فقط|क और ख|A और C दोनों|केवल I और III|A和C|A和C都对
既不是A也不是B|甲和乙|AとC|AとBの両方|AもBも正しい|アとイ|A와 C|가와 나|A ja C
"""
ABOVE = """
All of the above|None of the above.|Any of the above|Two of the above
All of the above are possible causes|d) None of the above|Alle der genannten|Keine der genannten
Keine der obigen Antworten|Todas las anteriores|Ninguna de las anteriores|Todo lo anterior
Nenhuma das anteriores|Todas as alternativas acima|Toutes les réponses ci-dessus
Aucune des réponses précédentes|Nessuna delle precedenti|Все вышеперечисленное
Ни один из вышеперечисленных|以上都是|以上皆非|以上说法均正确.|上記のすべて|上記のいずれでもない
위의 모두|كل ما سبق|لا شيء مما سبق|उपरोक्त सभी|उपरोक्त में से कोई नहीं|Yukarıdakilerin hepsi
Alle bovenstaande|Alla ovanstående|Wszystkie powyższe|Semua di atas
"""
REST = """
None.|Both|Neither|All of these|Keine davon|Aucune de ces réponses|Nessuna di queste
Ничего из этого|两者都不是|該当なし|해당 없음|इनमें से कोई नहीं
"""
PLAIN = """
Hepatitis A and B|vitamin A and D|Type A|group A and B streptococcus|A|AB|Yes|No|1/2|2.5|1-2
1 in 4|C1-C2|D-1|C-C|A patient with fever|Cranial nerves III and IV|Class II|10 and 20|Anterior
Both kidneys|Call her previous physician|All cells|Vitamina A y D|Vitamin A und D|Hépatite A et B
维生素A和D|Ⅲ期B|ビタミンAとD|Гепатит А и В|全身麻酔|全部切除|التهاب الكبد أ و ب|One|IgA and IgG
COX-1 and COX-2|Todas las arterias|Neither genotype nor phenotype|1%
"""


def said(text: str) -> Mention | None:
    return mentions({**OTHERS, "D": text}).get("D")


def each(texts: str) -> list[str]:
    return [text for line in texts.strip().splitlines() for text in line.split("|")]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [(NAMES, Mention.LABELS), (ABOVE, Mention.ABOVE), (REST, Mention.REST), (PLAIN, None)],
)
def test_what_an_option_says_of_others(texts: str, expected: Mention | None) -> None:
    """Letters, numbers, "all of the above", "none"; a vitamin is no letter of an option."""
    found = {text: said(text) for text in each(texts)}
    assert {text: mention for text, mention in found.items() if mention != expected} == {}


def test_letters_without_a_space_name_others_where_several_options_are_such() -> None:
    """A lone "AB" is a blood group; beside "AC" and "BD" it names options."""
    assert not mentions({"A": "A", "B": "B", "C": "AB", "D": "O"})
    assert len(mentions({"A": "ab", "B": "cd", "C": "bd", "D": "ac"})) == 4


@pytest.mark.parametrize("text", [text for text in each(NAMES) if text != "All of the below"])
def test_no_option_moves_where_one_names_others(text: str) -> None:
    """The question keeps its given order, and has no other."""
    assert rotated({**OTHERS, "D": text}, "D") == []


def test_what_stands_below_stays_below() -> None:
    """ "Both of the above" speaks of two: none of the options after it may come before it."""
    options = {"A": "rest", "B": "surgery", "C": "Both of the above", "D": "an antibiotic"}
    (only,) = rotated(options, "B")
    assert only == ({**options, "A": "surgery", "B": "rest"}, "A")
    anywhere = rotated({"A": "None", **{k: v for k, v in options.items() if k in "BD"}}, "B")
    assert [texts["A"] for texts, _ in anywhere] == ["None"]


def test_every_order_of_a_plain_question_is_still_asked() -> None:
    """Vitamins are moved as any other option."""
    vitamins = choice_example("q", "Which?", {**OTHERS, "D": "Vitamin A and D"}, "D")
    assert len(circular(vitamins)) == 4


def test_letters_printed_in_the_texts_keep_their_places() -> None:
    """An option "b) Rest" cannot stand under another letter."""
    assert rotated({"A": "a) Drink", "B": "b) Rest", "C": "c) Wait"}, "A") == []


@needs("mirage-rawdata")
@needs("medagents_bench")
def test_options_of_real_exams() -> None:
    """Questions of MedMCQA and MedAgents whose options name others, each checked by hand."""
    for name, expected in (("medmcqa", 33), ("medagents-hard", 38)):
        asked = [each.target["options"] for each in get(name).load(DATA).examples]
        assert sum(Mention.LABELS in mentions(each).values() for each in asked) == expected


def test_a_run_says_how_many_questions_stay_as_they_are() -> None:
    """A note beside the score in every order counts the questions with only one order."""
    circular = Variant(circular=True)
    named = choice_example("n", "Which?", {**OTHERS, "D": "A und C"}, "D")
    plain = choice_example("p", "Which?", {**OTHERS, "D": "Vitamin A und C"}, "D")
    pool = [named, plain]
    asked = varied([(each, 1) for each in pool], pool, get("medqa"), circular)
    assert len(asked) == 5
    (sentence,) = sentences(circular, asked)
    assert sentence.startswith("Asked in the given order only: 1 of 2 questions")
