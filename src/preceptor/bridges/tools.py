"""Files of evaluation tools: which tool wrote a file, and the runs in it.

A tool is one module with ``is_mine(start) -> bool`` and ``read(files, asked)``, which yields
:class:`ToolRun` or :class:`Incoming`, and one line in :data:`TOOLS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.bridges.imported import Incoming
from preceptor.bridges.resolve import Resolver
from preceptor.bridges.tool_runs import Asked, Start, ToolRun
from preceptor.errors import InputError

__all__ = ["TABLE", "TOOLS", "Found", "Tool", "incoming_runs", "recognise"]


class Tool(msgspec.Struct, frozen=True):
    """A tool whose files are read.

    Attributes
    ----------
    name
        As typed: ``preceptor import NAME FILE``.
    title
        What its files are, in words.
    module
        Within :mod:`preceptor.bridges`.
    """

    name: str
    title: str
    module: str

    def load(self) -> ModuleType:
        return importlib.import_module(f"preceptor.bridges.{self.module}")


#: Any table with an id and an answer in each row: what no other tool claims.
TABLE = Tool("predictions", "a table of answers", "predictions")
#: In the order in which they are asked whether a file is theirs.
TOOLS = (
    Tool("inspect", "logs of Inspect AI (.eval, .json)", "inspect_import"),
    Tool("simple-evals", "*_allresults.json of simple-evals", "simple_evals"),
    Tool("evalscope", "reviews of evalscope", "evalscope"),
    Tool("batch", "output of a batch API (OpenAI, Anthropic, Gemini)", "batch_output"),
    Tool("lm-eval", "samples_*.jsonl of lm-eval (--log_samples)", "lm_eval"),
    Tool("promptfoo", "results of promptfoo (eval -o out.json)", "promptfoo"),
    Tool("verifiers", "traces.jsonl of verifiers (vf-eval)", "verifiers_traces"),
    Tool("forecasts", "questions, resolutions and forecasts of ForecastBench", "forecast_bench"),
    Tool("chi-bench", "trials.csv of chi-bench's leaderboard", "chi_bench"),
    Tool("cases", "scores of cases (a column per structure, or long)", "case_scores"),
    Tool("graded", "answers with verdicts, as `preceptor export` writes them", "graded"),
    TABLE,
)


#: Suffixes of files that could hold answers: others are not missed.
_DATA = (".csv", ".eval", ".gz", ".json", ".jsonl", ".parquet", ".tsv", ".xlsx")


class Found(msgspec.Struct):
    """Files of one tool, and files in the same folders that no tool claims."""

    tool: Tool
    files: list[Path]


def recognise(paths: Sequence[Path]) -> tuple[list[Found], list[Path]]:
    """Find the tool of each file, by its content, and the files of folders that no tool claims.

    A file that is named and that no tool claims is taken for a table. Tables in a folder are read
    only if no tool claims another file there.

    Raises
    ------
    InputError
        A folder holds no file of a known tool.
    """
    found: dict[str, Found] = {}
    unknown: list[Path] = []
    for path in paths:
        if not path.is_dir():
            named = _tool_of(path) or TABLE
            found.setdefault(named.name, Found(named, [])).files.append(path)
            continue
        inside = [(file, _tool_of(file)) for file in sorted(path.rglob("*")) if file.is_file()]
        special = any(tool not in (None, TABLE) for _, tool in inside)
        for file, tool in inside:
            if tool is None or (special and tool is TABLE):
                unknown += [file] if file.suffix.lower() in _DATA else []
            else:
                found.setdefault(tool.name, Found(tool, [])).files.append(file)
        if all(tool is None for _, tool in inside):
            known = ", ".join(tool.title for tool in TOOLS)
            raise InputError(
                f"{path}: expected a file of a known tool in the folder, found none of: {known}"
            )
    return [*found.values()], unknown


def _tool_of(path: Path) -> Tool | None:
    start = Start(path)
    return next((tool for tool in TOOLS if tool.load().is_mine(start)), None)


def incoming_runs(found: Sequence[Found], asked: Asked, name: str | None = None) -> list[Incoming]:
    """Read the runs of files; with ``name`` as the name of the only run, or before the others'."""
    runs = [run for each in found for run in _runs(each, asked)]
    if name is None:
        return runs
    stems = {run.name.partition("/")[0] for run in runs}
    rests = [run.name.partition("/")[2] for run in runs]
    if len(runs) == 1:
        names = [name]
    elif len(stems) == 1 and all(rests):
        names = [f"{name}/{rest}" for rest in rests]
    else:
        names = [f"{name}/{run.name}" for run in runs]
    return [_renamed(run, new) for run, new in zip(runs, names, strict=True)]


def _renamed(run: Incoming, name: str) -> Incoming:
    make = run.make
    return Incoming(
        name, run.source, run.digest, lambda: msgspec.structs.replace(make(), name=name)
    )


def _runs(found: Found, asked: Asked) -> Iterator[Incoming]:
    resolvers: dict[str, Resolver] = {}
    for run in found.tool.load().read(found.files, asked):
        if isinstance(run, Incoming):
            yield run
            continue
        assert isinstance(run, ToolRun)
        benchmark = run.benchmark
        if asked.benchmark is not None or not isinstance(benchmark, Benchmark):
            named = benchmark.name if isinstance(benchmark, Benchmark) else benchmark
            benchmark = asked.ours(run.path, named)
        resolver = resolvers.setdefault(benchmark.name, Resolver(benchmark, asked.data))
        if asked.system is not None:
            run.system = asked.system
        if asked.grader is not None and run.grader:
            run.grader = asked.grader
        if resolver.needs_data(run):
            resolver.count_options([run.answers], run.path)
        yield Incoming.of(resolver.run(run), run.path)
