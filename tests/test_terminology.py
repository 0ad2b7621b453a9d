"""Codes of diseases: their form, their lists, and texts that were given them."""

from __future__ import annotations

from pathlib import Path

import pytest

from preceptor.errors import DataError, InputError
from preceptor.terminology.code_lists import icd10_cm, read_code_list, who_icd10
from preceptor.terminology.codes import at_level, find_code, normal_code
from preceptor.terminology.mentions import (
    IN_CODIESP_DEV,
    IN_CODIESP_TRAIN,
    read_codiesp,
    read_distemist,
)
from preceptor.terminology.texts import fold, is_abbreviation
from suite_answers import DATA, needs

LIST = "code,description\nA00-B99,A chapter\nA00 ,Tinol fever\nQ6211,Narrow tube\nQ62,Tubes\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("q62.11", "Q62.11"),
        (" i10 ", "I10"),
        ("c7a.00", "C7A.00"),
        ("qa0.0101", "QA0.0101"),
        ("A00-A09", None),
        ("bw03zzz", None),
        ("A0", None),
        ("A00.12345", None),
        ("", None),
    ],
)
def test_a_code_has_one_form(text: str, code: str | None) -> None:
    """Capitals, and a point behind three characters; ranges and procedures are none."""
    assert normal_code(text) == code


def test_a_level_is_the_first_characters() -> None:
    """The point does not count."""
    assert [at_level("Q62.11", n) for n in (3, 4, 7)] == ["Q62", "Q62.1", "Q62.11"]


def test_a_code_is_found_in_a_line_of_an_answer() -> None:
    """At its beginning or its end; a vitamin in the middle is none."""
    assert find_code("**E11.9** type 2 diabetes") == "E11.9"
    assert find_code("Gout [M10.9]") == "M10.9"
    assert find_code("vitamin B12 deficiency") is None


def test_abbreviations_are_short_and_in_capitals() -> None:
    """One word with two letters or more."""
    assert [
        text for text in ("HTA", "VIH-1", "B", "12", "Asma", "HTA y DM") if is_abbreviation(text)
    ] == [
        "HTA",
        "VIH-1",
    ]
    assert fold("ÚLCERA  gástrica") == "ulcera gastrica"


def test_a_list_is_read_without_its_ranges(tmp_path: Path) -> None:
    """In ascending order; a code that is not listed has its longest listed beginning."""
    path = tmp_path / "mine.csv"
    path.write_text(LIST, "utf-8")
    codes = read_code_list(path)
    assert [each.code for each in codes] == ["A00", "Q62", "Q62.11"]
    assert codes.left_out == 1
    assert codes.longest_listed("Q62.119") == "Q62.11"
    assert codes.longest_listed("Q62.2") == "Q62"
    assert codes.longest_listed("Z99") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("code,words\nA00,x\n", "mine.csv:2: description: missing; expected a column"),
        ("code,description\nA00,x\nA00,y\n", "mine.csv:3: code: A00 is there twice"),
        ("code,description\nA00,\n", "mine.csv:2: description: expected the words of A00"),
        ("code,description\nA00-A09,x\n", "mine.csv: expected codes such as A00.1, found none"),
    ],
)
def test_a_wrong_list_is_named(tmp_path: Path, text: str, message: str) -> None:
    """File, line, column."""
    path = tmp_path / "mine.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=message):
        read_code_list(path)


