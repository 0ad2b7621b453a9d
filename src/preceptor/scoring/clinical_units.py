"""A closed table of clinical units: how each is spelt, what it measures, and how large it is.

A unit is a product of these, such as ``mcg/kg/min``, ``mL/min/1.73 m²`` or ``10^9/L``. What is not
in the table is not understood, and nothing is guessed of it.

Sizes: SI Brochure, 9th edition; NIST SP 811 (2008), appendix B.8 (mmHg, cmH2O, thermochemical
calorie, pound, inch, curie).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec

__all__ = ["NO_UNIT", "Unit", "leading_unit", "read_unit", "scaled"]

#: What stands for the unit where there is none, as of a ratio.
NO_UNIT = "1"
_PREFIXES = {"k": 1e3, "": 1.0, "d": 1e-1, "c": 1e-2, "m": 1e-3}
_PREFIXES |= {"μ": 1e-6, "u": 1e-6, "mc": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


class Unit(msgspec.Struct, frozen=True):
    """How many of the base units it is, and the power of each.

    Attributes
    ----------
    size
        In base units. Degrees of temperature are no multiple of each other: see :func:`scaled`.
    kinds
        (base unit, power), by name: ``(("g", 1), ("m", -3))`` of g/m³.
    """

    size: float
    kinds: tuple[tuple[str, int], ...]

    def power(self, kind: str) -> int:
        """Power of a base unit in it; 0 where it is not there."""
        return dict(self.kinds).get(kind, 0)

    def exchanged(self, kind: str, other: str, factor: float) -> Unit:
        """The same where one of the base unit ``kind`` is ``factor`` of ``other``."""
        power = self.power(kind)
        kinds = dict(self.kinds)
        kinds.pop(kind, None)
        kinds[other] = kinds.get(other, 0) + power
        return _unit(self.size * factor**power, kinds)


def _unit(size: float, kinds: Mapping[str, int]) -> Unit:
    return Unit(size, tuple(sorted((kind, power) for kind, power in kinds.items() if power)))


def _prefixed() -> Iterator[tuple[str, Unit]]:
    """Units that take prefixes, each with those that are in use."""
    for spelt, kinds, size, prefixes in (
        (("g",), {"g": 1}, 1.0, ("k", "", "d", "m", "μ", "u", "mc", "n", "p", "f")),
        (("l",), {"m": 3}, 1e-3, ("", "d", "c", "m", "μ", "u", "mc", "n", "p", "f")),
        (("m",), {"m": 1}, 1.0, ("k", "", "d", "c", "m", "μ", "u", "n", "p")),
        (("mol",), {"mol": 1}, 1.0, ("k", "", "m", "μ", "u", "mc", "n", "p", "f")),
        (("eq", "val"), {"eq": 1}, 1.0, ("", "m", "μ", "u")),
        (("osm", "osmol"), {"osm": 1}, 1.0, ("", "m")),
        (("u", "iu", "ie", "ui"), {"iu": 1}, 1.0, ("k", "", "m", "μ", "u", "mc", "n", "p")),
        (("kat",), {"kat": 1}, 1.0, ("", "m", "μ", "u", "n")),
        (("s", "sec"), {"s": 1}, 1.0, ("", "m", "μ", "u")),
        (("pa",), {"pa": 1}, 1.0, ("k", "")),
        (("j",), {"j": 1}, 1.0, ("k", "")),
        (("cal",), {"j": 1}, 4.184, ("k", "")),
        (("v",), {"v": 1}, 1.0, ("", "m", "μ", "u")),
        (("gy",), {"gy": 1}, 1.0, ("", "c", "m")),
        (("sv",), {"sv": 1}, 1.0, ("", "m", "μ", "u")),
        (("ci",), {"bq": 1}, 3.7e10, ("", "m", "μ", "u")),
    ):
        for name in spelt:
            for prefix in prefixes:
                yield prefix + name, _unit(size * _PREFIXES[prefix], kinds)


def _words() -> Iterator[tuple[str, Unit]]:
    """Units in words, one by one or several, and others without a prefix."""
    for name, like in (
        *((f"{part}gram", sign + "g") for part, sign in _PARTS),
        *((f"{part}gramme", sign + "g") for part, sign in _PARTS),
        *((f"{part}{name}", sign + "l") for part, sign in _PARTS for name in ("liter", "litre")),
        *((f"{part}{name}", sign + "m") for part, sign in _PARTS for name in ("meter", "metre")),
        *((f"{part}mole", sign + "mol") for part, sign in _PARTS),
        *((f"{part}equivalent", sign + "eq") for part, sign in _PARTS[:2]),
        *((f"{part}second", sign + "s") for part, sign in _PARTS[:2]),
        *((name, "iu") for name in ("unit", "internationalunit")),
        *((f"{part}calorie", sign + "cal") for part, sign in (("", ""), ("kilo", "k"))),
    ):
        if like in _TABLE:
            yield name, _TABLE[like]
            yield f"{name}s", _TABLE[like]


#: Prefix in words, and its sign.
_PARTS: tuple[tuple[str, str], ...] = (
    *(("", ""), ("milli", "m"), ("micro", "μ"), ("nano", "n"), ("pico", "p")),
    *(("centi", "c"), ("deci", "d"), ("kilo", "k")),
)
#: Base unit, its size, and all spellings, without blanks and in small letters.
_OTHERS: tuple[tuple[str, float, str], ...] = (
    ("s", 60, "min mins minute minutes 分 分钟 分鐘"),
    ("s", 3600, "h hr hrs hour hours std stunde stunden 小时 小時"),
    ("s", 86400, "d day days tag tage 天 日"),
    ("s", 604800, "wk wks week weeks 周 週"),
    ("month", 1, "mo month months 月 个月"),
    ("month", 12, "y yr yrs year years yo 岁 歲 年"),
    ("pa", 133.322387, "mmhg torr"),
    ("pa", 98.0665, "cmh2o"),
    ("g", 453.59237, "lb lbs pound pounds"),
    ("g", 28.349523125, "oz ounce ounces"),
    ("g", 1000, "公斤 千克 kilo kilos kgs"),
    ("g", 1, "克 gm gms"),
    ("g", 1e-3, "毫克"),
    ("m", 0.0254, "in inch inches"),
    ("m", 0.3048, "ft foot feet"),
    ("m", 1e-2, "厘米 公分 cms"),
    ("m", 1, "米"),
    ("celsius", 1, "°c degc ℃ 摄氏度 celsius degreescelsius"),
    ("fahrenheit", 1, "°f degf ℉ fahrenheit degreesfahrenheit"),
    ("tablet", 1, "tablet tablets tab tabs pill pills"),
    ("capsule", 1, "capsule capsules cap caps"),
    ("puff", 1, "puff puffs"),
    ("drop", 1, "drop drops gtt gtts"),
    ("packyear", 1, "packyear packyears pack-year pack-years py"),
    ("bq", 1, "bq"),
    ("bq", 1e6, "mbq"),
    ("w", 1, "w watt watts"),
    ("hz", 1, "hz"),
)
_VOLUMES = {"cc": 1e-6, "ccm": 1e-6, "毫升": 1e-6, "升": 1e-3}
_SHARES = {"%": 1e-2, "percent": 1e-2, "per cent": 1e-2, "‰": 1e-3, "ppm": 1e-6}
#: What is counted, or said of a unit, and is no unit.
_COUNTED = "cell cells count counts copy copies beat beats breath breaths 次 个 point points"
_TABLE: dict[str, Unit] = dict(_prefixed())
_TABLE |= {name: _unit(size, {kind: 1}) for kind, size, spelt in _OTHERS for name in spelt.split()}
_TABLE |= dict(_words())
_TABLE |= {name: _unit(size, {"m": 3}) for name, size in _VOLUMES.items()}
_TABLE |= {name: _unit(size, {}) for name, size in _SHARES.items()}
_TABLE |= {name: _unit(1, {}) for name in _COUNTED.split()}
_TABLE |= {name: _unit(1 / 60, {"s": -1}) for name in ("bpm",)}
#: These mean another thing in capitals.
_MOLAR = {"mM": 1e-3, "μM": 1e-6, "uM": 1e-6, "nM": 1e-9, "pM": 1e-12}
_CASED = {name: _unit(size * 1e3, {"mol": 1, "m": -3}) for name, size in _MOLAR.items()}

_SUPERSCRIPTS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
_TOKEN = re.compile(
    r"(?P<power>10\s?[\^*]\s?(?P<ten>-?\d{1,2})|10(?P<lost>3|6|9|12)(?![\d.]))"
    r"|(?P<number>\d{1,4}(?:\.\d{1,4})?)"
    r"|(?P<name>(?:mm ?hg|cm ?h2o|international units?|per cent|pack-years?|°\s?[cf]\b|deg [cf]\b)"
    r"|[^\W\d_]+|[%‰])(?:\^?(?P<raised>-?\d)(?!\d))?"
    r"|(?P<over>/)|(?P<times>[·*×.()])",
    re.IGNORECASE,
)
_PER = re.compile(r"\b(?:per|pro|an?)\b(?! ?cent)(?=\s?[^\W\d_])", re.IGNORECASE)
_EVERY = re.compile(r"\b(?:(dai)|(hour|week|month|year))ly\b", re.IGNORECASE)
#: Letters of a unit that is read out of a text, at most.
_LONGEST = 48


def _normal(text: str) -> str:
    text = _PER.sub("/", text.translate(_SUPERSCRIPTS))
    text = _EVERY.sub(lambda said: "/day" if said[1] else f"/{said[2]}", text)
    text = unicodedata.normalize("NFKC", text).replace("µ", "μ").replace("∕", "/").strip()
    return re.sub(r"^[x×] ?(?=10)", "", text).replace("−", "-")


@lru_cache(maxsize=4096)
def read_unit(text: str) -> Unit | None:
    """The unit that a text is; None where it is not in the table.

    All that follows a stroke divides: ``mg/kg/day`` and ``mg/(kg·day)`` are one.

    >>> read_unit("mg/dL")
    Unit(size=10.0, kinds=(('g', 1), ('m', -3)))
    """
    text = _normal(text)
    if not text or len(text) > _LONGEST:
        return None
    size, kinds, place, below, seen = 1.0, dict[str, int](), 0, False, False
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or (found["number"] and not below):
            return None
        place = found.end() + len(text[found.end() :]) - len(text[found.end() :].lstrip())
        if found["over"]:
            below = True
        elif not found["times"]:
            part = _part(found)
            if part is None or (seen and found["name"] and found["name"] in "%‰"):
                return None
            seen, sign = True, -1 if below else 1
            size *= part.size**sign
            for kind, power in part.kinds:
                kinds[kind] = kinds.get(kind, 0) + sign * power
    return _unit(size, kinds) if seen and math.isfinite(size) and size > 0 else None


def _part(found: re.Match[str]) -> Unit | None:
    """One factor of a unit: a power of ten, a number below a stroke, or a name with its power."""
    if found["power"]:
        return _unit(10.0 ** int(found["ten"] or found["lost"]), {})
    if found["number"]:
        number = float(found["number"])
        return _unit(number, {}) if number else None
    name = found["name"]
    unit = _CASED.get(name) or _TABLE.get(re.sub(r"\s", "", name.casefold()).replace("deg", "°"))
    unit = unit or _TABLE.get(name.casefold())
    if unit is None or not found["raised"]:
        return unit
    raised = int(found["raised"])
    return _unit(unit.size**raised, {kind: power * raised for kind, power in unit.kinds})


_INCH = re.compile(r"(?:^|[\s/])in$", re.IGNORECASE)
_STOP = re.compile(r"[,;:=≈<>\n\"'\[\]{}|?!]|\.(?!\d)|\((?![^()]*\d?[^\W\d_]+\))")


def leading_unit(text: str) -> tuple[str, Unit] | None:
    """The longest unit that a text begins with, as it is written there; None without one."""
    text = text[:_LONGEST]
    stop = _STOP.search(text)
    words = text[: stop.start()] if stop else text
    ends = [found.end() for found in re.finditer(r"[^\s/]+(?:\s?/\s?[^\s/]+)*", words)]
    ends += [found.end() for found in re.finditer(r"\S+", words)]
    for end in sorted(set(ends), reverse=True):
        written = words[:end].strip()
        if _INCH.search(written) and end < len(words.rstrip()):
            continue  # "5 mg in two doses"
        unit = read_unit(written)
        if unit is not None:
            return written, unit
    return None


def scaled(value: float, unit: Unit, wanted: Unit) -> float | None:
    """A value in another unit that measures the same; None where it measures something else.

    >>> mass, molar = read_unit("mg/dL"), read_unit("g/L")
    >>> round(scaled(90, mass, molar), 3)
    0.9
    """
    if unit.kinds == wanted.kinds:
        return value * (unit.size / wanted.size)
    kinds = (unit.kinds, wanted.kinds)
    if kinds == ((("celsius", 1),), (("fahrenheit", 1),)):
        return value * 1.8 + 32
    if kinds == ((("fahrenheit", 1),), (("celsius", 1),)):
        return (value - 32) / 1.8
    return None
