"""Sweeps and suites: series of runs with one outcome."""
