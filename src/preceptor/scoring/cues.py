"""Patterns around announcements, for `scoring/letters.py`.

`scoring/languages/` has the words of each language. This module has signs and English phrases, and
composes the patterns.
"""

from __future__ import annotations

import re
from functools import cache

from preceptor.patterns import late
from preceptor.scoring.languages import LANGUAGES
from preceptor.scoring.languages.patterns import any_of, every, group_of, inner, words_of

__all__ = [
    "ADDS",
    "BEGINS",
    "CONTRAST",
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
    "RATHER",
    "REJECTED",
    "RETHOUGHT",
    "SENTENCE_END",
    "SENTENCE_ENDS",
    "TICKED",
    "VERDICT",
    "WEAK",
    "affirmed",
]

#: Announcements marked as final: they beat later remarks in passing.
FINAL = late(
    r"boxed|fbox|<\w+>|final\w*|endgültig|ultim[oa]|итогов|окончательн|остаточн|ostateczn|končow"
    r"|konečn|slutlig|endelig|lopulli|végső|nihai|cuối cùng|akhir|mwisho|ƙarshe|النهائي|הסופית"
    r"|نهایی|حتمی|अंतिम|চূড়ান্ত|สุดท้าย|የመጨረሻ|最终|最終|최종|τελικ",
    re.IGNORECASE,
)
#: Words that revoke such an announcement.
RETHOUGHT = late(
    r"\b(?:wait|actually|however|sorry|apolog\w+|mistake\w*|correction|corrected|reconsider\w*"
    r"|revis\w+|on (?:second thought|reflection)|oops|let me|espera|attende[zr]|moment|anzi"
    r"|pensando|pero|mais|aber|jedoch|but)\b|однако|подожд|зачека|chwil|počk|vänt|vent|odota"
    r"|várj|stai|bekle|dakika|khoan|tunggu|subiri|dakata|لحظة|צריך|רגע|صبر|رکیے|रुकिए|দাঁড়ান"
    r"|เดี๋ยว|ቆይ|等|いや|待|잠깐|στιγμή|wacht",
    re.IGNORECASE,
)
WEAK = late(r"[\s(]*(?:(?:option|choice|letter|number|correct|letra|lettre)[\s(]+)*")
#: After a letter: the end of its sentence.
SENTENCE_ENDS = late(r"[ \t)\]\"']*(?:[.!।。]|\n|\Z)")
#: After "answer B": the end of what is said, or a verb that only ends a sentence.
LINE_ENDS = late(r"[ \t.)\]\"']*(?:[।۔።.]*(?:\n|\Z)|(?:है|होगा|ہے|ہوگا|است|ነው|হবে|হয়)(?!\w))")

_SIGNS = r"[\s:=\-–—>→\"'“”‘’«»„\[\](){}<,、|】\ufdfe፦፡]|\.{3}"
#: What may stand between that word and the letter.
LINK = late(
    any_of(_SIGNS, words_of(every("link"))) + "{0,30}",
    re.IGNORECASE,
)

#: Where, later in the sentence of the cue, the answer may begin.
_COPULAS = (
    "is|be|es|é|è|est|ist|sería|ser[áa]|wäre|serait|este|jest|to|je|är|er|on|είναι|є|adalah|ni|ce|là"
    "|luidt|zijn"
)
BEGINS = late(words_of(_COPULAS) + "|[:是为は—]|है|היא|הוא|คือ|হলো|هي|هو")
REJECTED = late(
    r"[\s)\].:,]*(?:option |choice )?(?:is|are|was|would be|can be|could be)\s+"
    r"(?:also\s+|clearly\s+)?(?:not|in\w+|wrong|false|less|un\w+|excluded|ruled)\b"
    r"|\s*(?:选项|選項)?(?:错|不|是错)",
    re.IGNORECASE,
)


#: Words that make an announcement a guess.
HEDGED = late(r"\b(?:might|may|possibly|perhaps|maybe)\b", re.IGNORECASE)

#: Where a sentence ends.
SENTENCE_END = late(r"[.!?…]+(?=\s|\Z)|[。！？؟।۔።;；]|\?|\n")
#: The heading of a question that a model asks itself.
HEADING = late(
    r"(?:\n[ \t#*>]*(?:\d{1,3}[.)]\s*)?|(?<=[.!?] )(?=(?-i:[A-Z])[^\n:]{0,24}:))"
    rf"(?:{words_of(every('question'))})"
    r"[ \t]*(?:[#№]?\s*\d{1,4})?[ \t*]*(?:[:：.፦፡]|(?=\n))",
    re.IGNORECASE,
)


@cache
def affirmed(*, wrong_asked: bool) -> re.Pattern[str]:
    """ "B is correct", or "B is incorrect" where that is asked for."""
    right = "correct|right|true|appropriate|likely"
    right = "incorrect|wrong|false|exception" if wrong_asked else right
    return re.compile(
        any_of(
            r"(?P<en>[)\].]?\s*(?:\([^()\n]{0,80}\)\s*)?(?:is|are|as|being)\s+"
            r"(?:(?:therefore|clearly|thus)\s+)?(?:(?:the|my)\s+)?"
            r"(?:(?:most|best|only|single|final|least)\s+)?"
            rf"(?:{right}|best|answer|what (?:i|we))\b)",
            *(
                rf"(?P<{group_of(name)}>[)\].]?\s*(?:{inner(words.link)}\s*){{0,3}}"
                rf"{inner(words.wrong if wrong_asked else words.right)})"
                for name, words in LANGUAGES.items()
                if name != "en"
            ),
        ),
        re.IGNORECASE,
    )


