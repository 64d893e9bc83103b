"""Volume segmentation from scans with masks to masks on the scans' own grids."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from made_volumes import write_nifti

import convscope
from convscope.errors import DataError
from convscope.kinds.volume.resampling import resampled, resampled_slabs
from convscope.kinds.volume.segmentation.augmentation import mirrored_axes
from convscope.kinds.volume.segmentation.reader import read_masked_volumes

SHAPE = (14, 12, 10)
AFFINE = np.array([[-1.5, 0, 0, 40], [0, 1.0, 0, -20], [0, 0, 2.0, 5], [0, 0, 0, 1.0]])


def scan_with_ball(seed):
    """Noise with a bright ball at the left and a dark one at the right, and its mask."""
    rng = np.random.default_rng(seed)
    values, mask = rng.normal(100, 8, SHAPE), np.zeros(SHAPE, np.uint8)
    for number, (start, level) in enumerate(((3, 220), (9, 20)), 1):
        middle = np.array([start, 5, 5]) + rng.integers(-1, 2, 3)
        inside = np.square(np.indices(SHAPE) - middle[:, None, None, None]).sum(axis=0) <= 5
        values[inside], mask[inside] = level, number
    return values.astype(np.float32), mask


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The layout of the Medical Segmentation Decathlon."""
    folder = tmp_path_factory.mktemp("scans") / "data"
    for seed in range(16):
        values, mask = scan_with_ball(seed)
        write_nifti(folder / "imagesTr" / f"case_{seed:02d}.nii.gz", values, AFFINE)
        write_nifti(folder / "labelsTr" / f"case_{seed:02d}.nii.gz", mask, AFFINE)
    names = {"labels": {"0": "background", "1": "bright", "2": "dark"}}
    (folder / "dataset.json").write_text(json.dumps(names))
    return folder


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """A finished run; to be read, not changed."""
    given = {"epochs": 12, "learning_rate": 1e-2, "averaging": 0.0, "augmentation": 0.2, "batch_size": 2}
    out = tmp_path_factory.mktemp("run") / "run"
    return convscope.train(data, out=out, width=6, depth=2, block=(8, 8, 8), verbose=0, **given)


def test_masks_are_read_in_the_frame_of_their_scans(data):
    splits = read_masked_volumes(data)
    assert splits.class_names == ("background", "bright", "dark")
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 16
    volume, mask = splits.train.samples.load(0), splits.train.labels[0].load()
    assert mask.shape == volume.shape
    assert volume.values[..., 0][mask == 1].mean() > 200
    assert volume.values[..., 0][mask == 2].mean() < 50


def test_values_that_come_in_parts_are_resampled_as_those_at_once():
    values = np.random.default_rng(0).random((13, 7, 6, 2)).astype(np.float32)
    for wanted in ((13, 7, 6), (20, 7, 9), (5, 9, 6), (31, 4, 6)):
        spacing = tuple(side / other for side, other in zip(values.shape[:3], wanted, strict=True))
        expected = resampled(values, (1.0, 1.0, 1.0), spacing, wanted)
        parts = iter([values[:2], values[2:3], values[3:9], values[9:]])
        found = np.concatenate(list(resampled_slabs(parts, values.shape[:3], wanted)))
        assert np.allclose(found, expected, atol=1e-5)


def test_a_mask_on_another_grid_is_refused_unless_it_is_to_be_resampled(data, tmp_path):
    for part in ("imagesTr", "labelsTr"):
        for path in sorted((data / part).iterdir())[:6]:
            image = nibabel.load(path)
            affine = AFFINE if part == "imagesTr" else AFFINE + np.array([[0, 0, 0, 1.0]] + [[0] * 4] * 3)
            write_nifti(tmp_path / part / path.name, np.asarray(image.dataobj), affine)
    with pytest.raises(DataError, match="expected the grid of") as caught:
        read_masked_volumes(tmp_path)
    assert "--resample-labels" in caught.value.hint
    assert read_masked_volumes(tmp_path, resample_labels=True).class_names == ("0", "1", "2")


def test_it_learns_and_is_judged_in_mm(run):
    measured = run.metrics()["test"]
    assert measured["mean_dice"] > 0.5
    assert measured["tolerance"] == 1.0
    assert all(each["hd95"] is not None for each in measured["classes"][1:] if each["dice"])
    assert convscope.evaluate(run.folder).to_json() == measured


def test_scans_are_mirrored_from_left_to_right_unless_a_class_is_a_side(run):
    assert run.record()["options"]["flip_axes"] == ["x"]
    assert any(line.startswith("flip_axes: x, because") for line in run.record()["decisions"])
    assert mirrored_axes(("background", "left lung", "right lung"), spaced=True)[0] == ()
    assert mirrored_axes(("pore", "grain"), spaced=False)[0] == ("x", "y", "z")


def test_predict_writes_masks_on_the_grid_of_the_scan(run, data, tmp_path):
    path = data / "imagesTr" / "case_03.nii.gz"
    row = convscope.predict(run.folder, [str(path)], masks=str(tmp_path / "out")).rows[0]
    scan, written = nibabel.load(path), nibabel.load(row.file)
    assert Path(row.file).name == "case_03_mask.nii.gz"
    assert written.shape == scan.shape
    assert np.allclose(written.affine, scan.affine)
    truth = np.asarray(nibabel.load(data / "labelsTr" / "case_03.nii.gz").dataobj)
    assert np.mean(np.asarray(written.dataobj) == truth) > 0.9
    assert row.unit == "ml"
    assert sum(row.amounts.values()) == pytest.approx(np.prod(SHAPE) * 3.0 / 1000)


@pytest.mark.parametrize("method", ["maps", "position", "why"])
def test_every_way_to_look_gives_figures(run, data, tmp_path, method):
    given = [str(data / "imagesTr" / "case_00.nii.gz")]
    assert convscope.look(run.folder, given, method=method, channels=2).save(tmp_path / "seen.png")


def test_it_is_explained(run):
    assert {"down0_1_conv", "classes"} <= {layer.path for layer in convscope.explain(run.folder).layers}
    assert "Masks of" in run.report_path.read_text("utf-8")
