"""A run, or several pooled, as a result."""
