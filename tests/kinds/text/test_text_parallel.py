"""Parallel text is read from every layout, and whatever is wrong with it has a defined end."""

import functools
import gzip
import json
import os
import random
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.data.folds import Fold, take_fold
from convscope.data.snapshot import DataSnapshot
from convscope.data.splits import Splits
from convscope.errors import DataError, UsageError
from convscope.kinds.text.detect import detect
from convscope.kinds.text.translation.parallel import read_parallel

GERMAN = [f"Satz {number} über Häuser." for number in range(12)]
ENGLISH = [f"Sentence {number} about houses." for number in range(12)]
SPLITS = {"train": range(8), "val": range(8, 10), "test": range(10, 12)}


def put(path, lines, end="\n"):
    data = end.join([*lines, ""]).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


@pytest.fixture
def folder(tmp_path):
    """Aligned files of three splits."""
    for split, rows in SPLITS.items():
        put(tmp_path / f"{split}.de", [GERMAN[i] for i in rows])
        put(tmp_path / f"{split}.en", [ENGLISH[i] for i in rows])
    return tmp_path


def pairs_of(split):
    return [(split.samples.load(i), split.labels[i]) for i in range(len(split))]


def every_pair(splits):
    return sorted(pair for name in ("train", "validation", "test") for pair in pairs_of(splits[name]))


def sizes(splits):
    return [len(splits[name]) for name in ("train", "validation", "test")]


ALL = sorted(zip(GERMAN, ENGLISH, strict=True))


def test_aligned_files_are_read_split_by_split(folder):
    splits = read_parallel(folder)
    assert sizes(splits) == [8, 2, 2]
    assert pairs_of(splits.train)[0] == (GERMAN[0], ENGLISH[0])
    assert pairs_of(splits.test) == [(GERMAN[i], ENGLISH[i]) for i in (10, 11)]
    assert splits.test.samples.name(1) == f"{folder}/test.de#2"
    assert splits.class_names == ()
    assert splits.layout == "line-aligned files: train, val, test in de and en"
    assert splits.train.labels.dtype == object
    assert any("from de to en" in line and "alphabetical" in line for line in splits.decisions)


def test_packed_files_and_mixed_line_ends_give_the_same(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for split, rows in SPLITS.items():
        put(other / f"{split}.de.gz", [GERMAN[i] for i in rows], "\r\n")
        put(other / f"{split}.en.gz", [ENGLISH[i] for i in rows], "\r")
    assert every_pair(read_parallel(other)) == every_pair(read_parallel(folder)) == ALL


def test_the_direction_can_be_turned(folder):
    assert pairs_of(read_parallel(folder, source="en").train)[0] == (ENGLISH[0], GERMAN[0])
    assert pairs_of(read_parallel(folder, target="de").train)[0] == (ENGLISH[0], GERMAN[0])


def test_one_file_of_a_pair_stands_for_its_folder(folder):
    assert pairs_of(read_parallel(folder / "train.en").train)[0] == (ENGLISH[0], GERMAN[0])
    assert pairs_of(read_parallel(folder / "train.de").train)[0] == (GERMAN[0], ENGLISH[0])


def test_more_than_two_languages_ask_which(folder):
    put(folder / "train.fr", [f"Phrase {i}." for i in range(8)])
    with pytest.raises(DataError, match=r"received 3 .*de, en, fr") as caught:
        read_parallel(folder)
    assert "--source and --target" in caught.value.hint
    splits = read_parallel(folder, source="de", target="en")
    assert sizes(splits) == [8, 2, 2]
    assert splits.decisions == ()
    drawn = read_parallel(folder, source="fr", target="de")
    assert sum(sizes(drawn)) == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [({"source": "xx"}, "source 'xx'.*received de, en"), ({"source": "de", "target": "de"}, "two languages")],
)
def test_languages_that_cannot_be_are_errors(folder, options, message):
    with pytest.raises(DataError, match=message):
        read_parallel(folder, **options)


