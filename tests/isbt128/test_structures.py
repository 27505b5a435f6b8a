"""This file holds what single structures mean, and what is wrong when they are refused."""

import pickle

import pytest

from ledger.isbt128 import BadScan, as_bag, check_din, is_container, parse_blood_group, parse_keyed, scan
from ledger.isbt128.bad_scan import REASONS
from ledger.isbt128.blood_group import BLOOD_GROUPS
from ledger.isbt128.structures import BY_IDENTIFIER


def fields(text):
    """Read one structure's fields."""
    return scan(text).structures[0].fields


@pytest.mark.parametrize(
    ("code", "abo", "rhd", "use"),
    [
        ("95", "O", "negative", "unspecified"),
        ("91", "O", "negative", "directed"),
        ("48", "O", "positive", "emergency"),
        ("04", "A", "negative", "directed_biohazardous"),
        ("61", "A", "positive", "directed_crossover"),
        ("18", "B", "negative", "autologous_crossover"),
        ("75", "B", "positive", "autologous"),
        ("31", "AB", "negative", "autologous_biohazardous"),
        ("80", "AB", "positive", "directed"),
        ("55", "O", None, "unspecified"),
        ("P2", "O", None, "directed"),
        ("A8", "A", None, "autologous"),
        ("88", "AB", None, "unspecified"),
        ("A0", "A", "pooled", None),
        ("E0", "pooled", "positive", None),
        ("G0", "pooled", "pooled", None),
        ("H0", "pooled", None, None),
    ],
)
def test_a_group_code_is_decoded(code, abo, rhd, use):
    group = parse_blood_group(code + "00")
    assert (group.abo, group.rhd, group.intended_use, group.message) == (abo, rhd, use, None)


def test_bombay_is_never_read_as_plain_o():
    assert parse_blood_group("G600")[:3] == (None, "negative", "bombay")
    assert parse_blood_group("J600")[:3] == ("O", "positive", "para_bombay")


def test_the_table_of_group_codes_has_the_standards_size():
    # 8 groups x 8 uses, 4 without RhD x 8, 12 Bombay and para-Bombay x 8, 12 single, 14 messages
    assert len(BLOOD_GROUPS) == 64 + 32 + 96 + 12 + 14


@pytest.mark.parametrize("code", ["Mx", "Md", "Mq", "Mr", "Mf"])
def test_a_do_not_transfuse_code_says_so(code):
    found = fields(f"=%{code}00")
    assert found["forbids_transfusion"] is True
    assert found["abo"] is None


@pytest.mark.parametrize("code", ["6000x", "P600", "A600", "01", "ZZ00", "mx00", "9900", "1000"])
def test_an_unknown_group_code_is_refused(code):
    with pytest.raises(BadScan):
        parse_blood_group(code)


def test_group_codes_are_strings():
    assert parse_blood_group("0600").abo == "A"
    with pytest.raises(BadScan) as caught:
        parse_blood_group("600")
    assert caught.value.structure == "002 blood group"


@pytest.mark.parametrize(
    ("text", "day", "time"),
    [
        ("=>024366", "2024-12-31", None),
        ("&>0243660000", "2024-12-31", "00:00"),
        ("=*999365", "1999-12-31", None),
        ("&*0230010830", "2023-01-01", "08:30"),
        ("=}100365", "2100-12-31", None),
        ("&}0260591200", "2026-02-28", "12:00"),
    ],
)
def test_a_date_is_read_with_its_century(text, day, time):
    assert fields(text)["date"] == day
    assert fields(text).get("time") == time
    assert fields(text).get("time_given", True) is True


