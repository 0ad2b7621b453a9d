#!/usr/bin/env bash
# mlcroissant 1.1.1: two terms of the vocabulary for responsible AI are read under other names.
#
# Expected: `rai:dataManipulationProtocol` and `rai:dataCollectionTimeframe`, as the vocabulary of
# Croissant RAI 1.0 has them, become attributes of the metadata, as `rai:dataCollection` does.
# Seen: both are None, without a warning: the library knows `rai:dataDataManipulationProtocol` and
# `rai:dataCollectionTimeFrame`, and reads those.
# Why it matters: a card that is valid by the vocabulary loses when data was collected and how it was
# changed; one that is written by the library is not valid by the vocabulary.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet mlcroissant==1.1.1
cd "$tmp"

"$tmp/venv/bin/python" - 2>/dev/null <<'PY'
import mlcroissant

def read(manipulation, timeframe):
    found = mlcroissant.Dataset(
        jsonld={
            "@context": {
                "@language": "en",
                "@vocab": "https://schema.org/",
                "sc": "https://schema.org/",
                "cr": "http://mlcommons.org/croissant/",
                "rai": "http://mlcommons.org/croissant/RAI/",
                "dct": "http://purl.org/dc/terms/",
                "conformsTo": "dct:conformsTo",
            },
            "@type": "sc:Dataset",
            "name": "made-up",
            "description": "Made-up tasks",
            "url": "https://example.org",
            "license": "CC0-1.0",
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "rai:dataCollection": "By hand",
            f"rai:{manipulation}": "None was changed",
            f"rai:{timeframe}": "2026-01-01",
        }
    ).metadata
    when = found.data_collection_timeframe
    return (found.data_collection, found.data_manipulation_protocol, bool(when))

seen = (
    read("dataManipulationProtocol", "dataCollectionTimeframe"),
    read("dataDataManipulationProtocol", "dataCollectionTimeFrame"),
)
print(seen)
raise SystemExit(seen != (("By hand", None, False), ("By hand", "None was changed", True)))
PY
