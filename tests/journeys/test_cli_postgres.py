"""This file holds the tests of the command line on PostgreSQL: the same answers as on a file."""

from pathlib import Path

import pytest

from tests.journeys.terminal import DIN, RED, Terminal, as_lines, life

pytestmark = pytest.mark.postgres


class OnServer(Terminal):
    """A terminal whose ledger is a server's; views and keys are files of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self._url = url

    @property
    def environment(self) -> dict[str, str]:
        beside = {"BLOODLEDGER_VIEWS": str(self.folder / "v"), "BLOODLEDGER_KEYS": str(self.folder / "k")}
        return super().environment | beside | {"BLOODLEDGER_LEDGER": self._url}


def test_a_life_on_a_server_reads_like_one_in_a_file(tmp_path: Path, postgres_url: str) -> None:
    server, file = OnServer(tmp_path, postgres_url), Terminal(tmp_path, "file.db")
    told = [each.record(*life()) for each in (server, file)]
    assert told[0].code == 0
    assert [each["facts"] for each in told[0].lines] == [each["facts"] for each in told[1].lines]
    traced = [each.run("trace", DIN, "--json").json for each in (server, file)]
    assert traced[0]["bags"] == traced[1]["bags"] and traced[0]["edges"] == traced[1]["edges"]
    assert server.run("verify").json["ok"]
    assert server.record(*life()).lines[-1]["outcome"] == "repeated"


def test_a_history_moves_from_a_file_to_a_server(tmp_path: Path, postgres_url: str) -> None:
    server, file = OnServer(tmp_path, postgres_url), Terminal(tmp_path, "file.db")
    file.record(*life())
    assert server.run("import", "-", given=as_lines(file.run("facts").lines)).code == 0
    assert server.run("verify").json["root"] == file.run("verify").json["root"]
    assert server.run("trace", RED, "--json").json["bags"] == file.run("trace", RED, "--json").json["bags"]


def test_a_server_that_is_away_is_a_fault(tmp_path: Path) -> None:
    said = OnServer(tmp_path, "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1").run("status")
    assert said.code == 3 and said.err.startswith("error: ") and said.err.count("\n") == 1


def test_reading_makes_no_ledger_on_a_server(tmp_path: Path, postgres_url: str) -> None:
    server = OnServer(tmp_path, postgres_url)
    for asked in (["trace", RED], ["stock"], ["facts"], ["verify"], ["status"]):
        said = server.run(*asked)
        assert said.code == 3 and "no ledger" in said.err and said.err.count("\n") == 1
    assert [server.run("init", "--json").json["new"] for _ in range(2)] == [True, False]
    assert server.run("verify").code == 0
