"""This file holds the tests that the catalogue's pages name every field, and that what they show is so."""

from dataclasses import fields
from pathlib import Path

import pytest

from ledger.catalogue import EXAMPLE, load_catalogue
from ledger.catalogue.sense import BEGINNINGS, CLOCKS, KINDS, LEGS, PROCESSES
from ledger.data_files import BrokenFile
from ledger.domain import catalogue
from ledger.domain.reading import MEASURES

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference" / "catalogue.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to" / "replace-the-catalogue.md").read_text(encoding="utf-8")
KINDS_OF_RULE = (
    catalogue.Catalogue,
    catalogue.Product,
    catalogue.Names,
    catalogue.StorageRule,
    catalogue.ShelfLife,
    catalogue.ProcessRule,
    catalogue.Panel,
    catalogue.ReturnPolicy,
    catalogue.CrossmatchPolicy,
    catalogue.ProductCode,
    catalogue.Band,
)


@pytest.mark.parametrize("kind", KINDS_OF_RULE, ids=lambda kind: str(kind.__name__))
def test_the_reference_names_every_field(kind: type) -> None:
    missing = [each.name for each in fields(kind) if f"`{each.name}`" not in REFERENCE]
    assert missing == []


def test_the_reference_names_every_value() -> None:
    values = PROCESSES + BEGINNINGS + CLOCKS + KINDS + LEGS + MEASURES
    assert [each for each in values if f"`{each}`" not in REFERENCE] == []


def test_the_how_to_names_every_file_of_the_example() -> None:
    assert [each.name for each in EXAMPLE.iterdir() if f"`{each.name}`" not in HOW_TO] == []


def test_the_how_to_changes_a_rule_as_it_says(tmp_path: Path) -> None:
    old = "      - {rule: apheresis-platelets-5d, effective_from: 1998-10-01, days: 5}\n"
    new = HOW_TO.partition("    shelf_lives:\n")[2].partition("```")[0]
    for file in EXAMPLE.iterdir():
        text = file.read_text(encoding="utf-8")
        assert old in text or file.name != "products.yaml"
        (tmp_path / file.name).write_text(text.replace(old, new), encoding="utf-8")
    changed = load_catalogue(tmp_path).product("apheresis_platelets")
    assert changed is not None
    assert [life.days for life in changed.shelf_lives if not life.processes] == [5, 7]


def test_the_how_to_shows_a_real_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my-catalogue"
    folder.mkdir()
    text = (EXAMPLE / "products.yaml").read_text(encoding="utf-8")
    (folder / "products.yaml").write_text(text.replace("measure: U\n", "measure: L\n", 1), encoding="utf-8")
    for name in ("processes.yaml", "panels.yaml"):
        (folder / name).write_bytes((EXAMPLE / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BrokenFile) as broken:
        load_catalogue(Path("my-catalogue"))
    assert f"\n{broken.value}\n" in HOW_TO
