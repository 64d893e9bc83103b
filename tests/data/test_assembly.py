from dataclasses import dataclass, replace

import numpy as np
import pytest

from convscope.data.assembly import Found, assemble
from convscope.data.digests import digests_of
from convscope.errors import DataError, UsageError
from convscope.types import SPLITS


@dataclass(frozen=True)
class Words:
    """Texts in memory, named by their keys."""

    keys: tuple[str, ...]

    def __len__(self):
        return len(self.keys)

    def load(self, index):
        return self.keys[index]

    def name(self, index):
        return f"words/{self.keys[index]}"

    def key(self, index):
        return self.keys[index]

    def take(self, indices):
        return Words(tuple(self.keys[i] for i in indices))


def found(keys, labels, splits=None, **more):
    return Found(
        where="words",
        layout="made",
        source=Words(tuple(keys)),
        labels=labels,
        splits=splits or [None] * len(labels),
        digests=digests_of(key.encode() for key in keys),
        nouns=("word", "words"),
        **more,
    )


def many(count=40):
    return [f"{i:03d}" for i in range(count)], ["ab"[i % 2] for i in range(count)]


def names_of(split):
    return set(split.names())


def test_samples_without_a_label_are_left_out_and_counted():
    keys, labels = many()
    labels[3] = labels[7] = None
    splits = assemble(found(keys, labels), 0)
    assert sum(len(splits[name]) for name in SPLITS) == 38
    assert "2 of 40 words have no label and are left out" in splits.warnings
    assert "words/003" not in {name for split in SPLITS for name in splits[split].names()}


def test_a_test_split_without_labels_is_left_out_and_another_is_drawn():
    keys, labels = many(60)
    parts = ["train"] * 50 + ["test"] * 10
    splits = assemble(found(keys, labels[:50] + [None] * 10, parts), 0)
    assert "the 10 test words have no label and are left out" in splits.warnings
    assert not names_of(splits.test) & {f"words/{key}" for key in keys[50:]}
    assert len(splits.test) == 4  # a tenth of the train words, half of each class


@pytest.mark.parametrize(
    ("labels", "parts", "left"),
    [
        (["0", "1"] * 10 + ["-1"] * 5, ["train"] * 20 + ["test"] * 5, 20),  # a whole split has it
        (["0", "1", "2"] * 8 + ["-1"] * 2, None, 24),  # beside 0, 1 and 2
        (["-1", "0", "1"] * 8, None, 24),  # negative, neutral and positive
        (["-1", "1"] * 8, None, 16),
        (["-2", "-1", "0", "1", "2"] * 8, None, 40),
    ],
)
def test_minus_one_is_no_label_where_it_cannot_be_a_class(labels, parts, left):
    keys = [str(i) for i in range(len(labels))]
    splits = assemble(found(keys, labels, parts), 0)
    assert sum(len(splits[name]) for name in SPLITS) == left
    assert any("-1" in line for line in splits.warnings) == (left < len(labels))


def test_without_any_label_there_is_an_error():
    with pytest.raises(DataError, match="40 words without any"):
        assemble(found(many()[0], [None] * 40), 0)


def test_a_group_stays_in_one_split_though_it_has_all_classes():
    keys, labels = many(200)
    groups = [f"s{i // 10}" for i in range(200)]
    splits = assemble(found(keys, labels, groups=groups, grouped_by="column 'speaker'"), 0)
    of_split = {name: {int(key[-3:]) // 10 for key in splits[name].names()} for name in SPLITS}
    assert not of_split["train"] & of_split["test"]
    assert not of_split["train"] & of_split["validation"]
    assert len(of_split["test"]) == len(of_split["validation"]) == 2
    assert splits.decisions[0].startswith("groups: 20, by column 'speaker'")


def test_identical_samples_hold_their_groups_together():
    keys, labels = many(100)
    groups = [str(i // 4) for i in range(100)]
    both = found(keys, labels, groups=groups, grouped_by="column 'group'")
    digests = both.digests.copy()
    digests[5] = digests[91]
    splits = assemble(replace(both, digests=digests), 0)
    pool = splits.pool
    assert len(set(pool.codes[[4, 5, 6, 7, 88, 89, 90, 91]].tolist())) == 1
    assert not any("identical" in line for line in splits.warnings)


def test_groups_by_a_pattern_of_paths():
    keys = [f"{label}/speaker{i % 6}_{i}.wav" for i in range(60) for label in "ab"]
    splits = assemble(found(keys, ["a", "b"] * 60), 0, group=r"speaker(\d+)_")
    speakers = {name: {key.split("speaker")[1][0] for key in splits[name].names()} for name in SPLITS}
    assert len(speakers["test"]) == 1
    assert not speakers["test"] & speakers["train"]


def test_a_pattern_that_finds_nothing_or_is_none_ends_in_an_error():
    keys, labels = many()
    with pytest.raises(DataError, match="match the paths of words"):
        assemble(found(keys, labels), 0, group="speaker")
    with pytest.raises(UsageError, match="regular expression"):
        assemble(found(keys, labels), 0, group="(")


def test_groups_that_are_too_few_are_an_error_where_asked_for_and_a_warning_elsewhere():
    keys, labels = many()
    two = found(keys, labels, groups=["x", "y"] * 20, grouped_by="column 'source'")
    with pytest.raises(DataError, match="2 different ones, and test and validation need 3"):
        assemble(two, 0, group="source")
    splits = assemble(two, 0)
    assert any(line.startswith("groups: column 'source' has 2") for line in splits.warnings)
    assert len(splits.test) == 4


def test_given_splits_that_divide_a_group_are_warned_of():
    keys, labels = many()
    parts = ["train"] * 20 + ["validation"] * 10 + ["test"] * 10
    splits = assemble(found(keys, labels, parts, groups=["a", "b", "c", None] * 10), 0)
    assert sum("groups have words in train and in" in line for line in splits.warnings) == 2


def test_samples_that_are_all_alike_give_no_test_split_and_the_reason():
    keys = ["same", "other"] * 20
    splits = assemble(found(keys, ["a", "b"] * 20), 0)
    assert "of the 40 words only 2 are different" in splits.no_test


def test_near_duplicates_across_given_splits_are_hinted_at():
    keys, labels = many(60)
    near = np.array(keys)
    near[50] = near[1]
    parts = ["train"] * 40 + ["validation"] * 10 + ["test"] * 10
    splits = assemble(found(keys, labels, parts, near=near), 0)
    assert any("1 test word nearly is a train word" in line for line in splits.warnings)


def test_a_drawn_test_split_of_few_samples_is_said_to_judge_badly():
    splits = assemble(found(*many()), 0)
    assert any("is 25 % of what metrics are measured on" in line for line in splits.decisions)
