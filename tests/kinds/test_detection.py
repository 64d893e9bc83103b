"""A first look at a path tells what kind of data it holds; it never fails, and nothing is the default."""

import gzip
import io
import json
import pickle
import wave

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convscope.data.snapshot import DataSnapshot
from convscope.errors import DataError
from convscope.kinds.registry import CLOSE, choose_spec, detections
from convscope.kinds.text.detect import detect as detect_text


def first(path):
    found = detections(DataSnapshot(path))
    assert len(found) < 2 or found[0].confidence - found[1].confidence >= CLOSE, f"a tie: {found}"
    return found[0].recipe if found else None


def written(folder, **files):
    for name, content in files.items():
        place = folder / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def archive(**arrays):
    stored = io.BytesIO()
    np.savez(stored, **arrays)
    return stored.getvalue()


def stored(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def sound():
    stored = io.BytesIO()
    with wave.open(stored, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 80)
    return stored.getvalue()


IMAGES, SPEECH, SOUNDS = "image-classification", "speech-recognition", "audio-classification"
TEXTS, TAGS, TRANSLATION = "text-classification", "text-tagging", "translation"
NODES, GRAPHS, LINKS = "node-classification", "graph-classification", "link-prediction"
SERIES, ANOMALY, LIFE = "series-classification", "series-anomaly", "series-remaining-life"

TIMED = "time,flow\n2026-01-01 08:00,1.5\n2026-01-01 08:10,1.6\n"
MARKED = "time,flow,anomaly\n2026-01-02 08:00,1.5,0\n2026-01-02 08:10,1.6,1\n"
COLUMNS = "-DOCSTART- O\n\nEU I-ORG\nrejects O\n\nPeter I-PER\n"
CONLL = "EU NNP I-NP I-ORG\nrejects VBZ I-VP O\n\nPeter NNP I-NP I-PER\n"
PIXELS = np.zeros((6, 28, 28), np.uint8)
LABELS = np.zeros((6, 1), np.int64)
CLUB = "id,club\na,x\nb,y\nc,x\nd,y\n"
WHOLE, HALF = np.ones(5, int), np.ones(5)
FOUND = [
    ({"a__1.png": b"\x89PNG"}, IMAGES),
    ({"train__a__1.JPG": b"x", "readme.txt": "about these data"}, IMAGES),
    ({"a__1.png": b"x", "a__2.png": b"x", "notes.txt": "some words about it\n"}, IMAGES),
    ({"list.csv": "path,label\na/1.png,a\n"}, IMAGES),
    ({"list.csv": "file,class\na/1.png,a\n", "a__1.png": b"x"}, IMAGES),
    ({"list.csv": "path,caption,label\na/1.png,a dog on grass,a\n"}, IMAGES),
    ({"list.csv": "path,label\na/1,a\n"}, IMAGES),
    ({"faces.csv": "emotion,pixels\n0,1 2 3\n"}, IMAGES),
    ({"faces.csv": "emotion,pixels,Usage\n0,1 2 3,Training\n"}, IMAGES),
    ({"train-images-idx3-ubyte.gz": b"x", "train-labels-idx1-ubyte.gz": b"x"}, IMAGES),
    ({"data.npz": archive(x_train=PIXELS, y_train=LABELS)}, IMAGES),
    ({"data.npz": archive(train_images=np.zeros((6, 28, 28, 3), np.uint8), train_labels=LABELS)}, IMAGES),
    ({"data.npz": archive(images=np.zeros((6, 8, 8)), labels=np.zeros(6, np.int64))}, IMAGES),
    ({"eng.train": CONLL}, TAGS),
    ({"eng.train": CONLL, "eng.testa": CONLL, "readme.txt": "about"}, TAGS),
    ({"train.conll": COLUMNS}, TAGS),
    ({"train.de": "ein Hund\n", "train.en": "a dog\n"}, TRANSLATION),
    ({"val.en": "a\n", "val.fr": "b\n", "train.en": "a\n", "train.fr": "b\n"}, TRANSLATION),
    ({"train.de.gz": gzip.compress(b"ein Hund\n"), "train.en.gz": gzip.compress(b"a dog\n")}, TRANSLATION),
    ({"pairs.jsonl": json.dumps({"translation": {"de": "a", "en": "b"}})}, TRANSLATION),
    ({"pairs.jsonl": json.dumps({"de": "a", "en": "b"})}, TRANSLATION),
    ({"pairs.tsv": "de\ten\nein Hund\ta dog\n"}, TRANSLATION),
    ({"reviews.csv": "text,label\nfine,1\n"}, TEXTS),
    ({"reviews.csv": "path,text,label\nx,fine,1\n"}, TEXTS),
    ({"reviews.csv": "label;text\ngood;a film, fine and short\nbad;dull\n"}, TEXTS),
    ({"reviews.csv": "a fine film,good\nsuch a dull song,bad\n"}, TEXTS),
    ({"reviews.csv": "Kommentar,Note\nein guter Film,1\nein Lied ohne Sinn,2\n"}, TEXTS),
    ({"names.csv": "name,language,label\nIvanov,ru,ru\nSmith,en,en\n"}, None),
    ({"reviews.jsonl": json.dumps({"text": "fine", "label": 1})}, TEXTS),
    ({"reviews.csv": "text,label\nfein,1\n".encode("utf-16")}, TEXTS),
    ({"reviews.csv": "text,label\nsch\u00f6n,1\n".encode("latin-1")}, TEXTS),
    ({"SMSSpamCollection": "ham\tOk lar...\nspam\tFree entry\n"}, TEXTS),
    ({"TREC.train.all": "0 How did it end ?\n1 Who was it ?\n"}, TEXTS),
    ({"lines.txt": "__label__good a fine film\n__label__bad a dull song\n"}, TEXTS),
    ({"pos__1.txt": "fine", "neg__1.txt": "dull"}, TEXTS),
    ({"train__pos__1.txt": "fine", "train__neg__1.txt": "dull", "logo.png": b"\x89PNG"}, TEXTS),
    ({"yes__1.wav": sound(), "no__1.flac": b"fLaC", "readme.txt": "two words"}, SOUNDS),
    ({"yes__1.wav": sound(), "yes__2.wav": sound(), "cover.png": b"\x89PNG"}, SOUNDS),
    ({"named.jsonl": json.dumps({"audio_filepath": "1.ogg", "command": "go"})}, SOUNDS),
    ({"named.csv": "path,label\na/1.wav,yes\n"}, SOUNDS),
    ({"train_manifest.json": json.dumps({"audio_filepath": "1.wav", "text": "two words"})}, SPEECH),
    ({"named.tsv": "path\tsentence\n1.mp3\the said so\n", "1.mp3": b"x"}, SPEECH),
    ({"dev__7-9.trans.txt": "7-9-0 TWO WORDS\n", "dev__7-9-0.flac": b"fLaC"}, SPEECH),
    ({"a.ts": "@problemName a\n@data\n1,2,3:x\n"}, SERIES),
    ({"A_TRAIN.tsv": "1\t0.5" + "\t0.1" * 9 + "\n2\t0.5" + "\t0.1" * 9 + "\n"}, SERIES),
    ({"A_TEST.txt": "1 0.5" + " 0.1" * 9 + "\n2 0.5" + " 0.1" * 9 + "\n"}, SERIES),
    ({"a.csv": "label," + ",".join(f"t{i}" for i in range(9)) + "\n" + "a" + ",1.5" * 9 + "\n"}, SERIES),
    ({"a.csv": "id,label,value\n1,a,0.5\n1,a,0.6\n"}, SERIES),
    ({"x__1.csv": "a,b\n1,2\n3,4\n", "y__1.csv": "a,b\n1,2\n3,4\n"}, SERIES),
    ({"wine.csv": ",".join("abcdefghijklm") + ",class\n" + "1.5," * 13 + "x\n" + "2," * 13 + "y\n"}, SERIES),
    ({"machine.csv": "timestamp,value\n2026-01-01,1.5\n"}, ANOMALY),
    ({"machine.csv": "time;flow;anomaly\n2026-01-01;1.5;0\n"}, ANOMALY),
    ({"train_FD001.txt": "1 1 " + "0.5 " * 24 + "\n1 2 " + "0.7 " * 24 + "\n"}, LIFE),
    ({"fleet.csv": "unit,cycle,heat\n1,1,0.5\n1,2,0.6\n"}, LIFE),
    ({}, None),
    ({".hidden.png": b"x"}, None),
    ({"model.bin": b"\0\1\2"}, None),
    ({"model.bin": np.random.default_rng(0).bytes(5000)}, None),
    ({"a.csv": np.random.default_rng(1).bytes(5000)}, None),
    ({"a.pdf": b"%PDF-1.7\nsome words here\n", "b__c.pdf": b"%PDF-1.7\nmore words\n"}, None),
    ({"paper": b"%PDF-1.7\nsome words here\n"}, None),
    ({"README.md": "a project\n", "train.py": "print(1)\n", "train.js": "x\n"}, None),
    ({"numbers.txt": "1 2 3\n4 5 6\n"}, None),
    ({"a__1.txt": "Car 0.5 1 2 3\n", "b__1.txt": "Van 0.1 2 3 4\n"}, None),
    ({"cora.content": "31336 0 1 0 Theory\n31337 1 0 0 Neural_Networks\n"}, None),
    (
        # Its reader says what such a table is for.
        {"houses.csv": "rooms,price,class\n3,100,a\n4,200,b\n5,300,a\n6,250,b\n"},
        "series-classification",
    ),
    ({"data.npz": b"x"}, None),
    (
        {"graph.npz": archive(adj_data=np.ones(5), adj_indices=np.ones(5, int), labels=LABELS)},
        None,
    ),  # no rows of it
    ({"graph.npz": archive(edge_index=np.ones((2, 5), int), x=np.ones((6, 3)), y=LABELS)}, NODES),
    ({"graph.npz": archive(edge_index=np.ones((2, 5), int), x=np.ones((6, 3)))}, LINKS),
    ({"graph.npz": archive(adj_data=HALF, adj_indices=WHOLE, adj_indptr=WHOLE, adj_shape=WHOLE)}, LINKS),
    ({"edges.csv": "source,target\na,b\nb,c\n", "nodes.csv": CLUB}, NODES),
    ({"a.csv": "citing,cited\na,b\nb,c\n", "b.csv": CLUB}, NODES),
    ({"Edges.csv": "Source;Target;Type;Id;Weight\na;b;Directed;0;1.0\nb;c;Directed;1;2.0\n"}, LINKS),
    ({"rels.csv": ":START_ID,:END_ID,:TYPE\na,b,KNOWS\nb,c,KNOWS\n"}, LINKS),
    ({"crawl.csv": "follower_id,followed_id\n11,12\n12,13\n"}, LINKS),
    ({"sent.csv": "sender,receiver,amount,date\na,b,1.5,2024-01-01\nb,c,2.5,2024-01-02\n"}, LINKS),
    ({"net.txt": "# Undirected graph: net.txt\n# FromNodeId\tToNodeId\n0\t1\n0\t2\n"}, LINKS),
    ({"net.txt": "".join(f"{at} {at * 7 % 12}\n" for at in range(12))}, LINKS),
    ({"matrix.csv": ",a,b,c\na,0,1,0\nb,1,0,1\nc,0,1,0\n"}, LINKS),
    ({"net.mtx": "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n2 1\n3 2\n"}, LINKS),
    ({"net.gml": 'graph [\n  node [\n    id 0\n    club "a"\n  ]\n]\n'}, NODES),
    ({"net.graphml": "<graphml><graph edgedefault='directed'><node id='a'/></graph></graphml>"}, LINKS),
    ({"net.json": json.dumps({"nodes": [{"id": 1}], "links": [{"source": 1, "target": 1}]})}, LINKS),
    ({"T_A.txt": "1, 2\n", "T_graph_indicator.txt": "1\n1\n", "T_graph_labels.txt": "1\n"}, GRAPHS),
    ({"T_A.txt": "1, 2\n", "T_graph_indicator.txt": "1\n1\n"}, None),
    (
        {"pairs.csv": "source,target\nwe sat in the sun,I had a long day\nhe ran away fast,a cat ran far\n"},
        TRANSLATION,
    ),
    ({"points.csv": "x,y\n0.5,1.5\n0.25,0.5\n"}, None),
    (
        {"m3d.npz": archive(train_images=np.zeros((6, 9, 9, 9), np.uint8), train_labels=LABELS)},
        "volume-classification",
    ),
    ({"rows.npz": archive(x_train=np.zeros((6, 50, 3)), y_train=LABELS)}, "series-classification"),
    (
        {"X_train.npy": stored(np.zeros((6, 50, 3))), "y_train.npy": stored(LABELS)},
        "series-classification",
    ),
    ({"graph.npz": archive(edge_index=np.ones((2, 5), int), x=np.ones((6, 90)), y=LABELS)}, NODES),
    ({"X_train.npy": stored(PIXELS), "y_train.npy": stored(LABELS)}, IMAGES),
    ({"X_train.csv": "text\na fine film\na dull song\n", "y_train.csv": "label\n1\n0\n"}, None),
    ({"X_train.txt": " 0.1  0.2 0.4\n 0.3 0.2 0.1\n", "y_train.txt": "1\n2\n"}, SERIES),
    ({"train.pos": "a fine film\na good song\n", "train.neg": "a dull film\na bad song\n"}, None),
    ({"train.src": "a fine film\na good song\n", "train.tgt": "ein Film\nein Lied\n"}, TRANSLATION),
    ({"train.qaa": "a fine film\na good song\n", "train.qab": "yi vule\nyi bane\n"}, TRANSLATION),
    ({"train__a.csv": TIMED, "test__b.csv": TIMED}, ANOMALY),
    ({"fine__a.csv": TIMED, "worn__0.csv": MARKED, "worn__1.csv": MARKED}, ANOMALY),
    ({"data.npz": archive(x_train=PIXELS)}, None),
    ({"data.npz": archive(x_train=PIXELS, y_train=LABELS[:3])}, None),
]


@pytest.mark.parametrize(("files", "recipe"), FOUND)
def test_what_a_folder_holds(tmp_path, files, recipe):
    assert first(written(tmp_path, **files)) == recipe


@pytest.mark.parametrize(("files", "recipe"), [each for each in FOUND if len(each[0]) == 1])
def test_what_a_single_file_holds(tmp_path, files, recipe):
    name = next(iter(files)).replace("__", "/")
    if not name.startswith("."):
        assert first(written(tmp_path, **files) / name) == recipe


@pytest.mark.parametrize(("files", "recipe"), [each for each in FOUND if each[1] is not None])
def test_the_reason_names_a_file_that_was_seen(tmp_path, files, recipe):
    reason = detections(DataSnapshot(written(tmp_path, **files)))[0].reason
    names = [name.rpartition("__")[2].removesuffix(".gz") for name in files]
    assert any(name in reason or name.partition(".")[0] in reason for name in names) or "folders" in reason


def test_parquet_is_told_by_its_columns(tmp_path):
    pq.write_table(pa.table({"image": [{"bytes": b"x", "path": "a"}], "label": [0]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["fine"], "label": [0]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"values": [[1.0, 2.0]], "label": [0]}), tmp_path / "c.parquet")
    pq.write_table(pa.table({"path": ["a.wav"], "label": ["x"]}), tmp_path / "d.parquet")
    pq.write_table(pa.table({"path": ["a.png"], "label": ["x"]}), tmp_path / "e.parquet")
    pq.write_table(pa.table({"a": [1.0], "b": [2.0]}), tmp_path / "f.parquet")
    (tmp_path / "g.parquet").write_bytes(b"PAR1")
    expected = (IMAGES, TEXTS, SERIES, SOUNDS, IMAGES, None, None)
    assert tuple(first(tmp_path / f"{name}.parquet") for name in "abcdefg") == expected


def test_a_path_may_be_the_beginning_of_names(tmp_path):
    written(tmp_path, **{"train.de": "ein Hund\n", "train.en": "a dog\n", "other.txt": "x y\n"})
    assert first(tmp_path / "train") == TRANSLATION
    assert first(tmp_path / "missing") is None
    assert first(tmp_path / "no" / "folder") is None


def test_one_file_of_a_pair_is_enough(tmp_path):
    written(tmp_path, **{"train.de": "ein Hund\n", "train.en": "a dog\n"})
    assert first(tmp_path / "train.de") == TRANSLATION


def test_the_reason_names_the_file(tmp_path):
    written(tmp_path, **{"eng.train": CONLL})
    assert detect_text(DataSnapshot(tmp_path)).reason == "eng.train has a word and a tag on each line"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from(
        ["a.csv", "a.parquet", "a.jsonl", "a.txt", "a.gz", "train.de", "a", "a.npz", "A_TRAIN.tsv"]
    ),
)
def test_no_bytes_make_it_fail(tmp_path, data, name):
    (tmp_path / name).write_bytes(data)
    detections(DataSnapshot(tmp_path))
    assert DataSnapshot(tmp_path).summary()
    (tmp_path / name).unlink()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=300), st.sampled_from(["a.csv", "a.jsonl", "a.tsv", "a.txt", "train.de", "a.ts"]))
