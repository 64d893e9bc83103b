import gzip
import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_texts import contents, everything, samples, table, write

from convscope.kinds.text.classification.reader import read_texts
from convscope.kinds.text.readers.rows import plain

ENDINGS = ("csv", "tsv", "jsonl", "parquet")


def sizes(splits):
    return [len(splits[name]) for name in ("train", "validation", "test")]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_table_gives_the_same_texts(tmp_path, ending):
    splits = read_texts(table(tmp_path / f"a.{ending}", samples()))
    assert sorted(everything(splits)) == sorted(samples())
    assert splits.class_names == ("bad", "good")
    assert sizes(splits) == [16, 2, 2]
    assert splits.warnings == ()
    assert "with text in column text, label in column label: a." in splits.layout
    again = read_texts(table(tmp_path / "elsewhere" / f"a.{ending}", samples()))
    assert again.fingerprint == splits.fingerprint
    assert contents(again, "train") == contents(splits, "train")


def test_another_seed_draws_other_splits(tmp_path):
    path = table(tmp_path / "a.csv", samples(80))
    assert contents(read_texts(path, seed=1), "test") != contents(read_texts(path, seed=2), "test")
    assert (
        "drawn with seed 2, stratified by class, texts that differ only in case, digits and punctuation"
        in (read_texts(path, seed=2).decisions[-1])
    )


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_column_of_splits_is_followed(tmp_path, ending):
    rows = [(*row, ("train", "train", "dev", "test")[number // 5]) for number, row in enumerate(samples())]
    splits = read_texts(table(tmp_path / f"a.{ending}", rows, ("text", "label", "split")))
    assert sizes(splits) == [10, 5, 5]
    assert contents(splits, "test") == samples()[15:]
    said = "columns: text from 'text', label from 'label', split from 'split'; all are used"
    assert splits.decisions == (said,)


@pytest.mark.parametrize(
    "header",
    [("Review", "Sentiment"), ("sentence", "CLASS"), ("Message", "category"), ("\ufeffquestion", "topic")],
)
def test_columns_are_found_by_their_usual_names(tmp_path, header):
    assert sorted(everything(read_texts(table(tmp_path / "a.csv", samples(), header)))) == sorted(samples())


@pytest.mark.parametrize("ending", ENDINGS)
def test_columns_are_found_by_what_stands_in_them(tmp_path, ending):
    rows = [(f"{number:03}", label, text) for number, (text, label) in enumerate(samples())]
    splits = read_texts(table(tmp_path / f"a.{ending}", rows, ("v0", "v1", "v2")))
    assert sorted(everything(splits)) == sorted(samples())
    assert splits.decisions[:2] == (
        "text: column 'v2', which holds the longest strings",
        "label: column 'v1', the only one whose values come again and again",
    )


@pytest.mark.parametrize("ending", ENDINGS)
def test_columns_can_be_given(tmp_path, ending):
    rows = [("a very long remark that is no text " * 3, "x", *row) for row in samples()]
    path = table(tmp_path / f"a.{ending}", rows, ("text", "label", "what", "kind"))
    splits = read_texts(path, text_column="what", label_column="kind")
    assert sorted(everything(splits)) == sorted(samples())


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_table_without_header_is_recognized(tmp_path, ending):
    rows = [(label, text) for text, label in samples()]
    splits = read_texts(table(tmp_path / f"a.{ending}", rows, ()))
    assert sorted(everything(splits)) == sorted(samples())
    assert "without header with text in column 2, label in column 1" in splits.layout
    given = read_texts(tmp_path / f"a.{ending}", text_column="2", label_column="1")
    assert sorted(everything(given)) == sorted(samples())


def test_lines_of_label_tab_text_need_no_ending(tmp_path):
    lines = "".join(f'{label}\t"{text}" he said\n' for text, label in samples())
    splits = read_texts(write(tmp_path / "Collection", lines))
    assert sorted(everything(splits)) == sorted((f'"{text}" he said', label) for text, label in samples())
    assert splits.train.samples.name(0).startswith(str(tmp_path / "Collection#"))


def test_quoted_fields_may_hold_separators_quotes_and_lines(tmp_path):
    rows = [(f'{text}, "really"\nand more', label) for text, label in samples()]
    assert sorted(everything(read_texts(table(tmp_path / "a.csv", rows)))) == sorted(rows)
    rows = [(f'{text}, "really"', label) for text, label in samples()]
    assert sorted(everything(read_texts(table(tmp_path / "a.tsv", rows)))) == sorted(rows)


def test_a_csv_may_be_separated_by_something_else(tmp_path):
    lines = "".join(f"{label};{text}\n" for text, label in samples())
    assert sorted(everything(read_texts(write(tmp_path / "a.csv", "label;text\n" + lines)))) == sorted(
        samples()
    )


def test_packed_files_are_read(tmp_path):
    for ending in ("csv", "tsv", "jsonl"):
        path = table(tmp_path / f"a.{ending}", samples())
        packed = write(tmp_path / "packed" / f"a.{ending}.gz", gzip.compress(path.read_bytes()))
        assert everything(read_texts(packed)) == everything(read_texts(path))


def test_lines_of_label_and_text_are_read(tmp_path):
    lines = "".join(f"{label} {text}\n" for text, label in samples())
    splits = read_texts(write(tmp_path / "a.txt", lines))
    assert sorted(everything(splits)) == sorted(samples())
    assert splits.layout == "lines of `label text`: a.txt"


def test_the_lines_of_fasttext_are_read(tmp_path):
    lines = "".join(f"__label__{label} {text}\n" for text, label in samples())
    splits = read_texts(write(tmp_path / "a.train.txt", lines))
    assert sorted(everything(splits)) == sorted(samples())
    assert splits.layout == "lines of `__label__ text`: a.train.txt"


@pytest.fixture
def sst(tmp_path):
    """Three files of one data set, and three of another beside them."""
    for name, shift in (("binary", 0), ("fine", 20)):
        for number, split in enumerate(("train", "dev", "test")):
            rows = samples(60)[shift + 6 * number :][:6]
            lines = "".join(f"{label} {text}\n" for text, label in rows)
            write(tmp_path / "sst" / f"sst.{name}.{split}", lines)
    return tmp_path / "sst"


@pytest.mark.parametrize("given", ["sst.binary", "sst.binary.train", "sst.binary.test"])
def test_files_that_differ_in_the_split_are_one_data_set(sst, given):
    splits = read_texts(sst / given)
    assert sizes(splits) == [6, 6, 6]
    assert contents(splits, "validation") == samples()[6:12]
    assert splits.layout == "lines of `label text`: sst.binary.train, sst.binary.dev, sst.binary.test"
    assert splits.decisions == (
        "splits: by the names of the files: sst.binary.train is train, sst.binary.dev is validation,"
        " sst.binary.test is test",
    )


def test_a_folder_with_one_set_is_that_set(sst):
    for file in sst.glob("sst.fine.*"):
        file.unlink()
    write(sst / "README.md", "about")
    splits = read_texts(sst)
    assert sizes(splits) == [6, 6, 6]
    assert [one.path for one in splits.skipped] == [str(sst / "README.md")]


def test_a_folder_with_train_and_test_tables_gets_a_validation_split_drawn(tmp_path):
    table(tmp_path / "train.csv", samples(60)[:40])
    table(tmp_path / "test.csv", samples(60)[40:])
    splits = read_texts(tmp_path)
    assert sizes(splits) == [36, 4, 20]
    assert splits.train.samples.name(0).startswith(f"{tmp_path / 'train.csv'}#")


def test_a_folder_with_one_table_is_that_table(tmp_path):
    table(tmp_path / "reviews.csv", samples())
    write(tmp_path / "LICENSE", "free")
    assert sizes(read_texts(tmp_path)) == [16, 2, 2]


def test_hugging_face_shards_are_read_with_their_class_names(tmp_path):
    rows = samples(40)
    names = {"info": {"features": {"label": {"names": ["worse", "better"], "_type": "ClassLabel"}}}}
    for number, key in enumerate(("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")):
        part = rows[10 * number :][:10]
        made = pa.table(
            {"text": [text for text, _ in part], "label": [int(label == "good") for _, label in part]}
        )
        (tmp_path / "data").mkdir(exist_ok=True)
        made = made.replace_schema_metadata({"huggingface": json.dumps(names)})
        pq.write_table(made, tmp_path / "data" / f"{key}.parquet")
    splits = read_texts(tmp_path)
    assert splits.class_names == ("better", "worse")
    assert sizes(splits) == [18, 2, 10]
    assert contents(splits, "test")[0] == (rows[20][0], "better")


def test_a_folder_per_class_is_read(tmp_path):
    for number, (text, label) in enumerate(samples()):
        write(tmp_path / label / f"{number}.txt", text + "\r\n\r\nbye\n")
    write(tmp_path / "good" / "picture.png", b"\x89PNG")
    splits = read_texts(tmp_path)
    assert sorted(everything(splits)) == sorted((f"{text}\n\nbye", label) for text, label in samples())
    assert splits.layout == "folder per class: 2 class folders of texts"
    assert [one.reason for one in splits.skipped] == ["not a .txt file"]


def test_folders_of_subjects_with_class_folders_in_each_are_groups(tmp_path):
    for number, (text, label) in enumerate(samples(40)):
        write(tmp_path / f"subject{number // 2 % 5 + 1}" / label / f"{number}.txt", text)
    splits = read_texts(tmp_path)
    assert splits.class_names == ("bad", "good")
    assert any(line.startswith("groups: subject1, subject2") for line in splits.decisions)
    found = [{key.split("/")[0] for key in splits[name].samples.keys} for name in ("train", "test")]
    assert found[0].isdisjoint(found[1])


def test_split_folders_of_class_folders_are_read(tmp_path):
    for number, (text, label) in enumerate(samples(60)):
        split = ("train", "val", "test")[number // 20]
        write(tmp_path / split / label / f"{number}.txt", text)
    assert sizes(read_texts(tmp_path)) == [20, 20, 20]


def test_near_duplicates_stay_on_one_side_of_drawn_splits(tmp_path):
    rng = random.Random(0)
    rows = []
    for number in range(60):
        words = [f"{rng.choice('bdfgklmn')}{rng.choice('aeiou')}{rng.choice('rst')}" for _ in range(6)]
        rows += [
            (" ".join(words) + end, "ab"[number % 2]) for end in (f" {number}", "!", f" CALL {number * 7}")
        ]
        rows.append((" ".join(words).upper(), "ab"[number % 2]))
    splits = read_texts(table(tmp_path / "a.csv", rows))
    sides = [{plain(text) for text, _ in contents(splits, name)} for name in ("train", "validation", "test")]
    assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]
    assert len(splits.test) > 10


def test_texts_without_letters_are_no_duplicates_of_each_other():
    assert len({plain(text) for text in ("12", "13", "!!", "?", "👍", "👎")}) == 6
    assert plain("Win 100£ NOW") == plain("win 5£, now!!")


def test_identical_texts_are_counted(tmp_path):
    rows = [(*row, "train") for row in samples(12)] + [(*row, "test") for row in samples(60)[40:]]
    rows += [(f"  {rows[0][0].replace(' ', '   ')}", "good", "test"), (rows[1][0], "good", "train")]
    splits = read_texts(table(tmp_path / "a.csv", rows, ("text", "label", "split")))
    assert splits.warnings == (
        "1 test text is identical to a train text",
        "1 group of identical texts carries different labels",
    )


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("values", "names"),
    [
        ((0, 1), ("0", "1")),
        ((True, False), ("false", "true")),
        ((1.0, 2.0), ("1", "2")),
        ((-1, 10), ("-1", "10")),
    ],
)
def test_labels_that_are_no_text_are_named(tmp_path, ending, values, names):
    rows = [(text, values[label == "good"]) for text, label in samples()]
    assert read_texts(table(tmp_path / f"a.{ending}", rows)).class_names == names


def test_a_taken_part_knows_its_names(tmp_path):
    source = read_texts(table(tmp_path / "a.csv", samples())).train.samples
    part = source.take(np.array([3, 1]))
    assert [part.load(0), part.name(1), part.key(1)] == [source.load(3), source.name(1), source.key(1)]
    assert len(part) == 2
