"""Where a free answer states its result: a key of JSON, a box, what follows "answer:", a sentence.

The words that announce a result are those of forty languages. A condition ("if the answer is
above 10"), another answer than the final one ("alternative answer: 7") and the questions that a
model goes on to ask itself announce nothing.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from preceptor.patterns import late
from preceptor.reasoning import said_in
from preceptor.scoring.json_text import pairs_in
from preceptor.scoring.languages.patterns import Phrases
from preceptor.scoring.numerals import Convention, lowered, normal
from preceptor.scoring.turns import first_turn, questions

__all__ = ["Statement", "Unreadable", "as_statement", "first_stated"]

T = TypeVar("T")


class Statement(msgspec.Struct, frozen=True):
    """A part of an answer where its result may stand.

    Attributes
    ----------
    text
        As :func:`preceptor.scoring.numerals.normal` makes it.
    direct
        The result stands at the beginning or after a verb such as "is", and nowhere else.
    announced
        False for a mere sentence of the answer.
    """

    text: str
    convention: Convention = "point"
    direct: bool = False
    announced: bool = True


_POINT = (
    "答案|结果|結果|回答|答え|解答|正解|정답|답변|답|결과|उत्तर|जवाब|परिणाम|नतीजा|উত্তর|ফলাফল"
    "|คำตอบ|ผลลัพธ์|விடை|பதில்|సమాధానం|જવાબ|תשובה|התשובה|תוצאה|התוצאה|جواب|نتیجہ|jibu|matokeo"
    "|መልሱ|መልስ|ውጤቱ|ውጤት|amsar?|sakamako"
)
_COMMA = (
    "antwort|ergebnis|lösung|résultat|réponse|reponse|resposta|risposta|risultato|antwoord"
    "|resultaat|uitkomst|svar(?:et)?|resultat(?:et)?|odpowiedź|odpowiedzi|wynik|odpověď|výsledek"
    "|răspuns(?:ul)?|rezultat(?:ul)?|cevap|cevabı|yanıt|sonuç|jawaban(?:nya)?|hasil(?:nya)?"
    "|đáp án|kết quả|câu trả lời|trả lời|απάντηση|αποτέλεσμα|ответ|результат"
    "|відповідь|отговор(?:ът)?"
    "|vastaus|tulos|válasz|eredmény|korrektur|correção|correzione|исправление|düzeltme|koreksi"
    "|korekta|correctie|rättelse|виправлення"
)
_EITHER = (
    "respuestas?|resultado|corrección|(?:ال)?[إا]جابة|الجواب|(?:ال)?نتيجة|الناتج|تصحيح|پاسخ|نتیجه"
)
_AGAIN = "correction|actually|scratch that|i mean(?:t)?|wait,? no"
_NATIVE_AGAIN = "更正|訂正|정정|सुधार"
_CUE = Phrases(
    f"answer|result|{_AGAIN}|{_COMMA}|{_EITHER}|{_NATIVE_AGAIN}|{_POINT}",
    r"(?P<point>(?:answer|result)(?![^\W\d_])(?!\s+(?:choices|options|format|in|to|from)\b)"
    rf"|(?:{_AGAIN})(?=\s*[,:—.-]))|(?:(?P<comma>{_COMMA})|(?P<either>{_EITHER}))(?![^\W\d_])"
    rf"|(?P<again>{_NATIVE_AGAIN})|(?P<native>{_POINT})(?![a-zA-Z])",
)
#: Between that word and the result.
_LINK_WORDS = (
    "is|are|was|equals?|will be|would be|be|should be|now|comes to|therefore|thus|final|exactly"
    "|approximately|approx|about|around|roughly|only|just|simply|ca|circa|the"
    "|ist|lautet|beträgt|also|etwa|ungefähr|rund|genau|est|vaut|environ|donc|de|es|sería|son"
    "|aproximadamente|unos|é|são|cerca de|è|circa|quindi|bedraagt|dus|ongeveer|är|er|alltså|cirka"
    "|omkring|to|jest|wynosi|brzmi|około|je|este|e|aproximativ|olarak|yaklaşık|adalah|ialah|yaitu"
    "|sekitar|là|bằng|khoảng|είναι|περίπου|это|равен|равно|равна|равняется|составляет|является"
    "|примерно|около|це|дорівнює|становить|приблизно|on|noin|ni|karibu|ita ce|shi ne|ce|shine"
)
_LINK_SIGNS = (
    "هي|هو|تساوي|يساوي|حوالي|تقريبا|است|برابر|ہے|היא|הוא|है|लगभग|হল|হলো|হচ্ছে|প্রায়|คือ|เท่ากับ|เป็น"
    "|ประมาณ|应该是|应为|是|为|為|约|約|大约|等于|は|が|およそ|은|는|이|약|ነው"
)
_LINK = late(
    r"(?:[\s\"'«»“”„\[{|,_]|[-=]>|-(?![\d.])|[:=≈→⇒]"
    rf"|(?<![^\W\d_])(?:{_LINK_WORDS})(?!\w)\.?|{_LINK_SIGNS}){{0,40}}+",
    re.IGNORECASE,
)
_POINTS_TO = late(r"[:=≈→⇒：]|\s-\s")

_IF = (
    "if|unless|whether|suppose|supposing|in case|wenn|falls|sofern|indien|cuando|quando|hvis|ifall"
    "|jeśli|jeżeli|gdyby|dacă|eğer|jika|kalau|apabila|nếu|εάν|если|якщо|إذا|اذا|لو|اگر|אם|यदि|अगर"
    "|যদি|ikiwa|iwapo|idan"
)
#: Words that mean "if" only at the beginning of a clause.
_IF_FIRST = "when|whenever|should|had|were|si|se|caso|als|mits|om|ob|gdy|bila|αν|когда|коли|kama"
_IF_SIGNS = "如果|若|假如|倘若|もし|만약|만일|ถ้า|หาก"
#: A condition, up to the clause that it is the condition of.
_CONDITION = late(
    rf"(?:(?<![^\W\d_])(?:{_IF})(?![^\W\d_])|{_IF_SIGNS}"
    rf"|(?:\A|[,;(])\s{{0,9}}(?:{_IF_FIRST})(?![^\W\d_]))"
    r"[^,;،，.。!?]{0,160}(?:\.\d[^,;،，.。!?]{0,160}){0,9}",
    re.IGNORECASE,
)
_IF_WORD = Phrases(f"{_IF}|{_IF_FIRST}|{_IF_SIGNS}")
_UNREAL = late(
    r"\b(?:would|could|might)\b|\b(?:wäre|würde|serait|sería|seria|sarebbe|zou|skulle)\b"
    r"|\bбыл[оа]? бы\b|(?<!\w)(?:otherwise|else|sonst|sinon)\b",
    re.IGNORECASE,
)
_ANOTHER = late(
    r"(?<![^\W\d_])(?:as a|como|alternative|alternate|second|another|other|wrong|incorrect|previous"
    r"|earlier|initial|first|original|old|intermediate|partial|interim|example|sample|lab"
    r"|laboratory|test"
    r"|blood|no|not|best next|second best|andere|falsche|vorherige|autre|mauvaise|otra|outra|altra"
    r"|incorrecta|errada|sbagliata|другой|неправильный|предыдущий|промежуточный)\s+\Z"
    r"|(?:错误|錯誤|其他|另一个|中间|中間)的?\Z"
    r"|\b(?:for|in|among) (?:\w{1,12} ){0,2}(?:women|men|children|child|infants?|newborns?"
    r"|neonates?|adults?|adolescents?|pregnancy|elderly|females?|males?|smokers"
    r"|others)\b[^.]{0,30}\Z",
    re.IGNORECASE,
)
_SENTENCE_END = late(r"[.!?;\n。！？।](?!\d)")
_WINDOW = 160
#: Announcements that are looked at, the last ones of a text.
_MOST = 300

_JSON_KEYS = (
    late(rf"(?:final|correct|my)?[ _-]*(?:answer|result|{_POINT}|{_COMMA}|{_EITHER})"),
    late(r"(?:final[ _])?(?:value|number|score|total|date|due[ _]date|gestational[ _]age)"),
)
_KEYED = late(
    r"""["'](?:final[ _])?(?:answer|result)["']\s{0,20}:\s{0,20}"""
    r"""("(?:[^"\\\n]|\\.){0,400}"|'(?:[^'\\\n]|\\.){0,400}'|\[[^\]]{0,400}\]|[^}\n]{0,400})""",
    re.IGNORECASE,
)
_BOXED = late(r"\\f?box(?:ed)?\s{0,9}\{((?:[^{}]|\{[^{}]{0,200}\}){0,400})\}")
_HASHES = late(r"^####[ \t]+(\S[^\n]{0,60})$", re.MULTILINE)
_TAGGED = late(r"<(?:final_?)?answer>", re.IGNORECASE)
#: Not in "22. Oktober 2023".
_SENTENCE = late(
    r"(?<=[.!?])\s+(?!(?:J[aä]n|Feb|M[aä]r|Apr|Mai|Juni|Juli|Aug|Sep|Okt|Nov|Dez)\w{0,6}\.? \d{4})"
    r"(?=[A-Z])|(?<=[。！？।])"
)
_BULLET = late(r"[-*•]\s+")
_DIGIT, _WORD = late(r"\d"), late(r"\w")