_YES = "correct|right|true|" + every("right").removeprefix(LANGUAGES["en"].right)
_NO = "incorrect|wrong|false|not?|unlikely|less likely|ruled out|excluded|" + every(
    "wrong"
).removeprefix(LANGUAGES["en"].wrong)
#: What is said of an option after its letter: "B: correct", "| B | ✅ |".
VERDICT = late(
    rf"[\s).:\]|=(–—-]*(?:(?P<wrong>[❌✗✘✖❎]|{words_of(_NO)})|(?P<right>[✓✔✅☑]|{words_of(_YES)}))",
    re.IGNORECASE,
)

#: What stands before such a letter.
INTRODUCED = late(
    r"(?:^|[.!?:;,\n(\[。，।۔።؟]|选项|"
    + words_of(
        f"only|both|so|thus|therefore|hence|that|and|because|but|with|donc|also|daher|därför|derfor|dus|{_COPULAS}"
    )
    + "|"
    + words_of(f"{every('answer')}|{every('option')}")
    + r")\s*[(\[]?\s*\Z",
    re.IGNORECASE,
)

_NOT = (
    "not|nicht|pas|no|não|non|niet|inte|ikke|ei|nie|ne|není|nem|nu|nije|ni|не|није|δεν είναι|όχι"
    "|bukan|không phải(?: là)?|hindi|si|ليست?|לא|نه"
)
_BUT = (
    "but(?: rather| instead)?|sondern|mais|sino|mas(?: sim)?|ma|bensì|maar|utan|men|vaan|lecz|ale"
    "|tylko|nýbrž|hanem|ci|već|nego|ampak|а|але|но|αλλά|melainkan|tetapi|mà là|kundi"
    "|bali|بل|אלא|بلکه"
)
#: "not A but B": what stands before the second.
CONTRAST = late(
    rf"{words_of(_NOT)}\s+(?!only\b)(?P<rejected>[^.\n;]{{1,60}}?),?\s+{words_of(_BUT)}\s+"
    r"|不是\s?(?P<zh>[^.\n;]{1,20}?)[,、]?\s?而?是"
    r"|(?P<after>\w)['’)가이]?\s?(?:değil|아니라|ではなく|じゃなく|नहीं|নয়|نہیں),?\s?(?:बल्कि|বরং|بلکہ)?",
    re.IGNORECASE,
)
#: "B, not A": what stands before the second, where there is nothing more.
RATHER = late(r"[\s,;)\].\-–—]*(?:and |but )?(?:not|rather than|instead of)\s+", re.IGNORECASE)
#: "It is B." or "Therefore B.", at the end of a sentence.
IT_IS = late(
    r"\b(?:(?:so|thus|therefore|hence)[,:]?\s+(?:it(?: is|['’]s)\s+)?|it(?: is|['’]s)\s+)"
    r"(?:option\s+)?|^[ \t]*(?:[=-]>|[→⇒∴➡])\s*",
    re.IGNORECASE | re.MULTILINE,
)
#: A ticked box; others state nothing.
TICKED = late(r"^[ \t]*[-•]?[ \t]*(?:\[[xX✓✔]\]|☑|✅|✔)\ufe0f?[ \t]*", re.MULTILINE)
EMPTY_BOX = late(r"\[ \]|☐")

#: What stands between two letters that are both meant.
ADDS = late(
    r"[\s\"')\]]*(?:,\s*(?:and|or)\b|[,;/&+、،]|"
    + words_of(
        "and|or|und|oder|y|o|u|ou|et|e|и|или|أو|या|i|lub|albo|eller|och|og|tai|ja|vagy|és|veya"
        "|ve|hoặc|atau|dan|au|na|ko|da|sau|și|of|en|a|nebo|ή|και|або|та|یا|ہ|অথবা|বা|หรือ|ወይም|או"
    )
    + r"|和|或|及|と|か|و|और|또는|와|과)[\s\"'(\[]*"
    r"(?:(?:the|la|el|le|il|die|der|option|opción|opção|opzione|réponse|alternativa|Option)\s+){0,2}"
)

#: Characters, and words, that may follow a bare letter; any other makes it a part of a name.
ENDS = ')]}>"”’»」』】:;,、。!?\n\r/<&|…،؛؟۔।።፣፤፦፡'
GOES_ON = late(
    words_of(every("follows"))
    + r"|وليس|y no\b|et non\b|und nicht\b|e não\b|e non\b|а не\b|[(\[–—\-:=>/&|,]",
    re.IGNORECASE,
)
GOES_ON_CJK = late("|".join(LANGUAGES[each].follows for each in ("zh", "ja", "ko")))
