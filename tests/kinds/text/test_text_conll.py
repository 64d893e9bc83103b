"""CoNLL column files: what is read, what is decided, and what stops."""

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.data.splits import Splits
from convscope.errors import DataError, UsageError
from convscope.kinds.text.tagging.reader import read_tagged

TRAIN = """-DOCSTART- -X- O

EU NNP I-ORG
rejects VBZ O
German JJ I-MISC
call NN O

Ada NNP I-PER
Lovelace NNP I-PER
Bob NNP B-PER
"""
DEV = "Bob NNP I-PER\n"
TEST = "EU NNP I-ORG\nsaid VBD O\n"


def folder(tmp_path, train=TRAIN, names=("eng.train", "eng.testa", "eng.testb")):
    tmp_path.mkdir(exist_ok=True)
    for name, text in zip(names, (train, DEV, TEST), strict=True):
        put(tmp_path / name, text)
    return tmp_path


def put(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def many(count=30):
    return "".join(f"word{number} O\nBob S-PER\n\n" for number in range(count))


def words(split):
    return [split.samples.load(i).words for i in range(len(split))]


def test_a_folder_of_three_files_in_iob1(tmp_path):
    splits = read_tagged(folder(tmp_path / "data"))
    assert words(splits.train) == [("EU", "rejects", "German", "call"), ("Ada", "Lovelace", "Bob")]
    assert words(splits.validation) == [("Bob",)]
    assert words(splits.test) == [("EU", "said")]
    assert list(splits.train.labels) == [("S-ORG", "O", "S-MISC", "O"), ("B-PER", "E-PER", "S-PER")]
    assert splits.class_names == ("MISC", "ORG", "PER")
    assert "tags: IOB1, converted to IOBES; types MISC, ORG, PER" in splits.decisions
    assert "columns: the word is column 1 and the tag column 3 of 3, divided by spaces" in splits.decisions
    assert splits.train.samples.name(1).endswith("eng.train#8")
    assert splits.warnings == splits.skipped == ()


@pytest.mark.parametrize(
    "names",
    [
        ("train.txt", "dev.txt", "test.txt"),
        ("x-train.bio", "x-valid.bio", "x-test.bio"),
        ("Train.conll", "Validation.conll", "TEST.conll"),
        ("de_train", "de_testa", "de_testb"),
    ],
)
def test_files_are_told_apart_by_their_names(tmp_path, names):
    assert [len(split) for split in parts(read_tagged(folder(tmp_path / "d", names=names)))] == [2, 1, 1]


def parts(splits):
    return splits.train, splits.validation, splits.test


def test_gz_files_crlf_and_a_byte_order_mark_are_the_same_data(tmp_path):
    plain = read_tagged(folder(tmp_path / "a"))
    other = folder(tmp_path / "b", "\ufeff" + TRAIN.replace("\n", "\r\n").replace("\r\n\r\n", "\r\n  \r"))
    packed = folder(tmp_path / "c", gzip.compress(TRAIN.encode()), ("train.gz", "dev", "test"))
    for place in (other, packed):
        found = read_tagged(place)
        assert words(found.train) == words(plain.train)
        assert list(found.train.labels) == list(plain.train.labels)


def test_plain_tags_stay_as_they_are(tmp_path):
    splits = read_tagged(folder(tmp_path / "d"), tag_column=2)
    assert splits.class_names == ("JJ", "NN", "NNP", "VBD", "VBZ")
    assert splits.train.labels[0] == ("NNP", "VBZ", "JJ", "NN")
    assert any(line.startswith("tags: 5 plain tags") for line in splits.decisions)
    assert splits.warnings == ("VBD occurs 1 times in test and never in train: it cannot be predicted",)


def test_columns_may_be_given_and_tabs_keep_spaces_in_words(tmp_path):
    path = put(tmp_path / "data.tsv", many().replace(" ", "\t").replace("word", "a word"))
    splits = read_tagged(path)
    assert splits.train.samples.load(0).words[0].startswith("a word")
    turned = "".join("\t".join(reversed(line.split("\t"))) + "\n" for line in path.read_text().split("\n"))
    again = read_tagged(put(tmp_path / "turned.tsv", turned), word_column=2, tag_column=1)
    assert words(again.train) == words(splits.train)


@pytest.mark.parametrize("column", [0, 4, -4])
def test_a_column_that_is_not_there_is_bad_use(tmp_path, column):
    with pytest.raises(UsageError, match=rf"has 3 columns\. Received: tag_column={column}"):
        read_tagged(folder(tmp_path / "d"), tag_column=column)


def test_comments_are_left_out_and_hashtags_are_words(tmp_path):
    text = "# text = Ada wrote\n# id = 1 of 2\nAda S-PER\n#wrote O\n\n" + many()
    splits = read_tagged(put(tmp_path / "t.txt", text), seed=1)
    found = [each for split in parts(splits) for each in words(split)]
    assert ("Ada", "#wrote") in found
    assert len(found) == 31


def test_missing_splits_are_drawn_by_the_seed_with_identical_sentences_on_one_side(tmp_path):
    path = put(tmp_path / "all.txt", many(20) + many(40))
    splits = read_tagged(path, seed=3)
    assert [len(split) for split in parts(splits)] == [48, 6, 6]
    assert not {*words(splits.train)} & {*words(splits.test), *words(splits.validation)}
    assert any("test: 6 of 60 sentences" in line and "seed 3" in line for line in splits.decisions)
    assert words(read_tagged(path, seed=3).test) == words(splits.test)
    assert words(read_tagged(path, seed=4).test) != words(splits.test)
    assert read_tagged(path, seed=4).fingerprint == splits.fingerprint
    assert splits.warnings == ()


def test_what_makes_results_doubtful_is_said(tmp_path):
    train = many() + "Bob I-PER\nAda E-PER\n\nBob O\n\nodd\x02word O\n"
    place = folder(tmp_path / "d", train, ("train", "dev", "test"))
    put(place / "dev", "Bob S-PER\n")
    put(place / "test", "Rome S-LOC\n\nParis S-LOC\n\n")
    (place / "more").mkdir()
    put(place / "README.md", "about")
    put(place / ".hidden", "x")
    with pytest.raises(DataError, match=r"train, line 96: expected 2 columns as in most lines, received 3"):
        read_tagged(place)
    put(place / "train", train.replace("\x02", ""))
    splits = read_tagged(place)
    assert set(splits.warnings) == {
        "1 sentences break the rules of IOBES; read as conlleval reads them",
        "1 validation sentence is identical to a train sentence",
        "LOC occurs 2 times in test and never in train: it cannot be predicted",
    }
    assert {(Path(each.path).name, each.reason) for each in splits.skipped} == {
        ("more", "not a file"),
        ("README.md", "its name contains no split"),
    }


def test_control_characters_between_columns_are_spaces_and_said(tmp_path):
    splits = read_tagged(put(tmp_path / "t.txt", many().replace("Bob ", "Bob\x0b", 1)))
    assert any(line.startswith("1 control characters were replaced") for line in splits.warnings)


def test_a_file_alone_in_a_folder_is_all_of_the_data(tmp_path):
    put(tmp_path / "entities.conll", many())
    assert len(read_tagged(tmp_path).train) == 24


LONG = "a " * 600_000

BAD = {
    "neither UTF-8 nor Western": (b"\x81\x8d O\n" + many().encode(), "line 1: expected UTF-8, received byte"),
    "nul": ("a O\nb\0 O\n", "line 2: expected text, received a NUL"),
    "million": ("Ada O\n" + LONG + "\n", "line 2: longer than 1,000,000 characters"),
    "unequal": ("a O\n\nb x O\n", "line 3: expected 2 columns as in most lines, received 3"),
    "empty word": ("a\tO\n\tO\n", "line 2: expected a word and a tag, received an empty column"),
    "empty tag": ("a\tx\tO\nb\tx\t\n", "line 2: expected a word and a tag, received an empty column"),
    "one column": ("a\nb\n", "line 1: expected a word and its tag in columns"),
    "letter": (
        many() + "a X-PER\n",
        "line 91: expected a tag of IOBES, such as B-PER or O, received 'X-PER'",
    ),
    "no type": (many() + "a I-\n", "line 91: expected a tag of IOBES"),
    "one tag": ("a O\n\nb O\n\nc O\n\nd O\n", "expected at least two different tags, received only 'O'"),
    "few": ("a O\n\nb S-X\n", "expected at least 3 different sentences"),
    "endless": ("a O\n" * 10_001, "line 10001: over 10,000 words without a blank line"),
    "empty": ("", "expected sentences, a word and its tag in each line, received none"),
    "blank": ("\n \n\n", "received none"),
    "documents": ("-DOCSTART- O\n\n", "received none"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_stops_with_what_and_where(tmp_path, name):
    content, message = BAD[name]
    path = put(tmp_path / "bad.txt", content)
    with pytest.raises(DataError, match=message) as caught:
        read_tagged(path)
    assert str(path) in caught.value.message


def test_another_encoding_is_found_and_said_or_taken(tmp_path):
    path = put(tmp_path / "t.txt", (many() + "café O\n").encode("latin-1"))
    splits = read_tagged(path)
    assert ("café",) in [each for split in parts(splits) for each in words(split)]
    assert any("cp1252" in line for line in splits.decisions)
    splits = read_tagged(path, encoding="latin-1")
    assert ("café",) in [each for split in parts(splits) for each in words(split)]


def test_folders_that_are_no_data_set_stop(tmp_path):
    with pytest.raises(DataError, match="found no file"):
        read_tagged(tmp_path)
    put(tmp_path / "dev.txt", DEV)
    put(tmp_path / "test.txt", TEST)
    with pytest.raises(DataError, match=r"expected a file with 'train' in its name, found dev.txt, test.txt"):
        read_tagged(tmp_path)
    put(tmp_path / "train.txt", TRAIN)
    put(tmp_path / "other.train", TRAIN)
    with pytest.raises(DataError, match=r"expected one train file, found other\.train, train\.txt"):
        read_tagged(tmp_path)
    (tmp_path / "other.train").unlink()
    put(tmp_path / "test.txt", "EU I-ORG\n")
    with pytest.raises(DataError, match=r"test.txt: expected columns as in train.txt"):
        read_tagged(tmp_path)
    put(tmp_path / "test.txt", "")
    with pytest.raises(DataError, match=r"test.txt: expected sentences"):
        read_tagged(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        read_tagged(tmp_path / "nowhere")


PIECES = st.sampled_from(
    [
        b"a O\n",
        b"B-X",
        b"b B-X\n",
        b"\n",
        b"\r",
        b"\t",
        b" ",
        b"# c\n",
        b"I-X",
        b"-DOCSTART-",
        b"\xff",
        b"\0",
        b"\x1c",
    ]
)


@settings(deadline=None, derandomize=True, database=None, max_examples=150)
@given(st.binary(max_size=60) | st.lists(PIECES, max_size=30).map(b"".join))
def test_no_bytes_end_in_anything_but_splits_or_a_data_error(data):
    with tempfile.TemporaryDirectory() as place:
        for path in (put(Path(place) / "any.txt", data), folder(Path(place) / "d", data)):
            try:
                splits = read_tagged(path)
            except DataError as error:
                assert error.message
                continue
            assert isinstance(splits, Splits)
            for split in parts(splits):
                for tags, each in zip(split.labels, words(split), strict=True):
                    assert len(tags) == len(each) > 0
