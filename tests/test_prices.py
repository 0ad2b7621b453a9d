"""What calls cost: the user's own table, the list prices, and what a run keeps of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import preceptor
from preceptor import cli
from preceptor.engine.reopening import reopen
from preceptor.errors import InputError
from preceptor.records import Usage
from preceptor.store import Store
from preceptor.systems import Parameters, resolve
from preceptor.systems.prices import Price, known_price, own_prices, parse_price, price_at
from preceptor.testing import FakeEndpoint

pytestmark = pytest.mark.usefixtures("bare")

TABLE = """
[[price]]
address = "openai/gpt-4.1"
input = 1.5
output = 6
cached = 0.25
cache_write = 2
batch = 0.4
date = 2026-11-01
source = "our contract"

[[price]]
address = "http://127.0.0.1:*/v1#*"
input = 3
output = 5
date = 2026-10-31
"""


@pytest.fixture(autouse=True)
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's table, at first one that is not there."""
    monkeypatch.delenv("PRECEPTOR_PRICES", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "preceptor" / "prices.toml"
    path.parent.mkdir()
    return path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert cli.main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_users_own_price_wins_over_the_list_price(table: Path) -> None:
    """An entry of prices.toml is used in the place of the package's, with its source and date."""
    listed = price_at("openai/gpt-4.1")
    table.write_text(TABLE, "utf-8")
    own = price_at("openai/gpt-4.1")
    assert listed is not None
    assert listed.source.startswith("list price in genai-prices ")
    assert own == Price(1.5, 6, 0.25, 2, 0.4, "our contract", "2026-11-01")
    assert known_price("openai", "gpt-4.1") == own
    assert price_at("openai/gpt-4.1-mini") == known_price("openai", "gpt-4.1-mini") != own


def test_an_entry_may_be_for_many_addresses(table: Path) -> None:
    """* stands for any text in an address; an endpoint of one's own has a price by that."""
    assert price_at("http://127.0.0.1:8000/v1#m") is None
    table.write_text(TABLE, "utf-8")
    system = resolve("http://127.0.0.1:8000/v1#m", Parameters())
    assert system.price == Price(3, 5, source="prices.toml", date="2026-10-31")
    assert price_at("http://elsewhere:8000/v1#m") is None
    given = resolve("http://127.0.0.1:8000/v1#m", Parameters(price="1/2"))
    assert given.price == Price(1, 2, source="given with price=")


def test_the_table_may_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PRECEPTOR_PRICES names another file; one that is not there is an error."""
    monkeypatch.setenv("PRECEPTOR_PRICES", str(tmp_path / "mine.toml"))
    with pytest.raises(InputError, match=r"mine\.toml: No such file"):
        own_prices()
    (tmp_path / "mine.toml").write_text(TABLE, "utf-8")
    assert [entry.address for entry in own_prices()] == [
        "openai/gpt-4.1",
        "http://127.0.0.1:*/v1#*",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[price]\n", "expected TOML"),
        ('[[price]]\naddress = "a"\ninput = 1\noutput = 2\n', "missing required field `date`"),
        (TABLE.replace("input = 3", "input = -3"), r">= 0.0 - at `\$.price\[1\].input`"),
        (TABLE.replace("output = 5", 'output = "5"'), r"Expected `float`, got `str`"),
        (TABLE.replace("cached =", "cache ="), "unknown field `cache`"),
        ("[prices]\n", "unknown field `prices`"),
    ],
)
def test_a_wrong_table_is_one_line(table: Path, text: str, said: str) -> None:
    """What is wrong in the file is named with file, entry and what is expected."""
    table.write_text(text, "utf-8")
    with pytest.raises(InputError, match=said) as caught:
        own_prices()
    assert str(caught.value).startswith(str(table))
    assert "\n" not in str(caught.value)


def test_an_empty_table_has_no_prices(table: Path) -> None:
    """A file without an entry changes nothing."""
    table.write_text("", "utf-8")
    assert own_prices() == []


@pytest.mark.parametrize(
    "address",
    [
        "openai/gpt-4.1-mini",
        "anthropic/claude-sonnet-4-5",
        "google/gemini-2.5-pro",
        "azure/gpt-4.1",
        "openrouter/openai/gpt-4.1",
        "inspect/openai/gpt-4.1",
    ],
)
def test_list_prices_of_the_providers(address: str) -> None:
    """Each kind of hosted address has a list price with a discount for cached tokens."""
    price = price_at(address)
    assert price is not None
    assert 0 < price.input < price.output
    assert price.discounts


def test_what_has_no_list_price() -> None:
    """An unknown provider or model has none; a local model is free."""
    assert price_at("openai/no-such-model") is None
    assert price_at("nowhere/gpt-4.1") is None
    assert price_at("python:pkg/module:f") is None
    local = price_at("local/smollm2-135m")
    assert local is not None
    assert (local.input, local.output) == (0, 0)


def test_cost_of_cached_and_written_tokens() -> None:
    """Each kind of input token is priced once, at its own price."""
    usage = Usage(1000, 10, 400)
    assert Price(1, 2, 0.1, 1.25).cost(usage, 500) == pytest.approx(
        (100 * 1 + 400 * 0.1 + 500 * 1.25 + 10 * 2) / 1e6
    )
    assert Price(1, 2).cost(usage, 500) == pytest.approx((1000 + 20) / 1e6)
    assert not Price(1, 2, 1).discounts
    assert parse_price("1/2/0.5").discounts


def test_command_lists_prices(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`list prices ADDRESS` says price, source and date; without one it shows all."""
    table.write_text(TABLE, "utf-8")
    own, unknown = printed(capsys, "list", "prices", "openai/gpt-4.1", "http://elsewhere/v1#m")
    assert own["address"] == "openai/gpt-4.1"
    assert own["price"] == {
        "input": 1.5,
        "output": 6,
        "cached": 0.25,
        "cache_write": 2,
        "batch": 0.4,
        "source": "our contract",
        "date": "2026-11-01",
    }
    assert unknown == {"address": "http://elsewhere/v1#m", "price": None}
    rows = {row["address"]: row["price"] for row in printed(capsys, "list", "prices")}
    assert list(rows)[:2] == ["openai/gpt-4.1", "http://127.0.0.1:*/v1#*"]
    assert rows["openai/gpt-4.1"]["input"] == 1.5
    assert {name.partition("/")[0] for name in list(rows)[2:]} == {"openai", "anthropic", "google"}
    assert all(row["input"] is not None for row in rows.values())
    assert cli.main(["list", "prices", "openai/gpt-4.1", "nowhere/x"]) == 0
    out, err = capsys.readouterr()
    assert "our contract, 2026-11-01" in out
    assert "none known" in out
    assert str(table) in err


def test_a_run_keeps_the_prices_that_it_was_begun_with(
    table: Path, tmp_path: Path, fake: FakeEndpoint
) -> None:
    """Prices with source and date are in the settings; a resumed run is priced by those."""
    table.write_text(TABLE, "utf-8")
    at = tmp_path / "work.db"
    address = fake.address("judge")
    run = preceptor.run(
        "starter", system="physician", grader=address, limit=2, max_total_tokens=1, store=at
    )
    kept = run.info.settings.prices
    assert list(kept) == [address]
    assert (kept[address].input, kept[address].date) == (3, "2026-10-31")
    table.write_text(TABLE.replace("input = 3", "input = 4"), "utf-8")
    with Store(at) as store:
        pipeline = reopen(store, store.run("latest"))
    assert pipeline.grader.systems[0].price == Price(3, 5, source="prices.toml", date="2026-10-31")
