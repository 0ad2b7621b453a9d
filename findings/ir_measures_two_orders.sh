#!/usr/bin/env bash
# ir-measures 0.4.3: RR and RR@10 of one run come from two providers, which order ties otherwise.
#
# Expected: RR@10 equals RR where the relevant document is among the first ten.
# Seen: of two documents with one score, RR is 0.5 and RR@10 is 1.0 in one call.
# Why it matters: two figures of one table are of two orders of the same list, and nobody is told.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet ir-measures==0.4.3

"$tmp/venv/bin/python" - <<'PY'
import ir_measures
from ir_measures import RR

qrels = [ir_measures.Qrel("q", "a", 1)]
run = [ir_measures.ScoredDoc("q", "a", 1.0), ir_measures.ScoredDoc("q", "z", 1.0)]
found = {str(name): value for name, value in ir_measures.calc_aggregate([RR, RR @ 10], qrels, run).items()}
print(found)
raise SystemExit(found != {"RR": 0.5, "RR@10": 1.0})
PY