def test_titles_in_another_language_are_read_from_the_package(tmp_path: Path) -> None:
    """A title over several lines is joined; one that is a guess, or missing, is left out."""
    (tmp_path / "data").mkdir()
    (tmp_path / "locale").mkdir()
    record = '<record model="gnuhealth.pathology" id="{0}">\n<field name="name">{1}</field>\n'
    record += '<field name="code">{2}</field>\n</record>\n'
    rows = [
        ("A00", "Tinol &amp; fever", "A00"),
        ("A001", "Toes", "A00.1"),
        ("A002", "Feet", "A00.2"),
    ]
    text = "".join(record.format(*row) for row in rows)
    (tmp_path / "data" / "diseases.xml").write_text(text, "utf-8")
    entry = 'msgctxt "model:gnuhealth.pathology,name:{}"\nmsgid "x"\nmsgstr {}\n\n'
    entries = entry.format("A00", '""\n"Fiebre "\n"\\"tinol\\""') + "#, fuzzy\n"
    entries += entry.format("A001", '"Dedos"') + entry.format("A002", '""')
    (tmp_path / "locale" / "es.po").write_text(entries, "utf-8")
    assert who_icd10("en", tmp_path)["A00"].title == "Tinol & fever"
    spanish = who_icd10("es", tmp_path)
    assert [(each.code, each.title) for each in spanish] == [("A00", 'Fiebre "tinol"')]
    assert spanish.left_out == 2
    with pytest.raises(InputError, match="ICD-10 in 'xx': expected one of en, es"):
        who_icd10("xx", tmp_path)


def test_mentions_are_diagnoses_with_their_places(tmp_path: Path) -> None:
    """Procedures are left out; parts of a text that stand apart have a place each."""
    path = tmp_path / "devX.tsv"
    rows = (
        'd1\tDIAGNOSTICO\tq62.11\ttubo "estrecho"\t5 9;12 20\nd1\tPROCEDIMIENTO\tbw03zzz\tRx\t1 3\n'
    )
    path.write_text(rows, "utf-8")
    (mention,) = read_codiesp(tmp_path, "dev")
    assert (mention.document, mention.text, mention.codes) == ("d1", 'tubo "estrecho"', ("Q62.11",))
    assert mention.spans == ((5, 9), (12, 20))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("d1\tDIAGNOSTICO\tq62\n", "devX.tsv:1: expected 5 columns, found 3"),
        ("d1\tDIAGNOSTICO\tnone\tx\t1 2\n", "devX.tsv:1: code: expected a code such as q62.11"),
        ("d1\tDIAGNOSTICO\tq62\tx\t1-2\n", "devX.tsv:1: spans: expected places such as"),
    ],
)
def test_a_wrong_mention_is_named(tmp_path: Path, row: str, message: str) -> None:
    """File, line, and what was expected."""
    (tmp_path / "devX.tsv").write_text(row, "utf-8")
    with pytest.raises(DataError, match=message):
        read_codiesp(tmp_path, "dev")


@needs("codiesp")
@needs("distemist")
def test_the_corpora_have_their_published_counts() -> None:
    """And 33 documents of DISTEMIST are documents of CodiEsp, by their names."""
    dev, train = read_codiesp(DATA / "codiesp", "dev"), read_codiesp(DATA / "codiesp", "train")
    codes = read_code_list(DATA / "cie10-es")
    assert (len(dev), len(train), len(codes), codes.left_out) == (3431, 7209, 14_212, 286)
    assert sum(each.codes[0] in codes for each in dev) == 2063
    assert sum(codes.longest_listed(each.codes[0]) is not None for each in train) == 6964
    own = read_distemist(DATA / "distemist")
    files = (DATA / "distemist").rglob("*_linking_crossmappings.tsv")
    assert sum(len(each.read_text("utf-8").splitlines()) - 1 for each in files) == 5136
    assert len(own) == 4894
    assert sum(bool(each.codes) for each in own) == 1383
    texts = {file.stem for file in (DATA / "distemist" / "text_files").iterdir()}
    for split, shared in (("dev", IN_CODIESP_DEV), ("train", IN_CODIESP_TRAIN)):
        (folder,) = (DATA / "codiesp").rglob(f"{split}/text_files")
        assert texts & {file.stem for file in folder.iterdir()} == shared
    assert not {each.document for each in own} & (IN_CODIESP_DEV | IN_CODIESP_TRAIN)


def test_icd10_cm_is_read_from_its_package() -> None:
    """With inclusion terms, and a category of two letters."""
    codes = icd10_cm()
    assert len(codes) == 98_186
    assert sum(len(each.inclusions) for each in codes) == 12_569
    assert "QA0.01" in codes
    assert codes["I10"].title == "Essential (primary) hypertension"
