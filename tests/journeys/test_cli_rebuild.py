"""This file holds the tests of `rebuild`: views made anew say the same, or what differs is named and none switched."""

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ledger.settings import Settings
from ledger.wiring import open_ledger, open_views
from projections.readmodels.database import ViewsUnavailable
from tests.journeys.audited import DINS, RED, after, before
from tests.journeys.terminal import Terminal

CHINESE = re.compile(r"[\u3400-\u9fff]")


@pytest.fixture
def told(tmp_path: Path) -> Terminal:
    terminal = Terminal(tmp_path)
    assert terminal.record(*before(), *after()).code == 0
    return terminal


def altered(terminal: Terminal) -> None:
    """One row of the live views says something else than the facts."""
    assert terminal.run("stock").code == 0
    changed = 0
    for views in terminal.folder.glob("*.views*"):
        if views.name.endswith(("-wal", "-shm")):
            continue
        connection = sqlite3.connect(views)
        with connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                if table.endswith("spells"):
                    sql = f'UPDATE "{table}" SET thousandths = thousandths + 1000 WHERE bag = ? AND final = 0'
                    changed += connection.execute(sql, (RED[1],)).rowcount
        connection.close()
    assert changed > 0


def test_views_made_anew_say_the_same_and_are_live(told: Terminal) -> None:
    before_it = told.run("ask", "b", DINS[0], "--json").json
    said = told.run("rebuild", "--json")
    assert said.code == 0 and {"view", "version", "position", "digest", "switched"} <= set(said.json)
    assert said.json["switched"] and said.json["differences"] == []
    assert (said.json["position"], said.json["digest"]) == (before_it["position"], before_it["digest"])
    assert told.run("ask", "b", DINS[0], "--json").json["rows"] == before_it["rows"]
    assert told.run("rebuild", "--json").json["switched"]


def test_a_rebuild_is_told_in_both_languages(told: Terminal) -> None:
    first = told.run("rebuild", "--no-json")
    assert first.code == 0 and "There were no views of this ledger" in first.out
    again = told.run("rebuild", "--no-json")
    assert "say the same as those before, row by row" in " ".join(again.out.split())
    assert CHINESE.search(told.run("rebuild", "--no-json", "--lang", "zh").out)


def test_a_difference_is_named_and_the_live_views_stay(told: Terminal) -> None:
    altered(told)
    wrong = told.run("stock", "--json").json
    said = told.run("rebuild", "--json")
    assert said.code == 1 and not said.json["switched"]
    assert any(RED[1] in str(each) for each in said.json["differences"])
    assert told.run("stock", "--json").json["rows"] == wrong["rows"]
    words = told.run("rebuild", "--no-json")
    assert words.code == 1 and "NOT switched" in words.out and "rebuild --accept" in words.out
    assert "thousandths is " in words.out and "altered behind the ledger's back" in words.out
    assert "未切换" in told.run("rebuild", "--no-json", "--lang", "zh").out


@pytest.mark.postgres
def test_views_on_a_server_are_told_of_without_a_password(told: Terminal, postgres_url: str) -> None:
    said = []
    for arguments in (("status", "--json"), ("stock", "--json"), ("status", "--json"), ("rebuild",)):
        with told.start(*arguments, BLOODLEDGER_VIEWS=f"{postgres_url}&password=secret") as process:
            out, err = process.communicate()
        assert process.returncode == 0, err
        assert b"secret" not in out + err
        said.append(json.loads(out))
    before_it, _, after_it, rebuilt = said
    assert before_it["views_position"] is None and after_it["views_position"] == after_it["position"] > 0
    assert rebuilt["switched"] and rebuilt["position"] == after_it["position"]


def test_what_is_accepted_is_switched(told: Terminal) -> None:
    altered(told)
    assert told.run("ask", "o").code == 1
    said = told.run("rebuild", "--accept", "--no-json")
    assert said.code == 0 and "Switched, as accepted" in said.out
    assert told.run("ask", "o").code == 0
    assert told.run("rebuild", "--json").json["differences"] == []


def change(views: str, sql: str) -> None:
    with sqlite3.connect(views) as file:
        file.execute(sql)
    file.close()


@pytest.mark.parametrize("lang, words", [("en", "version 99"), ("zh", "第 99 版")])
def test_views_of_another_version_are_said_and_made_anew(told: Terminal, lang: str, words: str) -> None:
    before = told.run("stock", "--json").json["rows"]
    change(f"{told.path}.views", "UPDATE versions SET version = 99")
    refused = told.run("stock", "--no-catch-up", "--lang", lang)
    assert refused.code == 3 and words in refused.err and "--no-catch-up" in refused.err
    anew = told.run("stock", "--json", "--lang", lang)
    assert anew.code == 0 and words in anew.err and anew.json["rows"] == before
    assert told.run("stock", "--json").err == ""


def test_the_ledgers_own_file_is_never_opened_as_views(told: Terminal) -> None:
    """Views have an SQLite of their own: closing the file there would end the log of whoever records."""
    own = Settings(ledger=str(told.path), views=str(told.path), keys=":memory:")
    with open_ledger(own) as ledger:
        assert ledger.store.head().size > 0
        refused = pytest.raises(ViewsUnavailable, match="holds something else than views")
        with refused, closing(open_views(own)) as views:
            views.next_position()
        assert Path(f"{told.path}-wal").exists()
    with told.start("stock", BLOODLEDGER_VIEWS=str(told.path)) as process:
        out, err = process.communicate()
    assert process.returncode == 3 and not out and b"holds something else than views" in err


def test_views_of_another_ledger_are_never_answered_from(told: Terminal, tmp_path: Path) -> None:
    other = tmp_path / "other.ledger"
    told.run("init", "--ledger", str(other))
    told.run("stock")
    shutil.copy(f"{told.path}.views", f"{other}.views")
    refused = told.run("stock", "--no-catch-up", "--ledger", str(other))
    assert refused.code == 3 and "another ledger" in refused.err and not refused.out
    assert told.run("status", "--ledger", str(other)).code == 0
    anew = told.run("stock", "--json", "--ledger", str(other))
    assert anew.json["rows"] == [] and "the views were of ledger" in anew.err
