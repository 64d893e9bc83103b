import json
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.data.splits import Split
from convscope.data.token_rows import UNKNOWN
from convscope.errors import RunError, UsageError, install_command
from convscope.kinds.text.classification.representation import TextRepresentation
from convscope.kinds.text.readers.sources import Texts

UNITS = ("words", "subwords", "hashed")
RAW = [
    "What a film! I didn't like it.",
    "It's fine, U.S. films cost 10,000.5",
    "WHAT a well-made film...",
    "a a b",
]
DIVIDED = [
    "what a film ! i did n't like it .",
    "it 's fine , u.s. films cost 10 , really ?",
    "-lrb- what a re-do -rrb- .",
]


def source(texts):
    return Texts("", [f"a#{number}" for number in range(len(texts))], texts)


def split(texts):
    return Split(source(texts), np.zeros(len(texts), np.int64))


def fitted(texts=RAW, **options):
    return TextRepresentation.fit(split(texts), **options)[0]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("What a film!!", "What|a|film|!!"),
        ("I didn't, it's; we'LL", "I|did|n't|,|it|'s|;|we|'LL"),
        ("Don\u2019t say o\u2019clock", "Do|n\u2019t|say|o\u2019clock"),
        ("the U.S. paid 10,000.5 at 12:30.", "the|U.S.|paid|10,000.5|at|12:30|."),
        ("a well-made AT&T (good)", "a|well-made|AT&T|(|good|)"),
        ("wait...what?!", "wait|...|what|?|!"),
        ("日本語とEnglish", "日|本|語|と|English"),
        ("สวัสดี مرحبا שלום", "สวัสดี|مرحبا|שלום"),
        ("ok 👩‍👩‍👧👍🏽 🇩🇪!", "ok|👩‍👩‍👧|👍🏽|🇩🇪|!"),
        ("cafe\u0301 \u00bfque\u0301?", "cafe\u0301|\u00bf|que\u0301|?"),
        ("  two \n lines\t", "two|lines"),
        ("", ""),
        (" \n ", ""),
    ],
)
@pytest.mark.parametrize("unit", ["words", "hashed"])
def test_a_text_is_divided_into_words_as_it_is_spelled(text, tokens, unit):
    representation = fitted(unit=unit)
    assert representation.tokens(text) == tuple(tokens.split("|"))
    assert [text[start:end] for start, end in representation.offsets(text)] == tokens.split("|")


def test_texts_that_are_divided_already_stay_as_they_are():
    representation, decisions = TextRepresentation.fit(split(DIVIDED))
    assert representation.spaced
    assert "divided at white space" in decisions[1]
    for text in DIVIDED:
        assert representation.tokens(text) == tuple(text.split())
    assert representation.tokens("I didn't like it.") == ("I", "did", "n't", "like", "it", ".")


def test_texts_that_are_not_divided_are():
    representation, decisions = TextRepresentation.fit(split(RAW))
    assert not representation.spaced
    assert decisions == (
        f"vocabulary: {len(representation.words) - 2} words, learned from 4 train texts",
        "words: divided with punctuation and English clitics apart",
    )


def test_words_are_numbered_by_how_often_they_occur():
    representation = fitted(["b b b a a c", "c d"])
    assert representation.words == ("<padding>", "<unknown>", "b", "a", "c", "d")
    assert representation.sizes == {"vocabulary": 6}
    (ids,) = representation.to_ids(["a d B never"])
    assert (ids.tolist(), ids.dtype) == ([3, 5, 2, UNKNOWN], np.int32)
    assert fitted(["b b b a a c", "c d"], vocabulary=4).words == ("<padding>", "<unknown>", "b", "a")
    assert fitted(["b b b a a c", "c d"], min_count=3).words == ("<padding>", "<unknown>", "b")


def test_capitals_can_count():
    assert "What" in fitted(lowercase=False).words
    assert "What" not in fitted().words


def test_composed_characters_have_one_form():
    representation = fitted(["caf\u00e9 a", "b"])
    assert (
        representation.to_ids(["cafe\u0301"])[0].tolist()
        == representation.to_ids(["CAF\u00c9"])[0].tolist()
        != [1]
    )


@pytest.mark.parametrize("special", ["<padding>", "<unknown>", " padding", " unknown", "##", "[UNK]"])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("texts", [RAW, DIVIDED])
def test_no_text_can_spell_padding(special, unit, texts):
    for text in (special, f"a {special} b"):
        assert 0 not in fitted(texts, unit=unit).to_ids([text])[0]


def test_sub_words_know_every_word_made_of_known_letters():
    representation = fitted(["low lower lowest newer wider new"] * 4, unit="subwords", vocabulary=30)
    (ids,) = representation.to_ids(["lowerest"])
    assert UNKNOWN not in ids
    assert "".join(representation.tokens("lowerest")) == "lowerest"
    assert representation.sizes["vocabulary"] <= 30
    assert representation.to_ids(["q"])[0].tolist() == [UNKNOWN]


