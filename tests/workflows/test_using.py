"""A finished run, put to use."""

import csv
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from reading_runs import calibrated

import convscope
from convscope.errors import DataError, RunError
from convscope.kinds.image.augmentation import zoomed
from convscope.run import Run


@pytest.fixture
def copied(finished, tmp_path):
    """A run that a test may change."""
    return Run(shutil.copytree(finished.folder, tmp_path / "run"))


def test_evaluating_gives_the_figures_of_the_training(finished):
    assert convscope.evaluate(finished.folder).to_json() == finished.metrics()["test"]


def test_evaluating_other_data_judges_all_of_it(finished, own_pictures):
    judged = convscope.evaluate(finished.folder, own_pictures)
    assert judged.samples == 120
    assert judged.accuracy >= 0.9


def test_evaluating_other_data_judges_its_test_split_where_it_has_one(finished, own_pictures, tmp_path):
    for split, count in (("train", 30), ("test", 10)):
        for shape in ("disc", "horizontal", "vertical"):
            (tmp_path / "parted" / split / shape).mkdir(parents=True)
            for picture in sorted((own_pictures / shape).iterdir())[:count]:
                picture.rename(tmp_path / "parted" / split / shape / picture.name)
    lines = []
    judged = convscope.evaluate(finished.folder, tmp_path / "parted", say=lines.append)
    assert judged.samples == 30
    assert any("has a test split: its 30 samples are judged, 90 others are not" in line for line in lines)


def test_other_data_may_be_a_single_sample_of_a_single_class(finished, own_pictures):
    for shape in ("disc", "horizontal"):
        shutil.rmtree(own_pictures / shape)
    for picture in sorted((own_pictures / "vertical").iterdir())[1:]:
        picture.unlink()
    assert convscope.evaluate(finished.folder, own_pictures).samples == 1


def test_changed_data_moves_no_train_sample_into_test(own_pictures, settings, tmp_path):
    run = convscope.train(own_pictures, out=tmp_path / "run", **{**settings, "epochs": 1})
    with (run.folder / "splits.csv").open(newline="", encoding="utf-8") as file:
        tested = [row["name"] for row in csv.DictReader(file) if row["split"] == "test"]
    Path(tested[0]).unlink()
    for i in range(5):
        noise = np.random.default_rng(i).integers(0, 255, (16, 16), np.uint8)
        Image.fromarray(noise).save(own_pictures / "disc" / f"0{i}_new.png")
    lines = []
    moved = own_pictures.rename(tmp_path / "moved")
    with pytest.raises(RunError, match="is no longer at") as caught:
        convscope.evaluate(run.folder)
    assert "--data" in caught.value.hint
    assert convscope.evaluate(run.folder, data=moved, say=lines.append).samples == len(tested) - 1
    assert any(line.startswith(f"1 of the {len(tested)} test samples") for line in lines)
    assert any(line.startswith("5 samples") for line in lines)


def test_an_unfinished_training_is_named_as_such(copied, pictures):
    copied.write_record({**copied.record(), "status": "training"})
    lines = []
    convscope.predict(copied.folder, [pictures / "disc" / "00.png"], say=lines.append)
    assert lines[0].startswith("Warning: this training is unfinished: epoch 4 of 4")


def test_other_data_may_have_fewer_classes_than_the_run(finished, own_pictures):
    shutil.rmtree(own_pictures / "disc")
    judged = convscope.evaluate(finished.folder, own_pictures)
    assert [each.name for each in judged.classes] == ["disc", "horizontal", "vertical"]
    assert [each.support for each in judged.classes] == [0, 40, 40]
    assert judged.accuracy >= 0.9


def test_a_class_that_the_run_does_not_know_is_refused(finished, own_pictures):
    (own_pictures / "disc").rename(own_pictures / "circle")
    with pytest.raises(DataError, match=r"has the class 'circle'.*expected disc, horizontal, vertical"):
        convscope.evaluate(finished.folder, own_pictures)


def test_answers_come_in_the_order_asked(finished, pictures):
    files = [str(pictures / "vertical" / "03.png"), str(pictures / "disc" / "05.png")]
    inputs = [*files, pictures / "horizontal", f"{pictures}/disc/1*.png"]
    names = [row.name for row in convscope.predict(finished.folder, inputs).rows]
    assert names == [
        *files,
        *sorted(map(str, (pictures / "horizontal").iterdir())),
        *sorted(map(str, (pictures / "disc").glob("1*.png"))),
    ]


