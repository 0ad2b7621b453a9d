"""Peak memory and time of reading files: python bench/file_memory.py FILE…"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

from preceptor.errors import PreceptorError
from preceptor.files import read_rows

#: Bytes of address space, so that a fault in a bound cannot harm the machine.
_LIMIT = 4 * 2**30


def _measure(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_LIMIT, _LIMIT))
    if path.suffix == ".parquet":
        import pyarrow.parquet  # noqa: F401 (its own memory is not the file's)
    before, begun = _peak_kib(), time.perf_counter()
    rows, said = 0, "read whole"
    try:
        for _ in read_rows(path):
            rows += 1
    except PreceptorError as error:
        said = str(error)
    took, peak = time.perf_counter() - begun, (_peak_kib() - before) // 1024
    print(f"{peak:6,} MiB {took:6.1f} s {rows:10,} rows  {path.name}: {said[:120]}")


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    if len(sys.argv) == 2:
        _measure(Path(sys.argv[1]))
    else:
        for file in sys.argv[1:]:
            subprocess.run([sys.executable, __file__, file], check=True)
