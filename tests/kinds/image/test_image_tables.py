import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_pictures import contents, encoded, picture, png, reasons, write
from PIL import Image

from convscope.errors import DataError, UsageError
from convscope.kinds.image.readers.inputs import read_inputs
from convscope.kinds.image.readers.pixel_rows import EMOTIONS
from convscope.kinds.image.readers.reader import read_images


def fails(path, *words):
    with pytest.raises(DataError) as caught:
        read_images(path)
    for word in words:
        assert re.search(word, caught.value.message), caught.value.message


def total(splits):
    return sum(len(splits[name]) for name in ("train", "validation", "test"))


def manifest(tmp_path, header="path,label,split", change=lambda lines: lines):
    lines = []
    for number in range(12):
        write(tmp_path / "files" / f"{number}.png", png(picture(number)))
        split = ("train", "train", "val", "test")[number // 3]
        lines.append(f"files/{number}.png,{'ab'[number % 2]},{split}")
    text = "\n".join(change([header, *lines])) + "\n"
    return write(tmp_path / "list.csv", text.encode())


def test_a_csv_manifest_is_read_in_its_order(tmp_path):
    splits = read_images(manifest(tmp_path))
    assert splits.layout == "manifest: list.csv names 12 files"
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (6, 3, 3)
    assert splits.train.names() == [str(tmp_path / "files" / f"{number}.png") for number in range(6)]
    assert splits.train.labels.tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    "header", ["filename,class,subset", "Image,Category,Partition", "\ufefffile,target,set"]
)
def test_columns_are_found_by_their_usual_names(tmp_path, header):
    assert len(read_images(manifest(tmp_path, header)).train) == 6


def test_a_manifest_without_splits_gets_them_drawn(tmp_path):
    path = manifest(tmp_path, change=lambda lines: [line.rpartition(",")[0] for line in lines])
    splits = read_images(path)
    assert splits.counts()["test"] == {"a": 1, "b": 1}
    assert splits.decisions[0] == "columns: image from 'path', label from 'label'; all are used"
    assert [line.partition(":")[0] for line in splits.decisions[1:]][:1] == ["test"]


def test_a_folder_with_nothing_but_a_manifest_is_that_manifest(tmp_path):
    for number in range(6):
        write(tmp_path / f"{number}.png", png(picture(number)))
    rows = "".join(f"{number}.png,{number % 2}\n" for number in range(6))
    write(tmp_path / "labels.csv", f"path,label\n{rows}".encode())
    assert read_images(tmp_path).class_names == ("0", "1")


def test_numbered_classes_are_sorted_as_numbers(tmp_path):
    path = manifest(tmp_path)
    path.write_text(path.read_text().replace(",b,", ",10,").replace(",a,", ",9,"))
    assert read_images(path).class_names == ("9", "10")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("files/1.png,a,practice", ["line 3", "expected a split, received 'practice'"]),
        ("files/1.png,a,", ["line 3", "expected a split, received ''"]),
        ("files/1.png,a", ["line 3", "expected 3 fields, received 2"]),
        ("/etc/passwd,a,train", ["line 3", "below the folder", "/etc/passwd"]),
        ("../list.png,a,train", ["line 3", "below the folder"]),
        ("files/../../x.png,a,train", ["line 3", "below the folder"]),
        ("C:\\x.png,a,train", ["line 3", "below the folder"]),
        (",a,train", ["line 3", "below the folder"]),
        ('"files/1.png,a,train', ["line", "not valid CSV"]),
    ],
)
def test_a_malformed_line_stops_with_its_number(tmp_path, line, words):
    fails(manifest(tmp_path, change=lambda lines: [*lines[:2], line, *lines[3:]]), "list.csv", *words)


def test_a_table_whose_encoding_cannot_be_told_stops_with_the_line(tmp_path):
    path = manifest(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"files/1.png", b"files/\x83\x93\x83\x8b.png"))
    fails(path, "list.csv, line 3: expected UTF-8, received byte 0x83")


@pytest.mark.parametrize("header", ["name,label,split", "path,name,split", "shot,kind,split"])
def test_columns_are_found_by_what_stands_in_them(tmp_path, header):
    splits = read_images(manifest(tmp_path, header))
    assert splits.class_names == ("a", "b")
    image, label, _ = header.split(",")
    assert splits.decisions[0].startswith(f"columns: image from '{image}', label from '{label}'")


def test_an_image_without_a_label_is_left_out_and_that_is_said(tmp_path):
    path = manifest(tmp_path, change=lambda lines: [*lines[:2], "files/1.png,,train", *lines[3:]])
    splits = read_images(path)
    assert len(splits.train) == 5
    assert any(
        "without a label" in line or "no label" in line for line in (*splits.decisions, *splits.warnings)
    )


