"""How families of benchmarks ask, grade, score and aggregate: one file per family."""
