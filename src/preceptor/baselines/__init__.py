"""Baselines on tables of patients: data → features → models fitted out of fold → a file."""
