#!/usr/bin/env bash
# inspect-ai 0.3.285: `match(numeric=True)` reads a decimal comma as ten or a thousand times more;
# `exact` and `f1` do not see a minus sign.
#
# Expected: "1,5 mg" is 1.5 or unread, and never 15; -5 and 5 are different answers.
# Seen: "1,5 mg" is correct for the target 15, "0,375" for 375; "1.234,56" is read as 1.2346 and
# "12 345" as 345. `exact` and `f1` call "-5" right for the target 5, though 1.5 is not 15 there;
# `match(numeric=True)` does tell -5 from 5.
# Why it matters: answers in most European languages have decimal commas, so a tenfold dose is
# right; base excess and z-scores change their meaning with the sign.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet inspect-ai==0.3.285

"$tmp/venv/bin/python" - <<'PY'
import asyncio

from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Target, exact, f1, match
from inspect_ai.solver import TaskState


def value(scorer, output, target):
    """The value a scorer gives to an output."""
    state = TaskState(model="m", sample_id=1, epoch=1, input="q", messages=[],
                      output=ModelOutput.from_content("m", output))
    return asyncio.run(scorer(state, Target(target))).value


seen = [
    (match(numeric=True), "1,5 mg", "15", "C"),
    (match(numeric=True), "0,375", "375", "C"),
    (match(numeric=True), "0,375", "0.375", "I"),
    (match(numeric=True), "1.234,56", "1234.56", "I"),
    (match(numeric=True), "12 345", "345", "C"),
    (match(numeric=True), "-5", "5", "I"),
    (exact(), "-5", "5", "C"),
    (f1(), "-5", "5", 1.0),
    (exact(), "1.5", "15", "I"),
]
changed = [row[1:] for row in seen if value(*row[:3]) != row[3]]
print(changed or "as described")
raise SystemExit(bool(changed))
PY
