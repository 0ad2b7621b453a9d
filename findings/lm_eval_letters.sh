#!/usr/bin/env bash
# lm-eval 0.4.13: the filter `multi_choice_regex` reads an option's text inside another word, and
# not the letter that is announced.
#
# Expected: its docstring says that after the pattern and the options' texts a bare letter is read;
# so "The answer is B" gives (B), and a text counts where it stands as words.
# Seen: a bare letter is read only after a colon: "The answer is B" and "B" are [invalid].
# "Ironically, B" gives (D), for the option "Iron" is in it, and "Iron deficiency is excluded, so
# Heparin" gives (D) as well: the first text named wins, also where it is ruled out.
# Why it matters: options of medical questions are short and part of other words; an answer that
# rules out the rival first is scored as the rival.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --no-deps lm_eval==0.4.13  # this filter needs nothing else

"$tmp/venv/bin/python" - <<'PY'
from lm_eval.filters.extraction import MultiChoiceRegexFilter

reader = MultiChoiceRegexFilter(
    regex_pattern=r"(\([A-D]\))", ignore_case=True, ignore_punctuation=True
)
options = [{"choices": ["Aspirin", "Warfarin", "Heparin", "Iron"]}]
seen = {
    "The answer is B": "[invalid]",
    "B": "[invalid]",
    "Answer: B": "(B)",
    "Ironically, B": "(D)",
    "Iron deficiency is excluded, so Heparin": "(D)",
}
read = {text: reader.apply([[text]], options)[0][0] for text in seen}
changed = {text: read[text] for text in seen if read[text] != seen[text]}
print(changed or "as described")
raise SystemExit(bool(changed))
PY
