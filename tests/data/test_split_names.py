import pytest

from convscope.data.split_names import parted, split_of, split_of_path, words_beside


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("train", "train Training training_set train_images seg_train 20news-bydate-train TRAIN trainval"),
        (
            "train",
            "Train_Set X_train XTrain xtrain trainset trainLabels train-00000-of-00002.parquet",
        ),
        (
            "validation",
            "valid validation dev devel val2017 my_data_validation PublicTest validation_list",
        ),
        (
            "test",
            "test testing eval evaluation holdout t10k-images test1 PrivateTest y_test",
        ),
    ],
)
def test_a_word_of_a_name_says_the_split(split, names):
    assert {name: split_of(name) for name in names.split()} == dict.fromkeys(names.split(), split)


@pytest.mark.parametrize(
    "name",
    [
        "trained",
        "strain",
        "contest",
        "constrain",
        "invalid",
        "festival",
        "éval",
        "device",
        "retesting",
        "tests",
    ],
)
def test_part_of_a_longer_word_says_nothing(name):
    assert split_of(name) is None


def test_a_name_of_several_splits_says_none():
    assert split_of("train_test_split") is None
    assert parted("train_or_test.csv") == ("train_or_test.csv", None)


def test_what_is_beside_the_word_remains():
    assert parted("sst.train.tsv") == ("sst.*.tsv", "train")
    assert words_beside("Test_Images") == {"images"}
    assert words_beside("20news-train") == {"news"}


def test_the_name_nearest_to_the_file_counts():
    assert split_of_path("train/test.csv") == "test"
    assert split_of_path("seg_train/seg_train/sea/1.jpg") == "train"
    assert split_of_path("a/b.csv") is None
