"""The list of recipes: what each promises, and which one is chosen for a path."""

import gzip
import inspect
import io
import json
import zipfile

import numpy as np
import pandas
import pytest
from PIL import Image

from convscope.errors import DataError, UsageError
from convscope.kinds.registry import (
    architecture_options,
    choose_recipe,
    choose_spec,
    find_architecture,
    find_recipe,
    kind_of,
    recipe_specs,
)

EVERY = pytest.mark.parametrize("recipe", recipe_specs().values(), ids=recipe_specs())


def filled(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def png(values):
    """The bytes of a gray image."""
    file = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


CONLL = "Ada B-PER\nruns O\nhome O\n\nin O\nOslo B-LOC\nit O\nrains O\n\n"
LABELED_LINES = "\n".join(
    f"{label} a {word} film with a {other} end"
    for label, words in (("good", ("fine", "grand", "lively")), ("bad", ("dull", "weak", "slow")))
    for word in words
    for other in ("new", "sudden")
)
TABLE = "text,label\na fine film,good\na dull song,bad\n"
PICTURE, MASK = (png(values) for values in (np.arange(256).reshape(16, 16), np.eye(16)))
FOUND = [
    ({"judged.csv": TABLE}, "text-classification"),
    ({"train.csv": TABLE, "test.csv": TABLE}, "text-classification"),
    ({"judged.jsonl": json.dumps({"text": "a fine film", "label": "good"})}, "text-classification"),
    ({"good/1.txt": "a fine film", "bad/1.txt": "a dull song"}, "text-classification"),
    ({"train/good/1.txt": "a fine film", "test/bad/1.txt": "a dull song"}, "text-classification"),
    ({"all.txt": LABELED_LINES}, "text-classification"),
    ({"eng.train": CONLL, "eng.testa": CONLL}, "text-tagging"),
    ({"names.conll": CONLL}, "text-tagging"),
    ({"train.de": "ein Hund\n", "train.en": "a dog\n"}, "translation"),
    (
        {"train.de.gz": gzip.compress(b"ein Hund\n"), "train.en.gz": gzip.compress(b"a dog\n")},
        "translation",
    ),
    ({"pairs.jsonl": json.dumps({"de": "ein Hund", "en": "a dog"})}, "translation"),
    ({"yes/1.wav": b"RIFF", "no/1.flac": b"fLaC", "readme.txt": "two words"}, "audio-classification"),
    ({"named.jsonl": json.dumps({"audio_filepath": "1.ogg", "command": "go"})}, "audio-classification"),
    ({"named.csv": "path,label,split\na/1.wav,yes,train\n", "a/1.wav": b"RIFF"}, "audio-classification"),
    (
        {"train_manifest.json": '{"audio_filepath": "1.wav", "duration": 1.0, "text": "two words"}\n'},
        "speech-recognition",
    ),
    ({"dev/7/9/7-9.trans.txt": "7-9-0 TWO WORDS\n", "dev/7/9/7-9-0.flac": b"fLaC"}, "speech-recognition"),
    ({"images/1.png": PICTURE, "masks/1.png": MASK}, "image-segmentation"),
    ({"well/1.nii.gz": b"\0", "ill/2.nii.gz": b"\0"}, "volume-classification"),
    ({"imagesTr/1.nii.gz": b"\0", "labelsTr/1.nii.gz": b"\0"}, "volume-segmentation"),
    (
        {"sub-01/ses-1/t1.nii.gz": b"\0", "sub-01/ses-2/t1.nii.gz": b"\0"},
        "volume-progression",
    ),
]


@pytest.mark.parametrize(("files", "name"), FOUND)
def test_a_folder_chooses_the_recipe_that_it_is_for_and_a_reason_is_said(tmp_path, files, name):
    recipe, said = choose_recipe(filled(tmp_path / "data", files))
    assert recipe.name == name
    assert said.startswith(f"recipe: {name}, because ")
    parts = {part.removesuffix(".gz") for file in files for part in file.split("/")}
    assert any(part in said for part in (*parts, "train", "visits"))


@pytest.mark.parametrize(("files", "name"), [each for each in FOUND if len(each[0]) == 1])
def test_so_does_a_single_file(tmp_path, files, name):
    folder = filled(tmp_path / "data", files)
    assert choose_recipe(folder / next(iter(files)))[0].name == name


def test_pictures_are_recognized_and_what_nobody_recognizes_is_an_error(tmp_path):
    (tmp_path / "cat").mkdir()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "cat" / "1.png")
    recipe, said = choose_recipe(tmp_path)
    assert (recipe.name, "because" in said) == ("image-classification", True)
    with pytest.raises(DataError, match="no recipe recognizes this data") as caught:
        choose_recipe(filled(tmp_path / "papers", {"one.pdf": b"%PDF-1.7\0"}))
    assert "--recipe" in caught.value.hint


