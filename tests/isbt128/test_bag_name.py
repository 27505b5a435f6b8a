"""This file holds what names a bag and what does not."""

import timeit

import pytest

from ledger.isbt128 import BadScan, BagName, check, check_din

GOOD = {
    "A999926123456=E0336V00": BagName("A999926123456", "E0336V00"),
    "4103016022038=P0065H00": BagName("4103016022038", "P0065H00"),
    "A999926123456=E0336VAa": BagName("A999926123456", "E0336VAa"),
    "A999926123456=S1295V99=AABB01": BagName("A999926123456", "S1295V99", "AABB01"),
    "A999926123456=E0336V90": BagName("A999926123456", "E0336V90"),
    "ABC1226123456=E0336V00": BagName("ABC1226123456", "E0336V00"),
    "A999926123456#1": BagName("A999926123456", container=1),
    "A999926123456#12": BagName("A999926123456", container=12),
}


@pytest.mark.parametrize("text", GOOD)
def test_a_good_name_is_read_and_prints_back(text):
    assert check(text) == text
    assert BagName.parse(text) == GOOD[text]
    assert str(BagName.parse(text)) == text


BAD = {
    "": ("truncated", 1),
    "A999926123456": ("truncated", 14),
    "A99992612345": ("truncated", 13),
    "a999926123456=E0336V00": ("lower_case", 1),
    "0999926123456=E0336V00": ("wrong_character", 1),
    "O999926123456=E0336V00": ("letter_o", 1),
    "A999926O23456=E0336V00": ("letter_o", 8),
    "AA9A926123456=E0336V00": ("wrong_character", 4),
    "A99992612345600=E0336V00": ("wrong_character", 14),
    "=A999926123456=E0336V00": ("wrong_character", 1),
    "A999926123456=": ("truncated", 15),
    "A999926123456=E0336V0": ("truncated", 22),
    "A999926123456=e0336V00": ("lower_case", 15),
    "A999926123456=E0336Va0": ("lower_case", 21),
    "A999926123456=E0336VAA": ("wrong_character", 22),
    "A999926123456=E0336V000": ("extra_characters", 23),
    "A999926123456=E0336V00\n": ("extra_characters", 23),
    "A999926123456=E0336V00=000001": ("division_not_allowed", 23),
    "A999926123456=E0336V99": ("division_needed", 23),
    "A999926123456=E0336V99#": ("division_needed", 23),
    "A999926123456=E0336V99=": ("truncated", 24),
    "A999926123456=E0336V99=00001": ("truncated", 29),
    "A999926123456=E0336V99=0000a1": ("lower_case", 28),
    "A999926123456=E0336V99=0000011": ("extra_characters", 30),
    "A999926123456#": ("truncated", 15),
    "A999926123456#0": ("wrong_character", 15),
    "A999926123456#01": ("wrong_character", 15),
    "A999926123456#-1": ("wrong_character", 15),
    "A999926123456#1x": ("wrong_character", 16),
    "A999926123456#1234567": ("wrong_character", 21),
    "A999926123456#\u0661": ("wrong_character", 15),
    "A99992612345\u0666=E0336V00": ("wrong_character", 13),
    "A999926123456-E0336V00": ("wrong_character", 14),
    " A999926123456=E0336V00": ("wrong_character", 1),
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_name_is_refused_with_its_position(text):
    with pytest.raises(BadScan) as caught:
        check(text)
    assert (caught.value.code, caught.value.position) == BAD[text]
    with pytest.raises(BadScan):
        BagName.parse(text)


def test_a_name_is_made_of_the_parts_of_a_label():
    assert str(BagName.of("A999926123456", "S1295V99", "000001")) == "A999926123456=S1295V99=000001"
    with pytest.raises(BadScan):
        BagName.of("A999926123456", "S1295V99")
    with pytest.raises(BadScan):
        BagName.of("A999926123456", "S1295V00", "000001")


def test_checking_a_good_name_is_quick():
    names = list(GOOD)
    best = min(timeit.repeat(lambda: [check(name) for name in names], number=500, repeat=7))
    assert best / 500 / len(names) < 3e-6


def test_checking_a_good_din_gives_it_back():
    assert check_din("ABC1226123456") == "ABC1226123456"
