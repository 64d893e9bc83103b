"""Volumes from files to a judged model, and all that goes on from there."""

import json

import keras
import numpy as np
import pytest
from made_volumes import PER_CLASS, SIDE, solid, write_nifti, write_scans

import convscope
from convscope.data.splits import Split
from convscope.errors import DataError, UsageError
from convscope.kinds.volume.augmentation import VolumeAugmentation, augmentation
from convscope.kinds.volume.augmentation import test_time_views as views_of
from convscope.kinds.volume.classification import BINARY, read
from convscope.kinds.volume.models import volume_resnet
from convscope.kinds.volume.readers.inputs import read_inputs
from convscope.kinds.volume.readers.reader import read_volumes
from convscope.kinds.volume.representation import VolumeRepresentation, fit_representation
from convscope.kinds.volume.symmetry import symmetry_of
from convscope.kinds.volume.volume import Volume
from convscope.types import no_progress

SETTINGS = {"epochs": 6, "batch_size": 8, "learning_rate": 5e-3, "precision": "float32"}


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return write_scans(tmp_path_factory.mktemp("scans") / "data")


@pytest.fixture(scope="module")
def said():
    return []


@pytest.fixture(scope="module")
def finished(scans, said, tmp_path_factory):
    """A finished run; to be read, not changed."""
    out = tmp_path_factory.mktemp("run") / "run"
    return convscope.train(scans, out=out, options={"width": 4}, say=said.append, **SETTINGS)


def test_a_folder_per_class_is_recognized_trained_and_evaluated(finished, scans, said):
    assert "recipe: volume-classification, because ball/00.nii.gz is a volume" in said
    assert any(
        "spacing: 1 x 1 x 2 mm, which all train volumes have; nothing is resampled" in line for line in said
    )
    assert any(line.startswith("intensities: each volume is scaled by mean") for line in said)
    assert any(line.startswith("flip_axes: ") for line in said)
    assert finished.metrics()["test"]["accuracy"] >= 0.5
    assert convscope.evaluate(finished.folder).to_json() == finished.metrics()["test"]


def test_files_are_predicted_and_what_is_none_is_named(finished, tmp_path):
    write_nifti(tmp_path / "a.nii.gz", solid("ball", 99))
    (tmp_path / "b.nii.gz").write_bytes(b"no")
    (tmp_path / "notes.txt").write_text("none")
    found = convscope.predict(finished.folder, [str(tmp_path)])
    assert [row.name.rpartition("/")[2] for row in found.rows] == ["a.nii.gz"]
    assert {each.path.rpartition("/")[2] for each in found.skipped} == {"b.nii.gz", "notes.txt"}


@pytest.mark.parametrize(
    "method", ["maps", "kernels", "position", "why", "occlusion", "statistics", "patches"]
)
def test_every_way_to_look_gives_figures_and_arrays(finished, scans, tmp_path, method):
    given = (
        None
        if method == "kernels"
        else [str(scans / "ball" / "00.nii.gz"), str(scans / "slab" / "00.nii.gz")]
    )
    seen = convscope.look(finished.folder, given, method=method, channels=2)
    assert seen.save(tmp_path / "seen.png")
    assert seen.arrays
    json.dumps(dict(seen.about))


def test_a_position_of_three_axes_adds_up(finished, scans):
    seen = convscope.look(
        finished.folder, str(scans / "ball" / "00.nii.gz"), method="position", layers=["stage1_block1_conv1"]
    )
    (values,) = seen.about["inputs"].values()
    assert len(values["at"]) == len(values["input_window"]) == 3
    products = next(array for name, array in seen.arrays.items() if name.endswith("/products"))
    assert products.shape[:3] == (3, 3, 3)
    assert products.sum(dtype=np.float64) == pytest.approx(values["sum"], rel=1e-6)


def test_it_is_explained_in_voxels_and_its_features_are_extracted(finished, scans, tmp_path):
    explained = convscope.explain(finished.folder)
    assert "voxels" in explained.purpose
    assert "A voxel is 1 x 1 x 2 mm and a volume 12 x 12 x 24 mm" in explained.purpose
    features = convscope.extract(
        finished.folder, scans, layers="stage3_block1_relu2", out=tmp_path / "f.parquet"
    )
    assert features.matrix("stage3_block1_relu2").shape == (2 * PER_CLASS, 16)


def test_its_report_shows_scans(finished):
    page = finished.report_path.read_text("utf-8")
    assert "volume_resnet" in page
    assert page.count("<img") > 2


