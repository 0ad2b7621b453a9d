"""Patterns of announcements of an answer and of what qualifies them, for `scoring/letters.py`.

`scoring/languages/` has the words of each language. This module has signs and English phrases, and
composes the patterns.
"""

from __future__ import annotations

import re
import unicodedata

from preceptor.scoring.languages import LANGUAGES, Words

__all__ = [
    "ADDS",
    "AFFIRMED",
    "BEGINS",
    "CONTRAST",
    "CUE",
    "EMPTY_BOX",
    "ENDS",
    "FINAL",
    "GOES_ON",
    "GOES_ON_CJK",
    "HEADING",
    "HEDGED",
    "INTRODUCED",
    "IT_IS",
    "LINE_ENDS",
    "LINK",
    "QUALIFIERS",
    "RATHER",
    "REJECTED",
    "RETHOUGHT",
    "SENTENCE_END",
    "TICKED",
    "WEAK",
    "Qualifiers",
]

_SPACED = r"A-Za-z0-9\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff\u1e00-\u1eff"
_START, _STOP = rf"(?<![{_SPACED}])(?<!\w_)", rf"(?![{_SPACED}]|_\w)"


def _any(*patterns: str) -> str:
    return "(?:" + "|".join(patterns) + ")"


def _spaced(word: str) -> bool:
    return re.search(f"[{_SPACED}]", word) is not None


def _inner(alternatives: str) -> str:
    """The alternatives, longest first, each as a word where its script has spaces."""
    words = sorted(_parts(alternatives), key=len, reverse=True)
    found = [f"(?:{word}){_STOP}" if _spaced(word) else f"(?:{word})" for word in words]
    return unicodedata.normalize("NFKC", _any(*found)) if found else "(?!)"


def _words(alternatives: str) -> str:
    """The same at the beginning of a word, or of a clause after a ``^``."""
    parts = _parts(alternatives)
    clauses = "|".join(word[1:] for word in parts if word.startswith("^"))
    others = [word for word in parts if not word.startswith("^")]
    spaced = "|".join(word for word in others if _spaced(word))
    unspaced = "|".join(word for word in others if not _spaced(word))
    return _any(_START + _inner(spaced), _inner(unspaced), rf"(?:\A|[,;:(]\s*){_inner(clauses)}")


def _parts(alternatives: str) -> list[str]:
    """The alternatives between bars outside of brackets."""
    parts, depth = [""], 0
    for sign in re.findall(r"\[[^\]]*\]|.", alternatives):
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part for part in parts if part]


def _all(name: str) -> str:
    return "|".join(filter(None, (getattr(words, name) for words in LANGUAGES.values())))


def _group(language: str) -> str:
    return language.replace(" ", "_")


def _cue(words: Words) -> str:
    """ "Best option", "opción correcta", in either order, and the verbs of choosing."""
    right, option, link = (_inner(each) for each in (words.right, words.option, words.link))
    between = rf"\s*(?:(?:{link}|{right}|的)\s*){{0,2}}"
    best = f"{right}{between}{option}|{option}{between}{right}"
    return f"{best}|{_inner(words.choosing)}" if words.choosing else best


_RIGHT = f"(?:{LANGUAGES['en'].right})"
_ENGLISH = _any(
    rf"{_RIGHT}\s+(?:answer\s+)?(?:(?:next|initial)\s+)?(?:{LANGUAGES['en'].option})\b",
    # "The next best option" is another one, "the next best step" is not.
    rf"next\s+(?:{_RIGHT}\s+)+(?:\w+\s+)?(?:step|test|investigation|management|intervention)\b",
    r"(?:i|we)(?:['’]d|['’]ll|\s+would|\s+will)?\s+"
    r"(?:choose|pick|select|say|go with|opt for|lean towards?)\b",
    r"(?:let['’]s|i['’]m|so|am)?\s*go(?:ing)? with\b",
    r"(?:choose|pick|select)(?= \(?[a-z]\b)",
    r"(?:solution|decision|verdict|conclusion)\b(?=\s*[:=])",
    # What follows replaces what came before.
    r"(?:actually|correction|on second thought)\s*[,:]",
    r"(?:boxed|fbox)\b",
    r"(?:proposition exacte|(?:alternativa|opci[oó]n|opção) (?:corret?c?ta|m[aá]i?s \w+))\b",
)


