import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.data.stratify import carve, carve_groups, fold_of_each
from convscope.types import SPLITS

BOTH = {"test": 0.1, "validation": 0.1}


def counts(labels, codes):
    return {
        name: np.bincount(labels[codes == code], minlength=labels.max() + 1).tolist()
        for code, name in enumerate(SPLITS)
    }


def test_each_split_gets_its_share_of_every_class():
    labels = np.repeat([0, 1, 2], [100, 50, 20])
    codes = carve(labels, np.arange(170), BOTH, seed=3)
    assert counts(labels, codes) == {"train": [80, 40, 16], "validation": [10, 5, 2], "test": [10, 5, 2]}


def test_the_same_seed_gives_the_same_splits_and_another_seed_others():
    labels = np.repeat([0, 1], 50)
    first, again, other = (carve(labels, np.arange(100), BOTH, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_class_of_two_is_trained_on_and_tested():
    labels = np.array([0, 0, 1, 1, 1])
    assert counts(labels, carve(labels, np.arange(5), BOTH, 0)) == {
        "train": [1, 1],
        "validation": [0, 1],
        "test": [1, 1],
    }


def test_a_class_of_identical_pictures_stays_in_train():
    codes = carve(np.zeros(10, np.int64), np.zeros(10, np.int64), BOTH, 0)
    assert (codes == SPLITS.index("train")).all()


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15)), min_size=1, max_size=80), st.integers(0, 99)
)
def test_identical_pictures_are_never_divided_and_every_group_lands_somewhere(rows, seed):
    labels, groups = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    codes = carve(labels, groups, BOTH, seed)
    for group in np.unique(groups):
        assert len(set(codes[groups == group].tolist())) == 1
    first_labels = labels[np.unique(groups, return_index=True)[1]]
    trained = groups[codes == SPLITS.index("train")]
    of_trained = {int(labels[np.flatnonzero(groups == group)[0]]) for group in trained}
    assert of_trained == set(first_labels.tolist())


def test_folds_have_the_same_share_of_each_class_and_divide_no_group():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    found = fold_of_each(labels, np.arange(100), 5, seed=1)
    for fold in range(5):
        assert np.bincount(labels[found == fold]).tolist() == [12, 6, 2]
    mixed, speakers = np.tile([0, 1], 60), np.repeat(np.arange(12), 10)
    found = fold_of_each(mixed, speakers, 3, seed=1)
    assert all(len(set(found[speakers == speaker].tolist())) == 1 for speaker in range(12))
    assert np.bincount(found).tolist() == [40, 40, 40]


def test_a_group_with_all_of_a_class_is_trained_on():
    labels = np.array([0, 1] * 20 + [2, 2, 2])
    groups = np.array([*np.repeat(np.arange(10), 4), 10, 10, 10])
    codes = carve_groups(labels, groups, BOTH, seed=0)
    assert (codes[groups == 10] == SPLITS.index("train")).all()
    assert set(codes.tolist()) == {0, 1, 2}
