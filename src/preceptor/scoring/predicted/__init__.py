"""Predictions made elsewhere: rows with an outcome and what was predicted → metrics."""