def test_a_table_without_rows_stops(tmp_path):
    fails(write(tmp_path / "a.csv", b""), "expected a column path, received no columns")
    fails(write(tmp_path / "b.csv", b"path,label\n"), "expected rows")


def test_a_line_without_end_is_not_read(tmp_path):
    fails(write(tmp_path / "a.csv", b"path,label\n" + b"x" * (2**24 + 1)), "line 2: longer than")


def test_missing_files_and_links_out_are_skipped(tmp_path):
    outside = write(tmp_path / "outside.png", png(picture(70)))
    folder = tmp_path / "data"
    path = manifest(folder, change=lambda lines: [*lines, "files/none.png,a,train", "files/out.png,a,train"])
    (folder / "files" / "out.png").symlink_to(outside)
    assert reasons(read_images(path).skipped) == {
        "none.png": "there is no such file",
        "out.png": "a link that leaves the folder",
    }


def test_a_parquet_manifest_is_read_as_the_csv_one(tmp_path):
    rows = [line.split(",") for line in manifest(tmp_path).read_text().splitlines()]
    table = pa.table({name: [row[at] for row in rows[1:]] for at, name in enumerate(rows[0])})
    pq.write_table(table, tmp_path / "list.parquet")
    one, other = read_images(tmp_path / "list.csv"), read_images(tmp_path / "list.parquet")
    assert one.fingerprint == other.fingerprint
    assert one.train.labels.tolist() == other.train.labels.tolist()


def fer_csv(tmp_path, change=lambda lines: lines, side=6):
    lines = ["emotion,pixels,Usage"]
    for number in range(28):
        usage = ("Training", "Training", "PublicTest", "PrivateTest")[number // 7]
        lines.append(f"{number % 7},{' '.join(map(str, picture(number, side, side).ravel()))},{usage}")
    return write(tmp_path / "fer2013.csv", ("\n".join(change(lines)) + "\n").encode())


def test_the_fer2013_csv_is_read(tmp_path):
    splits = read_images(fer_csv(tmp_path))
    assert splits.class_names == tuple(sorted(EMOTIONS))
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (14, 7, 7)
    for index in range(7):
        assert np.array_equal(splits.validation.samples.load(index), picture(14 + index, 6, 6))
        assert splits.class_names[splits.validation.labels[index]] == EMOTIONS[index]
    assert splits.test.names()[0] == f"{tmp_path / 'fer2013.csv'}#21"
    assert "PublicTest is validation" in " ".join(splits.decisions)


def test_the_fer2013_csv_without_usage_gets_its_splits_drawn(tmp_path):
    splits = read_images(fer_csv(tmp_path, change=lambda lines: [line.rpartition(",")[0] for line in lines]))
    assert splits.counts()["test"] == dict.fromkeys(sorted(EMOTIONS), 1)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0,1 2 3,Training", ["line 3", "expected 36 pixels as in the first row, received 3"]),
        ("0," + "256 " * 36 + ",Training", ["line 3", "pixels from 0 to 255, received '256'"]),
        ("0," + "x " * 36 + ",Training", ["line 3", "pixels from 0 to 255, received 'x'"]),
        ("1," + "1 " * 36 + ",Exam", ["line 3", "expected a split, received 'Exam'"]),
        ("1," + "1 " * 36, ["line 3", "expected 3 fields, received 2"]),
    ],
)
def test_a_malformed_fer2013_row_stops_with_its_line(tmp_path, line, words):
    fails(fer_csv(tmp_path, change=lambda lines: [*lines[:2], line, *lines[3:]]), "fer2013.csv", *words)


def test_an_eighth_emotion_leaves_the_numbers_as_they_are_and_that_is_said(tmp_path):
    def with_contempt(lines):
        return [
            lines[0],
            *(line.replace("6,", "7,", 1) if line.startswith("6,") else line for line in lines[1:]),
        ]

    splits = read_images(fer_csv(tmp_path, with_contempt))
    assert splits.class_names == ("0", "1", "2", "3", "4", "5", "7")
    assert "'7' is none of 0 to 6" in " ".join(splits.decisions)


def test_fer2013_pictures_that_are_not_square_stop(tmp_path):
    fails(write(tmp_path / "a.csv", b"emotion,pixels\n0,1 2 3\n"), "line 2: expected the pixels of a square")


IMAGE_TYPE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def hugging_face(path, numbers, names=("cat", "dog"), labels=None, image=None):
    """Writes what `datasets` writes: struct<bytes, path> and ClassLabel names in the schema's metadata."""
    data = image or [png(picture(number)) for number in numbers]
    table = pa.table(
        {
            "image": pa.array(
                [{"bytes": one, "path": None} for one in data],
                pa.struct({"bytes": pa.binary(), "path": pa.string()}),
            ),
            "label": pa.array(labels or [number % 2 for number in numbers], pa.int64()),
        }
    )
    features = {"image": {"_type": "Image"}, "label": {"names": list(names), "_type": "ClassLabel"}}
    meta = {"huggingface": json.dumps({"info": {"features": features}})} if names else None
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(meta), path)
    return path


