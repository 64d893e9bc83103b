"""Words of raw text, with the characters they stand at."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.kinds.text.readers.sentences import Sentence, TaggedSentences
from convscope.kinds.text.words import pre_tokenizer, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ada wrote, at last.", "Ada wrote , at last ."),
        ("don't can't won't", "do n't ca n't wo n't"),
        ("Peter's O'Brien\u2019s 'quoted'", "Peter 's O'Brien \u2019s ' quoted '"),
        ("German-made 1996-08-22 AT&T", "German-made 1996-08-22 AT&T"),
        ("$1,000.50 12:30 1/2.", "$ 1,000.50 12:30 1/2 ."),
        ("U.S. a.m. Mr. end.Next", "U.S. a.m. Mr . end . Next"),
        ("wait... -- what?!", "wait ... -- what ? !"),
        ("東京は大きい。", "東 京 は 大 き い 。"),
        ("서울은 크다", "서울은 크다"),
        ("עברית, ויפה", "עברית , ויפה"),
        ("हिन्दी में", "हिन्दी में"),
        ("cafe\u0301 ok", "cafe\u0301 ok"),
        ("so👍🏽👨‍👩‍👧🇩🇪❤️!", "so 👍🏽 👨‍👩‍👧 🇩🇪 ❤️ !"),
        ("\u200fא\u200e b\x00c", "א b c"),
        ("''", "''"),
        ("n't 's", "n't ' s"),
    ],
)
def test_text_is_split_into_words(text, words):
    found = Sentence.read(text).words
    assert list(found) == words.split(" ") or " ".join(found) == words


@pytest.mark.parametrize("text", ["", " \t\n", "\u200b\u200e"])
def test_text_without_words_has_none(text):
    assert Sentence.read(text).words == ()


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(st.text() | st.text(alphabet="a'.-1, \u200d👍🏽🇩\u0301東n't"))
def test_words_stand_where_they_say_and_leave_out_nothing_that_is_seen(text):
    sentence = Sentence.read(text)
    at = 0
    for word, (start, end) in zip(sentence.words, sentence.offsets, strict=True):
        assert text[start:end] == word != ""
        assert not any(char.isalnum() for char in text[at:start])
        assert start >= at
        at = end
    assert not any(char.isalnum() for char in text[at:])


def test_words_alone_make_a_text():
    sentence = Sentence.of(["a", "bc", "."])
    assert sentence.text == "a bc ."
    assert [sentence.text[start:end] for start, end in sentence.offsets] == ["a", "bc", "."]


def test_samples_are_taken_with_their_names():
    samples = TaggedSentences("data", ["t#1", "t#5", "t#9"], [Sentence.of([word]) for word in "abc"])
    taken = samples.take(np.array([2, 0]))
    assert [taken.load(i).words for i in range(len(taken))] == [("c",), ("a",)]
    assert taken.key(0) == "t#9"
    assert taken.name(1).replace("\\", "/") == "data/t#1"


@pytest.mark.parametrize("run", ["s", "S", "\u00df", "ss'", "fi", "n't", "a@", "1/", "e\u0301"])
@pytest.mark.parametrize("divide", [words_of, pre_tokenizer(False).pre_tokenize_str], ids=["tags", "classes"])
def test_long_runs_of_one_letter_are_divided_at_once(divide, run):
    text = f"Ye{run * 3000}rman yes{run * 40} don't"
    began = time.perf_counter()
    assert divide(text)
    assert time.perf_counter() - began < 10