def test_of_several_test_sets_one_is_chosen_and_the_others_are_said(folder):
    for name in ("test", "test_2017"):
        for language in ("de", "en"):
            (folder / f"{name}_b.{language}").write_bytes((folder / f"test.{language}").read_bytes())
    (line,) = [line for line in read_parallel(folder).decisions if line.startswith("test")]
    assert line.startswith("test: test, the first in alphabetical order")
    assert "test_2017_b" in line
    splits = read_parallel(folder, test="test_2017_b")
    assert splits.test.samples.name(0).endswith("test_2017_b.de#1")
    with pytest.raises(UsageError, match="test set is named 'test_2018'"):
        read_parallel(folder, test="test_2018")


def test_two_files_without_splits_are_divided_with_the_seed(tmp_path):
    put(tmp_path / "corpus.de", GERMAN * 5)
    put(tmp_path / "corpus.en", ENGLISH * 5)
    put(tmp_path / "README.md", ["About this."])
    splits = read_parallel(tmp_path, seed=3)
    assert sum(sizes(splits)) == 60
    assert sizes(splits)[1] and sizes(splits)[2]
    assert not set(splits.train.samples.texts) & set(splits.test.samples.texts)
    assert splits.warnings == ()
    again = read_parallel(tmp_path, seed=3)
    assert pairs_of(again.test) == pairs_of(splits.test)
    assert again.fingerprint == splits.fingerprint
    assert any("drawn with seed 3" in line for line in splits.decisions)


def table_lines(path):
    rows = zip(GERMAN, ENGLISH, strict=True)
    if path.suffix == ".jsonl":
        return [json.dumps({"de": de, "en": en}) for de, en in rows]
    between = "\t" if path.suffix == ".tsv" else ","
    return [between.join(("de", "en")), *(between.join(row) for row in rows)]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl"])
def test_a_table_with_two_columns_is_read(tmp_path, name):
    path = tmp_path / name
    put(path, table_lines(path))
    assert every_pair(read_parallel(path)) == every_pair(read_parallel(tmp_path)) == ALL


def test_a_table_without_a_header_is_read_from_its_first_line(tmp_path):
    put(tmp_path / "a.tsv", table_lines(tmp_path / "a.tsv")[1:])
    assert every_pair(read_parallel(tmp_path / "a.tsv")) == ALL


def test_nested_translations_are_read_from_json_and_parquet(tmp_path):
    rows = [{"translation": {"de": de, "en": en}} for de, en in zip(GERMAN, ENGLISH, strict=True)]
    put(tmp_path / "a.jsonl", [json.dumps(row) for row in rows])
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.parquet"):
        assert every_pair(read_parallel(tmp_path / name)) == ALL
        turned = read_parallel(tmp_path / name, source="en", target="de")
        assert every_pair(turned) == sorted((en, de) for de, en in ALL)


def test_tables_named_after_splits_and_a_split_column_are_kept(tmp_path):
    lines = table_lines(tmp_path / "a.tsv")
    (tmp_path / "files").mkdir()
    for split, rows in SPLITS.items():
        put(tmp_path / "files" / f"{split}.tsv", [lines[0], *(lines[1 + i] for i in rows)])
    assert sizes(read_parallel(tmp_path / "files")) == [8, 2, 2]
    split_of = {i: split for split, rows in SPLITS.items() for i in rows}
    column = [f"{line}\t{split_of[i]}" for i, line in enumerate(lines[1:])]
    path = put(tmp_path / "a.tsv", ["de\ten\tsplit", *column])
    assert sizes(read_parallel(path, source="de", target="en")) == [8, 2, 2]


def test_more_columns_ask_which(tmp_path):
    path = put(tmp_path / "a.jsonl", [json.dumps({"id": i, "de": "a", "en": "b"}) for i in range(5)])
    with pytest.raises(DataError, match="id, de, en"):
        read_parallel(path)


def test_a_pair_with_an_empty_side_is_left_out_and_listed(folder):
    put(folder / "train.en", ["", *ENGLISH[1:7], " \t"])
    splits = read_parallel(folder)
    assert pairs_of(splits.train) == ALL_IN_ORDER[1:7]
    assert [Path(each.path).name for each in splits.skipped] == ["train.de#1", "train.de#8"]
    assert "2 pairs with an empty side were left out" in splits.warnings


ALL_IN_ORDER = list(zip(GERMAN, ENGLISH, strict=True))


