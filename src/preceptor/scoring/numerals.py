"""Numbers as texts write them: digits of all scripts, separators, powers, fractions, ranges."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from math import isfinite
from typing import Literal

import msgspec

from preceptor.patterns import late
from preceptor.scoring.languages.patterns import Phrases

__all__ = ["Amount", "Convention", "amounts", "is_bound", "lowered", "normal"]

#: Meaning of a single mark before three digits. ``comma``: a comma is decimal, a point may be
#: either; ``point``: a comma separates thousands; ``either``: unknown.
Convention = Literal["point", "comma", "either"]


class Amount(msgspec.Struct, frozen=True):
    """A number in a text.

    Attributes
    ----------
    value
        None for a range, a value that is not finite, and separators that can be read in two ways.
    low, high
        Both ends of a range.
    unit
        The word after the number, "" without one.
    divided
        It is written as a fraction; ``above`` is its numerator.
    """

    start: int
    end: int
    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    divided: bool = False
    above: float | None = None


# What a text is before it is read

_SUPERSCRIPT = late(r"[⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹](?<=\d.)(?:(?<![⁺⁻])|(?=[⁰¹²³⁴⁵⁶⁷⁸⁹]))[⁰¹²³⁴⁵⁶⁷⁸⁹]{0,4}")
_SUPERSCRIPTS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
#: One of these signs it begins with, what it is, what comes instead.
_MARKUP = tuple(
    (signs, late(pattern), instead)
    for signs, pattern, instead in (
        ("~<", r"~~[^~\n]{0,300}~~|<(s|del|strike)>[^<\n]{0,300}</\1>", " "),
        ("<", r"<sup>\s?([^<>\n]{1,10}?)\s?</sup>", r"^\1"),
        ("<", r"</?[A-Za-z][^<>\n]{0,60}>", " "),
        ("\\", r"\\[dt]?frac\s?\{([^{}\n]{1,60})\}\s?\{([^{}\n]{1,60})\}", r"\1/\2"),
        ("\\", r"\\(?:text\w{0,2}|math\w{2}|bf|rm)\s?\{([^{}\n]{0,200})\}", r"\1"),
        ("\\", r"\\(?:times|cdot)\b", "×"),
        ("\\", r"\\(?:approx|simeq|sim)\b", "≈"),
        ("\\", r"\\(?:leq?|lt)\b", "<"),
        ("\\", r"\\(?:geq?|gt)\b", ">"),
        ("{", r"(?<=\d)\{([.,])\}(?=\d)", r"\1"),
        ("\\~", r"(?<=\d)(?:\\[,; ]|~)(?=\d{3})", "\u202f"),
        ("\\", r"\\[,;!() \[\]]|\\(?=[%$])", " "),
        ("*", r"(?<=\d) ?\* ?(?=10\b)", " × "),
        ("*", r"(?<=10) ?\*\* ?(?=[-+]?\d)", "^"),
        ("~∼〜～", r"(?<=\d) ?[~∼〜～] ?(?=\d)", "-"),
    )
)
_MARKED = late(r"[~∼〜～<\\{*]")
_MINUS_WORDS = ("minus", "negativ", "moins", "meno", "минус", "负", "負", "マイナス")
_MINUS = late(
    r"((?:\b(?:is|are|was|of|to|by|equals|gives|ist|beträgt|est|de|es|é|è|wynosi|jest|равен|равно)"
    r"|[:=≈]|\A) |(?:是|为|為|は)\s?)(?:minus|negative|moins|menos|meno|минус|负"
    r"|負|マイナス)\s?(?=\d)",
    re.IGNORECASE,
)
_SIGNS = (
    {"−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "‒": "-"}
    | {"≃": "≈", "≅": "≈", "∼": "", "’": "'", "٫": ".", "٬": ",", "،": ",", "、": ", "}
    | {"⩾": "≥", "⩽": "≤", "≦": "≤", "≧": "≥", "½": " 1/2", "¼": " 1/4", "¾": " 3/4"}
    | {"⅓": " 1/3", "⅔": " 2/3", "⁄": "/", "∕": "/", "٪": "%"}
)
_OTHER = late(r"[^\x00-\x7f]")
_EMPHASIS = late(r"[*`$~]")


@lru_cache(maxsize=4096)
def _sign(sign: str) -> str:
    """One form of digits, full-width signs and spaces."""
    if sign in _SIGNS:
        return _SIGNS[sign]
    category = unicodedata.category(sign)
    if category == "Nd":
        return str(unicodedata.decimal(sign))
    if "！" <= sign <= "～":
        return chr(ord(sign) - 0xFEE0)
    if category == "Zs":
        return "\u202f" if sign in "\u00a0\u2007\u2008\u2009\u202f" else " "
    return "" if category == "Cf" else sign


def normal(text: str) -> str:
    """Without Markdown, HTML and LaTeX; digits, signs and spaces in one form."""
    if _MARKED.search(text):
        for signs, pattern, instead in _MARKUP:
            if any(sign in text for sign in signs):
                text = pattern.sub(instead, text)
    text = html.unescape(text) if "&" in text else text
    if not text.isascii():
        text = _SUPERSCRIPT.sub(lambda found: "^" + found[0].translate(_SUPERSCRIPTS), text)
        text = _OTHER.sub(lambda found: _sign(found[0]), text)
    text = _EMPHASIS.sub("", text)
    lower = text.lower()
    if any(word in lower for word in _MINUS_WORDS):
        text = _MINUS.sub(r"\1-", text)
    return text.strip()


def lowered(text: str) -> str:
    """In lower case, with each character where it was."""
    return text.replace("İ", "i").lower()


# A number

#: Letters of scripts that have spaces between words: a digit after one is part of a name.
_LETTER = "A-Za-z\u00aa-\u024f\u0370-\u052f"
_BODY = (
    r"(?>[1-9]\d{0,2}(?P<gap>[ \u202f'_])\d{3}(?:(?P=gap)\d{3})*+(?![\d/])(?:[.,]\d++)?+)"
    r"|\d++(?:[.,]\d++)*+|\.\d++"
)
_NUMERAL = late(
    rf"(?=[-+±.\d])(?<![{_LETTER}\d²³])(?<![{_LETTER}][-/_])(?<!_\{{)(?<!\d[-.,/:])"
    # Times, ratios, telephone numbers, versions, ordinals, grades, "5-year": names and no amounts.
    r"(?:(?P<name>\+\d{1,3}[ .-]\(?\d{2,4}\)?(?:[ .-]\d{2,4}){2,5}|\d++(?:\s?:\s?\d++)+"
    r"|(?!\d{1,3}(?:\.\d{3})+(?!\.?\d))\d++(?:\.\d++){2,}(?!,?\d)|\d++(?:[-/]\d++){2,}"
    rf"|\d++(?:st|nd|rd|th)\b|\d++(?:-(?=[{_LETTER}])|\(OH\))|\d++[A-Ea-c](?!\w)"
    r"|\d{1,2} ?(?:am|pm|a\.m\.|p\.m\.)(?!\w))"
    r"|(?P<sign>(?<!\d )(?<![)%\]])(?<![)%\]] )[-+±]\s?+)?+"
    rf"(?P<body>{_BODY}))",
)
_POWER = late(
    r"[eE]([-+]?\d{1,4})(?!\w)|\s?[x×·]\s?10(?:\s?\^\s?[{(]?|(?=[-+]\d))([-+]?\d{1,4})[)}]?"
)
_RAISED = late(r"\s?\^\s?[{(]?([-+]?\d{1,4})[)}]?")
_UNDER = late(r"\s?/\s?(\d++(?:\.\d++)?+)(?![\d/])")
_MIXED = late(r"[ \u202f]+(\d{1,4}\s?/\s?\d{1,4})(?![\d/])")
_UNIT = late(
    r"[ \u202f]{0,2}((?:%|°|[^\W\d_])[^\s\d,;:()\[\]{}=<>≈|\"]{0,30}(?:\^?[23])?"
    r"(?:/1\.73\s?m(?:\^?2|²)?)?(?: ?Hg\b)?)"
)
_SCALES = (
    ("million|millions|millones|milhões|millionen|milioni|mln|mio|миллион\\w*|млн", 1e6),
    ("thousand|mil|tausend|тысяч\\w*|тыс", 1e3),
    ("lakhs?|लाख|লাখ|لاکھ", 1e5),
    ("crores?|करोड़|কোটি|کروڑ", 1e7),
)
_SCALE = late(
    "[ \u202f]?(?:"
    + "|".join(f"({words})(?!\\w)" for words, _ in _SCALES)
    + "|([千万萬만億亿억]))",
    re.IGNORECASE,
)
_CJK_SCALES = {"千": 1e3, "万": 1e4, "萬": 1e4, "만": 1e4, "億": 1e8, "亿": 1e8, "억": 1e8}

# A range, a bound

_UNTIL = late(
    r"\s?(?:[^\W\d_][^\s\d\-,;:()=]{0,12}|%)?\s*"
    r"(?:-|(?<!\w)(?:to|bis|à|a|al|até|do|до|till|tot|til|ile|hingga|sampai|đến|έως|إلى|और)(?!\w)"
    r"|到|至|から|에서|से)\s*(?=[-+]?\.?\d)",
    re.IGNORECASE,
)
_PAIR = (
    "between|zwischen|entre|tra|fra|tussen|mellan|mellem|pomiędzy|między|od|între"
    "|antara|giữa|từ|μεταξύ|между|від|між|بين|بین|בין"
)
_BETWEEN = Phrases(_PAIR, rf"(?:{_PAIR})\s{{1,2}}\Z")
_AND = late(
    r"\s?(?:[^\W\d_][^\s\d\-,;:()=]{0,12}|%)?\s*(?:and|und|et|y|e|en|och|og|a|do|și|dan|và|đến"
    r"|και|и"
    r"|і|та|و|ו-?)\s?(?=[-+]?\.?\d)",
    re.IGNORECASE,
)
_BODY_AGAIN = late(r"[-+]?(?:" + _BODY + ")")
_LIMITS = (
    "(?:more|less|greater|fewer|higher|lower|older|younger|larger|smaller) than(?: or equal to)?"
    "|at (?:least|most)|up to|over|under|above|below|exceed\\w*|between|minimum(?: of)?"
    "|maximum(?: of)?|no (?:more|less) than|not (?:more|less) than"
    "|mindestens|höchstens|mehr als|weniger als|über|unter|zwischen|größer als|kleiner als"
    "|plus de|moins de|au moins|au plus|supérieure? à|inférieure? à|entre"
    "|más de|menos de|al menos|como máximo|mayor (?:de|que|a)|menor (?:de|que|a)|superior a"
    "|inferior a|mais de|pelo menos|no máximo|maior (?:que|do que)|menor do que"
    "|più di|meno di|almeno|superiore a|inferiore a|tra|maggiore di|minore di"
    "|meer dan|minder dan|minstens|ten minste|hoogstens|tussen|hoger dan|lager dan"
    "|mer än|mindre än|minst|högst|över|mellan|under|mere end|mindre end"
    "|ponad|poniżej|powyżej|więcej niż|mniej niż|co najmniej|co najwyżej|od"
    "|mai mult de|mai puțin de|cel puțin|peste|între|en az|en fazla"
    "|lebih dari|kurang dari|setidaknya|minimal|maksimal|di atas|di bawah|antara"
    "|hơn|trên|dưới|ít nhất|nhiều hơn|ít hơn|từ|lớn hơn|nhỏ hơn"
    "|πάνω από|κάτω από|τουλάχιστον|περισσότερο από|λιγότερο από|μεταξύ"
    "|более|менее|больше|меньше|выше|ниже|свыше|до|от|между"
    "|більше|менше|понад|щонайменше|вище|нижче|між|zaidi ya|chini ya|angalau"
    "|أكثر من|أقل من|أكبر من|على الأقل|فوق|تحت|بين|بیش از|کمتر از|حداقل"
    "|יותר מ|פחות מ|לפחות|מעל|מתחת|至少|最少|超过|超過|大于|大於|小于|小於|少于|少於|不到"
    "|高于|低于|มากกว่า|น้อยกว่า|อย่างน้อย|최소|최대"
)
_LIMIT_BEFORE = Phrases(f"{_LIMITS}|[<>≤≥]", rf"(?:(?<![-=])[<>≤≥]=?|{_LIMITS})[\s-]{{0,2}}\Z")
_LIMIT_AFTER = late(
    r"(?:[ \u202f]?(?:%|[^\W\d_][^\s\d,;:()=.]{0,12}))?\s?"
    r"(?:\+(?!\s?\d)|(?:以上|以下|未満|超え|を超|以内|이상|이하|초과|미만)"
    r"|(?:or|and|och|oder|ou|o|et|eller) (?:more|less|higher|lower|greater|above|below|over|under"
    r"|older|mehr|weniger|höher|plus|moins|más|menos|mais|più|meno|mer|mindre)\b"
    r"|से (?:अधिक|ज़्यादा|ज्यादा|कम|ऊपर|नीचे)|(?:এর|-এর) (?:বেশি|কম)"
    r"|(?:'?\w{2,4} )(?:fazla|büyük|küçük|az|çok|yüksek|düşük)(?!\w)|سے (?:زیادہ|کم))",
    re.IGNORECASE,
)
_WINDOW, _LONGEST_BETWEEN = 40, 12


def is_bound(text: str, start: int, end: int) -> bool:
    """Whether what stands there is an end of a range or a bound: ``> 60``, ``at least 60``."""
    before = lowered(text[max(0, start - _WINDOW) : start])
    return bool(_LIMIT_BEFORE.search(before) or _LIMIT_AFTER.match(text, end, end + _WINDOW))


def amounts(text: str, convention: Convention = "point") -> list[Amount]:
    """The numbers of a text that went through :func:`normal`, in order.

    Times, ratios, telephone numbers, versions, ordinals and codes are none.

    >>> [each.value for each in amounts("1,204.5 mg at 12:30, 0,375 g of B12, 1 1/2 tablets")]
    [1204.5, 0.375, 1.5]
    """
    return list(_amounts(text, convention))


def _amounts(text: str, convention: Convention) -> Iterator[Amount]:
    place = 0
    while found := _NUMERAL.search(text, place):
        place = found.end()
        if found["name"] is None and "±" not in (found["sign"] or ""):
            amount = _amount(text, found, convention)
            place = max(place, amount.end)
            yield amount


def _amount(text: str, found: re.Match[str], convention: Convention) -> Amount:
    body, end, divided = found["body"], found.end(), False
    above = value = _value(body, convention)
    if value is not None:
        value, end, divided = _composed(text, body, value, end)
    if value is not None and (found["sign"] or "").startswith("-"):
        value = -value
    low = high = None
    between = _BETWEEN.search(
        lowered(text[max(0, found.start() - _LONGEST_BETWEEN) : found.start()])
    )
    if until := _UNTIL.match(text, end) or (_AND.match(text, end) if between else None):
        other = _BODY_AGAIN.match(text, until.end())
        if other is not None and not re.match(r"\s?[=≈]", text[other.end() : other.end() + 2]):
            low, high = value, _value(other[0].lstrip("+-"), convention)
            value, end = None, other.end()
    unit = _UNIT.match(text, end)
    if value is not None and not isfinite(value):
        value = None
    if divided and _is_pressure(value, above):
        value = None
    shown = unit[1].rstrip(".!?'") if unit else ""
    return Amount(found.start(), end, value, low, high, shown, divided, above)


def _is_pressure(value: float | None, systolic: float | None) -> bool:
    """Whether a fraction is rather a blood pressure: ``120/80``."""
    return value is not None and systolic is not None and 50 <= systolic <= 300 and 1.1 < value < 5


def _composed(text: str, body: str, value: float, end: int) -> tuple[float | None, int, bool]:
    """The number with its fraction, power of ten or word such as "million": value, end, divided."""
    if mixed := _MIXED.match(text, end) if body.isdigit() else None:
        above, below = re.split(r"\s?/\s?", mixed[1])
        if int(above) < int(below):
            return value + int(above) / int(below), mixed.end(), False
    if under := _UNDER.match(text, end):
        below = float(under[1])
        return value / below if below else None, under.end(), True
    if power := _POWER.match(text, end):
        return value * float(f"1e{power[1] or power[2]}"), power.end(), False
    if raised := _RAISED.match(text, end):
        return (float(f"1e{raised[1]}") if body == "10" else None), raised.end(), False
    if scale := _SCALE.match(text, end):
        by_place = zip(scale.groups(), (by for _, by in _SCALES), strict=False)
        by = next((by for word, by in by_place if word), None)
        return value * (by or _CJK_SCALES[scale[0].strip()]), scale.end(), False
    return value, end, False


_GROUPED = {
    ".": late(r"[1-9]\d{0,2}(?:\.\d{3})+"),
    ",": late(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d\d)+,\d{3}"),
}
_OF_GROUP = late(r"[ \u202f'_]")


def _value(body: str, convention: Convention) -> float | None:
    """What digits with separators mean; None where that is invalid or ambiguous."""
    grouped = _OF_GROUP.search(body) is not None
    body = _OF_GROUP.sub("", body)
    marks = [sign for sign in body if sign in ".,"]
    if not marks or body.startswith("."):
        return float(body)
    last = marks[-1]
    whole, _, part = body.rpartition(last)
    if len(set(marks)) == 2:
        ok = marks.count(last) == 1 and _GROUPED[marks[0]].fullmatch(whole)
        return float(f"{whole.replace(marks[0], '')}.{part}") if ok else None
    if len(marks) > 1:
        return float(body.replace(last, "")) if _GROUPED[last].fullmatch(body) else None
    if grouped or not _GROUPED[last].fullmatch(body):
        return float(f"{whole}.{part}")
    if convention == "point":
        return float(whole + part) if last == "," else float(body)
    return float(f"{whole}.{part}") if (last, convention) == (",", "comma") else None