def test_hugging_face_shards_are_read_with_their_class_names(tmp_path):
    hugging_face(tmp_path / "data" / "train-00000-of-00002.parquet", range(10))
    hugging_face(tmp_path / "data" / "train-00001-of-00002.parquet", range(10, 16))
    hugging_face(tmp_path / "data" / "test-00000-of-00001.parquet", range(20, 24))
    write(tmp_path / "README.md", b"about")
    splits = read_images(tmp_path)
    assert splits.layout == "Parquet with encoded images: 3 files"
    assert splits.class_names == ("cat", "dog")
    assert len(splits.train) + len(splits.validation) == 16
    assert splits.test.names() == [f"{tmp_path}/data/test-00000-of-00001.parquet#{row}" for row in range(4)]
    assert np.array_equal(splits.test.samples.load(2), picture(22))
    assert splits.test.labels.tolist() == [0, 1, 0, 1]


def test_split_folders_of_parquet_files_are_read(tmp_path):
    hugging_face(tmp_path / "train" / "0000.parquet", range(10))
    hugging_face(tmp_path / "validation" / "0000.parquet", range(10, 14))
    assert len(read_images(tmp_path).validation) == 4


def test_one_parquet_file_with_a_binary_column_and_text_labels_is_read(tmp_path):
    pq.write_table(
        pa.table({"image": [png(picture(number)) for number in range(10)], "label": ["x", "y"] * 5}),
        tmp_path / "a.parquet",
    )
    splits = read_images(tmp_path / "a.parquet")
    assert splits.class_names == ("x", "y")
    assert total(splits) == 10
    assert total(read_images(tmp_path)) == 10


def test_labels_without_names_are_numbers(tmp_path):
    assert read_images(hugging_face(tmp_path / "a.parquet", range(8), names=())).class_names == ("0", "1")


def test_bad_pictures_and_empty_rows_in_parquet_are_skipped_and_listed(tmp_path):
    image = [png(picture(number)) for number in range(8)]
    image[1], image[4] = b"nothing", None
    splits = read_images(hugging_face(tmp_path / "a.parquet", range(8), image=image))
    found = reasons(splits.skipped)
    assert found["a.parquet#4"] == "a row without image bytes"
    assert found["a.parquet#1"].startswith("not an image")
    assert total(splits) == 6


def test_a_label_without_a_name_stops_with_the_row(tmp_path):
    fails(
        hugging_face(tmp_path / "a.parquet", range(4), labels=[0, 1, 0, 2]),
        r"a\.parquet#3: expected a label",
    )


def test_a_parquet_file_without_a_label_column_stops(tmp_path):
    pq.write_table(pa.table({"image": [png(picture(0))]}), tmp_path / "a.parquet")
    fails(tmp_path / "a.parquet", "expected a column label, received image")


def test_a_damaged_parquet_file_stops(tmp_path):
    path = hugging_face(tmp_path / "a.parquet", range(8))
    path.write_bytes(path.read_bytes()[:-30])
    fails(path, "a.parquet: truncated or damaged Parquet file")
    fails(write(tmp_path / "b.parquet", b""), "b.parquet")


def test_identical_pictures_in_parquet_stay_on_one_side(tmp_path):
    image = [png(picture(number % 5 + 10 * (number % 2))) for number in range(60)]
    splits = read_images(hugging_face(tmp_path / "a.parquet", range(60), image=image))
    assert not contents(splits.train) & contents(splits.test)


