"""This file holds the properties: parsed prints back the same, wrong keyed DINs are refused, no repair."""

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger.isbt128 import BadScan, BagName, check, check_character, check_din, parse_keyed, scan
from ledger.isbt128.blood_group import BLOOD_GROUPS
from ledger.isbt128.layout import Layout
from ledger.isbt128.structures import BY_IDENTIFIER, COMPOUND

# The same examples in every run: what fails once fails again.
same = settings(derandomize=True, database=None, deadline=None, max_examples=200)
few = settings(same, max_examples=40)

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
NO_O = ALPHABET.replace("O", "").replace("*", "")


def some(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern, fullmatch=True)


dins = some("[A-NP-Z1-9][A-NP-Z0-9]{2}[0-9]{10}")
products = some("[A-Z][A-Z0-9]{4}[A-Za-z0-9][A-Z0-9][a-z0-9]").filter(lambda code: not code.endswith("99"))
names = st.one_of(
    st.builds("{}={}".format, dins, products),
    st.builds("{}={}={}".format, dins, some("[A-Z][A-Z0-9]{4}[A-Za-z0-9]99"), some("[A-Z0-9]{6}")),
    st.builds("{}#{}".format, dins, st.integers(1, 999_999)),
)
days = st.builds("{:03}{:03}".format, st.integers(0, 999), st.integers(1, 365))
times = st.builds("{:02}{:02}".format, st.integers(0, 23), st.integers(0, 59))
labels = st.one_of(
    st.builds("={}{}".format, dins, some("[0-5][0-9]|[A-HJ-NPR-Y]{2}")),
    st.builds("=%{}{}0".format, st.sampled_from(sorted(BLOOD_GROUPS)), some("[0-9A-Z]")),
    st.builds("=<{}".format, products),
    st.builds("={}{}".format, st.sampled_from(">*}"), days),
    st.builds("&{}{}{}".format, st.sampled_from(">*}"), days, times),
    some('&"[0-8]{9}[036]0{8}'),
    some("=,[A-Z0-9]{6}"),
    some("=[$][A-NP-Z1-9][A-NP-Z0-9]{2}[0-9]{13}"),
    some("&,4[A-Z]{2}[A-Z0-9]{19}A[A-Z0-9]{10}(00000000|20[0-9]{2}0[1-9]2[0-8])"),
)


def reads_back_or_refuses(read, text):
    """Give the refusal, or None when the text was read and printed back the same."""
    try:
        found = read(text)
    except BadScan as bad:
        return bad
    assert (str(found) if isinstance(found, BagName) else found.text()) == text
    return None


@same
@given(labels)
def test_what_is_parsed_prints_back_the_same(text):
    found = scan(text)
    assert found.text() == text
    json.dumps(found.as_list())


@same
@given(st.lists(labels, min_size=1, max_size=6))
def test_concatenated_scans_print_back_and_are_what_they_are_alone(texts):
    joined = scan("".join(texts))
    assert joined.text() == "".join(texts)
    assert [s.fields for s in joined.structures] == [scan(text).structures[0].fields for text in texts]
    compound = f"=+{len(texts):02}000" + "".join(texts)
    assert scan(compound).text() == compound
    assert [s.fields for s in scan(compound).structures[1:]] == [s.fields for s in joined.structures]


@same
@given(st.lists(labels, min_size=1, max_size=4), st.integers(0, 99))
def test_a_compound_with_another_count_is_refused(texts, count):
    assume(count != len(texts))
    with pytest.raises(BadScan) as caught:
        scan(f"=+{count:02}000" + "".join(texts))
    assert caught.value.code == "wrong_count"


def of_layout(layout: Layout) -> st.SearchStrategy[str]:
    places = [sorted(alphabet.characters) for _, alphabets in layout.elements for alphabet in alphabets]
    return st.tuples(*map(st.sampled_from, places)).map(lambda found: layout.identifier + "".join(found))


@pytest.mark.parametrize("layout", [one for one in BY_IDENTIFIER.values() if one is not COMPOUND],
                         ids=lambda layout: layout.number)  # fmt: skip
def test_every_layout_prints_back_or_says_where_it_is_wrong(layout):
    @few
    @given(of_layout(layout))
    def holds(text):
        bad = reads_back_or_refuses(scan, text)
        if bad:
            assert len(layout.identifier) < bad.position <= len(text) + 1
            assert bad.structure == layout.label.en

    holds()


@same
@given(st.one_of(st.text(max_size=40), st.text("=&+,<>%#$0123456789AOZaz", max_size=60)))
def test_any_text_is_read_or_refused_within_it(text):
    bad = reads_back_or_refuses(scan, text)
    assert not bad or (1 <= bad.position <= len(text) + 1 and bad.message("en") and bad.message("zh"))


@same
@given(labels, st.data())
def test_a_changed_scan_is_never_repaired(text, data):
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.characters(min_codepoint=32, max_codepoint=126)) + text[place + 1 :]
    bad = reads_back_or_refuses(scan, changed)
    assert not bad or 1 <= bad.position <= len(changed) + 1


@same
@given(dins)
def test_the_check_character_is_that_of_the_published_algorithm(din):
    total = 0
    for character in din:
        total = (total + ALPHABET.index(character)) * 2 % 37
    assert check_character(din) == ALPHABET[(38 - total) % 37]
    assert parse_keyed(din + check_character(din)) == din


@few
@given(dins)
def test_a_single_wrong_character_of_a_keyed_din_is_refused(din):
    keyed = din + check_character(din)
    for place, right in enumerate(keyed):
        for wrong in ALPHABET.replace(right, "") + "oO abz-":
            if wrong != right:
                with pytest.raises(BadScan):
                    parse_keyed(keyed[:place] + wrong + keyed[place + 1 :])


@same
@given(dins)
def test_any_two_swapped_characters_of_a_keyed_din_are_refused(din):
    keyed = din + check_character(din)
    for left in range(14):
        for right in range(left + 1, 14):
            if keyed[left] != keyed[right]:
                swapped = list(keyed)
                swapped[left], swapped[right] = keyed[right], keyed[left]
                with pytest.raises(BadScan):
                    parse_keyed("".join(swapped))


@same
@given(names)
def test_a_bag_name_prints_back_the_same(text):
    assert str(BagName.parse(check(text))) == text
    assert check_din(text[:13]) == text[:13]


@same
@given(names, st.data())
def test_the_quick_and_the_slow_reader_of_bag_names_agree(text, data):
    place = data.draw(st.integers(0, len(text)))
    changed = text[:place] + data.draw(st.text(max_size=2)) + text[place + data.draw(st.integers(0, 2)) :]
    # A disagreement is an AssertionError in `check`, which nobody catches here.
    bad = reads_back_or_refuses(lambda name: BagName.parse(check(name)), changed)
    assert not bad or 1 <= bad.position <= len(changed) + 1
