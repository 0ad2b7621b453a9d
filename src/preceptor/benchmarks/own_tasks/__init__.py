"""A clinician's own tasks: a workbook or tables as a benchmark."""
