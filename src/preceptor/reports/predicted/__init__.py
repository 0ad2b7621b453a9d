"""Predictions with outcomes: tables, a page, and their rows as a file."""
