#!/usr/bin/env bash
# pytrec-eval-terrier 0.5.11: scores that single precision cannot tell apart are ties, and ties are
# broken by document id descending.
#
# Expected: the document with the higher score is first: "a" with 1.000000001 before "z" with 1.0.
# Seen: "z" is first, so that the reciprocal rank of "a" is 0.5. Nothing is said. With equal scores
# "z" is before "a" too, where most libraries take the order in which documents were given.
# Why it matters: cosines of near passages differ in the eighth digit; the same run has another
# nDCG by another library. Preceptor orders lists itself and hands on ranks alone.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet pytrec-eval-terrier==0.5.11

"$tmp/venv/bin/python" - <<'PY'
import pytrec_eval

judge = pytrec_eval.RelevanceEvaluator({"q": {"a": 1}}, {"recip_rank"})
near = judge.evaluate({"q": {"a": 1.000000001, "z": 1.0}})["q"]["recip_rank"]
equal = judge.evaluate({"q": {"a": 1.0, "z": 1.0}})["q"]["recip_rank"]
print("near", near, "equal", equal)
raise SystemExit((near, equal) != (0.5, 0.5))
PY
