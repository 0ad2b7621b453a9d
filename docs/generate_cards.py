"""Writes docs/benchmarks/, a card for each benchmark and a page over all, from the program itself.

And the file of which `preceptor list benchmarks` reads them.

python docs/generate_cards.py            write them
python docs/generate_cards.py --check    exit with 1 if one is stale
"""

from __future__ import annotations

import sys
from pathlib import Path

from preceptor.benchmarks import Benchmark, modules
from preceptor.benchmarks.catalogue import CATALOGUE, written
from preceptor.reports.benchmark_card import card_markdown, card_of

FOLDER = Path(__file__).parent / "benchmarks"

HEAD = """\
# Benchmarks

<!-- Written by docs/generate_cards.py. Do not edit: run `python docs/generate_cards.py`. -->

Each has a card: what it measures, where it is from, how it is scored, what is known to be wrong
with it, and what of it was verified here. `preceptor card NAME` prints it, with
`--format croissant` as metadata for data catalogues; `preceptor export RUN --format croissant`
writes that of a run's benchmark.

| name | what it is | family | examples | languages | licence |
|---|---|---|---|---|---|
"""


def pages() -> dict[str, str]:
    """File name → text."""
    # Those of other packages that happen to be installed are not ours to document.
    own = [benchmark for module in modules() for benchmark in module.BENCHMARKS]
    made = {f"{benchmark.name}.md": card_markdown(card_of(benchmark)) for benchmark in own}
    rows = "\n".join(row(benchmark) for benchmark in own)
    toctree = "\n".join(["```{toctree}", ":hidden:", "", *(each.name for each in own), "```", ""])
    return {"index.md": f"{HEAD}{rows}\n\n{toctree}", **made}


def row(benchmark: Benchmark) -> str:
    cells = (
        f"[{benchmark.name}]({benchmark.name}.md)",
        f"{benchmark.title}: {benchmark.summary}",
        benchmark.family,
        f"{benchmark.n_examples:,}",
        ", ".join(benchmark.languages),
        benchmark.licence,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def stale() -> list[str]:
    """Names of the files that are not what would be written now."""
    made = pages()
    found = [name for name, text in made.items() if _read(FOLDER / name) != text]
    found += [CATALOGUE.name] if _read(CATALOGUE) != written(modules()) else []
    return found + [path.name for path in FOLDER.glob("*.md") if path.name not in made]


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        for name in stale():
            print(
                f"{name} is stale: run python docs/generate_cards.py",
                file=sys.stderr,
            )
        return int(bool(stale()))
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, "utf-8")
    CATALOGUE.write_text(written(modules()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
