"""This file holds how a fact that views keep is altered behind their back."""

from typing import Any

from msgspec.msgpack import decode, encode

from projections.readmodels.view_set import Database


def said_otherwise(database: Database, position: int, column: int, value: Any) -> None:
    """Within a transaction, the fact at this position says something else in a column of its chapter.

    Columns: position, version, name, happened_at, recorded_at, state.
    """
    sql = "SELECT position, facts FROM life WHERE position <= ? AND last_position >= ?"
    for chapter, packed in database.rows(sql, (position, position)):
        said = decode(packed)
        for each in said:
            if each[0] == position:
                each[column] = value
        database.run("UPDATE life SET facts = ? WHERE position = ?", (encode(said), chapter))
