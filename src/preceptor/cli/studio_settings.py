"""``preceptor studio settings``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from preceptor.cli.options import Json, number, whole_number
from preceptor.cli.output import note, print_json, printable
from preceptor.cli.run_options import GraderParam
from preceptor.cli.studio import DEFAULT, Database, open_studio
from preceptor.errors import InputError, shorten

if TYPE_CHECKING:
    from preceptor.studio.people.project import Project

__all__ = ["settings", "signatures"]

_NONE = "none"


def settings(  # noqa: PLR0917
    add_system: Annotated[
        list[str] | None,
        typer.Option(
            "--add-system",
            metavar="ADDRESS",
            help="A system that authors may ask from now on; repeatable.",
        ),
    ] = None,
    remove_system: Annotated[
        list[str] | None,
        typer.Option(
            "--remove-system",
            metavar="ADDRESS",
            help="A system that authors may no longer ask; repeatable.",
        ),
    ] = None,
    grader: Annotated[
        str | None,
        typer.Option(
            "--grader", metavar="ADDRESS", help="The grader of previews; `none` for no previews."
        ),
    ] = None,
    grader_param: GraderParam = None,
    previews: Annotated[
        str | None,
        typer.Option(
            "--previews",
            metavar="all|half|none",
            help="Tasks whose authors may preview the rubric; `half` draws half of them.",
        ),
    ] = None,
    cap: Annotated[
        str | None,
        typer.Option(
            "--cap",
            metavar="USD",
            help="Most dollars to spend on answers and previews; `none` for no cap.",
        ),
    ] = None,
    qualify: Annotated[
        int | None,
        typer.Option(
            "--qualify",
            parser=whole_number,
            metavar="N",
            help="Units with a known answer that each labeller does first; 0 for none.",
        ),
    ] = None,
    pass_share: Annotated[
        float | None,
        typer.Option(
            "--pass-share",
            parser=number,
            metavar="SHARE",
            help="Share of these that must be right, from 0 to 1.",
        ),
    ] = None,
    signatures: Annotated[
        str | None,
        typer.Option(
            "--signatures",
            metavar="on|off",
            help="Whether tasks, reviews and decisions are signed with the password.",
        ),
    ] = None,
    as_json: Json = False,
    db: Database = DEFAULT,
) -> None:
    """Show the settings of the project, or change them; a running server uses them at once."""
    from msgspec.structs import replace

    from preceptor.studio.people.project import change, project, spent

    values: dict[str, Any] = {
        "grader": None if grader is None else "" if grader == _NONE else grader,
        "grader_params": None if grader_param is None else tuple(grader_param),
        "previews": previews,
        "qualify": qualify,
        "pass_share": pass_share,
    }
    values = {name: value for name, value in values.items() if value is not None}
    if grader is not None:
        values.setdefault("grader_params", ())
    if signatures is not None:
        if signatures not in ("on", "off"):
            raise InputError(f"--signatures: expected on or off, found {shorten(signatures)}")
        values["signatures"] = signatures == "on"
    if cap is not None:
        values["cap_usd"] = None if cap == _NONE else number(cap)

    def do(connection: Any) -> Project:
        found = project(connection)
        systems = _systems(found, add_system or (), remove_system or ())
        wanted = replace(found, systems=systems, **values)
        return found if wanted == found else change(connection, wanted, None)

    with open_studio(db) as studio:
        found = studio.write_now(do)
        with studio.read() as connection:
            dollars = sum(spent(connection).values())
    if as_json:
        print_json({"project": found, "spent_usd": dollars})
        return
    for line in _lines(found, dollars):
        print(line)
    if found.grader and not found.systems:
        note("previews use only the author's own answer: --add-system ADDRESS gives them others")


def _systems(found: Project, add: Any, remove: Any) -> tuple[str, ...]:
    for each in remove:
        if each not in found.systems:
            there = ", ".join(found.systems) or "none"
            raise InputError(f"--remove-system {shorten(each)}: expected one of: {there}")
    return (*(each for each in found.systems if each not in remove), *add)


def _lines(found: Project, dollars: float) -> list[str]:
    cap = "no cap" if found.cap_usd is None else f"a cap of ${found.cap_usd:,g}"
    share = f", {found.pass_share:.0%} of them right" if found.qualify else ""
    params = f" ({', '.join(found.grader_params)})" if found.grader_params else ""
    return [
        f"systems: {', '.join(found.systems) or 'none'}",
        f"grader of previews: {found.grader or 'none'}{params}; tasks: {found.previews}",
        f"spent: ${dollars:,.4g} of {cap}" if found.cap_usd else f"spent: ${dollars:,.4g}; {cap}",
        f"units before a labeller begins: {found.qualify}{share}",
        f"signatures: {'on' if found.signatures else 'off'}",
    ]


def signatures(as_json: Json = False, db: Database = DEFAULT) -> None:
    """List signatures: when, what each means, by whom, and the event that it is bound to."""
    from preceptor.studio.oversight.log import signed

    with open_studio(db) as studio, studio.read() as connection:
        found = signed(connection)
    if as_json:
        print_json(found)
        return
    for each in found:
        print(
            f"{each.at}  {each.signature}: {each.kind} of {each.subject}, "
            f"{printable(each.name) or '(erased)'} ({each.person}), event {each.seq} {each.hash}"
        )