@pytest.mark.parametrize("text", ["&>0261232359", "&*0261232359", "&}0261232359"])
def test_time_2359_means_not_given(text):
    assert fields(text)["time_given"] is False


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("=>023366", "no_such_day", 6),
        ("=>100366", "no_such_day", 6),  # 2100 is no leap year
        ("=>026000", "no_such_day", 6),
        ("&>0261232400", "no_such_time", 9),
        ("&>0261231260", "no_such_time", 11),
        ("&>026123120", "truncated", 12),
        ("201602300950", "no_such_day", 7),
        ("201613010950", "no_such_day", 5),
        ("201604222400", "no_such_time", 9),
        ("201604220960", "no_such_time", 11),
        ("=]202613", "no_such_day", 7),
        ("=(1001202602300000", "no_such_day", 13),
        ("=(3001202602280000", "wrong_character", 3),
        ("=(1101202602280000", "reserved", 4),
        ("=#0119800231", "no_such_day", 11),
        ("=#0100000101", "no_such_day", 5),
        ('&"900000000000000000', "reserved", 3),
        ('&"000000000000000001', "reserved", 20),
        ("=%6201", "reserved", 6),
        ("=%6a00", "unknown_group", 3),
        ("=<E0336Va0", "lower_case", 9),
        ("=<E0336VAA", "wrong_character", 10),
        ("=<e0336V00", "lower_case", 3),
        ("=<E0336V0", "truncated", 10),
        ("=,00001", "truncated", 8),
        ("&#0106QRS34", "truncated", 12),
        ("&$0201000100001000", "truncated", 19),
        ("&:9991000000000000199", "wrong_checksum", 20),
        ("&/DHA999921123456", "wrong_character", 3),
        ("=w48362600001100", "lower_case", 2),
        ("=O48362600001100", "letter_o", 2),
        ("=W4836260O001100", "letter_o", 10),
        ("=W48362600001109=", "truncated", 18),
        ("=W483626000011OO", "letter_o", 15),
        ("=W483626000011000", "unknown_identifier", 17),
        ("=W48362600001100 ", "unknown_identifier", 17),
        ("=W48362600001100\n", "unknown_identifier", 17),
        ("=", "truncated", 2),
        ("&", "truncated", 2),
        ("&,", "truncated", 3),
        ("&,9", "unknown_identifier", 1),
        ("", "empty", 1),
        ("=" * 5000, "too_long", 4097),
        ("?W48362600001100", "unknown_identifier", 1),
        ("A999914123458", "truncated", 14),
        ("A999914123458JJ", "extra_characters", 15),
        ("A99991412345 8", "wrong_character", 13),
        ("a999914123458J", "lower_case", 1),
        ("A999914123458j", "lower_case", 14),
        ("A99991412345OJ", "letter_o", 13),
        ("0A999E0398A999921123456000001", "wrong_character", 1),
        ("=+02000=A99991712345600=+01000=%6200", "not_in_compound", 24),
        ("=A99991712345600=+01000=%6200", "not_in_compound", 17),
        ("=+01000&xLOCAL", "not_in_compound", 8),
        ("=+01000=A99991712345600=%6200", "wrong_count", 24),
        ("=+00000", "wrong_count", 3),
        ("=+0100", "truncated", 7),
        ("&xLO\u00e9AL", "wrong_character", 5),
        ("=\uff21999917123456", "wrong_character", 2),
        ("=A9999\u0661712345600", "wrong_character", 7),
        ("&,4PL001499Z549917123456A00T041600320181331", "no_such_day", 40),
    ],
)  # fmt: skip
def test_a_bad_scan_says_where_and_why(text, code, position):
    with pytest.raises(BadScan) as caught:
        scan(text)
    assert (caught.value.code, caught.value.position) == (code, position)


def test_letter_o_for_zero_is_said():
    with pytest.raises(BadScan) as caught:
        scan("=W4836260O001100")
    assert "letter O" in caught.value.message("en")
    assert "字母 O" in caught.value.message("zh")


@pytest.mark.parametrize(
    "text",
    [
        "=>026001",
        "&(N0008",
        "=\\777770000000000000",
        "&{010203040000000000",
        "=)1BC1234567",
        "&)1234ABCDEF",
        "=;G12340000000000777123",
        "='A9999ABC123",
        "=-AB12345678",
        "&-1234567890",
        "=#0119800229",
        "&#0106QRS345",
        "&#0100",
        "=]202612",
        "&$020100010000100002000200002000",
        "&%0010040010301",
        "=(1001202602282359",
        "&+G1234QR2345",
        "=/G1234QR2345T0555",
        "&,1000000000000LOT777",
        "&,2000000000000SUP777",
        "&,4PL001499Z549917123456A00T041600300000000",
        "&/CHA999921ABC123",
        "={abcdefghijklmnopqr",
        "&xANY local text=%6200",
        "&;123456",
        "=+06000=/G1234QRS200T0555=,000031=G12341876543200=>025041=}023041&,1000000000000LOT777",
    ],
)
def test_every_other_structure_prints_back(text):
    assert scan(text).text() == text


