"""Rules on the English words of one criterion.

What stands in quotation marks or brackets is an example or a reason, not a demand: it is not
read, except that a bracket may name a guideline.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["Found", "english", "wording"]

#: What a criterion says that an answer does.
_VERBS = (
    r"(?:acknowledges|addresses|adds|advises|asks|avoids|cautions|cites|clarifies|compares"
    r"|confirms|describes|differentiates|directs|discourages|discusses|distinguishes|emphasi[sz]es"
    r"|encourages|explains|fails|gives|highlights|identifies|includes|indicates|informs"
    r"|inquires|enquires|instructs|lists|mentions|notes|offers|omits|outlines|provides|reassures"
    r"|recommends|refers|reminds|requests|seeks|specifies|states|stresses|suggests|summari[sz]es"
    r"|tells|urges|warns)"
)
_SUBJECT = r"^\W*(?:(?:the\s+)?(?:response|answer|reply|completion)\s+)?(?:should\s+|must\s+)?"
#: Adverbs between a conjunction and the second verb.
_ADVERBS = r"(?:(?:also|then|further|additionally|briefly|\w+ly) )*"
#: "or" leaves one demand with two ways to meet it; "but" qualifies the first. The expressions for
#: lower case begin with plain characters: the search for those is much faster.
_SECOND = re.compile(rf" (?:and|as well as) {_ADVERBS}{_VERBS}\b")
_SENTENCE = re.compile(rf"[.;] (?:(?:it|(?:the )?(?:response|answer)) )?{_ADVERBS}{_VERBS}\b(?!\.)")
_FEW_WORDS = 2
_JOINED = re.compile(r"(?: and| as well as|[.;])(?: (?:it|also|then|further|additionally)(?= ))* ")
_POINTING = re.compile(r"\b(?:this|that|these|those|it|its|they|them|their|such|so)\b|['’]s\b")
_CONDITION = re.compile(r"^\W*(?:if|when|where|unless|for|after|before|in)\b")

_VAGUE_ADVERB = (
    r"(?:adequately|appropriately|clearly|comprehensively|effectively|properly|reasonably"
    r"|satisfactorily|sufficiently|suitably|thoroughly|well)"
)
_VAGUE = (
    r"(?:acceptable|adequate|appropriate|comprehensive|decent|effective|good|helpful"
    r"|high[- ]quality|nice|proper|reasonable|relevant|satisfactory|sufficient|suitable|thorough"
    r"|useful)"
)
#: What an answer itself is made of. "A thorough history" is the clinician's, not the answer's.
_OWN = (
    r"(?:advice|answers?|counsell?ing|descriptions?|details?|discussion|explanations?|guidance"
    r"|information|instructions?|lists?|overview|plan|recommendations?|references|resources"
    r"|responses?|sources|steps|suggestions|summary|tips|tone|language|wording|format(?:ting)?)"
)
_FILLER = re.compile(rf"{_SUBJECT}({_VAGUE_ADVERB})\s+(?=\w+s\b)")
_VAGUE_FORM = re.compile(
    rf"{_SUBJECT}(?:\w+\s+){{1,4}}?"
    rf"(?:({_VAGUE}),?\s+(?:and\s+)?(?:(?!of\b|to\b|for\b|with\b)[\w-]+\s+){{0,2}}?{_OWN}\b"
    rf"(?!.*(?:\bsuch as|\bincluding|\be\.g|:))"
    rf"|({_VAGUE_ADVERB})(?=\s*(?:[.;]|$)))"
)

_ELSEWHERE = re.compile(
    r"\b(?:(?:mentioned|stated|described|noted|listed|shown|outlined|specified)\s+(?:above|below)"
    r"|as\s+(?:above|below)(?=\s*(?:[.,;)]|$))|see\s+(?:above|below)|aforementioned"
    r"|the\s+(?:previously|above)[- ]mentioned|the\s+above(?=\s+[a-z])"
    r"|(?:responses?|answers?)\s+above"
    r"|(?:other|previous|preceding|next|first|last)\s+criteri(?:on|a)|criterion\s+(?:no\.?\s*)?\d+"
    r"|the\s+(?:ideal|reference|gold(?:[- ]standard)?|physician['’]s|expert['’]s|expected|sample)"
    r"\s+(?:response|answer|completion))\b"
)
#: One of these is in every match of the expression above.
_ELSEWHERE_HINTS = (
    *("above", "below", "aforementioned", "previously", "criteri", "answer", "response"),
    "completion",
)
_GUIDELINE = re.compile(
    r"\b(?:per|according\s+to|based\s+on|in\s+line\s+with|consistent\s+with|aligned?\s+with"
    r"|contradicts?|adher(?:es|ing)\s+to|compl(?:ies|iant)\s+with)\s+(?:the\s+)?"
    r"(?:(?:accepted|appropriate|available|clinical|current|established|evidence-based|existing"
    r"|international|latest|major|medical|most|new|official|practice|recent|recommended|relevant"
    r"|standard|treatment|updated|up-to-date|valid|widely)\s+)*guidelines?\b"
)
#: What names a guideline: an acronym, a year, or "such as".
_NAMED = re.compile(r"[A-Z]{2,}|\b(?:19|20)\d\d\b|\b(?:such as|like|of the|from the|by the)\b")

_MODEL = r"(?:ai(?: (?:model|assistant|system))?|llm|(?:language )?model|chat ?bot|assistant)"
_AS_SUBJECT = re.compile(
    rf"(?:^\W*|[.;:] |, )((?:the|an?) {_MODEL}|model|ai|llm)(?= (?!for\b|of\b|with\b|[a-e]\b)\w)"
)
_ITS_ANSWER = re.compile(rf"\bthe {_MODEL}(?:['’]s)? ((?:response|answer|output|completion)s?)\b")
_MODEL_HINTS = ("model", "ai ", "llm", "bot", "assistant")
_OTHERS = re.compile(
    r"\bmodel [a-e]\b|\bchat ?gpt\b|\bgpt-?\d|\b(?:claude|gemini|llama|deepseek|copilot)\b"
    r"|\bin my (?:opinion|view|experience|practice)\b|\bmy (?:answer|patients?)\b"
    r"|\bi(?:['’]d| would| think| believe| prefer| expect| feel| want)\b"
)
_OTHERS_HINTS = (
    *("model ", "gpt", "claude", "gemini", "llama", "deepseek", "copilot", "my ", "i "),
    *("i'd", "i’d"),
)

_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\"[^\"]*\"|“[^“”]*”|«[^«»]*»")

_SPACES = str.maketrans("\n\r\t\xa0", "    ")

Found = tuple[str, str, str | None]


def english(language: str) -> bool:
    """Whether a BCP 47 tag is of English: ``en``, ``en-GB``."""
    return language.replace("_", "-").partition("-")[0].strip().casefold() == "en"


def wording(text: str) -> Iterator[Found]:
    """Rule, description and a proposed text (None where there is none) of each advice.

    A proposed text of two lines is two criteria.
    """
    bare = text
    # Twice, since brackets may stand in brackets. Places stay those of the text, so that a
    # proposal can be cut out of it.
    for _ in range(2 if _any(tuple('(["“«'), text) else 0):
        bare = _ASIDE.sub(lambda aside: " " * len(aside[0]), bare)
    lower = bare.translate(_SPACES).lower()
    if len(lower) != len(text):  # "İ" becomes two characters
        lower = "".join(each.lower()[0] for each in bare.translate(_SPACES))
    for rule in (_two_demands, _vague, _elsewhere, _author):
        yield from rule(text, lower)


def _any(hints: tuple[str, ...], lower: str) -> bool:
    return any(hint in lower for hint in hints)


def _two_demands(text: str, lower: str) -> Iterator[Found]:
    found = [*_SECOND.finditer(lower), *_SENTENCE.finditer(lower)]
    # "Asks and confirms whether …": two verbs of one object.
    if found and lower[: found[0].start()].count(" ") >= _FEW_WORDS:
        problem = "has more than one demand: an answer may meet one of them only"
        yield "two-demands", problem, _halves(text, lower, found[0]) if len(found) == 1 else None


def _halves(text: str, lower: str, second: re.Match[str]) -> str | None:
    """Two criteria, one a line; None where the second would not be understood alone."""
    first = text[: second.start()].rstrip(" ,.;")
    rest = text[second.start() + len(_JOINED.match(second[0])[0]) :].strip()  # type: ignore[index]
    alone = not _POINTING.search(lower[second.start() :]) and not _CONDITION.match(lower)
    if not alone or not first or not rest or "\n" in text or rest.startswith(("fail", "omit")):
        return None
    return f"{first}.\n{rest[0].upper()}{rest[1:]}"


def _vague(text: str, lower: str) -> Iterator[Found]:
    if filler := _FILLER.match(lower):
        start, end = filler.start(1), filler.end()
        first = text[end : end + 1] if text[:start].strip() else text[end : end + 1].upper()
        fix = text[:start] + first + text[end + 1 :]
        yield "vague-word", f"“{filler[1]}” cannot be checked", fix
    elif vague := _VAGUE_FORM.match(lower):
        problem = f"“{vague[1] or vague[2]}” leaves open what is enough: say what must be there"
        yield "vague-word", problem, None


def _elsewhere(text: str, lower: str) -> Iterator[Found]:
    if _any(_ELSEWHERE_HINTS, lower) and _ELSEWHERE.search(lower):
        yield "not-self-contained", "refers to a text that the grader may not see", None
        return
    for each in _GUIDELINE.finditer(lower) if "guideline" in lower else ():
        if not _NAMED.search(text[each.end() : each.end() + 120]):
            problem = "refers to a guideline without its name: name it, or say what it asks for"
            yield "not-self-contained", problem, None
            return


def _author(text: str, lower: str) -> Iterator[Found]:
    model = _any(_MODEL_HINTS, lower)
    said = "the response"
    if model and (subject := _AS_SUBJECT.search(lower)):
        start, end = subject.span(1)
    elif model and (answer := _ITS_ANSWER.search(lower)):
        start, end = answer.span()
        said = f"the {answer[1]}"
    else:
        if _any(_OTHERS_HINTS, lower) and _OTHERS.search(lower):
            yield "author-or-model", "speaks of its author or of a certain model", None
        return
    if text[start].isupper():
        said = said.capitalize()
    fix = text[:start] + said + text[end:]
    yield "author-or-model", "speaks of a model: say “the response”", fix
