"""Dates and times in weeks and days that free answers state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import msgspec

from preceptor.patterns import late
from preceptor.scoring.numerals import is_bound
from preceptor.scoring.statements import Statement, Unreadable, first_stated

__all__ = ["read_date", "read_weeks", "without_dates"]


def read_date(text: str) -> str | None:
    """The date that an answer states, as ``2014-09-23``; None where none can be read.

    ``09/23/2014`` has the month first, as the questions ask, unless it can only be the day;
    ``01.02.2014`` may be either and is not read. Months are known by name in twenty languages. A
    date from which another one is counted is not the answer.

    >>> read_date("Answer: September 23rd, 2014")
    '2014-09-23'
    """
    return first_stated(text, _date)


def read_weeks(text: str) -> tuple[int, int] | None:
    """The time that an answer states in weeks and days; None where none can be read.

    >>> read_weeks('{"answer": "(34 weeks, 3 days)"}')
    (34, 3)
    """
    return first_stated(text, _weeks)


# Dates

#: How the names of the months begin, January first.
_NAMES = (
    "jan|jän|ene|gen|oca|ian|янв|січ|sty|led|ιαν|يناير|كانون الثاني|ינו|जन|জানু|มกรา|ژانویه|جنوری",
    "feb|fév|fev|şub|фев|лют|lut|úno|φεβ|فبراير|شباط|פבר|फर|फ़र|ফেব|กุมภา|فوریه|فروری",
    "mar|mär|mrz|maa|мар|бер|bře|μάρ|μαρ|مارس|آذار|מרץ|מרס|मार्च|মার্চ|มีนา|مارچ",
    "apr|abr|avr|nis|апр|кві|kwi|dub|απρ|أبريل|ابريل|نيسان|אפר|अप्रै|এপ্রি|เมษา|آوریل|اپریل",
    "may|mai|maj|mei|mag|май|мая|тра|kvě|μαΐ|μαι|μάι|مايو|أيار|מאי|मई|মে|พฤษภา|مئی|مه",
    "jun|juin|giu|haz|iun|июн|чер|cze|ιουν|ιούν|يونيو|حزيران|יונ|जून|জুন|มิถุนา|ژوئن|جون",
    "jul|juil|lug|tem|iul|июл|лип|lip|ιουλ|ιούλ|يوليو|تموز|יול|जुला|জুলা|กรกฎา|ژوئیه|جولائی",
    "aug|ago|aoû|aou|ağu|agu|авг|сер|sie|srp|αυγ|αύγ|أغسطس|اغسطس|آب|אוג|अग|আগ|สิงหา|اوت|اگست",
    "sep|set|eyl|сен|вер|wrz|zář|σεπ|سبتمبر|أيلول|ספט|सित|সেপ্ট|กันยา|سپتامبر|ستمبر",
    "oct|okt|out|ott|eki|окт|жов|paź|říj|οκτ|أكتوبر|اكتوبر|تشرين الأول|אוק|अक्टू|अक्तू|অক্টো|ตุลา"
    "|اکتبر|اکتوبر",
    "nov|noi|kas|ноя|лис|lis|νοε|νοέ|نوفمبر|تشرين الثاني|נוב|नव|নভে|พฤศจิ|نوامبر|نومبر",
    "dec|déc|dez|dic|des|ara|дек|гру|gru|pro|δεκ|ديسمبر|كانون الأول|דצמ|दिस|ডিসে|ธันวา|دسامبر|دسمبر",
)
_MONTH = (
    r"(?<![^\W\d_])ב?(?:"
    + "|".join(f"(?P<m{place}>{name})" for place, name in enumerate(_NAMES, 1))
    + r")(?:[^\W\d_]|[\u0300-\u036f\u0900-\u0963\u0981-\u09cd\u0e31-\u0e4e]){0,12}+\.?"
)
_YEAR = r"(?P<year>\d{4})(?!\d)"
_DAY = r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|ª|\.)?"
_OF = r"[\s,./-]{0,3}(?:(?:of|de|del|di|el|the|tháng|ngày)\s)?"
_DATES = tuple(
    late(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<![\d./-])(?P<year>\d{4})(?P<mark>[-/.])\s?(?P<month>\d{1,2})(?P=mark)\s?(?P<day>\d{1,2})(?!\d)",
        r"(?<![\d./-])(?P<month>\d{1,2})(?P<mark>[-/.])\s?(?P<day>\d{1,2})(?P=mark)\s?(?P<year>\d{4}|\d{2})"
        r"(?![\d/]|[-.]\d)",
        r"(?<!\d)(?P<year>\d{4})\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})",
        rf"(?<!\d)(?P<day>\d{{1,2}}) tháng (?P<month>\d{{1,2}})(?: năm|,)? {_YEAR}",
        r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?!\d)",
        rf"{_DAY}{_OF}{_MONTH}{_OF}{_YEAR}",
        rf"{_DAY}-{_MONTH}-(?P<year>\d\d)(?!\d)",
        rf"{_MONTH}{_OF}{_DAY}(?:,\s?|\s|[-/]|,?\s(?:of|de)\s){_YEAR}",
        rf"(?<!\d)(?P<year>\d{{4}})[\s.,/-]{{1,3}}{_MONTH}{_OF}(?P<day>\d{{1,2}})(?!\d)",
    )
)
#: A year, or three numbers divided: what has neither is looked at no further.
_DATELIKE = late(
    r"[-\d](?:(?<=\d)(?:\d{3}|(?P<mark>[-/.])\s?\d{1,2}(?P=mark)\s?\d)|(?<=-)\d\d(?!\d))"
)
_ISO_WEEK = late(r"(?<!\d)(\d{4})-?W(\d{2})-?([1-7])(?!\d)")
_TIME = late(r"(?:T|\s)\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[-+]\d{2}:?\d{2})?")
_ASIDE = late(r"\([^()]*\)")
#: Words before a date from which another one is counted.
_BASIS = late(
    r"(?<![^\W\d_])(?:from|(?:days|weeks|months) to|since|after|before|following|starting|beginning"
    r"|given|LMP|FDLMP|LNMP|period|menses|menstruation|bleed\w*|cycle|born|birth|DOB|admitted|visit|today"
    r"|(?:counted|counting|based|calculated|computed|measured|dated|estimated) (?:on|with|by|using)"
    r"|vom|ab|seit|nach|periode|ausgehend von|partir du|partir de|depuis|après|règles|desde|después"
    r"|regla|última menstruación|menstruação|depois|dal(?:la)?|dopo|mestruazione|vanaf|sinds|na"
    r"|från|efter|od|po|miesiączki|din|după|sejak|setelah|từ|sau|kể từ|από|μετά|от|после|месячных"
    r"|со|від|після|منذ|بعد|ابتداء من|מאז|לאחר|से|থেকে|kuanzia)(?![^\W\d_])[^.;=\n\d]{0,30}\Z"
    r"|(?:自|从|從|根据|末次月经|最終月経)[^。;=\n\d]{0,20}\Z",
    re.IGNORECASE,
)
#: The same after a date: "…から", "-den itibaren".
_BASIS_AFTER = late(r"\s?(?:\+|plus\b|から|より|起|开始|부터|'?\w{0,3} (?:itibaren|sonra)|से|থেকে)")
#: "Two weeks added to the last period are …": then what is stated is what comes out.
_SUM = late(
    r"\b(?:add(?:ed|ing|s)?|plus|subtract\w*|minus|addier\w*|ajout\w*|sumar?|sumando|somando|aggiung\w*"
    r"|dodaj\w*|прибав\w*)\b|\d ?(?:days|weeks) (?:after|from)\b|加(?:上)?\d|加え",
    re.IGNORECASE,
)
_STATED = late(
    r"(?:\b(?:is|was|be|on|by|equals?|falls on|would be|gives|yields|ist|am|est(?: le)?|es(?: el)?"
    r"|é|è(?: il)?|är|jest|este|adalah|là|είναι|это|є)|[:=→≈是为為は]|คือ)"
    r"\s{0,3}(?:the |den |der |le |el |il |dem |am )?"
    r"(?:\*{0,2}[A-Z][a-z]{2,8}day,? )?\Z",
    re.IGNORECASE,
)
#: Between two dates that are given as one answer.
_LISTED = late(r"\s?(?:[-,;/]|to|or|and|bis|oder|und|ou|et|o|y|e|или|и|或|和|至)\s?", re.IGNORECASE)
_BUDDHIST = 2400
_WINDOW = 60


class _Found(msgspec.Struct, frozen=True):
    start: int
    end: int
    day: str | None


def without_dates(text: str) -> str:
    """A text with blanks in place of its dates."""
    parts, place = [], 0
    for found in _found(text):
        parts += [text[place : found.start], " " * (found.end - found.start)]
        place = found.end
    return "".join([*parts, text[place:]])


def _found(text: str) -> list[_Found]:
    """The dates of a text in order; ``day`` is None for impossible and ambiguous ones."""
    found: list[_Found] = []
    for each in sorted(_matches(text), key=lambda each: (each.start, -each.end)):
        if not found or each.start >= found[-1].end:
            found.append(each)
    return found


def _matches(text: str) -> Iterator[_Found]:
    if not _DATELIKE.search(text):
        return
    for pattern in _DATES:
        for match in pattern.finditer(text):
            time = _TIME.match(text, match.end())
            yield _Found(match.start(), time.end() if time else match.end(), _day(match))
    for match in _ISO_WEEK.finditer(text):
        year, week, weekday = map(int, match.groups())
        try:
            day = date.fromisocalendar(year, week, weekday).isoformat()
        except ValueError:
            day = None
        yield _Found(match.start(), match.end(), day)


def _day(match: re.Match[str]) -> str | None:
    parts = match.groupdict()
    named = next((place for place in range(1, 13) if parts.get(f"m{place}")), None)
    month = named or int(parts["month"])
    day, year = int(parts["day"]), int(parts["year"])
    first = named is None and match.start("month") < match.start("year")
    if first and parts.get("mark") == "." and month <= 12 and day <= 12 and month != day:
        return None  # 01.02.2014: the second of January, or the first of February
    if month > 12:
        month, day = day, month
    year = year + 2000 if year < 100 else year - 543 if year > _BUDDHIST else year
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _date(statement: Statement) -> str | None:
    text = statement.text
    outside = _ASIDE.sub(lambda aside: " " * len(aside[0]), text)
    for part in (outside, text):
        found = [each for each in _found(part) if not _is_basis(part, each)]
        if found:
            break
    else:
        return None
    begins = not text[: found[0].start].strip(" '\"")
    stated = [each for each in found if _STATED.search(part[: each.start][-_WINDOW:])]
    chosen = found[0] if begins else stated[-1] if stated else found[0] if len(found) == 1 else None
    others = (text[chosen.end : each.start] for each in found if chosen and each.start > chosen.end)
    if chosen is None or chosen.day is None or any(_LISTED.fullmatch(each) for each in others):
        raise Unreadable
    return chosen.day


def _is_basis(text: str, found: _Found) -> bool:
    sentence = text[max(0, found.start - 3 * _WINDOW) : found.start]
    before = sentence[-_WINDOW:]
    if _SUM.search(sentence) and _STATED.search(before):
        return False
    return bool(_BASIS.search(before) or _BASIS_AFTER.match(text, found.end))


# Weeks and days

_WEEK = (
    r"(?:w|wks?|weeks?|wochen?|ssw|semaines?|sa|semanas?|settiman[ae]|недел\w{1,2}|тижн\w{1,3}|weken"
    r"|week|veckor|uger|uker|tygodni\w{0,3}|tygodnie|týdn\w{1,2}|săptămâni|hafta|minggu|tuần|εβδομάδες"
    r"|أسابيع|أسبوع\w?|اسبوع\w?|هفته|ہفتے|सप्ताह|हफ़्ते|हफ्ते|সপ্তাহ|สัปดาห์|שבועות|wiki)(?![^\W\d_])"
    r"|周|週|星期|주"
)
_DAYS = (
    r"(?:d|days?|tage?n?|jours?|j|d[ií]as?|giorn[oi]|дн\w{1,2}|день|dagen|dag|dagar|dage|dager|dni"
    r"|dzień|dny|zile|gün|hari|ngày|ημέρες|μέρες|أيام|ايام|يوم\w?|روز|دن|दिन|দিন|วัน|ימים|siku)(?![^\W\d_])"
    r"|天|日|일"
)
_BOTH = tuple(
    late(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<![\d.])(\d{{1,6}})\s?(?:{_WEEK})[^\d\n]{{0,12}}?(\d{{1,6}})\s?(?:{_DAYS})",
        r"(?:weeks?|wochen)\W{1,4}(\d{1,6})\W{1,6}(?:days?|tage)\W{1,4}(\d{1,6})(?!\d)",
        r"(?<![\d.])(\d{1,6})w(\d{1,6})d?\b",
        r"(?<![\d.])(\d{1,6})\s?\+\s?(\d)(?![\d.])",
        r"(?<![\d.])(\d{1,6})\s{1,3}(\d)\s?/\s?7",
        r"(?<![\d.])(\d{1,6})[\"']?\s?,\s?[\"']?(\d{1,6})\b",
    )
)
_ONLY_WEEKS = late(rf"(?<![\d.])(\d{{1,6}}(?:\.\d{{1,9}})?)\s?(?:{_WEEK})", re.IGNORECASE)
_ONLY_DAYS = late(rf"(?<![\d.])(\d{{1,6}})\s?(?:{_DAYS})", re.IGNORECASE)
_TO = late(r"\d\s?(?:-|to|and|or|bis|und|oder|à|et|ou|a|y|до|и|至|到)\s?\Z", re.IGNORECASE)


def _weeks(statement: Statement) -> tuple[int, int] | None:
    text = without_dates(statement.text)
    after = text.rpartition("=")[2]
    text = after if re.search(r"\d", after) else text
    for pattern in (*_BOTH, _ONLY_WEEKS, _ONLY_DAYS):
        found = pattern.search(text)
        if found is None:
            continue
        before = text[max(0, found.start() - 12) : found.start()]
        if is_bound(text, found.start(), found.end()) or _TO.search(before):
            raise Unreadable
        if pattern is _ONLY_WEEKS:
            return divmod(round(float(found[1]) * 7), 7)
        return divmod(int(found[1]), 7) if pattern is _ONLY_DAYS else (int(found[1]), int(found[2]))
    return None
