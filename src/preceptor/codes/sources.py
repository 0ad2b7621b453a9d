"""Code lists, terms and mentions by what a user names: a file, or an installed package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from preceptor.codes.listing import Listing, Mention, read_mentions
from preceptor.codes.texts import plain
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import file_sha256, read_rows
from preceptor.terminology.code_lists import (
    WHO_LANGUAGES,
    CodeList,
    icd10_cm,
    read_code_list,
    who_icd10,
)
from preceptor.terminology.codes import normal_code

__all__ = ["ICD10CM", "WHO", "Sources", "read_sources"]

ICD10CM, WHO = "icd-10-cm", "icd-10:"
_FORMS = f"a file, {ICD10CM}, or {WHO} with one of {', '.join(WHO_LANGUAGES)}"


class Sources:
    """What is trained on: a list with its terms, and mentions.

    Attributes
    ----------
    files
        Name of each source → SHA-256 of its file, or the name with its release.
    """

    def __init__(self, listing: Listing, mentions: list[Mention], files: dict[str, str]) -> None:
        self.listing, self.mentions, self.files = listing, mentions, files


def read_sources(
    codes: str, terms: Sequence[str], mentions: Sequence[Path], language: str
) -> Sources:
    """Read all that the user names.

    Raises
    ------
    InputError, DataError
        A file is not as expected, or no package's list has such a name.
    Unavailable
        The package of a list is not installed.
    """
    whole = _list(codes, language)
    files = _named([codes, *terms, *map(str, mentions)])
    return Sources(Listing(whole, [_terms(each) for each in terms]), _all(mentions), files)


def _all(mentions: Sequence[Path]) -> list[Mention]:
    return read_mentions(mentions) if mentions else []


def _named(sources: Sequence[str]) -> dict[str, str]:
    found = {}
    for each in sources:
        path = Path(each)
        file = path / "cie-10.csv" if path.is_dir() else path
        found[path.name] = file_sha256(file) if file.is_file() else "of an installed package"
    return found


def _list(source: str, language: str) -> CodeList:
    if source == ICD10CM:
        return icd10_cm()
    if source.startswith(WHO):
        return who_icd10(source.removeprefix(WHO))
    path = Path(source)
    if not path.exists():
        raise InputError(f"--codes {source}: expected {_FORMS}, found no such file")
    return read_code_list(path, language)


def _terms(source: str) -> Mapping[str, Sequence[str]]:
    """Code → terms: the titles of a list, or ICD-10-CM's inclusion terms, or rows of a file."""
    if source == ICD10CM:
        return {each.code: each.inclusions for each in icd10_cm()}
    if source.startswith(WHO):
        return {each.code: (each.title,) for each in who_icd10(source.removeprefix(WHO))}
    path = Path(source)
    if not path.exists():
        raise InputError(f"--terms {source}: expected {_FORMS}, found no such file")
    found: dict[str, list[str]] = {}
    for number, row in read_rows(path):
        code, text = normal_code(str(row.get("code") or "")), row.get("term")
        if code is None or not isinstance(text, str) or not plain(text):
            problem = f"expected a code and a term, found {shorten(row.get('code'))}"
            raise DataError(str(path), number, "code", f"{problem} and {shorten(text)}")
        found.setdefault(code, []).append(plain(text))
    return found
