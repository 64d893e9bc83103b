"""Labels and groups in names of files: found, taken by a pattern, or asked for with a pattern that fits."""

import re
from itertools import product

import pytest

from convscope.data.file_labels import classes_by_pattern, labels_of_names
from convscope.data.listing import Listing
from convscope.data.name_patterns import doubt_about_folders, suggested_patterns
from convscope.errors import DataError, UsageError

WORDS, PEOPLE = ("no", "yes"), ("Ann", "Bob", "Cyd", "Dan", "Eve")


def named(form):
    return [form.format(word=w, who=p, k=k) for w, p, k in product(WORDS, PEOPLE, range(3))]


def patterns_in(hint):
    return re.findall(r"--label-pattern '([^']+)'", hint)


@pytest.mark.parametrize(
    "form",
    [
        "{word}_{who}_{k}.wav",
        "{who}-{word}-{k}.wav",
        "{k}.{who} ({word}).jpg",
        "a/{word}_{who}_{k}.wav",
        "{word}{k}_{who}.wav",
    ],
    ids=["first", "middle", "brackets", "nested", "digits-behind-letters"],
)
def test_the_first_pattern_that_is_offered_takes_the_word_and_keeps_people_together(form):
    keys = named(form)
    assert labels_of_names(keys) is None
    pattern = patterns_in(suggested_patterns(keys))[0]
    found = [re.search(pattern, key) for key in keys]
    assert [each["label"] for each in found] == [w for w, _, _ in product(WORDS, PEOPLE, range(3))]
    assert [each["group"] for each in found] == [p for _, p, _ in product(WORDS, PEOPLE, range(3))]


def test_classes_of_two_words_are_labels_and_two_things_in_one_name_are_none():
    breeds = [f"{breed}_{k}.jpg" for breed in ("great_dane", "toy_poodle", "pug") for k in range(4)]
    assert set(labels_of_names(breeds).labels) == {"great_dane", "toy_poodle", "pug"}
    assert labels_of_names(named("{word}_{who}_{k}.jpg")) is None


@pytest.mark.parametrize(
    "keys", [[], ["a.wav"], ["one.wav", "another one.wav", "3.wav"], [f"{k}.wav" for k in range(9)]]
)
def test_nothing_is_offered_where_names_have_no_form(keys):
    assert suggested_patterns(keys) == ""


def test_folders_that_names_repeat_beside_another_label_are_doubted():
    keys = [f"{who}/{word}_{who}_{k}.wav" for who, word, k in product(PEOPLE, WORDS, range(2))]
    said = doubt_about_folders(keys, [key.partition("/")[0] for key in keys])
    (pattern,) = patterns_in(said)
    assert {re.search(pattern, key)["label"] for key in keys} == set(WORDS)
    assert {re.search(pattern, key)["group"] for key in keys} == set(PEOPLE)
    songs = [f"{genre}/{genre}_{k:03}.wav" for genre, k in product(("blues", "jazz"), range(4))]
    assert doubt_about_folders(songs, [key.partition("/")[0] for key in songs]) == ""


def named_so(key):
    return key.endswith(".wav")


def files(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return Listing(str(folder))


def test_a_pattern_gives_labels_splits_and_groups(tmp_path):
    listing = files(tmp_path, "train/a_1.jpg", "train/b_2.jpg", "val/a_3.jpg", "val/odd.jpg", "notes.txt")
    pattern = r"(?P<split>train|val)/(?P<label>[a-z])_(?P<subject>\d)"
    found = classes_by_pattern(listing, pattern, lambda key: key.endswith(".jpg"))
    assert (found.labels, found.groups) == (["a", "b", "a"], ["1", "2", "3"])
    assert found.splits == ["train", "train", "validation"]
    assert {each.path.rpartition("/")[2] for each in listing.skipped} == {"odd.jpg", "notes.txt"}


def test_a_pattern_that_no_name_has_is_refused_with_one_that_fits(tmp_path):
    listing = files(tmp_path, *named("{word}_{who}_{k}.wav"))
    with pytest.raises(DataError, match="by the pattern") as raised:
        classes_by_pattern(listing, r"speaker(\d+)", named_so)
    assert patterns_in(raised.value.hint)
    for pattern in ("(", "yes"):
        with pytest.raises(UsageError):
            classes_by_pattern(listing, pattern, named_so)


def test_words_that_all_names_begin_with_are_no_part_of_the_label():
    found = labels_of_names([f"img_{word}_{k}.png" for word in ("cat", "black_dog") for k in range(4)])
    assert set(found.labels) == {"cat", "black_dog"}
    assert "'img_', with which all begin, is no part of them" in found.line
