"""What announces an answer, in the languages of the exams: patterns for `scoring/letters.py`."""

from __future__ import annotations

import re

__all__ = [
    "ADDS",
    "AFFIRMED",
    "BEGINS",
    "CONTRAST",
    "CUE",
    "EMPTY_BOX",
    "ENDS",
    "GOES_ON",
    "GOES_ON_CJK",
    "INTRODUCED",
    "IT_IS",
    "LINE_ENDS",
    "LINK",
    "NEGATED",
    "RATHER",
    "REJECTED",
    "TICKED",
    "WEAK",
]


def _any(*patterns: str) -> str:
    return "(?:" + "|".join(patterns) + ")"


def _words(*words: str) -> str:
    return rf"\b(?:{'|'.join(words)})\b"


_RIGHT = "correct|right|best|final|appropriate|likely|accurate|chosen|selected|my"

#: A word after which the answer is named. After a ``noun`` alone, "Answer B" may also be what is
#: spoken of and not what is chosen.
CUE = re.compile(
    "(?P<noun>"
    + _any(
        r"(?<!wrong )(?<!incorrect )(?<!false )\banswers?\b"
        r"(?!\s+(?:choices|options)\b|\s+(?:choice|option)\s+\(?\w\b)",
        r"\bans\b\.?",
        _words("réponses?", "reponses?", "respuestas?", "respostas?", "risposta", "antwort"),
        _any("ответ", "إجابة", "اجابة", "الجواب", "उत्तर", "जवाब", "תשובה", "đáp án"),
    )
    + ")|"
    + _any(
        rf"\b(?:{_RIGHT})\s+(?:answer\s+)?"
        r"(?:(?:next|initial)\s+)?(?:option|choice|alternative|letter|diagnosis|statement|selection"
        r"|one|step|treatment|management|cause|mechanism|explanation|test|intervention)\b",
        r"\b(?:I|we)(?:['’]d|['’]ll|\s+would|\s+will)?\s+"
        r"(?:choose|pick|select|say|go with|opt for|lean towards?)\b",
        r"\b(?:let['’]s|I['’]m|so|am)?\s*go(?:ing)? with\b",
        r"\b(?:solution|decision|verdict|conclusion)\b(?=\s*[:=])",
        r"<(?:final_answer|option|choice|response|result|output)>",
        r"\b(?:je choisis|elijo|escojo|escolho|ich wähle|scelgo)\b",
        # What is said after it takes back what was said before it.
        r"\b(?:actually|correction|on second thought)\s*[,:]",
        r"\b(?:boxed|fbox)\b",
        r"[\"'](?:(?:final|selected|correct|chosen|predicted|best|right)_)?"
        r"(?:answer|choice|option|prediction|letter|label|result|answer_\w+)[\"']",
        r"\b(?:proposition exacte|(?:alternativa|opci[oó]n|opção) (?:corret?c?ta|m[aá]i?s \w+))\b",
        _any("правильный вариант", "الخيار الصحيح", "सही विकल्प", "האפשרות הנכונה", "정답"),
        _any("答案", "正确的?选项", "正確的?選項", "答え", "正解", "正答", "正しい選択肢"),
        r"(?<![不可误])[选選](?:择|擇)?(?![项項])",
    ),
    re.IGNORECASE,
)
WEAK = re.compile(r"[\s(]*(?:(?:option|choice|letter|number|correct|letra|lettre)[\s(]+)*")
LINE_ENDS = re.compile(r"[ \t.)\]\"']*(?:है)?[।.]*(?:\n|\Z|\s+क्योंकि)")

#: What may stand between that word and the letter.
LINK = re.compile(
    _any(
        r"[\s:=\-–—>→\"'“”‘’«»„\[\](){}<,、|】]|\.{3}",
        _words(
            *("is", "are", "was", "would", "should", "must", "will", "be", "to", "seems", "the"),
            *("therefore", "thus", "hence", "likely", "most", "probably", "clearly", "definitely"),
            *(
                "it['’]s",
                "it",
                "by far",
                "options?",
                "choice",
                "letter",
                "number",
                "answer",
                "alternative",
            ),
            *("correct", "right", "best", "appropriate", "either", "here", "select", "for"),
            *("this", "question", "final", "among", "these", "given", "maybe", "perhaps", "so"),
            *("i think", "i believe", "that"),
            *("es", "sería", "la", "el", "opci[óo]n", "correcta?", "letra"),
            *("est", "serait", "le", "lettre", "proposition", "correcte", "bonne", "exacte"),
            *(
                r"(?-i:é a)(?=\s)",
                "é",
                "seria",
                "op[cç][ãa]o",
                "a letra",
                "a alternativa",
                "a op[cç][ãa]o",
            ),
            *(
                "alternativa",
                "correta",
                "corretta",
                "é a",
                "è",
                "ist",
                "lautet",
                "die",
                "der",
                "richtige",
            ),
            *("это", "вариант", "буква", "правильный"),
        ),
        _any(
            "是", "为", "為", "は", "が", "应该", "应为", "應該", "选择", "选项", "选", "選", "項"
        ),
        _any("项", "正确", "正確", "هي", "هو", "الصحيحة", "الخيار", "الحرف", "حرف", "है"),
        _any("विकल्प", "सही", "היא", "הוא", "הנכונה", "אות ", "은", "는 "),
    )
    + "{0,30}",
    re.IGNORECASE,
)

