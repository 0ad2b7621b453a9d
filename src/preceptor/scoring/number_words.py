"""Whole numbers that answers write as words."""

from __future__ import annotations

import re

from preceptor.patterns import late

__all__ = ["number_in_words"]

#: Each number in its languages; words that also mean something else there are left out.
_SMALL = (
    "zero|null|nul|noll|zéro|cero|nolla|nula|ноль|нуль|нула|sıfır|μηδέν|nol|صفر|אפס|शून्य|শূন্য|sifuri"
    "|ศูนย์|零|〇|영",
    "one|eins|uno|één|jeden|один|одна|jedna|bir|ένα|ένας|satu|một|واحد|یک|ایک|אחת|एक|এক|moja|หนึ่ง|一|일",
    "two|zwei|deux|dos|dois|duas|due|twee|två|kaksi|dwa|dva|два|две|дві|kettő|doi|iki|δύο|dua|hai"
    "|اثنان|اثنين|שתיים|दो|দুই|mbili|สอง|二|两|兩|이",
    "three|drei|trois|tres|três|tre|drie|kolme|trzy|tři|tri|три|három|trei|üç|τρία|τρεις|tiga|ba"
    "|ثلاثة|سه|تین|שלוש|तीन|তিন|tatu|สาม|三|삼",
    "four|vier|quatre|cuatro|quatro|quattro|fyra|fire|neljä|cztery|čtyři|četiri|четыре|чотири|четири"
    "|négy|patru|dört|τέσσερα|τέσσερις|empat|bốn|أربعة|چهار|چار|ארבע|चार|চার|nne|สี่|四|사",
    "five|fünf|cinq|cinco|cinque|vijf|fem|viisi|pięć|pět|pet|пять|п['’]ять|пет|öt|cinci|beş|πέντε"
    "|lima|năm|خمسة|پنج|پانچ|חמש|पांच|पाँच|পাঁচ|tano|ห้า|五|오",
    "six|sechs|seis|sei|zes|sex|seks|kuusi|sześć|šest|шесть|шість|шест|hat|șase|altı|έξι|enam|sáu"
    "|ستة|شش|چھ|שש|छह|छः|ছয়|sita|หก|六|육",
    "seven|sieben|sept|siete|sete|sette|zeven|sju|syv|seitsemän|siedem|sedm|sedam|семь|сім|седем"
    "|hét|șapte|yedi|επτά|εφτά|tujuh|bảy|سبعة|هفت|سات|שבע|सात|সাত|saba|เจ็ด|七|칠",
    "eight|acht|huit|ocho|oito|otto|åtta|otte|åtte|kahdeksan|osiem|osm|osam|восемь|вісім|осем|nyolc"
    "|opt|sekiz|οκτώ|οχτώ|delapan|tám|ثمانية|هشت|آٹھ|שמונה|आठ|আট|nane|แปด|八|팔",
    "nine|neun|neuf|nueve|nove|negen|nio|ni|yhdeksän|dziewięć|devět|devet|девять|дев['’]ять|девет"
    "|kilenc|nouă|dokuz|εννέα|εννιά|sembilan|chín|تسعة|نه|نو|תשע|नौ|নয়|tisa|เก้า|九|구",
    "ten|zehn|dix|diez|dez|dieci|tien|tio|kymmenen|dziesięć|deset|десять|десет|tíz|zece|δέκα"
    "|sepuluh|mười|عشرة|ده|دس|עשר|दस|দশ|kumi|สิบ|十|십",
    "eleven|elf|onze|once|undici|elva|elleve|yksitoista|jedenaście|jedenáct|одиннадцать"
    "|одинадцять|tizenegy|unsprezece|on bir|ένδεκα|έντεκα|sebelas|mười một|أحد عشر|ग्यारह",
    "twelve|zwölf|douze|doce|doze|dodici|twaalf|tolv|kaksitoista|dwanaście|dvanáct|двенадцать"
    "|дванадцять|tizenkettő|doisprezece|on iki|δώδεκα|dua belas|mười hai|اثنا عشر|बारह",
    "thirteen|dreizehn|treize|trece|treze|tredici|dertien|tretton|trzynaście|тринадцать",
    "fourteen|vierzehn|quatorze|catorce|catorze|quattordici|veertien|fjorton|четырнадцать",
    "fifteen|fünfzehn|quinze|quince|quindici|vijftien|femton|piętnaście|пятнадцать",
    "sixteen|sechzehn|seize|dieciséis|dezesseis|sedici|zestien|sexton|szesnaście|шестнадцать",
    "seventeen|siebzehn|dix-sept|diecisiete|dezessete|diciassette|zeventien|sjutton|семнадцать",
    "eighteen|achtzehn|dix-huit|dieciocho|dezoito|diciotto|achttien|arton|восемнадцать",
    "nineteen|neunzehn|dix-neuf|diecinueve|dezenove|diciannove|negentien|nitton|девятнадцать",
    "twenty|zwanzig|vingt|veinte|vinte|venti|twintig|tjugo|dwadzieścia|двадцать|yirmi|είκοσι",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: value for value, words in enumerate(_SMALL) for word in words.split("|")}
