"""This file holds the tests of readers that read a part of a fact."""

import pytest

import schemas
from schemas.compiled import PASSED_OVER, as_dict, compile_reader, only
from schemas.files import HEADER_SIZE
from tests.conformance.test_links_in import body


@pytest.mark.parametrize("wire", schemas.wire_names())
@pytest.mark.parametrize("full", [True, False])
def test_each_field_read_alone_is_what_the_whole_says(wire: str, full: bool) -> None:
    state = schemas.encode(wire, body(wire, full, "nurse"))
    whole = schemas.decode_raw(state)[1]
    for name, value in whole.items():
        part = only(schemas.schema_of(wire), [name])
        assert compile_reader(part, as_dict, {}, logical=False)(state, HEADER_SIZE)[0] == {name: value}
    part = only(schemas.schema_of(wire), ["happened_at", "occasion.by"])
    found = compile_reader(part, as_dict, {}, logical=False)(state, HEADER_SIZE)[0]
    assert found == {"happened_at": whole["happened_at"], "occasion": {"by": "nurse"}}


def test_a_field_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="no field patient"):
        only(schemas.schema_of("bag.stored.v1"), ["patient"])


def test_what_comes_behind_the_last_wanted_field_is_not_read() -> None:
    fields = only(schemas.schema_of("bag.stored.v1"), ["caused_by"])["fields"]
    assert [field["name"] for field in fields] == ["happened_at", "occasion", "caused_by"]
    assert fields[0]["type"]["type"] == PASSED_OVER


def test_part_of_a_fact_is_had_from_its_bytes() -> None:
    state = schemas.encode("bag.stored.v1", body("bag.stored.v1", True, "nurse"))
    whole = schemas.decode_raw(state)[1]
    found = schemas.decode_part(state, frozenset(("place", "occasion.request")))
    assert found == ("bag.stored.v1", {"place": whole["place"], "occasion": {"request": whole["occasion"]["request"]}})
    with pytest.raises(KeyError, match="no field patient"):
        schemas.decode_part(state, frozenset(("patient",)))


@pytest.mark.parametrize("length", [0, 5, 9, 12])
def test_part_of_a_fact_whose_bytes_end_before_it_cannot_be_had(length: int) -> None:
    state = schemas.encode("bag.stored.v1", body("bag.stored.v1", True, "nurse"))
    with pytest.raises(schemas.SchemaError):
        schemas.decode_part(state[:length], frozenset(("place",)))
