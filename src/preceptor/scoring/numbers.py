"""The number that a free answer states, or that there is none."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from preceptor.patterns import late
from preceptor.reasoning import said_in
from preceptor.scoring.abstention import ABSTAINED, says_nothing, says_unanswerable
from preceptor.scoring.dates import without_dates
from preceptor.scoring.json_text import pairs_in
from preceptor.scoring.languages.patterns import Phrases
from preceptor.scoring.number_words import number_in_words
from preceptor.scoring.numerals import Amount, amounts, is_bound, lowered, normal
from preceptor.scoring.statements import Statement, Unreadable, as_statement, first_stated

__all__ = ["ABSTAINED", "amount_in", "is_no_value", "read_amount", "read_number"]

_NEXT = late(r"\s?(?:,|;|and|und|y|et|e|и|和)\s?(?=[-+]?\d)")
_OR = late(
    r"\s?(?:[^\W\d_][^\s\d,;]{0,12})?,?\s?(?:or|oder|ou|o|eller|lub|sau|veya|atau|hoặc|ή|или|або"
    r"|أو|یا|או|या|বা|หรือ|或|または|또는)\s?(?:about |maybe )?(?=[-+]?\d)",
    re.IGNORECASE,
)
_ELSE = late(r"\b(?:otherwise|else|sonst|sinon|иначе)\W{1,3}(?:\w{1,12}\s){0,2}(?=\d)", re.I)
_DENYING = (
    "not|nicht|pas|kein|não|non|niet|inte|nie|nu|değil|bukan|không|δεν|не|rather than|instead of"
    "|不是|ليس|नहीं"
)
_NOT = Phrases(f"{_DENYING}|['’]t", rf"(?:(?:{_DENYING})\s{{0,2}}|(?<=n)['’]t (?:be )?)\Z")
_STATING = (
    "is|are|was|equals?|of|be|equal to|comes to|amounts to|rounds to|ist|beträgt|est(?: de)?"
    "|es(?: de)?|é(?: de)?|è(?: di)?|jest|wynosi|este|adalah|là|είναι|это|равен|равно|равна"
    "|составляет|становить"
)
_STATED = Phrases(
    f"{_STATING}|:|是|为|為|は|คือ",
    rf"(?:{_STATING}|[:是为為は])\s{{1,3}}(?:approximately|about|around|roughly|only|now)?\s*"
    r"(?=[-+]?\s?\.?\d)|(?:[:是为為は]|คือ)(?=-?\d)",
)
_EQUALS = late(r"(?:=(?<![<>!=].)(?!=)|≈)\s{0,9}")
_SIGNED = late(r"[(=≈:]\s{0,3}\Z")
#: In brackets, but not as in "25(OH)D".
_ASIDE = late(r"(?<!\d)\([^()]*\)|\([^()]*\)(?!\w)")
_LABEL = late(r"[ \w-]{1,40}:\s?(?=[-+]?\.?\d)")
#: Words before what says the same again.
_AGAIN = (
    r"(?:(?:i\.?\s?e\.?|that is(?: to say)?|which is|which makes|making|so"
    r"|thus|d\.\s?h\.|das"
    r" heißt|das sind|also|c['’]est-à-dire|soit|donc|es decir|o sea|ou seja|isto é|cioè"
    r"|ossia|ovvero"
    r"|vale a dire|oftewel|dus|d\.?w\.?z\.?|dvs\.?|d\.v\.s\.|alltså|altså|eli|то есть"
    r"|т\.\s?е\.|тобто"
    r"|czyli|tj\.|to jest|adică|azaz|vagyis|δηλαδή|yani|yaitu|yakni|tức(?: là)?|أي|یعنی|כלומר|यानी"
    r"|अर्थात|অর্থাৎ|(?:for )?(?:a |in )?total(?: of)?|insgesamt|zusammen|en total|au total|in totale"
    r"|totalt|łącznie|всего|итого|toplam)(?![^\W\d_])|即|也就是|共计?|总共|すなわち|つまり|合計|즉|총)"
)
#: Between an amount and the same one in another unit.
_THE_SAME = late(
    rf"(?:[\s=≈(,/:]|(?<![^\W\d_]){_AGAIN}|(?<![^\W\d_])(?:or|which|that|is|equals?|equivalent|corresponds|equal"
    r"|to|about|approximately|roughly|oder|bzw\.?|entspricht|ou|o|или|atau|hay)(?![^\W\d_])"
    r"|或|约|等于|약){0,30}",
    re.IGNORECASE,
)
#: Last amounts of a statement that may sum up the others.
_MOST = 8
_SUMMED_UP = Phrases(_AGAIN, rf"{_AGAIN}[\s,:=(]{{0,3}}(?:(?<![^\W\d_]){_AGAIN})?[\s,:=]{{0,3}}\Z")
_UNIT_SIGNS = str.maketrans({"µ": "u", "μ": "u", "²": "2", "³": "3", "^": None})


def read_number(text: str, *, whole: bool = False, asked: str = "") -> float | str | None:
    """The number that an answer states, :data:`ABSTAINED`, or None where neither can be read.

    Units, separators of thousands and decimals in the ways of many countries, digits of all
    scripts, fractions, powers of ten and LaTeX are understood. A range, a bound (``> 60``), a time
    and a date are no number. Of a number and its rounded or converted form (``54.23 ≈ 54``) the
    first counts.

    Parameters
    ----------
    whole
        It is a count of points: ``14/15`` means 14 of 15 and not 0.93.
    asked
        The question: of two units (``9.2 mg/dL = 2.3 mmol/L``) the one that it names counts.

    >>> read_number("2 + 2 = 4 points for age.\\nThe answer is 1,204.5 mg.")
    1204.5
    """

    def read(statement: Statement) -> float | str | None:
        return _number(statement, whole, asked)

    value = first_stated(text, read)
    if value is None and not re.search(r"\d", said_in(text)):
        return first_stated(text, lambda statement: number_in_words(statement.text))
    return value


def read_amount(text: str, name: str, *, unit: str = "") -> float | None:
    """The amount under a key of JSON that has ``name`` in it, else what the answer states.

    A range, as ``30-40`` or ``[30, 40]``, is its mean. −1 is a refusal and read as such; any other
    negative amount cannot be meant.

    Parameters
    ----------
    unit
        Unit that is asked for, where the answer may have several.

    >>> read_amount('{"total_carbohydrates": "30-40 g"}', "carb")
    35.0
    """

    def read(statement: Statement) -> float | None:
        return _estimate(statement, unit)

    text = said_in(text)
    found = [value for key, value in pairs_in(text) if name.casefold() in key.casefold()]
    shown = [as_statement(value) for value in found] or _broken(text, name)
    try:
        amount = read(shown[-1]) if shown else first_stated(text, read)
    except Unreadable:
        return None
    return amount if amount is not None and (amount >= 0 or amount == -1) else None


def _broken(text: str, name: str) -> list[Statement]:
    """The value under such a key of JSON that cannot be decoded."""
    keyed = re.compile(
        rf"""["'][^"'\n]{{0,40}}{re.escape(name)}[^"'\n]{{0,40}}["']\s{{0,9}}:([^}}\n]{{0,80}})""",
        re.I,
    )
    return [Statement(normal(value).lstrip("\"' ")) for value in keyed.findall(text)]