def _cues(spaced: bool) -> str:
    """One named group a language for what announces, and one for mere nouns."""
    chosen = {n: w for n, w in LANGUAGES.items() if _spaced(w.right) is spaced}
    return _any(
        *(f"(?P<{_group(n)}>{_ENGLISH if n == 'en' else _cue(w)})" for n, w in chosen.items()),
        *(f"(?P<noun_{_group(n)}>{_inner(w.answer)})" for n, w in chosen.items() if w.answer),
    )


#: Announcements, in lower case. A group is named by its language, after ``noun_`` for a mere noun:
#: "Answer B" may be mentioned and not chosen.
CUE = re.compile(
    _any(
        _START + _cues(spaced=True),
        r"(?=[^\x00-\u058f])" + _cues(spaced=False),
        "(?P<tag><(?:final_answer|answer|ans|option|choice|response|result|output)>)",
    )
)
#: Announcements marked as final: they beat later remarks in passing.
FINAL = re.compile(
    r"boxed|fbox|<\w+>|final\w*|endgültig|ultim[oa]|итогов|окончательн|остаточн|ostateczn|končow"
    r"|konečn|slutlig|endelig|lopulli|végső|nihai|cuối cùng|akhir|mwisho|ƙarshe|النهائي|הסופית"
    r"|نهایی|حتمی|अंतिम|চূড়ান্ত|สุดท้าย|የመጨረሻ|最终|最終|최종|τελικ",
    re.IGNORECASE,
)
#: Words that revoke such an announcement.
RETHOUGHT = re.compile(
    r"\b(?:wait|actually|however|sorry|apolog\w+|mistake\w*|correction|corrected|reconsider\w*"
    r"|revis\w+|on (?:second thought|reflection)|oops|let me|espera|attende[zr]|moment|anzi"
    r"|pensando|pero|mais|aber|jedoch|but)\b|однако|подожд|зачека|chwil|počk|vänt|vent|odota"
    r"|várj|stai|bekle|dakika|khoan|tunggu|subiri|dakata|لحظة|צריך|רגע|صبر|رکیے|रुकिए|দাঁড়ান"
    r"|เดี๋ยว|ቆይ|等|いや|待|잠깐|στιγμή|wacht",
    re.IGNORECASE,
)
WEAK = re.compile(r"[\s(]*(?:(?:option|choice|letter|number|correct|letra|lettre)[\s(]+)*")
#: After "answer B": the end of what is said, or a verb that only ends a sentence.
LINE_ENDS = re.compile(r"[ \t.)\]\"']*(?:[।۔።.]*(?:\n|\Z)|(?:है|होगा|ہے|ہوگا|است|ነው|হবে|হয়)(?!\w))")

_SIGNS = r"[\s:=\-–—>→\"'“”‘’«»„\[\](){}<,、|】\ufdfe፦፡]|\.{3}"
#: What may stand between that word and the letter.
LINK = re.compile(
    _any(_SIGNS, _words(_all("link"))) + "{0,30}",
    re.IGNORECASE,
)

#: Where, later in the sentence of the cue, the answer may begin.
_COPULAS = (
    "is|be|es|é|è|est|ist|sería|ser[áa]|wäre|serait|este|jest|to|je|är|er|on|είναι|є|adalah|ni|ce|là"
    "|luidt|zijn"
)
BEGINS = re.compile(_words(_COPULAS) + "|[:是为は—]|है|היא|הוא|คือ|হলো|هي|هو")
REJECTED = re.compile(
    r"[\s)\].:,]*(?:option |choice )?(?:is|are|was|would be|can be|could be)\s+"
    r"(?:also\s+|clearly\s+)?(?:not|in\w+|wrong|false|less|un\w+|excluded|ruled)\b"
    r"|\s*(?:选项|選項)?(?:错|不|是错)",
    re.IGNORECASE,
)


#: What may stand between a noun and its adjective.
_LINKED = _words("yang|da|de|que|som|die|la|le|ya|that is")


