#!/usr/bin/env bash
# fhir.resources 8.3.0, R4B models of pydantic 2.
#
# Expected: JSON of another type than FHIR's element is refused (an object is an object, an integer
# a number, a boolean true or false, a dateTime a text), at the latest with strict=True.
# Seen: a text with JSON in it becomes the object, "5" and true become the integer 5 and 1, "yes" a
# boolean, a number of seconds a dateTime; strict=True changes nothing. What is accepted was not
# valid FHIR: a validator by these models alone passes it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    fhir.resources==8.3.0 fhir-core==1.1.12 pydantic==2.14.3
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import json

from fhir.resources.R4B.observation import Observation

print("fhir.resources", importlib.metadata.version("fhir.resources"))
BASE = {"resourceType": "Observation", "status": "final", "code": {"text": "Body weight"}}
CASES = {
    "an object as a text": ("code", '{"text": "Body weight"}'),
    "an integer as a text": ("valueInteger", "5"),
    "an integer as a boolean": ("valueInteger", True),
    "a boolean as a text": ("valueBoolean", "yes"),
    "a dateTime as a number": ("effectiveDateTime", 1699870500),
}
for name, (element, value) in CASES.items():
    text = json.dumps({**BASE, element: value})
    loose = Observation.model_validate_json(text)
    strict = Observation.model_validate_json(text, strict=True)
    assert getattr(loose, element) == getattr(strict, element), name
    kept = json.loads(strict.model_dump_json())[element]
    assert type(kept) is not type(value), (name, kept)
    print(f"{name}: {element} = {value!r} is accepted, strict too, and kept as {kept!r}")
PYTHON
