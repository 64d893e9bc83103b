"""A first look at a path tells what kind of data it holds, and never fails."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convscope.data.snapshot import DataSnapshot

WAYS = ("pictures", "tagged", "parallel", "texts")


def first(path):
    peek = DataSnapshot(path)
    return next((way for way in WAYS if getattr(peek, way)() is not None), None)


def written(folder, **files):
    for name, content in files.items():
        place = folder / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


COLUMNS = "-DOCSTART- O\n\nEU I-ORG\nrejects O\n\nPeter I-PER\n"
CONLL = "EU NNP I-NP I-ORG\nrejects VBZ I-VP O\n\nPeter NNP I-NP I-PER\n"


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"a__1.png": b"\x89PNG"}, "pictures"),
        ({"train__a__1.JPG": b"x", "readme.txt": "about"}, "pictures"),
        ({"list.csv": "path,label\na/1.png,a\n"}, "pictures"),
        ({"faces.csv": "emotion,pixels\n0,1 2 3\n"}, "pictures"),
        ({"train-images-idx3-ubyte.gz": b"x"}, "pictures"),
        ({"data.npz": b"x"}, "pictures"),
        ({"eng.train": CONLL}, "tagged"),
        ({"train.conll": COLUMNS}, "tagged"),
        ({"train.de": "ein Hund\n", "train.en": "a dog\n"}, "parallel"),
        ({"val.en": "a\n", "val.fr": "b\n", "train.en": "a\n", "train.fr": "b\n"}, "parallel"),
        ({"pairs.jsonl": json.dumps({"translation": {"de": "a", "en": "b"}})}, "parallel"),
        ({"pairs.jsonl": json.dumps({"de": "a", "en": "b"})}, "parallel"),
        ({"pairs.tsv": "de\ten\nein Hund\ta dog\n"}, "parallel"),
        ({"reviews.csv": "text,label\nfine,1\n"}, "texts"),
        ({"reviews.csv": "path,text,label\nx,fine,1\n"}, "texts"),
        ({"reviews.jsonl": json.dumps({"text": "fine", "label": 1})}, "texts"),
        ({"SMSSpamCollection": "ham\tOk lar...\nspam\tFree entry\n"}, "texts"),
        ({"TREC.train.all": "0 How did it end ?\n1 Who was it ?\n"}, "texts"),
        ({"pos__1.txt": "fine", "neg__1.txt": "dull"}, "texts"),
        ({}, None),
        ({".hidden.png": b"x"}, None),
        ({"model.bin": b"\0\1\2"}, None),
    ],
)
def test_what_a_folder_holds(tmp_path, files, kind):
    assert first(written(tmp_path, **files)) == kind


def test_parquet_is_told_by_its_columns(tmp_path):
    pq.write_table(pa.table({"image": [{"bytes": b"x", "path": "a"}], "label": [0]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["fine"], "label": [0]}), tmp_path / "b.parquet")
    assert first(tmp_path / "a.parquet") == "pictures"
    assert first(tmp_path / "b.parquet") == "texts"


def test_a_path_may_be_the_beginning_of_names(tmp_path):
    written(tmp_path, **{"train.de": "ein Hund\n", "train.en": "a dog\n", "other.txt": "x y\n"})
    assert first(tmp_path / "train") == "parallel"
    assert first(tmp_path / "missing") is None
    assert first(tmp_path / "no" / "folder") is None


def test_one_file_of_a_pair_is_enough(tmp_path):
    written(tmp_path, **{"train.de": "ein Hund\n", "train.en": "a dog\n"})
    assert first(tmp_path / "train.de") == "parallel"


def test_the_reason_names_the_file(tmp_path):
    written(tmp_path, **{"eng.train": CONLL})
    assert DataSnapshot(tmp_path).tagged() == "eng.train has a word and a tag on each line"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from(["a.csv", "a.parquet", "a.jsonl", "a.txt", "a.gz", "train.de", "a", "a.npz"]),
)
def test_no_bytes_make_it_fail(tmp_path, data, name):
    (tmp_path / name).write_bytes(data)
    first(tmp_path)
    (tmp_path / name).unlink()


def test_many_files_are_not_all_listed(tmp_path):
    for number in range(50):
        np.save(tmp_path / f"{number}.npy", np.zeros(1))
    assert len(DataSnapshot(tmp_path).files) == 50