_ENGLISH = {words.partition("|")[0]: value for value, words in enumerate(_SMALL)}
_ENGLISH |= {word: value for value, word in enumerate(_TENS, 2) for value in [10 * value]}

_UNIT = (
    r"points?|pts?|punkte?|punt[ios]|puntos?|pontos?|punten|poäng|poeng|point|punkty|punktów|балл\w*"
    r"|puan|poin|điểm|mg|g|kg|µg|mcg|ml|l|mmol|units?|years?|days?|weeks?|months?|hours?|minutes?"
    r"|percent|%|分|点|점|개|片|錠|mg/dl|mmol/l"
)
_SMALL_ENGLISH = "|".join(sorted(_ENGLISH, key=len, reverse=True))
_COMPOSED = rf"(?:{_SMALL_ENGLISH}|hundred)(?:(?:[- ]|\sand\s)(?:{_SMALL_ENGLISH}|hundred)){{0,5}}"
_OTHERS = "|".join(sorted(_VALUES, key=len, reverse=True))
_STATED = late(
    r"(?:\A[\s\"'(]*|(?:[:=]|(?<![^\W\d_])(?:is|are|was|equals|scores?|totals?|ist|sind|est|sont|es|é|è"
    r"|jest|är|er|равно|это))\s{1,3})(?:exactly |only |approximately |about )?"
    rf"(?P<number>{_COMPOSED}|{_OTHERS}|[一二两三四五六七八九]?十[一二三四五六七八九]?)"
    rf"\s?(?:{_UNIT})?[\s.!。)\"']*(?:です|입니다)?[\s.!。)\"']*\Z",
)
_LONGEST = 120


def number_in_words(text: str) -> float | None:
    """The whole number that a text without digits ends with, where it is stated.

    >>> number_in_words("three points"), number_in_words("It is two hundred and fifty.")
    (3.0, 250.0)
    >>> number_in_words("one of the following") is None
    True
    """
    found = _STATED.search(text[-_LONGEST:].lower())
    if found is None:
        return None
    word = found["number"]
    if word in _VALUES:
        return float(_VALUES[word])
    return float(_chinese(word) if "十" in word else _english(re.split(r"[- ]| and ", word)))


def _english(words: list[str]) -> int:
    value = 0
    for word in words:
        if word == "hundred":
            value = max(value, 1) * 100
        elif word != "and":
            value += _ENGLISH[word]
    return value


def _chinese(word: str) -> int:
    tens, _, ones = word.partition("十")
    return 10 * (_VALUES[tens] if tens else 1) + (_VALUES[ones] if ones else 0)
