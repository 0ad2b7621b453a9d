#!/usr/bin/env bash
# inspect-ai 0.3.285: the mock model needs a network where its outputs state no usage.
#
# Expected: `mockllm/model` calls nothing, so an evaluation with it works offline.
# Seen: for an output without `usage` it counts tokens with tiktoken, which downloads a vocabulary.
# Without a network each sample ends in an error and the log's status is "error". An output that
# states its usage is scored.
# Why it matters: tests of tasks, and of importers of their logs, pass on one machine and fail in a
# closed CI; the error names a download and not the missing usage.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet inspect-ai==0.3.285
cd "$tmp"

# A proxy that nobody listens on is a machine without a network.
export HTTP_PROXY=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 TIKTOKEN_CACHE_DIR="$tmp/none"
"$tmp/venv/bin/python" - <<'PY'
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import exact

def status(output):
    model = get_model("mockllm/model", custom_outputs=[output])
    task = Task([Sample(input="Which letter?", target="A")], scorer=exact())
    return eval(task, model=model, display="none", log_dir="logs", retry_on_error=0)[0].status

plain = ModelOutput.from_content("mockllm/model", "A")
counted = plain.model_copy(
    update={"usage": ModelUsage(input_tokens=2, output_tokens=1, total_tokens=3)}
)
seen = {"without usage": status(plain), "with usage": status(counted)}
print(seen)
raise SystemExit(seen != {"without usage": "error", "with usage": "success"})
PY
