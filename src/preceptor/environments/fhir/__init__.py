"""Health records as FHIR R4: a search of our own, and what an agent may read and write in one."""
