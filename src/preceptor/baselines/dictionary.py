"""What columns are called in words, and their units: a user's data dictionary, and YAIB's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from preceptor.cells import is_missing
from preceptor.errors import DataError, InputError, shorten
from preceptor.files import read_rows

__all__ = ["STAY_COLUMNS", "Column", "read_dictionary"]


class Column(msgspec.Struct, frozen=True):
    """A column in words; ``unit`` is empty where it has none."""

    name: str
    unit: str = ""


def read_dictionary(path: Path) -> dict[str, Column]:
    """Column → its name and unit, of a table with the columns ``column``, ``name`` and ``unit``.

    Raises
    ------
    InputError, DataError
        A column is missing, or a cell.
    """
    found: dict[str, Column] = {}
    for line, row in read_rows(path):
        if not {"column", "name"} <= set(row):
            there = ", ".join(shorten(name, 40) for name in list(row)[:12])
            raise InputError(f"{path}: expected the columns column, name and unit, found {there}")
        for field in ("column", "name"):
            if is_missing(row.get(field)):
                raise DataError(str(path), line, field, "expected a text, found none")
        unit = "" if is_missing(row.get("unit")) else " ".join(str(row["unit"]).split())
        found[str(row["column"]).strip()] = Column(" ".join(str(row["name"]).split()), unit)
    if not found:
        raise InputError(f"{path}: expected a row for each column, found an empty file")
    return found


def _stays(text: str) -> Mapping[str, Column]:
    rows = (line.split("|") for line in text.strip().splitlines())
    return {key: Column(name, unit) for key, name, unit in rows}


#: Dynamic and static columns of YAIB, whose names and units are those of its concepts in ricu
#: (Bennett et al. 2023, GigaScience 12:giad041).
STAY_COLUMNS = _stays("""
age|age|years
height|height|cm
weight|weight|kg
alb|albumin|g/dL
alp|alkaline phosphatase|IU/L
alt|alanine aminotransferase|IU/L
ast|aspartate aminotransferase|IU/L
be|base excess|mEq/L
bicar|bicarbonate|mEq/L
bili|total bilirubin|mg/dL
bili_dir|direct bilirubin|mg/dL
bnd|band neutrophils|%
bun|blood urea nitrogen|mg/dL
ca|calcium|mg/dL
cai|ionized calcium|mmol/L
ck|creatine kinase|IU/L
ckmb|creatine kinase MB|ng/mL
cl|chloride|mEq/L
crea|creatinine|mg/dL
crp|C-reactive protein|mg/L
dbp|diastolic blood pressure|mmHg
fgn|fibrinogen|mg/dL
fio2|inspired oxygen|%
glu|glucose|mg/dL
hgb|hemoglobin|g/dL
hr|heart rate|/min
inr_pt|INR|
k|potassium|mEq/L
lact|lactate|mmol/L
lymph|lymphocytes|%
map|mean arterial pressure|mmHg
mch|mean corpuscular hemoglobin|pg
mchc|mean corpuscular hemoglobin concentration|%
mcv|mean corpuscular volume|fL
methb|methemoglobin|%
mg|magnesium|mg/dL
na|sodium|mEq/L
neut|neutrophils|%
o2sat|oxygen saturation|%
pco2|pCO2|mmHg
ph|blood pH|
phos|phosphate|mg/dL
plt|platelets|K/uL
po2|pO2|mmHg
ptt|partial thromboplastin time|s
resp|respiratory rate|/min
sbp|systolic blood pressure|mmHg
temp|temperature|°C
tnt|troponin T|ng/mL
urine|urine output|mL
wbc|white blood cells|K/uL
""")