def test_misaligned_files_are_an_error_with_both_counts(folder):
    put(folder / "train.en", ENGLISH[:7])
    with pytest.raises(DataError, match=r"train.de has 8 lines and .*train.en has 7"):
        read_parallel(folder)


def test_another_encoding_is_found_and_said_or_can_be_given(folder):
    for split, rows in SPLITS.items():
        (folder / f"{split}.de").write_bytes("".join(f"{GERMAN[i]}\n" for i in rows).encode("latin-1"))
    splits = read_parallel(folder)
    assert every_pair(splits) == ALL
    assert any("cp1252" in line for line in splits.decisions)
    assert every_pair(read_parallel(folder, encoding="latin-1")) == ALL
    with pytest.raises(UsageError, match="encoding"):
        read_parallel(folder, encoding="klingon")


def test_carriage_returns_within_lines_are_white_space_where_the_counts_agree_without_them(folder):
    lines = (folder / "train.de").read_text().splitlines()
    lines[1] = lines[1].replace(" ", "\r", 1)
    (folder / "train.de").write_bytes("\n".join(lines).encode() + b"\n")
    splits = read_parallel(folder)
    assert every_pair(splits) == ALL
    assert any("1 carriage returns within lines of train.de" in line for line in splits.decisions)


@pytest.mark.parametrize(
    "header", ["English words,French words", "french,english", "source,target", "fr,en-GB"]
)
def test_headers_in_words_name_the_languages(tmp_path, header):
    rows = "".join(f"{english},{german}\n" for german, english in zip(GERMAN, ENGLISH, strict=True))
    path = tmp_path / "pairs.csv"
    path.write_text(f"{header}\n{rows}", "utf-8")
    assert detect(DataSnapshot(path)).recipe == "translation"
    splits = read_parallel(path)
    assert len(every_pair(splits)) == len(GERMAN)
    one, other = header.split(",")
    assert f"columns: source from '{one}', target from '{other}'; all are used" in splits.decisions


def test_sentences_between_tabs_need_no_header_and_who_wrote_them_is_left_out(tmp_path):
    for name, credit in (("plain", ""), ("deu", "\tCC-BY 2.0 (France) Attribution: tatoeba.org #1 (ada)")):
        path = tmp_path / name / "deu.txt"
        path.parent.mkdir()
        rows = zip(GERMAN, ENGLISH, strict=True)
        path.write_text("".join(f"{english}\t{german}{credit}\n" for german, english in rows), "utf-8")
        (path.parent / "_about.txt").write_text("These pairs are free to use.\n", "utf-8")
        for place in (path, path.parent):
            splits = read_parallel(place, source="2", target="1")
            assert every_pair(splits) == ALL
        assert any("from 1 to 2" in line for line in read_parallel(path).decisions)
    assert detect(DataSnapshot(path)).recipe == "translation"


def test_columns_beside_two_languages_are_left_out_and_said(tmp_path):
    rows = zip(GERMAN, ENGLISH, strict=True)
    lines = "".join(f"{n}\t{german}\tada\t{english}\n" for n, (german, english) in enumerate(rows))
    (tmp_path / "a.tsv").write_text(f"number\tGerman\tby\tEnglish\n{lines}", "utf-8")
    splits = read_parallel(tmp_path / "a.tsv")
    assert every_pair(splits) == ALL
    assert any("not used: 'number', 'by'" in line for line in splits.decisions)


def test_files_of_crawled_corpora_are_detected_and_a_memory_says_how_to_convert_it(tmp_path):
    for language, lines in (("de", GERMAN), ("en", ENGLISH)):
        put(tmp_path / f"europarl-v7.de-en.{language}", lines)
    assert detect(DataSnapshot(tmp_path)).recipe == "translation"
    assert every_pair(read_parallel(tmp_path)) == ALL
    (tmp_path / "a.tmx").write_text("<tmx></tmx>")
    with pytest.raises(DataError, match="translation memory"):
        read_parallel(tmp_path / "a.tmx")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\0b\n" * 8, "NUL"),
        (b"x" * 1_000_001 + b"\n" + b"a\n" * 7, "line 1: longer than 1,000,000"),
    ],
)
def test_binary_files_and_endless_lines_are_errors(folder, data, message):
    (folder / "train.de").write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_parallel(folder)


