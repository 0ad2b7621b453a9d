#!/usr/bin/env bash
# pingouin 0.6.1: the interval of ICC(A,k) runs backwards, and ICC(A,k) exceeds 1.
#
# Expected: lower limit <= estimate <= upper limit, and no reliability above 1.
# Seen: one rater says 3 to everything, the other 1 to 5: ICC(A,k) is 0.0 with the interval
# [9.34, 0.91]. Two raters in nearly opposite order: 7.0 with [5.62, -1.5]. The step from one rater
# to k divides by a quantity that passes zero when a limit of ICC(A,1) is far below zero.
# Why it matters: judge-to-physician agreement is reported as ICC with its interval, and judges
# who give everybody the same score are common.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet pingouin==0.6.1 pandas==2.3.3

"$tmp/venv/bin/python" - <<'PY'
import pandas as pd
import pingouin as pg


def absolute_mean(scores):
    """Estimate and interval of ICC(A,k) for rows of scores, a column per rater."""
    rows = [(i, j, float(s)) for i, row in enumerate(scores) for j, s in enumerate(row)]
    table = pg.intraclass_corr(pd.DataFrame(rows, columns=["case", "rater", "score"]),
                               targets="case", raters="rater", ratings="score")
    row = table[table["Type"] == "ICC(A,k)"].iloc[0]
    low, high = row["CI95"]
    return [round(float(x), 2) for x in (row["ICC"], low, high)]


constant = absolute_mean([(1, 3), (2, 3), (3, 3), (4, 3), (5, 3)])
opposite = absolute_mean([(1, 5), (2, 4), (3, 3), (4, 3), (5, 2)])
print(constant, opposite)
raise SystemExit(constant != [0.0, 9.34, 0.91] or opposite != [7.0, 5.62, -1.5])
PY
