#!/usr/bin/env bash
# label-studio-sdk 2.1.2: the converter's `convert_to_csv` cannot be called with its defaults.
#
# Expected: `convert_to_csv(input, output, is_dir=False)` writes a table with a header.
# Seen: KeyError 'sep': `sep` and `header` are taken from keyword arguments that have no default.
# With both, the table is written, with a row for each task, annotated or not, and the annotator as
# a number.
# Why it matters: a script that exports physicians' labels works for JSON-MIN and stops for CSV.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet label-studio-sdk==2.1.2
cd "$tmp"

"$tmp/venv/bin/python" - <<'PY'
import csv, json, pathlib
from label_studio_sdk.converter import Converter

config = """<View><Text name="answer" value="$answer"/>
<Choices name="met" toName="answer"><Choice value="met"/><Choice value="not met"/></Choices></View>"""
choice = {"from_name": "met", "to_name": "answer", "type": "choices", "value": {"choices": ["met"]}}
tasks = [
    {"id": 1, "data": {"answer": "Rest."},
     "annotations": [{"id": 5, "completed_by": 7, "result": [choice]}]},
    {"id": 2, "data": {"answer": "Wait."}, "annotations": []},
]
pathlib.Path("export.json").write_text(json.dumps(tasks))
converter = Converter(config, project_dir=None)
try:
    converter.convert_to_csv("export.json", "out", is_dir=False)
    plain = "written"
except KeyError as error:
    plain = f"KeyError {error}"
converter.convert_to_csv("export.json", "out", is_dir=False, sep=",", header=True)
(path,) = pathlib.Path("out").glob("*")
rows = list(csv.DictReader(path.open()))
seen = (plain, [(row["id"], row["met"], row.get("annotator")) for row in rows])
print(seen)
raise SystemExit(seen != ("KeyError 'sep'", [("1", "met", "7"), ("2", "", "")]))
PY
