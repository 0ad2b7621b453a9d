"""Clinical-code search: a mention in a clinician's words → ranked codes of a list."""
