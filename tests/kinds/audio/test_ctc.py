"""Words from probabilities: beside an enumeration of every alignment, and cut into parts of any size."""

import itertools
import math

import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.kinds.audio.speech.ctc import BeamSearch, FrameWord, GreedySearch, search_for
from convscope.kinds.audio.speech.ctc_beam import CHECKED_EVERY, HORIZON

pytestmark = pytest.mark.portable

CHARACTERS = ("a", "b", " ")
ALL = 10**6


def shares(seed, frames=6, ids=4, sharpness=2.0):
    """Random probabilities of the blank and the characters."""
    logits = np.random.default_rng(seed).normal(size=(frames, ids)) * sharpness
    return (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32)


def read(alignment):
    said = [label for label, _ in itertools.groupby(alignment) if label]
    return "".join(CHARACTERS[label - 1] for label in said)


def enumerated(probabilities):
    """Every text: its probability summed over all alignments, and the most probable of these."""
    texts = {}
    for alignment in itertools.product(range(probabilities.shape[1]), repeat=len(probabilities)):
        p = math.prod(float(probabilities[t, label]) for t, label in enumerate(alignment))
        total, best = texts.get(read(alignment), (0.0, (0.0, ())))
        texts[read(alignment)] = total + p, max(best, (p, alignment))
    return texts


def found(search, probabilities):
    return search.push(probabilities) + search.finish()