def test_neither_does_any_text(tmp_path, text, name):
    (tmp_path / name).write_text(text, "utf-8", errors="replace")
    detections(DataSnapshot(tmp_path))
    (tmp_path / name).unlink()


def test_a_damaged_archive_within_a_good_one_is_no_failure(tmp_path):
    stored = bytearray(archive(x_train=PIXELS, y_train=LABELS))
    stored[100:140] = b"\xff" * 40
    written(tmp_path, **{"data.npz": bytes(stored)})
    detections(DataSnapshot(tmp_path))


def test_many_files_are_not_all_listed(tmp_path):
    for number in range(50):
        np.save(tmp_path / f"{number}.npy", np.zeros(1))
    assert len(DataSnapshot(tmp_path).files) == 50


def test_columns_that_count_and_one_other_at_an_end_are_series_with_labels(tmp_path):
    names = [f"t{at}" for at in range(12)]
    rows = [";".join(["0,5"] * 12 + [kind]) for kind in ("ganz", "defekt") * 4]
    text = "\n".join([";".join([*names, "Klasse"]), *rows])
    assert first(written(tmp_path / "a", **{"curves.csv": text})) == "series-classification"
    rows = [",".join([f"X{at}.V1", *map(str, range(12)), str(at % 2)]) for at in range(8)]
    text = "\n".join([",".join(['""', *(f"X{at}" for at in range(12)), "y"]), *rows])
    assert first(written(tmp_path / "b", **{"eeg.csv": text})) == "series-classification"


