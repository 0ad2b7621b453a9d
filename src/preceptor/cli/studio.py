"""``preceptor studio``."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.groups import Group
from preceptor.cli.options import StorePath, whole_number
from preceptor.cli.output import note
from preceptor.cli.serve import port_number
from preceptor.errors import InputError
from preceptor.installation import EXTRAS, MissingExtra

if TYPE_CHECKING:
    from preceptor.studio.database import Studio
    from preceptor.studio.people.provider import Provider

__all__ = ["DEFAULT", "PORT", "Address", "Database", "app", "missing", "open_studio"]

app = typer.Typer(cls=Group, help="Physicians write, review and label tasks in a browser.")

PORT = 8712
_ADDRESS = f"http://127.0.0.1:{PORT}"
#: Seconds that requests under way have once the server is stopped.
_GRACE_S = 10

Database = Annotated[
    str,
    typer.Option(
        "--db", metavar="FILE", help="The studio's database: a file, or a postgresql:// URL."
    ),
]
Address = Annotated[
    str,
    typer.Option(
        "--address", metavar="URL", help="Where browsers reach the studio; links begin with it."
    ),
]
DEFAULT = "studio.db"
_SECRET_ENV = "PRECEPTOR_OIDC_SECRET"  # noqa: S105  a variable's name
_DOMAIN = re.compile(r"([A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")


@app.command("init")
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The project's name.")],
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            metavar="POLICY",
            help="default: three people a task; small: a reviewer may adjudicate.",
        ),
    ] = "default",
    system: Annotated[
        list[str] | None,
        typer.Option(
            "--system",
            metavar="ADDRESS",
            help="A system that authors may ask, under an alias; repeatable.",
        ),
    ] = None,
    address: Address = _ADDRESS,
    db: Database = DEFAULT,
) -> None:
    """Make the database of a project, and print the link with which its first lead joins."""
    from preceptor.studio.ids import new_id
    from preceptor.studio.ledger.chain import append
    from preceptor.studio.people.acts import ProjectMade
    from preceptor.studio.people.invitations import invite
    from preceptor.studio.people.project import allow
    from preceptor.studio.people.roles import POLICIES, Offer

    known = next((each for each in POLICIES if each == policy), None)
    if known is None:
        raise InputError(f"--policy: expected default or small, found {policy!r}")
    if not (plain := " ".join(name.split())):
        raise InputError("NAME: expected the project's name, found nothing")
    base = _base(address)
    if "://" not in db and Path(db).exists():
        raise InputError(f"--db {db}: exists already: name another file")

    def make(connection: Any) -> str:
        append(connection, ProjectMade(name=plain, policy=known), by=None, subject=new_id())
        if system:
            allow(connection, system, None)
        return invite(connection, Offer(roles=("lead",)), by=None, now=time.time())

    with open_studio(db, create=True) as studio:
        secret = studio.write_now(make)
    print(f"{base}/join/{secret}", flush=True)
    note(f"{db}: project {plain}; open that link once `preceptor studio serve --db {db}` runs")


@app.command("serve")
def serve(  # noqa: PLR0917
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="The address to listen on. Any but this machine's own needs TLS or a proxy.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port", parser=whole_number, metavar="N", help="The port; 0 for any free one."
        ),
    ] = PORT,
    tls_cert: Annotated[
        str | None,
        typer.Option("--tls-cert", metavar="FILE", help="The certificate, for TLS; with its key."),
    ] = None,
    tls_key: Annotated[
        str | None, typer.Option("--tls-key", metavar="FILE", help="The certificate's key.")
    ] = None,
    behind_proxy: Annotated[
        bool,
        typer.Option(
            "--behind-proxy",
            help="A proxy with TLS at --address, which alone reaches this server, passes on "
            "what browsers ask.",
        ),
    ] = False,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            metavar="URL",
            help="Where browsers reach the studio. Default: the host and port it listens on.",
        ),
    ] = None,
    store: StorePath = DEFAULT_STORE,
    oidc: Annotated[
        str | None,
        typer.Option(
            "--oidc",
            metavar="ISSUER",
            help="People may sign in with their accounts there: the issuer of an OpenID Connect "
            "provider.",
        ),
    ] = None,
    oidc_client_id: Annotated[
        str | None,
        typer.Option("--oidc-client-id", metavar="ID", help="The studio's id at that provider."),
    ] = None,
    oidc_secret_env: Annotated[
        str,
        typer.Option(
            "--oidc-secret-env",
            metavar="NAME",
            help="The environment variable with the studio's secret at that provider.",
        ),
    ] = _SECRET_ENV,
    oidc_domain: Annotated[
        list[str] | None,
        typer.Option(
            "--oidc-domain",
            metavar="DOMAIN",
            help="Only those whose e-mail address there ends with it; repeatable.",
        ),
    ] = None,
    db: Database = DEFAULT,
) -> None:
    """Serve the studio to browsers; Ctrl-C finishes what is under way."""
    port_number(port)
    _check_tls(tls_cert, tls_key, address, proxied=behind_proxy)
    _check_oidc(oidc, oidc_client_id, oidc_secret_env, oidc_domain)
    try:
        from preceptor.studio.people.accounts import Accounts
        from preceptor.studio.web.app import application
        from preceptor.web import serving
    except ModuleNotFoundError as error:
        raise missing(error) from None
    with open_studio(db) as studio, serving.listen(host, port) as listener:
        if not (serving.is_loopback(listener) or tls_cert or behind_proxy):
            raise InputError(
                f"--host {host}: passwords would cross the network in the clear: give --tls-cert "
                "and --tls-key, or --behind-proxy and --address"
            )
        here = serving.url_of(listener)
        where = address or (here.replace("http:", "https:", 1) if tls_cert else here)
        provider = oidc and _provider(
            oidc, oidc_client_id or "", oidc_secret_env, oidc_domain or [], where
        )
        site = application(
            Accounts(studio),
            address=where,
            proxied=behind_proxy,
            provider=provider or None,
            tell=note,
            store=store,
        )
        print(where, flush=True)
        note(f"{db}: open that address in a browser; Ctrl-C ends")
        serving.serve(site, listener, certificate=tls_cert, key=tls_key, grace_s=_GRACE_S)


@app.command("invite")
def invite_person(
    roles: Annotated[
        list[str],
        typer.Argument(
            metavar="ROLE...", help="author, reviewer, adjudicator, writer, labeller, lead."
        ),
    ],
    specialty: Annotated[
        list[str] | None,
        typer.Option("--specialty", metavar="NAME", help="Only tasks of this one; repeatable."),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option("--language", metavar="TAG", help="Only tasks in this one; repeatable."),
    ] = None,
    address: Address = _ADDRESS,
    db: Database = DEFAULT,
) -> None:
    """Print a link with which one person joins; it works once, for seven days."""
    from preceptor.studio.people.invitations import invite
    from preceptor.studio.people.roles import Offer

    base = _base(address)
    offer = Offer(
        roles=tuple(roles), specialties=tuple(specialty or ()), languages=tuple(language or ())
    )
    with open_studio(db) as studio:
        secret = studio.write_now(
            lambda connection: invite(connection, offer, by=None, now=time.time())
        )
    print(f"{base}/join/{secret}", flush=True)


def open_studio(db: str, *, create: bool = False) -> Studio:
    """The studio of a file or address."""
    from preceptor.studio.database import Studio

    return Studio.open(db, create=create)


def _base(address: str) -> str:
    """The address that links begin with. Raises InputError."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            f"--address {address}: expected an address such as https://studio.example.org"
        )
    return address.rstrip("/")


