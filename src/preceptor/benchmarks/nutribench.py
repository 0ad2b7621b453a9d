"""NutriBench: the nutrients of a meal, estimated from its description."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.files import read_rows
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.numeric import AMOUNT_LABELS, AmountScoring
from preceptor.records import Example, Message, Slice

__all__ = ["BENCHMARKS"]

#: The last revision that has the data.
_REVISION = "d0ae2b79a37f15befae753eb1e4f48602b209bed"
_SOURCES = tuple(
    Source("DongXzz/NutriBench", _REVISION, f"data/{name}.csv", sha256, host="github")
    for name, sha256 in {
        "who_meal_metric": "d4c37806b1310ed8191b469415f2f464b1063e155ed348e0775fe368b43a1c18",
        "who_meal_natural": "458c43d4000f26869a08f0e802eb4495b1b02dd85995200dd60e29638475200a",
        "wweia_meal_metric": "4113649d562d44fdd1c9ee6678edaf06a65c5059eedbfbc6be64e91b4ef91a61",
        "wweia_meal_natural": "3b273ca01dbc28c2f66b62139fb0a8404c87754beaf403b633f9f524bb7ba436",
    }.items()
)
_NAMES = {
    "source:wweia": "What We Eat in America (United States)",
    "source:who": "FAO/WHO GIFT",
    "serving:natural": "Everyday servings",
    "serving:metric": "Servings in grams",
}


def _reader(nutrient: str) -> Callable[[Path], Iterator[Example]]:
    def read(path: Path) -> Iterator[Example]:
        for file in sorted(path.rglob("*_meal_*.csv")) if path.is_dir() else [path]:
            source, _, serving = file.stem.partition("_meal_")
            tags = (f"source:{source}", f"serving:{serving}")
            for number, (line, row) in enumerate(read_rows(file), start=1):
                yield _example(Fields(row, str(file), line), nutrient, number, tags)

    return read


def _example(row: Fields, nutrient: str, number: int, tags: tuple[str, ...]) -> Example:
    amount = row.number(nutrient)
    if amount < 0:
        raise row.fault(nutrient, "an amount that is not negative", amount)
    source, serving = (tag.partition(":")[2] for tag in tags)
    return Example(
        id=f"{source}-{serving}-{number}",
        messages=(Message("user", f"Meal: {row.text('meal_description')}"),),
        criteria=(),
        # The files of one source describe the same meals, row by row.
        target={"amount": amount, "subject": f"{source}-{number}"},
        tags=tuple(tag for tag in tags if tag in _NAMES),
    )


def _benchmark(
    column: str, word: str, key: str, *, suffix: str, unit: str = "g", tolerance: float = 7.5
) -> Benchmark:
    amount = "how much energy in kilocalories" if unit == "kcal" else f"how many grams of {word}"
    instructions = (
        f"Estimate {amount} this whole meal has. Reply with JSON alone: "
        f'{{"total_{key}": <number>}}. If you cannot say, give -1.'
    )
    own = "" if not suffix else "The paper has a tolerance for carbohydrate only; this one is ours"
    return Benchmark(
        slices=(Slice("source"), Slice("serving")),
        name=f"nutribench{suffix}",
        title=f"NutriBench ({word})",
        family="numbers",
        summary=f"{word} of a meal from its description, within {tolerance:g} {unit}",
        licence="CC BY-NC-SA 4.0",
        citation="Hua et al. 2024, arXiv:2407.12843",
        n_examples=11857,
        protocol=Protocol(
            "amount",
            asking=Asking(instructions, "every"),
            scoring=AmountScoring(column, tolerance, unit),
        ),
        read=_reader(column),
        source=_SOURCES,
        url="https://github.com/DongXzz/NutriBench",
        folder="nutribench",
        labels={**AMOUNT_LABELS, **_NAMES, **{f"mae:{tag}": name for tag, name in _NAMES.items()}},
        caution=own or None,
        measures=f"How near a model's estimate of a meal's {word} is to that of a food table.",
        faults=(
            "The published scorer reads a refusal (-1) as an amount, right for meals with less "
            "than 6.5 g and part of the mean error; here it is wrong and has no error.",
        ),
        verified="All four files are read; exact answers have accuracy 1 and error 0.",
    )


BENCHMARKS = (
    _benchmark("carb", "carbohydrate", "carbohydrates", suffix=""),
    _benchmark("protein", "protein", "protein", suffix="-protein"),
    _benchmark("fat", "fat", "fat", suffix="-fat"),
    # 30 kcal is the energy of 7.5 g of carbohydrate, at 4 kcal/g.
    _benchmark("energy", "energy", "energy", suffix="-energy", unit="kcal", tolerance=30.0),
)