class Qualifiers:
    """Words of one language that make an announcement something else than the answer."""

    def __init__(self, words: Words) -> None:
        flags = re.IGNORECASE
        other = words.other if words is LANGUAGES["en"] else f"{words.other}|{words.negation}"
        self.other = re.compile(rf"{_words(other)}(?:\s+\S+|[的のえい]){{0,3}}\s*\Z", flags)
        self.beside = re.compile(rf"[\s(]*(?:{_LINKED}\s+)?{_words(words.other)}", flags)
        self.negation = re.compile(_words(words.negation), flags)
        self.supposed = re.compile(_words(words.supposed), flags)
        self.reported = re.compile(_words(words.reported), flags)
        self.group = re.compile(_words(words.group), flags)
        self.turned = re.compile(
            rf"[\s)\]\"]*(?:{_norm(words.turned)})" if words.turned else "(?!)", flags
        )


def _norm(pattern: str) -> str:
    return unicodedata.normalize("NFKC", pattern)


QUALIFIERS = {_group(name): Qualifiers(words) for name, words in LANGUAGES.items()}
QUALIFIERS["tag"] = QUALIFIERS["en"]

#: Words that make an announcement a guess.
HEDGED = re.compile(r"\b(?:might|may|possibly|perhaps|maybe)\b", re.IGNORECASE)

#: Where a sentence ends.
SENTENCE_END = re.compile(r"[.!?…]+(?=\s|\Z)|[。！？؟।۔።;；]|\?|\n")
#: The heading of a question that a model asks itself.
HEADING = re.compile(
    rf"\n[ \t#*>]*(?:\d{{1,3}}[.)]\s*)?(?:{_words(_all('question'))})"
    r"[ \t]*(?:[#№]?\s*\d{1,4})?[ \t*]*(?:[:：.፦፡]|(?=\n))",
    re.IGNORECASE,
)

_AFFIRMS = _any(
    r"(?P<en>[)\].]?\s*(?:\([^()\n]{0,80}\)\s*)?(?:is|as|being)\s+(?:therefore\s+|clearly\s+|thus\s+)?(?:the\s+|my\s+)?"
    r"(?:most\s+|best\s+|only\s+|single\s+|final\s+)?"
    r"(?:correct|right|best|answer|appropriate|likely)\b)",
    *(
        rf"(?P<{_group(name)}>[)\].]?\s*(?:{_inner(words.link)}\s*){{0,3}}{_inner(words.right)})"
        for name, words in LANGUAGES.items()
        if name != "en"
    ),
)
#: "B is correct", and what may stand before such a letter.
AFFIRMED = re.compile(_AFFIRMS)
INTRODUCED = re.compile(
    r"(?:^|[.!?:;,\n(\[。，।۔።؟]|选项|"
    + _words(
        f"so|thus|therefore|hence|that|and|because|but|with|donc|also|daher|därför|derfor|dus|{_COPULAS}"
    )
    + "|"
    + _words(f"{_all('answer')}|{_all('option')}")
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
    r"[\s\"')\]]*(?:,\s*(?:and|or)\b|[,;/&+、،]|"
    + _words(
        "and|or|und|oder|y|o|u|ou|et|e|и|или|أو|या|i|lub|albo|eller|och|og|tai|ja|vagy|és|veya"
        "|ve|hoặc|atau|dan|au|na|ko|da|sau|și|of|en|a|nebo|ή|και|або|та|یا|ہ|অথবা|বা|หรือ|ወይም|או"
    )
    + r"|和|或|及|と|か|و|और|또는|와|과)[\s\"'(\[]*"
)

#: Characters, and words, that may follow a bare letter; any other makes it a part of a name.
ENDS = ')]}>"”’»」』】:;,、。!?\n\r/<&|…،؛؟۔।።፣፤፦፡'
GOES_ON = re.compile(
    _words(_all("follows"))
    + r"|وليس|y no\b|et non\b|und nicht\b|e não\b|e non\b|а не\b|[(\[–—\-:=>/&|,]",
    re.IGNORECASE,
)
GOES_ON_CJK = re.compile("|".join(LANGUAGES[each].follows for each in ("zh", "ja", "ko")))
