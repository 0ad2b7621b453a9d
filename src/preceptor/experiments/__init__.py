"""Sweeps and suites: several runs as one."""
