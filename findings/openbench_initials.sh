#!/usr/bin/env bash
# openbench 0.5.3: the first letter of any word after "Answer:" is the chosen option, and
# "The answer is B" is unread.
#
# Expected: a letter counts where it stands alone; "The answer is B" gives B.
# Seen: "Answer: Because of fever, C" gives B, "Answer: Start warfarin (option B)" gives S,
# "Answer: Aspirin" gives A wherever aspirin stands, "Answering this: B" gives I. "The answer is B"
# gives nothing, and "(A) is wrong. The correct answer is C." gives A, the option ruled out.
# Why it matters: its multiple choice scorer, also for MMLU and GPQA, gives credit to the initial of
# a drug and none to a plain sentence.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
# openbench's own command line and its many requirements are not needed to read a letter.
"$tmp/venv/bin/pip" install --quiet inspect-ai==0.3.285 tiktoken==0.14.0
"$tmp/venv/bin/pip" install --quiet --no-deps openbench==0.5.3

"$tmp/venv/bin/python" - <<'PY'
import importlib.util
import sys
from types import ModuleType

root = importlib.util.find_spec("openbench").submodule_search_locations[0]
for name in ("", ".scorers", ".metrics", ".utils"):  # without running the packages' __init__.py
    package = ModuleType(f"openbench{name}")
    package.__path__ = [root + name.replace(".", "/")]
    sys.modules[package.__name__] = package

from openbench.scorers.mcq import extract_mcq_answer

seen = {
    "Answer: Because of fever, C": "B",
    "Answer: Start warfarin (option B)": "S",
    "Answer: Aspirin": "A",
    "Answering this: B": "I",
    "The answer is B": None,
    "(A) is wrong. The correct answer is C.": "A",
    "Answer: B": "B",
}
changed = {t: extract_mcq_answer(t) for t in seen if extract_mcq_answer(t) != seen[t]}
print(changed or "as described")
raise SystemExit(bool(changed))
PY
