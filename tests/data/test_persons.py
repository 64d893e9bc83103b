"""Names of persons in paths are groups for every kind; what is to be told apart is none."""

import numpy as np
import pytest

from convscope.data.assembly import Found, assemble
from convscope.data.digests import digest_of
from convscope.data.persons import persons_of


class Paths:
    def __init__(self, keys):
        self.keys = keys

    def __len__(self):
        return len(self.keys)

    def key(self, index):
        return self.keys[index]

    name = key

    def names(self):
        return self.keys

    def take(self, indices):
        return Paths([self.keys[index] for index in indices])


def paths(pattern, classes=("ill", "well"), persons=8, each=3):
    keys = [
        pattern.format(label=label, person=person, number=number)
        for label in classes
        for person in range(persons)
        for number in range(each)
    ]
    return keys, [key.split("/")[0] for key in keys]


@pytest.mark.parametrize(
    "pattern",
    [
        "{label}/sub-{person:02}/anat/{number}.nii.gz",
        "{label}/s{person:02}/{number}.csv",
        "{label}/subject_{person}/{number}.png",
        "{label}/patient-{person}/{number}.png",
        "{label}/P{person:02}/{number}.wav",
        "{label}/speaker{person}/{number}.txt",
        "{label}/sub-{person:02}_run-{number}_T1w.nii.gz",
        "{label}/speaker{person}_{number}.wav",
        "{label}/p{person}_{number}.png",
    ],
)
def test_names_of_persons_are_groups(pattern):
    keys, labels = paths(pattern)
    groups, _ = persons_of(keys, labels)
    assert len(set(groups)) == 8
    found = Found(
        "data",
        "made",
        Paths(keys),
        labels,
        [None] * len(keys),
        np.array([np.void(digest_of(key.encode())) for key in keys]),
    )
    splits = assemble(found, 0)
    assert any(line.startswith("groups: 8, by the names of f") for line in splits.decisions)
    group_of = dict(zip(keys, groups, strict=True))
    seen = [{group_of[key] for key in splits[name].samples.keys} for name in ("train", "validation", "test")]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 8
    asked = assemble(
        found, 0, group="^([^/]+/[^/]+)/" if "T1w" not in pattern and "_{n" not in pattern else None
    )
    assert any(line.startswith("groups: ") for line in asked.decisions)


@pytest.mark.parametrize(
    ("pattern", "classes"),
    [
        ("{label}/{label}_{number}{person}.wav", ("speaker1", "speaker2", "speaker3")),  # who it is is asked
        ("{label}/{person}{number}.png", ("s1", "s2")),
        ("{label}/img_{person}_{number}.png", ("cat", "dog")),
        ("{label}/1{person}/{number}.png", ("cat", "dog")),
    ],
)
def test_other_names_are_none(pattern, classes):
    assert persons_of(*paths(pattern, classes)) is None


def test_each_of_another_person_needs_no_groups():
    keys = [
        f"{label}/user_{number}.png"
        for label, first in (("cat", 0), ("dog", 9))
        for number in range(first, first + 9)
    ]
    assert persons_of(keys, [key[:3] for key in keys]) is None


def test_a_pattern_that_is_asked_for_goes_before_names():
    keys, labels = paths("{label}/s{person}/run{number}.png", persons=6, each=6)
    digests = np.array([np.void(digest_of(key.encode())) for key in keys])
    splits = assemble(Found("data", "made", Paths(keys), labels, [None] * len(keys), digests), 0, r"(run\d)")
    assert any("6, by the pattern" in line for line in splits.decisions)
