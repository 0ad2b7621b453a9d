#!/usr/bin/env bash
# word2number 1.1: number words that stand apart in a phrase are added up.
#
# Expected: one number, or an error where a phrase holds two: "seven out of ten" is 7 or ambiguous.
# Seen: "seven out of ten" is 17, "two or three" is 5, "ten to twelve" is 22. A sign and a fraction
# are dropped: "minus five" is 5, "two and a half" is 2. Nothing is raised.
# Why it matters: pain scores, dose ranges and z-scores in words are read as numbers nobody said.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet word2number==1.1

"$tmp/venv/bin/python" - <<'PY'
from word2number.w2n import word_to_num

seen = {
    "seven out of ten": 17,
    "two or three": 5,
    "ten to twelve": 22,
    "minus five": 5,
    "two and a half": 2,
}
changed = {text: word_to_num(text) for text, value in seen.items() if word_to_num(text) != value}
print(changed or "as described")
raise SystemExit(bool(changed))
PY