def test_a_truncated_gzip_file_is_an_error(folder):
    path = put(folder / "train.de.gz", [random.Random(i).randbytes(40).hex() for i in range(8)])
    (folder / "train.de").unlink()
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"train.de.gz: truncated or damaged"):
        read_parallel(folder)


def test_control_characters_and_duplicates_across_splits_are_counted(folder):
    put(folder / "test.de", [GERMAN[0], "ein\x07 Ton"])
    splits = read_parallel(folder)
    assert pairs_of(splits.test)[1][0] == "ein  Ton"
    assert any("1 control character" in line for line in splits.warnings)
    assert "1 test source is identical to a train source" in splits.warnings


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("a.jsonl", ['{"de": "a", "en": "b"}', "{"], "line 2"),
        ("a.jsonl", ['{"de": "a", "en": 3}'] * 4, "line 1: expected text, received int"),
        ("a.jsonl", ['{"translation": "a"}'], "expected an object"),
        ("a.tsv", ["de\ten", "a\tb", "c"], "line 3: expected 2 fields, received 1"),
        ("a.tsv", ["de\ten", "\t"], "received none"),
        ("a.tsv", ["de\ten", "a\tb", "a\tc"], "at least 3 different"),
        ("a.tsv", ["de\ten\tsplit", "a\tb\tother"], "expected"),
        ("a.tsv", [], "."),
    ],
)
def test_bad_tables_are_errors(tmp_path, name, lines, message):
    with pytest.raises(DataError, match=message):
        read_parallel(put(tmp_path / name, lines))


def test_paths_that_hold_nothing_are_errors(tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        read_parallel(tmp_path / "nowhere")
    with pytest.raises(DataError, match="received no files"):
        read_parallel(tmp_path)
    with pytest.raises(DataError, match="its translation beside it"):
        read_parallel(put(tmp_path / "alone.de", GERMAN))
    put(tmp_path / "test.de", GERMAN)
    put(tmp_path / "test.en", ENGLISH)
    with pytest.raises(DataError, match="expected a train split"):
        read_parallel(tmp_path)


def test_a_link_out_of_the_folder_is_left_out(folder, tmp_path_factory):
    outside = put(tmp_path_factory.mktemp("outside") / "train.fr", GERMAN[:8])
    (folder / "train.fr").symlink_to(outside)
    splits = read_parallel(folder)
    assert [each.reason for each in splits.skipped] == ["a link that leaves the folder"]
    assert splits.warnings == ()


check = functools.partial(settings, deadline=None, derandomize=True, database=None, max_examples=60)
TEXT_FILE = "\n".join(GERMAN).encode()


@st.composite
def damaged(draw, originals):
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 5))] = draw(st.binary(max_size=5))
    return bytes(data)


def reads_or_stops(path):
    try:
        splits = read_parallel(path)
    except DataError as error:
        assert error.message
        return
    assert isinstance(splits, Splits)
    for name in ("train", "validation", "test"):
        for source, target in pairs_of(splits[name]):
            assert isinstance(source, str) and isinstance(target, str)
            assert source.strip() and target.strip()


@check()
@given(damaged([TEXT_FILE, gzip.compress(TEXT_FILE, mtime=0)]), st.sampled_from(["train.de", "train.de.gz"]))
def test_any_bytes_as_an_aligned_file(data, name):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        put(Path(folder) / "train.en", ENGLISH)
        reads_or_stops(folder)


@check()
@given(
    damaged(
        [
            b"de\ten\n" + b"a\tb\nc\td\ne\tf\ng\th\n",
            b'{"de": "a", "en": "b"}\n{"de": "c", "en": "d"}\n{"de": "e", "en": "f"}\n',
            b'{"translation": {"de": "a", "en": "b"}}\n' * 4,
        ]
    ),
    st.sampled_from(["a.tsv", "a.csv", "a.jsonl"]),
)
def test_any_bytes_as_a_table(data, name):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        reads_or_stops(Path(folder) / name)


