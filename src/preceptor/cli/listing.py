"""``preceptor list``."""

from __future__ import annotations

from typing import Annotated

import typer

from preceptor.cli.groups import Group
from preceptor.cli.options import Json
from preceptor.cli.output import note, print_json, show

__all__ = ["app"]

app = typer.Typer(cls=Group, help="List benchmarks, forms of addresses, local models or prices.")


@app.command("benchmarks")
def benchmarks(
    folder: Annotated[
        list[str] | None,
        typer.Argument(metavar="FOLDER...", help="Benchmarks of your own; without one, all ours."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List benchmarks, with size, licence, source, and whether the data is on this machine."""
    from rich.table import Table

    from preceptor.benchmarks.catalogue import listed, listed_as

    if folder:
        from preceptor.benchmarks import get

        found = [listed_as(get(name)) for name in folder]
    else:
        found = list(listed())
    rows = [
        {name: getattr(each, name) for name in each.__struct_fields__[:-2]}
        | {"here": each.place.path().exists()}
        for each in found
    ]
    if as_json:
        print_json(rows)
        return
    table = Table("name", "family", "examples", "licence", "data")
    table.columns[0].no_wrap = True
    table.columns[2].justify = "right"
    for row in rows:
        here = "here" if row["here"] else "fetch" if row["pinned"] else "--data"
        size = f"{row['examples']:,}" if row["examples"] else "yours"
        cells = (row["name"], row["family"], size, row["licence"], here)
        table.add_row(*map(str, cells))
    show(table)
    note("preceptor card NAME: source, citation, protocol, faults; preceptor fetch NAME: its data")


@app.command("systems")
def systems(as_json: Json = False) -> None:
    """List the forms of an address, for --system and --grader."""
    from rich.table import Table

    from preceptor.systems import ADDRESSES, GRADERS

    if as_json:
        print_json({**ADDRESSES, **GRADERS})
        return
    table = Table("address", "what it is")
    for form, meaning in {**ADDRESSES, **GRADERS}.items():
        table.add_row(form, meaning)
    show(table)


@app.command("models")
def models(as_json: Json = False) -> None:
    """List small models that run on this machine, after `preceptor fetch local/NAME`."""
    from rich.table import Table

    from preceptor.systems.local.weights import MODELS, find

    rows = [
        {
            "name": f"local/{name}",
            "title": model.title,
            "licence": model.licence,
            "megabytes": round(model.size / 1e6),
            "here": find(name) is not None,
        }
        for name, model in MODELS.items()
    ]
    if as_json:
        print_json(rows)
        return
    table = Table("name", "model", "licence", "MB", "weights")
    for row in rows:
        here = "here" if row["here"] else "preceptor fetch"
        table.add_row(*(str(row[key]) for key in ("name", "title", "licence", "megabytes")), here)
    show(table)


@app.command("prices")
def prices(
    address: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ADDRESS...",
            help="Addresses of systems. Default: your own table and the list prices of OpenAI, "
            "Anthropic and Google.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List prices of calls in dollars per million tokens, with source and date."""
    import msgspec
    from rich.table import Table

    from preceptor.systems.prices import (
        listed_addresses,
        own_price,
        own_prices,
        price_at,
        prices_file,
    )

    if address:
        found = [(name, price_at(name)) for name in address]
    else:
        found = [(entry.address, own_price(entry.address)) for entry in own_prices()]
        found += [(name, price) for name in listed_addresses() if (price := price_at(name))]
    if as_json:
        rows = [{"address": name, "price": msgspec.to_builtins(price)} for name, price in found]
        print_json(rows)
        return
    table = Table("address")
    for heading in ("input", "output", "cached", "cache write", "batch"):
        table.add_column(heading, justify="right")
    table.add_column("source")
    for name, price in found:
        if price is None:
            table.add_row(name, "–", "–", "–", "–", "–", "none known")
            continue
        numbers = (price.input, price.output, price.cached, price.cache_write)
        cells = ["–" if number is None else f"{number:g}" for number in numbers]
        batch = "–" if price.batch is None else f"× {price.batch:g}"
        source = ", ".join(text for text in (price.source, price.date) if text)
        table.add_row(name, *cells, batch, source)
    show(table)
    note(f"your own prices: {prices_file()}{'' if prices_file().exists() else ' (no such file)'}")
