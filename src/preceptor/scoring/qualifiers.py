"""Words that qualify an announcement, and questions that ask for the wrong option."""

from __future__ import annotations

import re
from functools import cache

from preceptor.patterns import late
from preceptor.scoring.languages import LANGUAGES, Words
from preceptor.scoring.languages.patterns import every, normal, words_of

__all__ = ["DENIED", "OTHER_CASE", "UNREAL", "WRONG_ASKED", "Qualifiers", "qualifiers"]

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
        self.other = late(rf"{words_of(other)}(?:\s+\S+|[的のえい]){{0,3}}\s*\Z", flags)
        self.beside = late(rf"[\s(]*(?:{_LINKED}\s+)?{words_of(beside)}", flags)
        self.negation = late(words_of(words.negation), flags)
        self.supposed = late(words_of(words.supposed), flags)
        self.weighing = late(words_of(words.weighing), flags)
        self.reported = late(words_of(words.reported), flags)
        self.group = late(words_of(words.group), flags)
        self.turned = late(
            rf"[\s)\]\"]*(?:{normal(words.turned)})" if words.turned else "(?!)", flags
        )


@cache
def qualifiers(language: str, *, wrong_asked: bool) -> Qualifiers:
    """The qualifiers of a language."""
    return Qualifiers(LANGUAGES[language], wrong_asked=wrong_asked)


#: "Would be", of what is not the case, or is said with caution.
UNREAL = late(
    words_of(
        "would|could|might|wäre|wären|würde|würden|käme|serait|seraient|sería|serían|seria|seriam"
        "|sarebbe|sarebbero|zou|zouden|skulle|ville|бы|б|був би|буде|була б|би|byłaby|byłby|byłoby"
        "|byla by|byl by|olurdu|olacaktır?|ar fi|θα ήταν|olisi|lenne|bi bio|bi bil|bila bi|būtų"
        "|būtu|oleks|ستكون|سيكون|תהיה|יהיה|خواهد بود|می ?شود|ہوگا|होगा|হতো|হবে|akan"
        "|magiging|ingekuwa"
    ),
    re.IGNORECASE,
)
_IN = (
    "in|for|among|during|at|bei|für|im|während|chez|en|pour|pendant|lors d|en cas d|para|durante"
    "|ante|em|na|no|nas|nos|nel|nella|nei|nelle|per|voor|bij|tijdens|ved|vid|hos|för|under|i"
    "|при|у|для|в|во|за|код|u|w|przy|dla|podczas|při|pro|během|kod|za|pri|la|pentru|în"
    "|σε|στ\\w+|για|في حالة|عند|لدى|במקרה|pada|untuk|ở|với|sa|kwa"
)
_THIS = (
    r"this|these|that|our|the (?:present|given|current|above|patient|case)|dies\w+|vorliegend\w+"
    r"|unser\w+|ce|cet|cette|ces|notre|est[ae]s?|nuestr\w+|ess[ae]s?|nest[ae]s?|dest[ae]s?|quest\w+"
    r"|deze|dit|dat|denna|detta|denne|dette|det här|эт\w+|данн\w+|наш\w+|ц\w{1,3}|tym"
    r"|tej|tego|tomto"
    r"|tohoto|této|ov\w{1,4}|acest\w*|αυτ\w+|este caz|ini|này|هذه|هذا|זה|זו"
)
#: A sentence that begins with other circumstances than those of the question: "In pregnancy, …".
OTHER_CASE = late(rf"{words_of(_IN)}[\s'’e]+(?!(?:\S+\s+){{0,2}}?{words_of(_THIS)})", re.IGNORECASE)

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
DENIED = late(
    words_of(
        r"not|never|cannot|neither|nor|without|\w+n['’]t|"
        + "|".join(words.negation for name, words in LANGUAGES.items() if name != "en")
    )
    + r"(?:\s+[^\s,;:.]+){0,2}\s*\Z",
    re.IGNORECASE,
)
#: A question for the wrong option, or for the least likely one.
WRONG_ASKED = late(
    rf"{words_of(every('wrong').replace('|not|', '|'))}|{words_of(f'{_EXCEPT}|{_NOT}')}"
    r"|(?-i:\b(?:NOT|NO|NÃO|PAS|NICHT|NON|НЕ|NIE|NIET|INTE)\b)|誤って",
    re.IGNORECASE,
)