def test_files_without_content_are_said_to_be_empty(tmp_path):
    folder = filled(tmp_path / "data", {"one.csv": b"", "two.txt": b""})
    with pytest.raises(DataError, match="all 2 files are empty"):
        choose_recipe(folder)
    with pytest.raises(DataError, match="the file is empty"):
        choose_recipe(folder / "one.csv")


def test_a_name_that_is_nearly_right_is_offered():
    assert find_recipe("text-tagging").name == "text-tagging"
    with pytest.raises(UsageError, match="No recipe is named 'text-tagger'") as caught:
        find_recipe("text-tagger")
    assert "text-tagging" in caught.value.hint


@EVERY
def test_a_recipe_names_architectures_of_its_kind_that_there_are(recipe):
    assert recipe.architectures
    for name in recipe.architectures:
        assert find_architecture(name) in kind_of(recipe).architectures
        assert not find_architecture(name).is_bank


@EVERY
def test_its_settings_are_of_its_architectures_and_its_options_of_no_architecture(recipe):
    assert set(recipe.settings) <= set(recipe.architectures)
    for name in recipe.architectures:
        shared = set(architecture_options(find_architecture(name))) & {
            option.name for option in recipe.options
        }
        said = {"cap", "hops", "horizon", "rate", "vocabulary"}
        assert shared <= said, "what the recipe counts it says to the architecture"


@EVERY
def test_every_option_of_a_recipe_is_taken_by_one_of_its_steps(recipe):
    made = find_recipe(recipe.name)
    steps = (
        made.read,
        made.read_inputs,
        made.representation.fit,
        made.augmentation,
        made.test_time_views,
        made.start,
    )
    taken = {name for step in steps for name in inspect.signature(step).parameters}
    answered = {"beam", "length_penalty"}  # which the task of translation reads by itself
    answered |= {"words"}  # and that of speech recognition
    answered |= {"every"}  # and that of anomalies
    answered |= {"masks"}  # and that of segmentation
    answered |= {"boxes", "threshold"}  # and that of detection
    answered |= {
        "segmenter",
        "structures",
        "by",
        "repeats",
        "growth",
        "shrinkage",
        "criterion",
        "change_maps",
    }  # progression
    answered |= {"sheet"}  # and what opens tables
    assert {option.name for option in recipe.options} <= taken | answered


@EVERY
def test_a_recipe_divides_its_own_options_from_those_of_the_architecture(recipe):
    mine = {option.name: 1 for option in recipe.options}
    assert find_recipe(recipe.name).divide({**mine, "depth": 2}) == (mine, {"depth": 2})


def test_a_table_of_unlike_columns_is_said_to_be_no_data_for_convolutions(tmp_path):
    rows = "".join(f"{5 + k % 3}.{k % 9},3.{k % 7},1.{k % 5},{'abc'[k % 3]}\n" for k in range(30))
    (tmp_path / "flowers.csv").write_text("sepal.length,sepal.width,petal.length,variety\n" + rows)
    with pytest.raises(DataError, match="no recipe recognizes this data") as caught:
        choose_spec(tmp_path / "flowers.csv")
    assert "gradient boosting" in caught.value.hint and "sepal.length" in caught.value.hint


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.xlsx", "a.parquet", "a.zip", "a.csv.gz"])
def test_a_file_that_is_cut_off_is_said_to_be_so(tmp_path, name):
    path = tmp_path / name
    rows = {"text": [f"some text number {n}" for n in range(300)], "label": ["a", "b"] * 150}
    if name == "a.npz":
        np.savez(path, x_train=np.zeros((40, 8, 8)), y_train=np.zeros(40))
    elif name == "a.npy":
        np.save(path, np.zeros((40, 8, 8)))
    elif name == "a.xlsx":
        pytest.importorskip("openpyxl")
        pandas.DataFrame(rows).to_excel(path)
    elif name == "a.parquet":
        pandas.DataFrame(rows).to_parquet(path)
    elif name == "a.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", "some text" * 99)
    else:
        pandas.DataFrame(rows).to_csv(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    with pytest.raises(DataError, match=rf"{name}: truncated or damaged") as caught:
        choose_spec(path)
    assert "Copy or download the file again" in caught.value.hint
