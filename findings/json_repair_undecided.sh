#!/usr/bin/env bash
# json-repair 0.64.6: a value that qualifies itself is cut to its first word, and signs are dropped.
#
# Expected: what cannot be read as one JSON value stays a text, as "not true" and "7/10" do, so
# that a caller who wants a boolean or a number can refuse it.
# Seen: {"met": true or false} is True, {"met": null or true} is None, {"score": 3 or 4} is 3,
# {"score": 12:30} is 12, {"score": 10^3} is 10, {"score": <60} and {"score": >60} are both 60, and
# {"score": −5} with the typographic minus is 5.
# Why it matters: judges' replies are repaired this way; a judge that did not decide becomes
# "met", with the right type and no mark of the repair.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet json-repair==0.64.6

"$tmp/venv/bin/python" - <<'PY'
from json_repair import loads

seen = {
    "true or false": True,
    "null or true": None,
    "not true": "not true",
    "7/10": "7/10",
    "3 or 4": 3,
    "12:30": 12,
    "10^3": 10,
    "<60": 60,
    ">60": 60,
    "−5": 5,
}
read = {text: loads('{"value": %s}' % text)["value"] for text in seen}
changed = {text: read[text] for text in seen if repr(read[text]) != repr(seen[text])}
print(changed or "as described")
raise SystemExit(bool(changed))
PY
