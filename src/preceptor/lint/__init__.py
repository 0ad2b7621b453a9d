"""Faults in a benchmark's file that a score would not show; docs/lint.md lists the rules."""
