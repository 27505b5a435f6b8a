"""This file holds the golden vectors: every valid and invalid text behaves as the file says."""

import json
from pathlib import Path

import pytest

from ledger.isbt128 import (
    BadScan,
    as_bag,
    check_character,
    parse_blood_group,
    parse_keyed,
    parse_label_expiry,
    scan,
    type3_flags,
)

VECTORS = json.loads((Path(__file__).parent.parent / "golden" / "isbt128_vectors.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS["din_check_characters"], ids=lambda v: v["din"])
def test_a_din_has_the_check_character_and_type_3_flags_of_the_standard(vector):
    assert check_character(vector["din"]) == vector["check_char"]
    assert type3_flags(vector["din"]) == vector["type3_flag"]
    assert parse_keyed(vector["din"] + vector["check_char"]) == vector["din"]
    assert scan(f"={vector['din']}{vector['type3_flag']}").structures[0].fields["flag_meaning"] == "check"


@pytest.mark.parametrize("vector", VECTORS["scans_valid"], ids=lambda v: v["scan"])
def test_a_valid_scan_is_read_and_prints_back(vector):
    found = scan(vector["scan"])
    assert found.text() == vector["scan"]
    named = [meaning[:3] for meaning in vector["means"] if meaning[:3].isdigit()]
    assert [structure.number for structure in found.structures] == named
    json.dumps(found.as_list())


MEANINGS = {
    "=A99991712345600": {"din": "A999917123456", "flags": "00", "flag_meaning": "none"},
    "=<E0685V00": {"description": "E0685", "collection": "V", "division": "00"},
    "=%6200": {"abo": "A", "rhd": "positive", "code": "6200"},
    "=%5100": {"abo": "O", "rhd": "positive"},
    "=%9500": {"abo": "O", "rhd": "negative"},
    "=%0600": {"abo": "A", "rhd": "negative", "code": "0600"},
    "&>0261232359": {"date": "2026-05-03", "time": "23:59", "time_given": False},
    "=$A999922123450101": {
        "facility": "A9999",
        "year": "22",
        "serial": "12345",
        "container": "01",
        "containers": "01",
    },
    "=410301602203855": {"facility": "41030", "year": "16", "sequence": "022038", "flags": "55"},
    "=<E5445000": {"description": "E5445", "collection": "0", "division": "00"},
}


@pytest.mark.parametrize("text", MEANINGS)
def test_a_valid_scan_means_what_the_file_says(text):
    assert text in [vector["scan"] for vector in VECTORS["scans_valid"]]
    fields = scan(text).structures[0].fields
    assert {name: fields[name] for name in MEANINGS[text]} == MEANINGS[text]


def test_the_infection_markers_of_the_standards_example_are_read():
    results = scan('&"321415000000000000').structures[0].fields["results"]
    assert results == {
        "hiv_antibody": "negative",
        "hcv_antibody": "positive",
        "hcv_genome": "negative",
        "hbc_antibody": "negative",
        "hbs_antigen": "negative",
        "htlv_antibody": "negative",
        "syphilis_antibody": "negative",
        "cmv_antibody": "positive",
    }


REFUSED = {
    "=G12341765432171": ("wrong_flags", "001 DIN", 15),
    "=A999917123456": ("truncated", "001 DIN", 15),
    "=048362600001100": ("wrong_character", "001 DIN", 2),
    "=W4836260000A100": ("wrong_character", "001 DIN", 13),
    "=+05000=/A9997XYZ100T0479=A99991712345600=,000012=>019031": (
        "wrong_count",
        "023 compound message",
        58,
    ),
    "=zINVALID_DI_TEST": ("unknown_identifier", "scan", 1),
    "A9999141234580": ("wrong_check_character", "keyed DIN", 14),
}


@pytest.mark.parametrize("vector", VECTORS["scans_invalid"], ids=lambda v: v["why"])
def test_an_invalid_scan_is_refused_with_structure_position_and_expectation(vector):
    with pytest.raises(BadScan) as caught:
        scan(vector["s"])
    bad = caught.value
    assert (bad.code, bad.structure, bad.position) == REFUSED[vector["s"]]
    assert bad.expected in bad.message("en")
    assert f"第 {bad.position} 个字符" in bad.message("zh")


def test_the_real_chinese_label_names_its_bag():
    label = VECTORS["real_chinese_label"]
    bag = as_bag(scan(label["donation"]), scan(label["product"]), scan(label["group"]))
    assert str(bag) == "4103016022038=E5445000"
    assert parse_label_expiry(label["expiry_printed"]) == ("2016-04-22", "09:50")
    expiry = scan(label["expiry_printed"]).structures[0]
    assert (expiry.fields["date"], expiry.fields["time"]) == ("2016-04-22", "09:50")


@pytest.mark.parametrize("code", VECTORS["local_product_codes"])
def test_a_local_product_code_is_read_like_any_other(code):
    assert scan(f"=<{code}").structures[0].fields["product"] == code


@pytest.mark.parametrize("text", VECTORS["mpho_unique_identifier"]["examples"])
def test_an_mpho_unique_identifier_is_read_and_prints_back(text):
    found = scan(text)
    assert found.text() == text
    fields = found.structures[0].fields
    assert fields["assigned_by"] in ("A9999", None)
    assert fields["description"] + str(fields["din"]) + str(fields["division"]) == text[5:]


def test_common_mistakes_are_not_made():
    assert parse_blood_group("5100")[:2] == ("O", "positive")
    assert parse_blood_group("6200")[:2] == ("A", "positive")
    assert scan("=%0600").structures[0].fields["code"] == "0600"
    with pytest.raises(BadScan):
        parse_blood_group("600")
    assert scan("=410301602203855").structures[0].fields["facility"] == "41030"
