#!/usr/bin/env bash
# math-verify 0.9.0: the direction of an inequality and the factor before a power of ten are lost.
#
# Expected: "at least 60" and "at most 60" are two answers; "1.5 x 10^3" is 1500 or unread.
# Seen: $\geq 60$ is verified by $\leq 60$, and each by 60, while $<60$ and $>60$ differ.
# "1.5 x 10^3" is read as 1000, and verified against 1000 but not against 1500; with the sign ×
# it is read as 10. "12:30" is 12.
# Why it matters: this library grades numeric answers in several evaluation harnesses; a threshold
# in the wrong direction earns full credit, and a right count such as 1.5 x 10^3/µL earns none.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet math-verify==0.9.0 latex2sympy2-extended==1.11.0

"$tmp/venv/bin/python" - <<'PY'
from math_verify import parse, verify

seen = [
    (r"$\geq 60$", r"$\leq 60$", True),
    ("60", r"$\leq 60$", True),
    ("$<60$", "$>60$", False),
    ("1500", "1.5 x 10^3", False),
    ("1000", "1.5 x 10^3", True),
    ("10", "1.5 × 10^3", True),
    ("1500", "1.5*10^3", True),
    ("12", "12:30", True),
]
changed = [row for row in seen if verify(parse(row[0]), parse(row[1])) is not row[2]]
print(changed or "as described")
raise SystemExit(bool(changed))
PY
