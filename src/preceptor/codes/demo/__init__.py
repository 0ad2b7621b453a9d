"""A search to try, with what may be had freely.

The list is a part of ICD-10-CM, from ``simple-icd-10-cm``: all categories, and all codes of up to
five characters below those categories that the mentions are about. The mentions are made up, in
Spanish, Portuguese, French and English.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

from preceptor.codes.listing import Listing, Mention
from preceptor.codes.search import Search, train
from preceptor.files import read_rows
from preceptor.terminology.code_lists import CodeList, icd10_cm

__all__ = ["QUERIES", "demo_codes", "demo_mentions", "demo_search"]

#: What the demo asks; none of these is among its mentions.
QUERIES = ("dolor torácico", "dor no peito", "douleur dans la poitrine", "crushing chest pain")
_LANGUAGES = ("es", "pt", "fr", "en")
_LONGEST = 6  # with the point


def demo_mentions() -> list[Mention]:
    """The made-up mentions, each of a document of its own."""
    file = resources.files("preceptor.codes.demo").joinpath("mentions.tsv")
    found = []
    with resources.as_file(file) as path:
        for number, row in read_rows(path):
            for language in _LANGUAGES:
                for text in str(row[language]).split(";"):
                    document = f"{number}-{language}-{text.strip()}"
                    found.append(Mention(text.strip(), str(row["code"]), document))
    return found


def demo_codes() -> CodeList:
    """A part of ICD-10-CM. Raises Unavailable where ``simple-icd-10-cm`` is not installed."""
    whole = icd10_cm()
    wanted = {each.code[:3] for each in demo_mentions()}
    own = {each.code for each in demo_mentions()}
    codes = [
        each
        for each in whole
        if len(each.code) == 3
        or each.code in own
        or (each.code[:3] in wanted and len(each.code) <= _LONGEST)
    ]
    return CodeList(f"a part of {whole.name}", "en", codes, len(whole) - len(codes))


def demo_search(
    target: Path,
    encoder: str,
    *,
    say: Callable[[str], None],
    progress: Callable[[int, int], None],
) -> Search:
    """Train in a new folder, and open it."""
    codes = demo_codes()
    train(
        target,
        Listing(codes),
        demo_mentions(),
        encoder=encoder,
        exemplars=False,
        files={"mentions made up by Preceptor": "in the package", codes.name: "in a package"},
        say=say,
        progress=progress,
    )
    return Search.open(target)
