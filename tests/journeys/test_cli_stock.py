"""This file holds the tests of `stock`: safe bands, the forecast, and the stock as known then."""

from pathlib import Path

import pytest

from ledger.catalogue import EXAMPLE
from tests.journeys.audited import FOREIGN, RED, after, before
from tests.journeys.terminal import Said, Terminal, amount, command

DAY = "2026-03-02T00:00:00+08:00"
COMPONENT = "leukoreduced_suspended_red_cells"
BANDS = f"""bands:
  - {{component: {COMPONENT}, measure: U, low: 2, high: 3}}
  - {{component: {COMPONENT}, measure: U, low: 3, high: 4, facility: C1}}
  - {{component: {COMPONENT}, measure: U, low: 0, high: 1.5, facility: C1, group: B, rhd: negative}}
  - {{component: fresh_frozen_plasma, measure: mL, low: 1000, high: 2000, facility: C2}}
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    terminal = Terminal(tmp_path_factory.mktemp("told"))
    assert terminal.record(*before()).code == 0
    assert terminal.record(*after()).code == 0
    return terminal


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A catalogue whose bands are those above."""
    folder = tmp_path / "site"
    folder.mkdir()
    for file in EXAMPLE.iterdir():
        text = BANDS if file.name == "bands.yaml" else file.read_text(encoding="utf-8")
        (folder / file.name).write_text(text, encoding="utf-8")
    return folder


class AtSite(Terminal):
    """A terminal whose ledger has a catalogue of its own."""

    def __init__(self, terminal: Terminal, site: Path) -> None:
        super().__init__(terminal.folder, terminal.path.name)
        self.site = site

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"BLOODLEDGER_CATALOGUE": str(self.site)}


def stock(terminal: Terminal, site: Path, *options: str) -> Said:
    return AtSite(terminal, site).run("stock", "--at", DAY, *options)


def test_what_is_available_lies_below_within_or_above_its_band(told: Terminal, site: Path) -> None:
    bands = stock(told, site, "--json").json["bands"]
    levels = {(band["facility"], band["component"], band["group"], band["low"]): band for band in bands}
    assert {key: (band["quantity"], band["level"]) for key, band in levels.items()} == {
        ("C1", COMPONENT, None, "2"): ("2", "within"),
        ("H1", COMPONENT, None, "2"): ("0", "below"),
        ("C1", COMPONENT, None, "3"): ("2", "below"),
        ("C1", COMPONENT, "B", "0"): ("2", "above"),
        ("C2", "fresh_frozen_plasma", None, "1000"): ("0", "below"),
    }


def test_bands_are_drawn_with_their_level(told: Terminal, site: Path) -> None:
    english = stock(told, site).out
    assert "Safe bands" in english and "2–3" in english
    assert all(level in english for level in ("below", "within", "above"))
    chinese = stock(told, site, "--lang", "zh").out
    assert all(word in chinese for word in ("安全库存", "低于下限", "正常", "高于上限"))


def test_narrowed_rows_do_not_make_a_band_look_empty(told: Terminal, site: Path) -> None:
    only_a = stock(told, site, "--group", "A", "--json").json
    assert only_a["rows"] and only_a["bands"] == []
    only_b = stock(told, site, "--group", "B", "--json").json["bands"]
    assert [(band["group"], band["level"]) for band in only_b] == [("B", "above")]
    held = stock(told, site, "--status", "held", "--json").json
    assert held["rows"] and held["bands"] == []
    there = stock(told, site, "--facility", "C1", "--json").json["bands"]
    assert {band["facility"] for band in there} == {"C1"}
    plasma = stock(told, site, "--component", "fresh_frozen_plasma", "--json").json["bands"]
    assert {band["component"] for band in plasma} == {"fresh_frozen_plasma"}


def test_what_has_expired_meets_no_band(told: Terminal, site: Path) -> None:
    expiring = command(
        "e1", "ReceiveBag", bag="B123426000008=E5445V00", facility="C3", component=COMPONENT, quantity=amount("2"),
        group="B", rhd="negative", released_by="qa-9", expires_at="2026-03-01T12:00:00+08:00", **{"from": "B1234"},
    )  # fmt: skip
    terminal = Terminal(told.folder, "expiring.db")
    assert terminal.record(expiring, command("s1", "StoreBag", bag="B123426000008=E5445V00", facility="C3")).code == 0
    (band,) = stock(terminal, site, "--facility", "C3", "--json").json["bands"]
    assert (band["quantity"], band["level"]) == ("0", "below")


def test_a_forecast_says_what_expires_day_by_day(told: Terminal, site: Path) -> None:
    days = stock(told, site, "--forecast", "40", "--json").json["forecast"]
    assert [(row["day"], row["component"], row["bags"], row["quantity"]) for row in days] == [
        ("2026-04-05", COMPONENT, 1, "2"),
    ]
    drawn = stock(told, site, "--forecast", "40").out
    assert "What expires, day by day" in drawn and "2026-04-05" in drawn
    assert "逐日到期" in stock(told, site, "--forecast", "40", "--lang", "zh").out
    assert stock(told, site, "--forecast", "10", "--json").json["forecast"] == []
    assert stock(told, site, "--json").json["forecast"] == []
    assert stock(told, site, "--forecast", "0").code == 2


def test_stock_as_known_then_is_what_it_was(told: Terminal, site: Path) -> None:
    then = min(fact["recorded_at"] for fact in told.run("facts").lines)
    was, is_ = (stock(told, site, *options, "--json").json for options in (("--known-at", then), ()))
    assert (was["position"], was["complete_to"]) == (min(was["position"], is_["position"] - 1), is_["position"])
    held = [sum(row["bags"] for row in answer["rows"] if row["status"] == "held") for answer in (was, is_)]
    assert held == [0, 1], "the plasma of the donation that was found reactive"
    shown = stock(told, site, "--known-at", then).out
    assert "as known at" in shown and "view digest" in shown
    assert FOREIGN not in shown and RED[0] not in shown