def test_the_grid_checksum_is_the_mod_37_2_value():
    with pytest.raises(BadScan, match="checksum") as caught:
        scan("&:9991ABC123456789099")
    right = caught.value.expected[:2]
    assert scan(f"&:9991ABC1234567890{right}").structures[0].fields["checksum"] == right
    for value in range(37):
        if f"{value:02}" != right:
            with pytest.raises(BadScan, match="checksum"):
                scan(f"&:9991ABC1234567890{value:02}")


def test_no_identifier_begins_another():
    names = list(BY_IDENTIFIER)
    assert not [(a, b) for a in names for b in names if a != b and b.startswith(a)]


@pytest.mark.parametrize("flags", ["06", "07", "08", "09", "10"])
def test_a_sample_or_record_label_is_never_a_bag(flags):
    assert not is_container(flags)
    label = scan(f"=A999917123456{flags}=<E0336V00")
    assert label.structures[0].fields["is_container"] is False
    with pytest.raises(BadScan) as caught:
        as_bag(label)
    assert (caught.value.code, caught.value.position) == ("sample_or_record", 15)


@pytest.mark.parametrize(
    ("scans", "name"),
    [
        (["=A99991712345600=<E0336V00"], "A999917123456=E0336V00"),
        (["=<E0336VA0&>0261232359", "=A99991712345615=%6200"], "A999917123456=E0336VA0"),
        (["A999914123458J", "=<P0065H00"], "A999914123458=P0065H00"),
        (["=+03000=A99991712345600=<S1295V99=,AABB01"], "A999917123456=S1295V99=AABB01"),
        (["=A99991712345600", "=A99991712345600", "=<E0336V00"], "A999917123456=E0336V00"),
    ],
)
def test_a_label_names_its_bag(scans, name):
    assert str(as_bag(*map(scan, scans))) == name


@pytest.mark.parametrize(
    ("scans", "code"),
    [
        (["=%6200"], "no_din"),
        (["=A99991712345600"], "no_product"),
        (["=<E0336V00"], "no_din"),
        (["A9999E0398A999921123456A00000"], "no_product"),
        (["=A99991712345600", "=A99991712345700", "=<E0336V00"], "two_dins"),
        (["=A99991712345600", "=<E0336V00", "=<E0336VA0"], "two_products"),
        (["=A99991712345600", "=<S1295V99"], "division_needed"),
        (["=A99991712345600", "=<S1295V99=,000001=,000002"], "two_divisions"),
        (["=A99991712345600", "=<S1295V00=,000001"], "division_not_allowed"),
    ],
)
def test_a_label_that_names_no_bag_is_refused(scans, code):
    with pytest.raises(BadScan) as caught:
        as_bag(*map(scan, scans))
    assert caught.value.code == code


def test_tissue_divisions_have_three_characters():
    assert (fields("=<T0416003")["collection"], fields("=<T0416003")["division"]) == (None, "003")


def test_a_bad_scan_is_told_in_both_languages_and_travels():
    for code, words in REASONS.items():
        assert words.en.isascii(), code
        assert not words.zh.isascii(), code
    with pytest.raises(BadScan) as caught:
        parse_keyed("A9999141234580")
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.as_dict() == caught.value.as_dict()
    assert "J" in again.expected
    assert str(again) == again.message("en")


@pytest.mark.parametrize("text", ["A99991412345", "A9999141234588", "O999914123458", "AA9A914123458", ""])
def test_a_bad_din_is_refused(text):
    with pytest.raises(BadScan):
        check_din(text)