class Unreadable(ValueError):
    """A result that is stated but cannot be read: no other place may replace it."""


def first_stated(text: str, read: Callable[[Statement], T]) -> T | None:
    """The result at the likeliest place, the last of its kind; None where there is none.

    Parameters
    ----------
    read
        Gives None where a statement has no result, and raises Unreadable where it has one that
        cannot be read: a range, a bound, two results.
    """
    for part in questions(first_turn(said_in(text))):
        value = _stated(_TAGGED.sub(" Answer: ", part) if "<" in part else part, read)
        if value is not None or _DIGIT.search(part):
            return value
    return None


def _stated(text: str, read: Callable[[Statement], T]) -> T | None:
    for find in (_keyed, _boxed, _announced, _sentences):
        for statement in find(text):
            try:
                value = read(statement)
            except Unreadable:
                return None
            if value is not None:
                return value
            if find is not _sentences and not statement.direct and _DIGIT.search(statement.text):
                return None
    return None


def _keyed(text: str) -> Iterator[Statement]:
    pairs = [(key.strip().casefold(), value) for key, value in pairs_in(text)]
    for keys in _JSON_KEYS:
        if values := [value for key, value in pairs if keys.fullmatch(key)]:
            return map(as_statement, reversed(values))
    return (Statement(normal(said).strip("\"'")) for said in reversed(_KEYED.findall(text)))


