"""Where the truth stands in a ranked list of diseases: by name, alias or code."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence

from preceptor.patterns import late

__all__ = [
    "aliases",
    "disease_codes",
    "icd10_chapter",
    "icd10_code",
    "name_key",
    "nearest",
    "rank_of",
]


def name_key(name: str) -> str:
    """A disease's name without case, punctuation and doubled spaces: what names are compared by.

    >>> name_key("Acyl-CoA dehydrogenase, medium-chain")
    'acyl coa dehydrogenase medium chain'
    """
    return " ".join(re.sub(r"[\W_]+", " ", name.casefold()).split())


def _readings(item: str) -> set[str]:
    """What an item may be named: all of it, without what explains it, what is in parentheses."""
    head = re.split(r"\s[-–—]\s|:\s", item)[0]
    inner = re.findall(r"[(\[]([^()\[\]]*)[)\]]", head)
    bare = re.sub(r"[(\[][^()\[\]]*[)\]]", " ", head)
    return {name_key(part) for part in (item, head, bare, *inner)} - {""}


_CODE = late(r"\b(OMIM|MIM|ORPHA|ORPHANET)(?:\s?code)?\s?[:#]?\s?(\d{1,7})\b", re.IGNORECASE)


def disease_codes(item: str) -> set[str]:
    """The OMIM and Orphanet codes in an item: ``OMIM:261600``, ``ORPHA:716``."""
    return {
        f"{'OMIM' if kind.upper().endswith('MIM') else 'ORPHA'}:{number}"
        for kind, number in _CODE.findall(item)
    }


def rank_of(
    items: Sequence[str], names: Collection[str], codes: Collection[str] = ()
) -> int | None:
    """The place, from 1, of the first item with one of these names or codes; None without one.

    ``names`` are compared by :func:`name_key`, and must have gone through it.
    """
    for place, item in enumerate(items, start=1):
        if _readings(item) & set(names) or disease_codes(item) & set(codes):
            return place
    return None


def aliases(joined: str, known: Collection[str]) -> set[str]:
    """The names in a text that lists a disease's names with commas, some of which have commas.

    From the left, the longest run of parts that is a known name is one; a part that begins none is
    left out, so that a fragment of a name never counts as the disease. The whole text always does.

    Parameters
    ----------
    known
        All names of diseases, by :func:`name_key`.
    """
    parts = [part.strip() for part in joined.split(",") if part.strip()]
    found, place = {name_key(joined)}, 0
    while place < len(parts):
        for end in range(len(parts), place, -1):
            name = name_key(" ".join(parts[place:end]))
            if name in known:
                found.add(name)
                place = end
                break
        else:
            place += 1
    return found


def nearest(
    own: Collection[str],
    others: Mapping[str, Collection[str]],
    weights: Mapping[str, float],
    count: int,
) -> list[str]:
    """The ``count`` of ``others`` whose phenotypes are most like one's ``own``, nearest first.

    The cosine of the two sets as vectors with the square root of the information content of each
    phenotype: Σ over shared / √(Σ own · Σ other). RareBench (Chen et al. 2024, arXiv 2402.06341)
    weights embedded phenotypes by information content; this is the same idea without a trained
    embedding. Ties go by id.

    Parameters
    ----------
    weights
        Phenotype → information content, ≥ 0; one that is missing has none.
    """

    def mass(phenotypes: Collection[str]) -> float:
        return sum(weights.get(each, 0.0) for each in phenotypes)

    mine = set(own)

    def likeness(id: str) -> float:
        product = mass(mine) * mass(set(others[id]))
        return mass(mine & set(others[id])) / math.sqrt(product) if product > 0 else 0.0

    return sorted(others, key=lambda id: (-likeness(id), id))[:count]


_ICD = r"[A-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?"
#: A code in brackets, after "ICD", or at the end with a point: "vitamin B12 deficiency" has none.
_ICD_PLACES = (
    late(rf"[(\[][^()\[\]]*?\b({_ICD})\b[^()\[\]]*[)\]]"),
    late(rf"\bICD\b[^A-Z]*\b({_ICD})\b"),
    late(r"\b([A-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4})\W*$"),
)


def icd10_code(item: str) -> str | None:
    """The ICD-10 code in an item, without its point: ``D694``; None without one."""
    for pattern in _ICD_PLACES:
        if match := pattern.search(item):
            return match[1].replace(".", "")
    return None


#: First category of each chapter of ICD-10 (WHO, 2019 version), in alphabetical order.
_CHAPTERS = (
    ("A00", "I"),
    ("C00", "II"),
    ("D50", "III"),
    ("E00", "IV"),
    ("F00", "V"),
    ("G00", "VI"),
    ("H00", "VII"),
    ("H60", "VIII"),
    ("I00", "IX"),
    ("J00", "X"),
    ("K00", "XI"),
    ("L00", "XII"),
    ("M00", "XIII"),
    ("N00", "XIV"),
    ("O00", "XV"),
    ("P00", "XVI"),
    ("Q00", "XVII"),
    ("R00", "XVIII"),
    ("S00", "XIX"),
    ("U00", "XXII"),
    ("V00", "XX"),
    ("Z00", "XXI"),
)


def icd10_chapter(code: str) -> str:
    """The chapter of ICD-10 that a code belongs to, as a Roman numeral.

    >>> icd10_chapter("D69.4"), icd10_chapter("D48")
    ('III', 'II')
    """
    return next(chapter for first, chapter in reversed(_CHAPTERS) if code >= first)