def amount_in(statement: Statement, asked: str = "") -> tuple[str, Amount | str | None]:
    """The statement's text without its dates, and the amount that it states at a place of it.

    The amount is :data:`ABSTAINED` where it says that there is none, None where it has none.
    """
    text = without_dates(statement.text)
    found = _stated(text, statement)
    if _abstains(text, found, statement):
        return text, ABSTAINED
    return text, None if found is None else _as_asked(text, found, statement, asked)


def _number(statement: Statement, whole: bool, asked: str) -> float | str | None:
    text, found = amount_in(statement, asked)
    if isinstance(found, str):
        return found
    if found is None:
        return number_in_words(text) if statement.announced else None
    if found.value is None or is_no_value(text, found):
        raise Unreadable
    return found.above if whole and found.divided else found.value


def _abstains(text: str, found: Amount | None, statement: Statement) -> bool:
    """Whether a statement says that there is no result, rather than stating ``found``."""
    if found is None:
        return (says_unanswerable(text) or says_nothing(text)) is not None
    nothing, none = says_nothing(text), says_unanswerable(text)
    if nothing is not None and not re.search(r"\w", text[: nothing.start()]):
        return True
    if none is None or none.start() < found.start or statement.announced:
        return none is not None and none.start() < found.start
    # "He is 67; it cannot be calculated": in a mere sentence only an equation is a result.
    before = text[: found.start]
    if any(said.end() == found.start for said in _STATED.finditer(lowered(text))):
        raise Unreadable
    return not _EQUALS.search(before)


def is_no_value(text: str, found: Amount) -> bool:
    """Whether a number is a bound, or one of several results: "> 4", "4 or 5", "4, 5"."""
    if is_bound(text, found.start, found.end):
        return True
    listed = found.start < 2 and _NEXT.match(text, found.end)
    return bool(listed or _OR.match(text, found.end) or _ELSE.search(text, found.end))