def test_exif_is_turned_in_parquet_as_well(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = [encoded(Image.fromarray(picture(number)), "PNG", exif=exif) for number in range(6)]
    splits = read_images(hugging_face(tmp_path / "a.parquet", range(6), image=image))
    assert (splits.train.samples.sizes == [6, 8]).all()


def test_columns_are_dropped_and_an_encoding_is_given(tmp_path):
    path = manifest(tmp_path, "path,label,split,breed")
    rows = path.read_text("utf-8").splitlines()
    breeds = ["breed", *(f"{'Ää'[at % 2]}{at % 3}" for at in range(12))]
    lines = [row.replace(",breed", "") + f",{breed}" for row, breed in zip(rows, breeds, strict=True)]
    path.write_bytes("\n".join(lines).replace(",a,", ",é,").encode("cp1252"))
    splits = read_images(path, encoding="cp1252", drop_column=("breed",))
    assert splits.class_names == ("b", "é")
    assert any(line.endswith("not used: 'breed'") for line in splits.decisions)
    with pytest.raises(UsageError, match=r"no column 'race', which --drop-column names"):
        read_images(path, drop_column=("race",))
    assert len(read_inputs([str(path)], encoding="cp1252", drop_column=("breed",))) == 12


def test_pixels_are_not_those_of_a_dropped_column(tmp_path):
    names = ",".join(f"pixel{number}" for number in range(16))
    rows = [",".join(map(str, [number % 2, number, *range(16)])) for number in range(12)]
    path = write(tmp_path / "rows.csv", "\n".join([f"label,id,{names}", *rows]).encode())
    assert "not used: 'id'" in " ".join(read_images(path, drop_column=("id",)).decisions)


def test_a_name_that_is_too_long_for_a_file_is_that_of_no_image(tmp_path):
    path = manifest(tmp_path, change=lambda lines: [*lines, f"{'A' * 300}.png,a,train"])
    splits = read_images(path)
    assert total(splits) == 12
    assert any("AAAA" in each.path for each in splits.skipped)


def votes(folder, rows, images=True):
    """A table of votes as FER+ has it, and its images in folders of their splits."""
    lines = ["Usage,Image name,neutral,happiness,fear,unknown,NF"]
    for number, (split, name, *counts) in enumerate(rows):
        lines.append(",".join([split, name, *map(str, counts)]))
        if images and name:
            write(folder / f"FER2013{split}" / name, png(picture(number)))
    return write(folder / "fer2013new.csv", "\n".join(lines).encode())


VOTES = [
    *(("Training", f"a{k}.png", 7, 2, 1, 0, 0) for k in range(4)),
    *(("Training", f"b{k}.png", 1, 9, 0, 0, 0) for k in range(4)),
    ("Training", "even.png", 5, 5, 0, 0, 0),
    ("Training", "who.png", 1, 2, 1, 6, 0),
    ("Training", "", 0, 0, 0, 0, 10),
]


def test_most_votes_are_the_label_and_rows_without_a_winner_have_none(tmp_path):
    votes(tmp_path, VOTES)
    splits = read_images(tmp_path)
    assert splits.class_names == ("happiness", "neutral")
    said = " ".join(splits.decisions)
    assert "the class of most votes; 2 images have as many of several classes, or most for none" in said
    assert any(each.reason == "it names no image" for each in splits.skipped)
    names = [name for split in (splits.train, splits.validation, splits.test) for name in split.names()]
    assert len(names) == 8
    assert not any("even" in name or "who" in name for name in names)


def test_votes_for_rows_of_another_table_are_refused_with_the_lines_that_join_them(tmp_path):
    votes(tmp_path, VOTES, images=False)
    with pytest.raises(DataError) as raised:
        read_images(tmp_path)
    assert "idxmax(axis=1)" in raised.value.hint


@pytest.mark.parametrize(
    "row",
    [
        {"id": 1, "image": "/data/upload/1/0f-p1.jpg", "choice": "cat"},
        {
            "id": 1,
            "annotations": [{"result": [{"value": {"choices": ["cat"]}, "type": "choices"}]}],
            "data": {"image": "/data/upload/1/p1.jpg"},
        },
    ],
    ids=["short", "full"],
)
def test_choices_of_label_studio_are_refused_with_the_lines_that_make_a_table(tmp_path, row):
    write(tmp_path / "images" / "p1.jpg", png(picture(1)))
    write(tmp_path / "project.json", json.dumps([row] * 4).encode())
    with pytest.raises(DataError, match="Label Studio") as raised:
        read_images(tmp_path)
    assert "to_csv('labels.csv'" in raised.value.hint


def test_columns_of_several_classes_are_no_votes(tmp_path):
    lines = ["image,round,square,red,blue"]
    for number in range(12):
        write(tmp_path / f"{number}.png", png(picture(number)))
        shape, color = number % 2, number // 2 % 2
        lines.append(f"{number}.png,{shape},{1 - shape},{color},{1 - color}")
    write(tmp_path / "labels.csv", "\n".join(lines).encode())
    with pytest.raises(DataError, match="several classes per image") as caught:
        read_images(tmp_path)
    assert "--label-column round" in caught.value.hint


def test_classes_that_combine_words_are_a_warning(tmp_path):
    lines = ["image,label"]
    for number in range(16):
        write(tmp_path / f"{number}.png", png(picture(number)))
        lines.append(f"{number}.png,{('rust', 'spot')[number % 2]} {('wet', 'dry')[number // 2 % 2]}")
    write(tmp_path / "labels.csv", "\n".join(lines).encode())
    assert any("several classes of one sample" in line for line in read_images(tmp_path).warnings)