def test_a_plain_model_of_volumes_reads_the_same_files(scans, tmp_path):
    model = volume_resnet((SIDE, SIDE, SIDE, 1), 2, width=4)
    model.save(tmp_path / "plain.keras")
    seen = convscope.look(
        tmp_path / "plain.keras", str(scans / "ball" / "00.nii.gz"), method="maps", channels=2
    )
    assert any("intensities" in note for note in seen.notes)
    flat = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    flat.save(tmp_path / "flat.keras")
    with pytest.raises(UsageError):
        convscope.look(tmp_path / "flat.keras", str(scans / "ball" / "00.nii.gz"), method="maps")


def archive(path, dtype=np.uint8, **more):
    values = np.stack([solid(kind, at) > 170 for at in range(20) for kind in ("ball", "slab")]).astype(dtype)
    labels = np.array([0, 1] * 20, np.uint8)[:, None]
    arrays = {"train_images": values[:30], "train_labels": labels[:30]}
    np.savez(path, **arrays, test_images=values[30:], test_labels=labels[30:], **more)
    return path


def test_an_archive_of_arrays_keeps_its_splits_and_names(tmp_path):
    splits = read_volumes(archive(tmp_path / "a.npz", class_names=np.array(["ball", "slab"])))
    assert splits.class_names == ("ball", "slab")
    assert (len(splits.train) + len(splits.validation), len(splits.test)) == (30, 10)
    assert "spacing: 1 for each axis, because a NumPy archive holds none" in splits.decisions
    assert BINARY in read(tmp_path / "a.npz").decisions
    inputs = read_inputs([str(tmp_path / "a.npz")])
    assert (len(inputs), inputs.name(0)) == (40, f"{tmp_path}/a.npz[train_images]#0")


def test_a_table_names_scans_with_label_split_and_patient(scans, tmp_path):
    rows = [
        f"{kind}/{at:02d}.nii.gz,{kind},{'test' if at > 8 else 'train'},p{at}"
        for kind in ("ball", "slab")
        for at in range(PER_CLASS)
    ]
    table = scans / "labels.csv"
    table.write_text("\n".join(["scan,diagnosis,split,patient", *rows, "gone.nii.gz,ball,train,p1"]))
    try:
        splits = read_volumes(scans)
    finally:
        table.unlink()
    assert len(splits.test) == 6
    used = "path from 'scan', label from 'diagnosis', split from 'split', group from 'patient'"
    assert f"columns: {used}; all are used" in splits.decisions
    assert any("no volume is called 'gone.nii.gz'" in each.reason for each in splits.skipped)


def test_a_patient_stays_on_one_side(scans):
    splits = read_volumes(scans, group=r"/(\d+)\.", seed=3)
    train, test = (
        {name.rpartition("/")[2] for name in split.names()} for split in (splits.train, splits.test)
    )
    assert test
    assert not train & test