def _stated(text: str, statement: Statement) -> Amount | None:
    """The number that a statement is about; None where it has none.

    What sums up two others ("3 tablets of 250 mg, i.e. 750 mg"), the last side of an equation, what
    it begins with, what follows "is" or a colon, the first.
    """
    everywhere = amounts(text, statement.convention)
    if summed_up := _summed_up(text, everywhere):
        return summed_up
    outside = _ASIDE.sub(lambda aside: " " * len(aside[0]), text) if "(" in text else text
    for part in (outside, text):
        said = everywhere if part == text else amounts(part, statement.convention)
        found = [each for each in said if not _denied(part, each)]
        if len(found) > 1 and part.startswith("{"):
            raise Unreadable  # JSON of several values
        if part != outside and not statement.announced:
            # In passing, as "(stage 2)": a result begins the brackets, or has a sign before it.
            found = [
                each for each in found if _SIGNED.search(text[max(0, each.start - 5) : each.start])
            ]
        if found:
            return _about(part, found, statement.direct)
    return None


def _summed_up(text: str, found: Sequence[Amount]) -> Amount | None:
    """The last amount after "i.e." that has the unit of one of several before it."""
    for last in found[:0:-1][:_MOST]:
        if _SUMMED_UP.search(lowered(text[max(0, last.start - 32) : last.start])):
            others = [each for each in found if each.start < last.start]
            several, unit = (
                len(others) > 1 or others[0].low is not None,
                last.unit.partition("/")[0],
            )
            same = bool(unit) and any(each.unit.startswith(unit) for each in others)
            return last if several and same else None
    return None


def _denied(text: str, found: Amount) -> bool:
    return _NOT.search(lowered(text[max(0, found.start - 16) : found.start])) is not None


def _about(text: str, found: Sequence[Amount], direct: bool) -> Amount | None:
    at = {each.start: place for place, each in enumerate(found)}
    stated = [said.end() for said in _STATED.finditer(lowered(text)) if said.end() in at]
    begin = len(text) - len(text.lstrip(" ([\"'"))
    sides = [side.end() for side in _EQUALS.finditer(text) if side.end() in at]
    if sides:
        return found[_unconverted(text, found, at[sides[-1]], {begin, *stated, *sides})]
    if begin in at and not _LABEL.match(text, found[at[begin]].end):
        return found[at[begin]]
    if stated:
        return found[at[stated[0]]]
    return None if direct else found[0]


def _unconverted(text: str, found: Sequence[Amount], place: int, begins: Collection[int]) -> int:
    """Index of the number that the one at ``place`` restates after an equals sign.

    It is in another unit or rounded; nothing but the unit and the sign stands between them.
    """
    while place:
        before, last = found[place - 1], found[place]
        between = text[before.end : last.start].strip()
        rounded = between[-1:] == "≈"
        converted = bool(before.unit and last.unit) and before.unit != last.unit
        alone = between[:-1].strip().rstrip(".") == before.unit and before.start in begins
        if before.divided or not alone or not (rounded or converted):
            break
        place -= 1
    return place


def _as_asked(text: str, found: Amount, statement: Statement, asked: str) -> Amount:
    """The same amount in the unit that is asked for, where the statement has it in two."""
    if found.value is None or not found.unit or not asked or _names(asked, found.unit):
        return found
    others = amounts(text, statement.convention)
    near = [each for each in others if each.start != found.start and _names(asked, each.unit)]
    if len(near) != 1:
        return found
    first, second = sorted((found, near[0]), key=lambda each: each.start)
    between = text[first.end : second.start].strip().removeprefix(first.unit)
    return near[0] if _THE_SAME.fullmatch(between) else found


def _names(asked: str, unit: str) -> bool:
    """Whether a question names this unit."""
    plain, within = (_unit(each) for each in (unit, asked))
    form = rf"(?<![^\W\d_])(?<!/){re.escape(plain)}(?![\w/])"
    return bool(plain) and re.search(form, within) is not None


def _unit(text: str) -> str:
    return text.casefold().translate(_UNIT_SIGNS).replace("mm hg", "mmhg")


def _estimate(statement: Statement, unit: str) -> float | None:
    """An amount, or the mean of a range."""
    listed = statement.text.startswith("[") and re.sub(r"(?<=\d)\s?,\s?(?=\d)", "-", statement.text)
    text = listed or without_dates(statement.text)
    found = amounts(text)[0] if listed and amounts(text) else _stated(text, statement)
    if found is None:
        return None
    found = _as_asked(text, found, statement, unit)
    if found.low is not None and found.high is not None and found.low >= 0:
        return (found.low + found.high) / 2
    if found.value is None or is_no_value(text, found):
        raise Unreadable
    return found.value
