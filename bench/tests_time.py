"""The CPU time of the tests of two checkouts, those that both have, by module.

That of every process under the tests' is included. One whose parent has ended, as a browser's,
comes to this process, which waits for it: what it spent is not lost.

    python bench/tests_time.py OLD NEW [MODULE …]

Each module (``test_store.py``; all that both have, by default) is run in either tree, one after the
other, in processes of their own. A test is the same where module and name are; what the old tree
has alone is listed. Linux only.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

PLUGIN = """
import json, os, psutil, pytest

above = psutil.Process(os.getppid())
most = 0

def cpu():
    # A process that has ended counts in that of its parent, once that has waited for it. Between
    # the two it may be missed, and is seen the next time.
    global most
    spent = 0
    for each in (above, *above.children(recursive=True)):
        try:
            spent += sum(each.cpu_times()[:4])
        except psutil.NoSuchProcess:
            pass
    most = max(most, spent)
    return most

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    before = cpu()
    try:
        return (yield)
    finally:
        with open(os.environ["TESTS_TIME"], "a") as out:
            print(json.dumps([item.nodeid, cpu() - before]), file=out)
"""
#: Of prctl(2): orphans among the descendants become children of this process.
PR_SET_CHILD_SUBREAPER = 36


def measured(tree: Path, module: str, folder: Path) -> dict[str, float]:
    """CPU seconds of each test of a module, setup and teardown with it."""
    out = folder / "times.jsonl"
    out.write_text("")
    path = os.pathsep.join([str(tree / "src"), str(folder)])
    kept = {k: value for k, value in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    tests = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests_time_plugin", f"tests/{module}"],
        cwd=tree,
        env=kept | {"PYTHONPATH": path, "TESTS_TIME": str(out)},
        stdout=subprocess.DEVNULL,
    )
    while tests.returncode is None:
        ended, status = os.waitpid(-1, 0)
        if ended == tests.pid:
            tests.returncode = os.waitstatus_to_exitcode(status)
    return dict(map(json.loads, out.read_text().splitlines()))


def main() -> None:
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("orphans cannot be waited for on this system")
    old, new = (Path(each).resolve() for each in sys.argv[1:3])
    modules = sys.argv[3:] or sorted(
        each.name for each in old.glob("tests/test_*.py") if (new / "tests" / each.name).exists()
    )
    total: Counter[str] = Counter()
    alone: list[str] = []
    print("module                             old s   new s   ratio")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tests_time_plugin.py").write_text(PLUGIN)
        for module in modules:
            before, after = (measured(tree, module, folder) for tree in (old, new))
            both = before.keys() & after.keys()
            alone += sorted(before.keys() - both)
            was, now = (sum(each[test] for test in both) for each in (before, after))
            total += Counter(was=was, now=now)
            print(f"{module:<32} {was:7.1f} {now:7.1f} {now / max(was, 0.01):7.2f}", flush=True)
    print(f"{'all':<32} {total['was']:7.1f} {total['now']:7.1f} {total['now'] / total['was']:7.2f}")
    print("in the old tree alone:", *alone, sep="\n")


if __name__ == "__main__":
    main()
