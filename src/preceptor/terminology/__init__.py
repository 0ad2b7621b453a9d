"""Codes of diseases: the lists that name them, and texts that people gave a code."""