def _check_tls(
    certificate: str | None, key: str | None, address: str | None, *, proxied: bool
) -> None:
    """Raises InputError."""
    if (certificate is None) != (key is None):
        raise InputError("--tls-cert and --tls-key: give both, or none")
    for option, file in (("--tls-cert", certificate), ("--tls-key", key)):
        if file is not None and not Path(file).is_file():
            raise InputError(f"{option} {file}: no such file")
    encrypted = _base(address).startswith("https://") if address else not proxied
    if proxied and not encrypted:
        raise InputError(
            f"--behind-proxy: expected --address with the proxy's https:// address, "
            f"found {address or 'none'}"
        )
    if certificate and not encrypted:
        raise InputError(f"--address {address}: expected https://, as --tls-cert is given")


def _check_oidc(
    issuer: str | None, client: str | None, secret_env: str, domains: list[str] | None
) -> None:
    """Raises InputError."""
    if issuer is None:
        if client or domains:
            raise InputError("--oidc-client-id and --oidc-domain: expected --oidc, too")
        return
    if not client or not domains:
        raise InputError(
            "--oidc: expected --oidc-client-id ID and --oidc-domain DOMAIN, too, found "
            f"{client or 'no id'}, {', '.join(domains or ['no domain'])}"
        )
    for domain in domains:
        if not _DOMAIN.fullmatch(domain):
            raise InputError(
                f"--oidc-domain {domain}: expected a name such as hospital.example, "
                "one with letters beyond ASCII as xn--…"
            )
    if not os.environ.get(secret_env, "").strip():
        raise InputError(
            f"--oidc: expected the studio's secret at {issuer} in the environment variable "
            f"{secret_env}, found none: set it, or name another with --oidc-secret-env"
        )


def _provider(
    issuer: str, client: str, secret_env: str, domains: list[str], address: str
) -> Provider:
    try:
        from preceptor.studio.people.provider import Provider, Settings
    except ModuleNotFoundError as error:
        if error.name in EXTRAS["studio-oidc"][0]:
            raise MissingExtra(f"--oidc needs {error.name}", "studio-oidc") from None
        raise
    from preceptor.studio.web.entering import BACK

    settings = Settings(
        issuer=issuer,
        client=client,
        secret=os.environ[secret_env].strip(),
        domains=tuple(each.lower() for each in domains),
        back=address.rstrip("/") + BACK,
    )
    note(f"{issuer}: has to know the studio by the redirect address {settings.back}")
    return Provider(settings)


def missing(error: ModuleNotFoundError) -> Exception:
    """The error, or the extra that has what is missing."""
    if error.name in EXTRAS["studio"][0]:
        return MissingExtra(f"preceptor studio needs {error.name}", "studio")
    return error