def as_statement(value: object) -> Statement:
    if isinstance(value, dict):
        value = value.get("value", value.get("amount", value))
    if isinstance(value, bool):
        return Statement("")
    shown = value if isinstance(value, str) else json.dumps(value)
    return Statement(normal(shown))


def _boxed(text: str) -> Iterator[Statement]:
    found = _BOXED.findall(text) or ("####" in text and _HASHES.findall(text)) or ()
    return (Statement(normal(each)) for each in reversed(found))


def _announced(text: str) -> Iterator[Statement]:
    end = len(text)
    for cue in reversed(deque(_CUE.finditer(lowered(text)), maxlen=_MOST)):
        found = _announcement(text, cue, end)
        if found is not None:
            yield found
        end = cue.start()


def _announcement(text: str, cue: re.Match[str], end: int) -> Statement | None:
    before = text[max(0, cue.start() - _WINDOW) : cue.start()]
    begin = max((each.end() for each in _SENTENCE_END.finditer(before)), default=0)
    within = before[begin:]
    if (_IF_WORD.search(lowered(within)) and _CONDITION.search(within)) or _ANOTHER.search(within):
        return None
    line = text.find("\n", cue.end(), end)
    rest = text[cue.end() : end if line < 0 else line]
    if line >= 0 and not _WORD.search(rest):
        # "Final answer:" may be a heading with the answer below it.
        rest = _unlisted(text[line:end].lstrip().partition("\n")[0])
        return Statement(normal(rest), _convention(cue))
    plain = normal(rest)
    link = _LINK.match(plain)
    linked = plain[: link.end()] if link else ""
    if (cue["point"] or cue["again"]) and not re.search(r"\w|[:=≈→⇒,.-]", linked):
        return None if not re.match(r"\s*\(", plain) else Statement(plain, direct=True)
    points = _POINTS_TO.search(linked)
    return Statement(plain[len(linked) :], _convention(cue), direct=not points)


def _convention(cue: re.Match[str]) -> Convention:
    return "comma" if cue["comma"] else "either" if cue["either"] else "point"


def _sentences(text: str) -> Iterator[Statement]:
    for line in reversed(text.splitlines()):
        for sentence in reversed(_SENTENCE.split(_unlisted(line))):
            yield Statement(normal(_without_condition(sentence)), announced=False)


def _unlisted(line: str) -> str:
    """A line without the sign that makes it an item of a list."""
    line = line.strip()
    return line[bullet.end() :] if (bullet := _BULLET.match(line)) else line


def _without_condition(sentence: str) -> str:
    """A sentence without its condition; empty where the consequence is unreal."""
    if not _IF_WORD.search(lowered(sentence)):
        return sentence
    bare = _CONDITION.sub(" ", sentence)
    return "" if bare != sentence and _UNREAL.search(sentence) else bare