@pytest.mark.parametrize("option", ["talk", None, r"#\d*(\d)$"], ids=["asked", "usual name", "pattern"])
def test_pairs_of_a_group_stay_in_one_split(tmp_path, option):
    name = "speaker" if option is None else "talk"
    rows = [f"a house {i}\tein Haus {i}\tt{i // 3}" for i in range(60)]
    (tmp_path / "x.tsv").write_text("\n".join([f"en\tde\t{name}", *rows]) + "\n")
    splits = read_parallel(tmp_path / "x.tsv", group=option, source="en", target="de")
    assert any("a group stays in one split" in line for line in splits.decisions)

    def group(key):
        line = int(key.split("#")[1])
        return line % 10 if option and option != "talk" else (line - 2) // 3

    parts = (splits.train, splits.validation, splits.test)
    groups = [{group(part.samples.key(i)) for i in range(len(part))} for part in parts]
    assert all(groups)
    assert sum(map(len, groups)) == len(set.union(*groups))
    folds = [take_fold("x", splits, Fold(number, 3), seed=0).test.names() for number in (1, 2, 3)]
    assert sorted(name for fold in folds for name in fold) == sorted(
        splits.pool.samples.name(i) for i in range(60)
    )
    assert [len(part) for part in sizes_judged(tmp_path / "x.tsv")] == [0, 0, 60]


def sizes_judged(path):
    judged = read_parallel(path, seed=None, source="en", target="de")
    return judged.train, judged.validation, judged.test


@pytest.mark.realdata
def test_multi30k_is_read_whole():
    place = os.environ.get("CONVSCOPE_DATA")
    if not place:
        pytest.skip("CONVSCOPE_DATA is not set")
    folder = Path(place) / "multi30k" / "data" / "task1" / "raw"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing")
    splits = read_parallel(folder, source="de", target="en", test="test_2016_flickr")
    assert sizes(splits) == [29_000, 1_014, 1_000]
    assert np.all([isinstance(label, str) for label in splits.train.labels])
    with pytest.raises(DataError, match="cs, de, en, fr"):
        read_parallel(folder)


def test_a_table_is_read_in_the_form_by_which_its_columns_were_found(tmp_path):
    path = put(tmp_path / "a.tsv", [f"I see {i}.\tJe vois {i}." for i in range(4)])
    path.write_text(path.read_text().replace("I see 1", "1;I see 1").replace("Je vois 0", "Je vo?is 0"))
    assert ("1;I see 1.", "Je vois 1.") in every_pair(read_parallel(path))


@pytest.mark.parametrize("text", ["I see 0.\tJe\nI see\n 1;.\tJe vois\n", "# x seeman words\t1", ";2"])
def test_tables_that_could_be_read_in_two_forms_are_refused(tmp_path, text):
    path = tmp_path / "a.tsv"
    path.write_text(text)
    with pytest.raises(DataError):
        read_parallel(path)


def test_control_characters_of_a_table_are_counted_once(tmp_path):
    rows = [f"{one}\t{other}" for one, other in zip(GERMAN, ENGLISH, strict=True)]
    path = put(tmp_path / "a.tsv", ["de\ten", *rows, "ein\x07 Ton\ta tone"])
    assert "1 control characters were replaced by spaces" in " ".join(read_parallel(path).warnings)


@pytest.mark.parametrize(
    "form", ["corpus.{}.txt", "corpus_{}.txt", "{}-corpus.txt", "{}.txt", "europarl.de-en.{}", "{}-train.txt"]
)
def test_languages_stand_anywhere_in_the_names_of_two_files(tmp_path, form):
    put(tmp_path / form.format("de"), GERMAN)
    put(tmp_path / form.format("en"), ENGLISH)
    assert detect(DataSnapshot(tmp_path)).recipe == "translation"
    splits = read_parallel(tmp_path)
    assert every_pair(splits) == ALL
    assert "--source en turns it round" in "\n".join(splits.decisions)
    turned = read_parallel(tmp_path, source="en")
    assert every_pair(turned) == sorted((english, german) for german, english in ALL)


def test_what_the_names_of_two_files_begin_with_is_read(tmp_path):
    put(tmp_path / "europarl.de-en.de", GERMAN)
    put(tmp_path / "europarl.de-en.en", ENGLISH)
    put(tmp_path / "other.de", GERMAN)
    assert every_pair(read_parallel(tmp_path / "europarl.de-en")) == ALL