def test_an_empty_folder_and_files_of_no_volume_are_errors(tmp_path):
    with pytest.raises(DataError, match="expected class folders with volumes"):
        read_volumes(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.nii").write_bytes(b"no")
    with pytest.raises(DataError, match="2 of 2 volumes are not readable"):
        read_volumes(tmp_path)


def volumes(values, affine=None):
    class Held:
        def __init__(self):
            from convscope.kinds.volume.readers.sources import VolumeFacts

            self.made = [Volume.of(each, affine, f"v{at}", "test") for at, each in enumerate(values)]
            self.facts = [VolumeFacts.of(each) for each in self.made]

        def __len__(self):
            return len(self.made)

        def load(self, index):
            return self.made[index]

        def name(self, index):
            return self.made[index].name

    return Held()


def fitted_to(values, affine=None, **options):
    return fit_representation(Split(volumes(values, affine), np.zeros(len(values), np.int64)), **options)


def test_ct_is_clipped_as_its_body_says_and_all_else_scaled_by_its_own_foreground():
    rng = np.random.default_rng(0)
    ct = [
        np.where(rng.random((8, 8, 8)) < 0.5, -1000, rng.normal(40, 30, (8, 8, 8))).astype(np.int16)
        for _ in "ab"
    ]
    made, lines = fitted_to(ct, np.eye(4))
    assert made.intensity == "clipped"
    assert -100 < made.low < 0 < 40 < made.high < 180
    assert "as Hounsfield units do" in lines[-1]
    values = made.on_grid(volumes(ct).load(0))
    assert np.allclose(values.min(), (made.low - made.center) / made.scale)
    mr = [rng.gamma(2, scale, (8, 8, 8)).astype(np.float32) for scale in (1, 1000)]
    made, _ = fitted_to(mr, np.eye(4))
    arrays = [made.on_grid(volumes(mr).load(at)) for at in range(2)]
    assert [round(float(each.std()), 3) for each in arrays] == [1, 1]


def test_scans_of_several_spacings_are_brought_to_their_median():
    rng = np.random.default_rng(0)
    scans = volumes([rng.normal(size=(8, 8, 8)) for _ in range(3)], np.diag([1.0, 1, 4, 1]))
    other = volumes([rng.normal(size=(16, 8, 8))], np.diag([0.5, 1, 4, 1]))
    scans.made += other.made
    scans.facts += other.facts
    made, lines = fit_representation(Split(scans, np.zeros(4, np.int64)))
    assert (made.size, made.spacing) == ((8, 8, 8), (1.0, 1.0, 4.0))
    assert "1 of 4 train volumes are resampled" in lines[0]
    assert "anisotropy: voxels are 4 times longer along z" in lines[1]
    assert made.to_array(scans.load(3)).shape == (8, 8, 8, 1)
    assert VolumeRepresentation.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_a_volume_with_other_channels_is_named():
    one, two = np.zeros((8, 8, 8, 1)), np.zeros((8, 8, 8, 2))
    with pytest.raises(DataError, match="v2: expected 1 channels as most volumes have, received 2"):
        fitted_to([one, one, two])


def test_changes_keep_shape_and_type_and_follow_the_seed():
    batch = np.random.default_rng(0).integers(0, 255, (3, 8, 8, 8, 1), np.uint8)
    change = augmentation(1.0, ("x",), ("z",))
    one, other = (change(batch, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(one, other)
    assert (one.shape, one.dtype) == (batch.shape, batch.dtype)
    assert augmentation(0.0) is None
    still = VolumeAugmentation((), (), 0, 0, 0, 0, 0)
    assert np.array_equal(still(batch, np.random.default_rng(0)), batch)


def test_what_is_occupied_or_not_gets_no_noise():
    batch = np.zeros((2, 8, 8, 8, 1), np.uint8)
    batch[:, 2:6, 2:6, 2:6] = 255
    changed = VolumeAugmentation((1,), (), 0, 0, 0)(batch, np.random.default_rng(0))
    assert set(np.unique(changed)) == {0, 255}


def test_predictions_are_averaged_over_mirror_images_along_the_axes_that_keep_classes():
    assert [view.keywords["axis"] for view in views_of(True, ("x", "z"))] == [(1,), (3,), (1, 3)]
    assert views_of(False, ("x",)) == ()


def split_of(values, labels):
    return Split(volumes(values), np.array(labels))


def test_a_class_of_a_direction_is_not_mirrored_along_it():
    rng = np.random.default_rng(0)
    values, labels = [], []
    for at in range(240):
        made = rng.normal(0, 1, (8, 8, 8))
        label = at % 2
        made[4 * label : 4 * label + 4] += 1.5
        values.append(made)
        labels.append(label)
    found = symmetry_of(split_of(values, labels), 2, 0)
    assert found.flip == ("y", "z")
    assert found.turn == ("x",)
    assert "mirrored along x" in found.lines[0]


def test_an_archive_can_be_predicted_and_looked_at_by_a_run(tmp_path):
    run = convscope.train(
        archive(tmp_path / "a.npz"), out=tmp_path / "run", options={"width": 4}, **SETTINGS | {"epochs": 1}
    )
    assert len(convscope.predict(run.folder, [str(tmp_path / "a.npz")]).rows) == 40
    assert convscope.look(run.folder, str(tmp_path / "a.npz"), method="maps", channels=2).arrays


def test_the_model_halves_long_axes_first_and_refuses_what_is_too_small():
    model = volume_resnet((32, 32, 8, 1), 3, width=4)
    assert tuple(model.get_layer("stem_relu").output.shape[1:4]) == (16, 16, 8)
    with pytest.raises(UsageError, match="too small"):
        volume_resnet((4, 4, 4, 1), 2)
    with pytest.raises(UsageError, match="takes"):
        volume_resnet((8, 8, 1), 2)


def test_reading_reports_progress(scans):
    seen = []
    read_inputs([str(scans / "ball")], progress=lambda done, total, what: seen.append((done, total, what)))
    assert seen[-1] == (PER_CLASS, PER_CLASS, "reading volumes")
    assert no_progress(0, None, "") is None