def test_a_text_file_of_times_and_numbers_is_a_table(tmp_path):
    rows = [f"16/12/2006;17:{at:02}:00;{at / 7:.3f};232.1" for at in range(24, 50)]
    text = "\n".join(["Date;Time;Global_active_power;Voltage", *rows])
    assert first(written(tmp_path / "a", **{"household.txt": text})) == "series-anomaly"


def test_a_column_of_failures_is_named_as_what_is_known_per_row(tmp_path):
    rows = [f"2026-01-01 {hour:02}:00,{hour / 7:.2f},0" for hour in range(24)]
    place = written(tmp_path, **{"machine.csv": "\n".join(["datetime,volt,failure", *rows])})
    found = detections(DataSnapshot(place))[0]
    assert (found.recipe, found.reason[-21:]) == ("series-anomaly", "and 'failure' per row")


PHONE = "".join(f"3{k % 3},walking,{10**12 + k},0.{k},1.{k},2.{k};\n" for k in range(40))
NESTED = "\n".join(
    json.dumps({"id": k, "data": {"text": "a film"}, "mark": {"label": k % 2}}) for k in range(9)
)
UNITS = "time,load\n" + "".join(f"2026-01-01 00:{k:02},{40 + k}.5%\n" for k in range(30))
IRIS = "".join(f"{3 + k % 5 / 10},{k % 4},setosa\n" for k in range(30))


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("phone.txt", PHONE, "phone.txt has rows of 6 fields: call it phone.csv, with a first line"),
        ("rows.jsonl", NESTED, "Flatten data, mark of rows.jsonl, which hold objects"),
        ("panel.csv", UNITS, "Write the numbers of 'load' in panel.csv without units: '40.5%'"),
        ("iris.csv", IRIS, "Give iris.csv a first line that names its 3 columns"),
    ],
    ids=["text", "nested", "units", "no-header"],
)
def test_what_is_not_recognized_is_refused_with_what_to_change(tmp_path, name, content, advice):
    written(tmp_path, **{name: content})
    with pytest.raises(DataError) as caught:
        choose_spec(tmp_path)
    assert caught.value.hint.startswith(advice)
    assert "with columns 3.0" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("data_batch_1", {b"batch_label": b"1 of 5", b"data": [1]}, "encoding='latin1'"),
        ("frame", {"a": [1, 2]}, "to_parquet"),
    ],
)
def test_pickles_without_an_ending_are_refused_with_the_lines_that_convert_them(
    tmp_path, name, content, hint
):
    (tmp_path / name).write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(DataError, match="pickle") as raised:
        choose_spec(tmp_path)
    assert hint in raised.value.hint
