#!/usr/bin/env bash
# inspect-ai 0.3.285: the standard error and the interval of one cluster have width 0.
#
# Expected: not a number, or an error, since one cluster does not say how clusters vary.
# Seen: eight samples, five right, all of one patient: `stderr(cluster=...)` is 0.0 and
# `ci(cluster=...)` is 0.625 to 0.625, where `stderr()` is 0.18; `ci_wilson(cluster=...)` refuses
# the same samples with an error. One sample: stderr() is 0, ci() is 1 to 1.
# Why it matters: what is known least is printed as the most certain result of the table.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet inspect-ai==0.3.285

"$tmp/venv/bin/python" - <<'PY'
from inspect_ai.scorer import SampleScore, Score, ci, ci_wilson, stderr

right = [1, 1, 0, 0, 1, 0, 1, 1]


def samples(clusters):
    """A sample per cluster's name, right or wrong in turn."""
    return [
        SampleScore(score=Score(value=value), sample_id=i, sample_metadata={"patient": cluster})
        for i, (value, cluster) in enumerate(zip(right, clusters))
    ]


one = samples("aaaaaaaa")
try:
    wilson = ci_wilson(cluster="patient")(one)
except ValueError:
    wilson = "refused"
found = [
    round(stderr()(one), 2),
    stderr(cluster="patient")(one),
    ci(cluster="patient")(one),
    wilson,
    stderr(cluster="patient")(samples("aaaabbbb")),
    stderr()(samples("a")),
    ci()(samples("a")),
]
print(found)
point, whole = {"lower": 0.625, "upper": 0.625}, {"lower": 1.0, "upper": 1.0}
raise SystemExit(found != [0.18, 0.0, point, "refused", 0.125, 0, whole])
PY
