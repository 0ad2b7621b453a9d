"""Words that qualify an announcement, and questions that ask for the wrong option."""

from __future__ import annotations

import re
from functools import cache

from preceptor.scoring.languages import LANGUAGES, Words
from preceptor.scoring.languages.patterns import every, normal, words_of

__all__ = ["DENIED", "WRONG_ASKED", "Qualifiers", "qualifiers"]

#: What may stand between a noun and its adjective.
_LINKED = words_of("yang|da|de|que|som|die|la|le|ya|that is")


class Qualifiers:
    """Words of one language that make an announcement something else than the answer.

    Parameters
    ----------
    wrong_asked
        The question asks for the wrong option: "The incorrect one is B" answers it.
    """

    def __init__(self, words: Words, *, wrong_asked: bool) -> None:
        flags = re.IGNORECASE
        beside = words.other if wrong_asked else f"{words.other}|{words.wrong}"
        english = words is LANGUAGES["en"]
        other = beside if wrong_asked or english else f"{beside}|{words.negation}"
        self.other = re.compile(rf"{words_of(other)}(?:\s+\S+|[的のえい]){{0,3}}\s*\Z", flags)
        self.beside = re.compile(rf"[\s(]*(?:{_LINKED}\s+)?{words_of(beside)}", flags)
        self.negation = re.compile(words_of(words.negation), flags)
        self.supposed = re.compile(words_of(words.supposed), flags)
        self.weighing = re.compile(words_of(words.weighing), flags)
        self.reported = re.compile(words_of(words.reported), flags)
        self.group = re.compile(words_of(words.group), flags)
        self.turned = re.compile(
            rf"[\s)\]\"]*(?:{normal(words.turned)})" if words.turned else "(?!)", flags
        )


@cache
def qualifiers(language: str, *, wrong_asked: bool) -> Qualifiers:
    """The qualifiers of a language."""
    return Qualifiers(LANGUAGES[language], wrong_asked=wrong_asked)


_EXCEPT = (
    "except|excepto|exceto|excepte|sauf|außer|ausgenommen|eccetto|tranne|кроме|окрім|крім|освен"
    "|behalve|utom|undtagen|unntatt|oprócz|kromě|okrem|kivéve|hariç|dışında|trừ|kecuali|εκτός"
    "|cu excepția|باستثناء|عدا|למעט|פרט|جز|سوائے|छोड़कर|ব্যতীত|ছাড়া|ยกเว้น|除|제외"
    "|isipokuwa|sai dai|በስተቀር|maliban"
)
_NOT = (
    r"(?:following|options?|these|statements?)\b[^.?]{0,80}\bnot|no es|no son|não é|n['’]est pas"
    "|ist nicht|trifft nicht|non è|не является|не относится|nie jest|değildir"
    "|không phải|不是|不属于|不包括"
    "|でない|ではない|않은|아닌|नहीं|নয়|ไม่ใช่|ليس|אינו|אינה|نیست"
)
#: Negations before a word ("should not include").
DENIED = re.compile(
    words_of(
        r"not|never|cannot|neither|nor|without|\w+n['’]t|"
        + "|".join(words.negation for name, words in LANGUAGES.items() if name != "en")
    )
    + r"(?:\s+[^\s,;:.]+){0,2}\s*\Z",
    re.IGNORECASE,
)
#: A question for the wrong option, or for the least likely one.
WRONG_ASKED = re.compile(
    rf"{words_of(every('wrong').replace('|not|', '|'))}|{words_of(f'{_EXCEPT}|{_NOT}')}"
    r"|(?-i:\b(?:NOT|NO|NÃO|PAS|NICHT|NON|НЕ|NIE|NIET|INTE)\b)|誤って",
    re.IGNORECASE,
)
