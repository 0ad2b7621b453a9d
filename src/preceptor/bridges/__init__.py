"""Imports and exports of results in other tools' formats."""