def test_hashed_words_have_the_same_id_everywhere():
    representation = fitted(unit="hashed", vocabulary=1000)
    expected = [2 + zlib.crc32(word.encode()) % 998 for word in ("what", "a", "f\u00ealm", "!")]
    assert representation.to_ids(["What a f\u00ealm!"])[0].tolist() == expected
    assert len(representation.words) == representation.sizes["vocabulary"] == 1000
    assert representation == fitted(["something else"], unit="hashed", vocabulary=1000)


@pytest.mark.parametrize("unit", UNITS)
def test_rows_are_the_same_alone_and_among_others_and_never_empty(unit):
    representation = fitted(unit=unit)
    texts = [*RAW, "", " ", "never seen 日", RAW[0] * 30]
    rows = representation.encode(source(texts))
    assert len(rows) == len(texts)
    for number, text in enumerate(texts):
        assert np.array_equal(rows.row(number), representation.to_ids([text])[0])
        assert len(rows.row(number)) == len(representation.tokens(text))
    assert rows.row(4).tolist() == [UNKNOWN]
    assert representation.to_inputs(rows.take(np.arange(3))).dtype == np.int32


def test_long_texts_are_cut_and_counted():
    representation, decisions = TextRepresentation.fit(split([*RAW, "a b " * 50]), max_length=20)
    assert decisions[-1] == "length: 1 of 5 train texts are cut at 20 tokens"
    assert len(representation.to_ids(["a " * 100_000])[0]) == len(representation.tokens("a " * 30)) == 20


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("texts", [RAW, DIVIDED])
def test_what_is_saved_is_the_same_again(unit, texts):
    representation = fitted(texts, unit=unit, max_length=7, lowercase=unit == "words")
    again = TextRepresentation.from_json(json.loads(json.dumps(representation.to_json())))
    assert again == representation
    for text in (*RAW, *DIVIDED, "日本語 never"):
        assert np.array_equal(again.to_ids([text])[0], representation.to_ids([text])[0])
    assert again.shape == (None,)
    assert again.example(3).shape[0] == 3
    assert again.example(3).max() < again.sizes["vocabulary"]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "image"},
        {"version": 2},
        {"unit": "letters"},
        {"unit": []},
        {"max_length": 0},
        {"max_length": True},
        {"lowercase": 1},
        {"spaced": None},
        {"words": None},
        {"words": ["a", "b"]},
        {"words": ["<padding>", "<unknown>", "a", "a"]},
        {"words": ["<padding>", "<unknown>", 3]},
        {"merges": None},
        {"merges": [["a"]]},
        {"merges": [["never", "##there"]]},
        {"unit": "hashed"},
        {"unit": "hashed", "words": 2},
        {"unit": "hashed", "words": 10**12},
    ],
)
def test_damaged_json_stops(change):
    saved = {**fitted(unit="subwords").to_json(), **change}
    with pytest.raises(RunError, match="text representation"):
        TextRepresentation.from_json(saved)
    with pytest.raises(RunError, match="expected a mapping"):
        TextRepresentation.from_json([])


@pytest.mark.parametrize(
    "options", [{"unit": "letters"}, {"vocabulary": 2}, {"min_count": 0}, {"max_length": 0}]
)
def test_arguments_that_cannot_work_are_wrong_use(options):
    with pytest.raises(UsageError, match=f"Received: {next(iter(options))}="):
        fitted(**options)
    with pytest.raises(UsageError, match="at least one text"):
        fitted([])


def test_without_the_library_the_install_command_is_said():
    code = (
        "import sys; sys.modules['tokenizers'] = None\n"
        "from convscope.kinds.text.classification.representation import TextRepresentation\n"
        "from convscope.errors import BackendError\n"
        "try: TextRepresentation('words', ('<padding>', '<unknown>', 'a')).to_ids(['a'])\n"
        "except BackendError as error: print(error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"Install it: {install_command('text')}"


REPRESENTATIONS = [fitted(texts, unit=unit, max_length=30) for texts in (RAW, DIVIDED) for unit in UNITS]


@settings(deadline=None, derandomize=True, database=None, max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_has_ids_and_offsets_in_order(text):
    for representation in REPRESENTATIONS:
        (ids,) = representation.to_ids([text])
        offsets = representation.offsets(text)
        assert len(ids) == len(offsets) == len(representation.tokens(text)) > 0
        assert ids.min() >= UNKNOWN
        assert ids.max() < representation.sizes["vocabulary"]
        assert all(0 <= start <= end <= len(text) for start, end in offsets)
        assert list(offsets) == sorted(offsets)