@pytest.mark.parametrize("seed", range(8))
def test_a_beam_wide_enough_finds_the_most_probable_text_of_all(seed):
    probabilities = shares(seed)
    search = BeamSearch(CHARACTERS, ALL, least=0)
    for frame in probabilities:
        search._beam._frame = 0  # nothing is given out, so that the whole text can be compared
        assert search.push(frame[None]) == []
    text, score = search.best()
    texts = enumerated(probabilities)
    likeliest = max(texts, key=lambda each: texts[each][0])
    assert text == likeliest
    assert score == pytest.approx(math.log(texts[likeliest][0]), abs=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_words_stand_where_the_best_alignment_of_the_text_has_them(seed):
    probabilities = shares(seed)
    words = found(BeamSearch(CHARACTERS, ALL, least=0), probabilities)
    texts = enumerated(probabilities)
    likeliest = max(texts, key=lambda each: texts[each][0])
    _, alignment = texts[likeliest][1]
    assert words == expected_words(alignment, probabilities)


def expected_words(alignment, probabilities):
    """The words of one alignment, from its runs of equal labels."""
    words, at, inside = [], 0, []
    for label, run in itertools.groupby(alignment):
        count = len(list(run))
        if label and CHARACTERS[label - 1] != " ":
            sure = max(float(each) for each in probabilities[at : at + count, label])
            inside.append((CHARACTERS[label - 1], at, at + count, sure))
        elif label:
            words.append(inside)
            inside = []
        at += count
    return [
        FrameWord(
            "".join(c for c, *_ in w), w[0][1], w[-1][2], pytest.approx(min(p for *_, p in w), abs=1e-6)
        )
        for w in [*words, inside]
        if w
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_list_of_words_leaves_the_most_probable_text_of_these_words(seed):
    probabilities = shares(seed, frames=7, sharpness=1.0)
    words = {"ab": 0.0, "b": 0.7}
    search = BeamSearch(CHARACTERS, ALL, words, least=0)
    for frame in probabilities:
        search._beam._frame = 0
        search.push(frame[None])
    scores = {}
    for text, (p, _) in enumerated(probabilities).items():
        parts = text.split(" ")
        ends = parts[:-1] if parts[-1] == "" and len(parts) > 1 else parts
        if text == "" or all(part in words for part in ends):
            scores[text] = math.log(p) + sum(words[part] for part in ends if part)
    likeliest = max(scores, key=scores.get)
    assert search.best() == (likeliest, pytest.approx(scores[likeliest], abs=1e-4))


def test_a_weight_makes_a_word_come_or_go():
    probabilities = np.array([[0.1, 0.4, 0.5, 0.0]] * 2, np.float32)
    texts = [
        [word.text for word in found(BeamSearch(CHARACTERS, 8, {"a": weight, "b": 0.0}), probabilities)]
        for weight in (0.0, 2.0)
    ]
    assert texts == [["b"], ["a"]]


def test_a_word_that_breaks_off_is_left_out_where_only_listed_words_may_be_said():
    probabilities = np.eye(4, dtype=np.float32)[[1, 2, 3, 1]]
    assert [word.text for word in found(BeamSearch(CHARACTERS, 4, ["ab"]), probabilities)] == ["ab"]


@pytest.mark.parametrize("seed", range(5))
def test_the_greedy_search_reads_the_most_probable_alignment(seed):
    probabilities = shares(seed, frames=30)
    alignment = probabilities.argmax(1).tolist()
    assert found(GreedySearch(CHARACTERS), probabilities) == expected_words(alignment, probabilities)


@pytest.mark.parametrize("words", [None, ["a", "ab", "ba", "abba"]])
@pytest.mark.parametrize("beam", [1, 4, 16])
def test_words_do_not_depend_on_how_the_frames_are_cut(beam, words):
    if beam == 1 and words:
        pytest.skip("a list of words needs a beam")
    probabilities = shares(0, frames=400, sharpness=3.0)
    listed = None if words is None else dict.fromkeys(words, 0.0)
    whole = found(search_for(CHARACTERS, beam, listed), probabilities)
    assert len(whole) > 20
    for size in (1, 7, 64):
        search = search_for(CHARACTERS, beam, listed)
        parts = [search.push(probabilities[at : at + size]) for at in range(0, 400, size)]
        early = [word for part in parts for word in part]
        assert early + search.finish() == whole
        assert len(early) > len(whole) // 2, "words are given out before the end"


@pytest.mark.parametrize("sharpness", [4.0, 8.0])
def test_memory_does_not_grow_with_the_frames(sharpness):
    search = BeamSearch(CHARACTERS, 8)
    sizes = []
    for seed in range(8):
        search.push(shares(seed, frames=500, sharpness=sharpness))
        sizes.append(len(search._beam._known))
    assert max(sizes[4:]) < 1.5 * max(sizes[:4]) + 100


def test_a_word_that_stays_doubtful_is_given_out_all_the_same():
    doubt = np.array([[0.0, 0.51, 0.49, 0.0], [0.0, 0.0, 0.0, 1.0]], np.float32)
    silence = np.tile(np.array([1.0, 0.0, 0.0, 0.0], np.float32), (HORIZON + CHECKED_EVERY, 1))
    search = BeamSearch(CHARACTERS, 8)
    assert search.push(np.concatenate([doubt, silence[:100]])) == []
    assert [word.text for word in search.push(silence)] == ["a"]
    assert search.finish() == []


@pytest.mark.parametrize("search", [GreedySearch(CHARACTERS), BeamSearch(CHARACTERS)])
def test_no_frames_have_no_words(search):
    assert search.push(np.zeros((0, 4), np.float32)) == []
    assert search.finish() == []


def test_certain_frames_are_read_letter_by_letter():
    labels = [0, 1, 1, 0, 1, 2, 3, 3, 0, 2, 0]
    probabilities = np.eye(4, dtype=np.float32)[labels]
    expected = [FrameWord("aab", 1, 6, 1.0), FrameWord("b", 9, 10, 1.0)]
    assert found(GreedySearch(CHARACTERS), probabilities) == expected
    assert found(BeamSearch(CHARACTERS), probabilities) == expected


def test_characters_without_a_space_are_one_word():
    probabilities = np.eye(3, dtype=np.float32)[[1, 2, 1]]
    for search in (GreedySearch("ab"), BeamSearch("ab")):
        assert [word.text for word in found(search, probabilities)] == ["aba"]


@pytest.mark.parametrize(
    ("beam", "words", "reason"),
    [
        (0, None, "at least one text"),
        (4, ["a", "cab"], "'cab'"),
        (4, ["a b"], "'a b'"),
        (4, [""], "''"),
        (4, [], "empty"),
        (4, {"a": math.nan}, "weight"),
    ],
)
def test_what_cannot_be_searched_is_refused(beam, words, reason):
    with pytest.raises(UsageError, match=reason):
        BeamSearch(CHARACTERS, beam, words)


def test_a_list_of_words_needs_a_beam():
    with pytest.raises(UsageError, match="beam of 2"):
        search_for(CHARACTERS, 1, {"a": 0.0})