def two_halves(pictures):
    """A picture whose left half is inverted."""
    image = np.asarray(Image.open(pictures / "disc" / "05.png").convert("L")).copy()
    image[:, : image.shape[1] // 2] = 255 - image[:, : image.shape[1] // 2]
    return image


def answers_to(run, images, folder):
    """Probabilities for pictures, shape (pictures, classes)."""
    files = [folder / f"{i}.png" for i in range(len(images))]
    for file, image in zip(files, images, strict=True):
        Image.fromarray(image).save(file)
    rows = convscope.predict(run.folder, files).rows
    return np.array([list(row.probabilities.values()) for row in rows])


def write_options(run, **options):
    """Changes how a run predicts; without a temperature, which comes after the mean over views."""
    run.write("calibration.json", {"temperature": 1.0})
    record = run.record()
    run.write_record({**record, "options": {**record["options"], **options}})


def test_with_mirror_a_picture_and_its_mirror_image_get_one_answer(copied, pictures, tmp_path):
    image = two_halves(pictures)
    both = [image, image[:, ::-1]]
    write_options(copied)
    plain = answers_to(copied, both, tmp_path)
    write_options(copied, flip=True, mirror=True)
    averaged = answers_to(copied, both, tmp_path)
    np.testing.assert_allclose(averaged, np.tile(plain.mean(axis=0), (2, 1)), atol=1e-5)
    assert np.abs(plain[0] - plain[1]).max() > 1e-4
    write_options(copied, flip=False)
    np.testing.assert_allclose(answers_to(copied, both, tmp_path), plain, atol=1e-6)


def test_features_are_of_the_image_as_it_is_and_say_where_predictions_are_not(copied, pictures, tmp_path):
    said = []
    for mirror in (False, True):
        write_options(copied, flip=True, mirror=mirror)
        lines = []
        out = tmp_path / f"features-{mirror}"
        convscope.extract(copied.folder, pictures, out=out, precision="float32", say=lines.append)
        said.append(any("predict averages over other views" in line for line in lines))
    assert said == [False, True]


@pytest.mark.parametrize("mirror", [False, True])
def test_with_zoom_an_answer_is_the_mean_over_sizes(copied, pictures, tmp_path, mirror):
    image = two_halves(pictures)
    sizes = [image, *(zoomed(image[None, ..., None], share)[0, ..., 0] for share in (0.2, -0.2))]
    seen = [*sizes, *(size[:, ::-1] for size in sizes)] if mirror else sizes
    write_options(copied)
    plain = answers_to(copied, seen, tmp_path)
    write_options(copied, flip=True, mirror=mirror, zoom=0.2)
    np.testing.assert_allclose(answers_to(copied, [image], tmp_path)[0], plain.mean(axis=0), atol=1e-5)
    assert np.abs(plain - plain[0]).max(axis=1)[1:].min() > 1e-4


def test_an_answer_is_the_class_with_the_highest_of_probabilities_that_sum_to_one(finished, pictures):
    rows = convscope.predict(finished.folder, [pictures]).rows
    assert len(rows) == 120
    for row in rows:
        assert list(row.probabilities) == ["disc", "horizontal", "vertical"]
        assert sum(row.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert row.probabilities[row.label] == max(row.probabilities.values())
    assert np.mean([Path(row.name).parent.name == row.label for row in rows]) >= 0.9


def test_an_answer_does_not_depend_on_the_others_in_the_batch(finished, pictures):
    together = {row.name: row for row in convscope.predict(finished.folder, [pictures]).rows}
    for name in ("disc/00.png", "vertical/39.png"):
        (alone,) = convscope.predict(finished.folder, [pictures / name]).rows
        assert alone.probabilities == pytest.approx(together[alone.name].probabilities, abs=1e-6)


def test_answers_are_those_of_the_plain_model_on_plain_pictures(finished, pictures):
    model = keras.models.load_model(finished.model_path)
    files = sorted((pictures / "disc").iterdir())
    batch = np.stack([np.asarray(Image.open(file), np.float32)[..., None] / 255 for file in files])
    expected = keras.ops.convert_to_numpy(model(batch))
    rows = convscope.predict(finished.folder, files).rows
    expected = calibrated(finished, expected)
    np.testing.assert_allclose([list(row.probabilities.values()) for row in rows], expected, atol=1e-5)


def test_a_picture_of_another_size_and_mode_is_answered_too(finished, tmp_path):
    Image.new("RGBA", (50, 31), (200, 10, 10, 128)).save(tmp_path / "large.png")
    assert len(convscope.predict(finished.folder, [tmp_path / "large.png"]).rows) == 1


def test_a_corrupt_picture_is_skipped_and_listed(finished, own_pictures):
    bad = own_pictures / "disc" / "07.png"
    bad.write_bytes(bad.read_bytes()[:60])
    answered = convscope.predict(finished.folder, [own_pictures / "disc"])
    assert len(answered.rows) == 39
    (skipped,) = answered.skipped
    assert skipped.path == str(bad)
    assert skipped.reason


@pytest.mark.parametrize("inputs", [["nowhere.png"], ["nowhere/*.png"], ["empty"], []])
def test_nothing_to_answer_is_told(finished, tmp_path, monkeypatch, inputs):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError):
        convscope.predict(finished.folder, inputs)


def test_a_run_needs_nothing_but_its_folder(own_pictures, settings, tmp_path):
    run = convscope.train(own_pictures, out=tmp_path / "first", **{**settings, "epochs": 1})
    before = convscope.predict(run.folder, [own_pictures / "disc"])
    moved = run.folder.rename(tmp_path / "second")
    other = (own_pictures / "disc").rename(tmp_path / "pictures")
    shutil.rmtree(own_pictures)
    after = convscope.predict(moved, [other])
    assert [row.probabilities for row in after.rows] == [row.probabilities for row in before.rows]


def test_what_is_no_run_is_told(tmp_path):
    with pytest.raises(RunError, match="is not a run"):
        convscope.predict(tmp_path, ["any.png"])
    with pytest.raises(RunError, match="is not a run"):
        convscope.evaluate(tmp_path / "missing")


def test_a_run_without_a_model_says_how_to_finish_it(copied):
    copied.model_path.unlink()
    with pytest.raises(RunError, match="has no model yet") as caught:
        convscope.evaluate(copied.folder)
    assert caught.value.hint == f"Finish the training: convscope train --resume {copied.folder}"


def without_checksum(run):
    """As runs of earlier versions are, which say nothing of their model file."""
    record = run.record()
    del record["model_sha256"]
    run.write_record(record)


@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_a_damaged_model_is_told(copied, content):
    whole = copied.model_path.read_bytes()
    copied.model_path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(RunError, match=r"model\.keras is damaged or another model: its SHA-256"):
        convscope.evaluate(copied.folder)
    without_checksum(copied)
    with pytest.raises(RunError, match=r"model\.keras cannot be loaded"):
        convscope.evaluate(copied.folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"class_names": 3}, "'class_names' must be an array"),
        ({"data": {"path": "x"}}, "'data' has no key 'fingerprint'"),
        ({"options": {"size": "large"}}, "size must be one side"),
    ],
)
def test_a_record_with_another_value_is_told(copied, change, said):
    copied.write_record({**copied.record(), **change})
    with pytest.raises(RunError, match=rf"run\.json.*{said}"):
        convscope.predict(copied.folder, ["any.png"])


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 1}'])
def test_a_damaged_record_is_told(copied, content):
    (copied.folder / "run.json").write_text(content)
    with pytest.raises(RunError, match=r"run\.json"):
        convscope.predict(copied.folder, ["any.png"])


@pytest.mark.parametrize("content", ["", "{}", "[]"])
def test_a_damaged_representation_is_told(copied, content):
    (copied.folder / "representation.json").write_text(content)
    with pytest.raises((RunError, DataError), match="representation"):
        convscope.predict(copied.folder, ["any.png"])


def test_code_inside_a_model_is_never_run(copied, tmp_path):
    inputs = keras.Input((16, 16, 1))
    hidden = keras.layers.Lambda(lambda x: x * 2)(inputs)
    outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(hidden))
    keras.Model(inputs, outputs).save(copied.model_path)
    without_checksum(copied)
    with pytest.raises(RunError, match="cannot be loaded"):
        convscope.evaluate(copied.folder)


@pytest.mark.usefixtures("tensorflow_only")
def test_a_run_is_exported_into_its_own_folder(copied):
    made = convscope.export(copied.folder, "saved-model")
    assert made.path.parent == copied.folder
    assert made.deviation < 1e-3
