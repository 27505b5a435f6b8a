"""This file holds the journey of `demo`: what a newcomer sees first, and that it is true."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ledger.cli import main

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "lang,said",
    [
        ("en", ("60 of 60 rows equal", "Transfused after it had expired.", "nothing changed, left out or added")),
        ("zh", ("60 行中有 60 行与公布数据一致", "输注时已过期。", "去白细胞悬浮红细胞")),
    ],
)
def test_the_demo_shows_a_real_label_and_a_real_week(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lang: str, said: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["--lang", lang, "demo"])
    assert result.exit_code == 0, result.output
    for text in said:
        assert text in result.output
    assert (tmp_path / "demo" / "1.db").exists()