#: Where, later in the sentence of the cue, the answer may begin; and what turns it round.
BEGINS = re.compile(
    _words("is", "be", "es", "é", "è", "est", "ist", "sería") + "|[:是为は]|है|היא|הוא"
)
NEGATED = re.compile(
    _words("not?", "cannot", "never", "non", "pas", "nicht", "не") + r"|n['’]t\b|不|ليس|नहीं|לא",
    re.IGNORECASE,
)
REJECTED = re.compile(
    r"[\s)\].:,]*(?:option |choice )?(?:is|are|was|would be|can be|could be)\s+"
    r"(?:also\s+|clearly\s+)?(?:not|in\w+|wrong|false|less|un\w+|excluded|ruled)\b"
    r"|\s*(?:选项|選項)?(?:错|不|是错)",
    re.IGNORECASE,
)

#: "B is correct", and what may stand before such a letter.
AFFIRMED = re.compile(
    r"[)\].]?\s*(?:\([^()\n]{0,80}\)\s*)?is\s+(?:therefore\s+|clearly\s+|thus\s+)?(?:the\s+)?"
    r"(?:most\s+|best\s+|only\s+|single\s+)?"
    r"(?:correct|right|best|answer|appropriate|likely)\b"
    r"|\s*(?:选项|選項|项|項)?(?:是)?正[确確]|"
    r"\s+(?:es|est|é|è|ist)\s+(?:la |le |a |die )?(?:correct|corret|bonne|juste|exact|richtig)"
    r"|\s+هو\s+(?:الخيار\s+)?الصحيح|\s+सही\s+है|\s*が正解"
)
INTRODUCED = re.compile(
    r"(?:^|[.!?:;,\n(\[。，]|选项|"
    + _words("so", "thus", "therefore", "hence", "that", "and", "because", "but")
    + "|"
    + _words("option", "choice", "answer", "opci[oó]n", "opção", "alternativa", "réponse")
    + "|विकल्प|الخيار"
    + r")\s*[(\[]?\s*\Z",
    re.IGNORECASE,
)

#: "not A but B": what stands before the second.
CONTRAST = re.compile(
    r"\bnot\s+(?!only\b)(?P<rejected>[^.\n;]{1,60}?),?\s+but\s+(?:rather\s+|instead\s+)?",
    re.IGNORECASE,
)
#: "B, not A": what stands before the second, where there is nothing more.
RATHER = re.compile(
    r"[\s,;)\].\-–—]*(?:and |but )?(?:not|rather than|instead of)\s+", re.IGNORECASE
)
#: "It is B." or "Therefore B.", at the end of a sentence.
IT_IS = re.compile(
    r"\b(?:(?:so|thus|therefore|hence),?\s+(?:it(?: is|['’]s)\s+)?|it(?: is|['’]s)\s+)"
    r"(?:option\s+)?",
    re.IGNORECASE,
)
#: A box that is ticked; one that is not says nothing.
TICKED = re.compile(r"^[ \t]*[-•]?[ \t]*(?:\[[xX✓✔]\]|☑|✅|✔)\ufe0f?[ \t]*", re.MULTILINE)
EMPTY_BOX = re.compile(r"\[ \]|☐")

#: What stands between two letters that are both meant.
ADDS = re.compile(
    r"[\s\"')\]]*(?:,\s*(?:and|or)\b|[,;/&+、]|"
    + _words("and", "or", "und", "oder", "y", "o", "u", "ou", "et", "e", "и", "или", "أو", "या")
    + r"|和|或|及|と|و|और)[\s\"'(\[]*"
)

#: Characters, and words, that may follow a bare letter; any other makes it a part of a name.
ENDS = ')]}>"”’»」』】:;,、。!?\n\r/<&|…'
GOES_ON = re.compile(
    _words(
        *("is", "are", "was", "because", "since", "as", "due", "given", "based", "which", "with"),
        *("for", "seems", "appears", "would", "and", "or", "but", "so", "per", "in", "from", "to"),
        *("option", "only", "correct", "porque", "pois", "ya", "car", "parce", "puisque", "weil"),
        *("denn", "perché", "потому", "так", "لأن", "क्योंकि", "rather", "instead", "not"),
        *("when", "while", "although", "though", "if", "after", "unlike", "where", "whereas"),
        *("this", "it", "the", "they", "here", "then", "by"),
    )
    + r"|है|وليس|y no\b|et non\b|und nicht\b|e não\b|e non\b|а не\b|[(\[–—\-:=>/&|,]",
    re.IGNORECASE,
)
GOES_ON_CJK = re.compile(
    r"[项項]|选项|選項|です|で[ある、。]|が|は|。|而不是|而非|因为|因為|正确|正確|是|選択肢|입니다|이다"
)
