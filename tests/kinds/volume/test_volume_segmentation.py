"""Volume segmentation from scans with masks to masks on the scans' own grids."""

import re
from pathlib import Path

import nibabel
import numpy as np
import pytest
from made_volumes import AFFINE, SHAPE, write_masked, write_nifti

import convscope
from convscope.errors import DataError, UsageError
from convscope.kinds.volume.readers.inputs import read_inputs
from convscope.kinds.volume.resampling import resampled, resampled_slabs
from convscope.kinds.volume.segmentation.augmentation import mirrored_axes
from convscope.kinds.volume.segmentation.reader import read_masked_volumes
from convscope.kinds.volume.segmentation.representation import MaskedVolumeRepresentation


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_masked(tmp_path_factory.mktemp("scans") / "data")


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
    assert read_masked_volumes(tmp_path, resample_labels=True).class_names == ("background", "1", "2")


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


def test_features_are_those_of_whole_scans_or_of_each_window(run, data, tmp_path):
    whole = convscope.extract(run.folder, str(data), out=tmp_path / "whole.parquet", precision="float32")
    parts = convscope.extract(
        run.folder, str(data), out=tmp_path / "parts.parquet", precision="float32", windows=True
    )
    assert whole.layers == ("down1_2_conv",), "the bottleneck of a U-Net of two levels"
    assert (len(whole), len(parts)) == (16, 16 * 8)
    rows, means = parts.columns(), parts.matrix().reshape(16, 8, -1).mean(axis=1)
    assert rows.paths[0].endswith(".nii.gz[0:8,0:8,0:8]")
    assert rows.paths[::8] == [f"{path}[0:8,0:8,0:8]" for path in whole.columns().paths]
    assert np.allclose(whole.matrix(), means, atol=1e-5)
    assert {"bright", "dark"} <= set(rows.labels) <= {"background", "bright", "dark"}
    assert set(whole.columns().labels) == {None}
    assert set(rows.splits) == {"train", "validation", "test"}
    largest = convscope.extract(
        run.folder, str(data), out=tmp_path / "max.parquet", precision="float32", pool="max"
    )
    assert (largest.matrix() >= whole.matrix() - 1e-5).all()


def test_windows_have_the_class_that_is_in_them_and_are_probed_placed_and_compared(run, data, tmp_path):
    parts = convscope.extract(run.folder, str(data), out=tmp_path / "parts.parquet", windows=True)
    rows = parts.columns()
    for at in (0, 5, 77):
        file, _, ends = rows.paths[at].partition("[")
        inside = tuple(slice(*map(int, part.split(":"))) for part in ends.rstrip("]").split(","))
        image = nibabel.load(file.replace("imagesTr", "labelsTr"))
        mask = np.asarray(nibabel.as_closest_canonical(image).dataobj).astype(int)[inside]
        counts = np.bincount(mask.ravel(), minlength=3)
        assert rows.labels[at] == (
            ["bright", "dark"][counts[1:].argmax()] if counts[1:].any() else "background"
        )
    told = convscope.probe(parts)
    assert told.layers[0].accuracy > told.baseline
    assert len(convscope.project(parts).points) == len(parts)
    scan = str(data / "imagesTr" / "case_03.nii.gz")
    near = convscope.neighbors(parts, [scan], count=2)
    assert len(near.queries) == 8
    assert [found[0].path for found in near.found] == [query.name for query in near.queries]
    assert near.save(tmp_path / "near.png")
    whole = convscope.extract(run.folder, str(data), out=tmp_path / "whole.parquet")
    assert convscope.neighbors(whole, [scan], count=2).found[0][0].path == scan


def test_maps_of_scans_in_several_windows_are_refused(run, data, tmp_path):
    with pytest.raises(UsageError, match="16 of 16 samples are larger") as caught:
        convscope.extract(run.folder, str(data), out=tmp_path / "maps.zarr", pool="none")
    assert "--windows" in caught.value.hint


def test_one_voxel_is_explained_over_the_planes_through_it(run, data, tmp_path):
    given = [str(data / "imagesTr" / "case_00.nii.gz")]
    seen = convscope.look(run.folder, given, method="why", target="bright", at=(3, 4, 4))
    assert any("in its middle, which positions count within" in note for note in seen.notes)
    told = seen.about["inputs"]["case_00.nii.gz"]
    assert {tuple(each["at"]) for each in told.values()} == {(3, 4, 4)}
    assert {each["target"] for each in told.values()} == {1}
    assert seen.save(tmp_path / "seen.png")
    unsure = convscope.look(run.folder, given, method="saliency", at="uncertain")
    assert unsure.about["inputs"]["case_00.nii.gz"]["saliency"]["at"] != (3, 4, 4)


@pytest.mark.parametrize("method", ["maps", "position", "why"])
def test_every_way_to_look_gives_figures(run, data, tmp_path, method):
    given = [str(data / "imagesTr" / "case_00.nii.gz")]
    assert convscope.look(run.folder, given, method=method, channels=2).save(tmp_path / "seen.png")


def test_it_is_explained(run):
    assert {"down0_1_conv", "classes"} <= {layer.path for layer in convscope.explain(run.folder).layers}
    assert "Masks of" in run.report_path.read_text("utf-8")


def test_levels_above_the_finest_one_score_classes_too_by_default(data, tmp_path):
    run = convscope.train(data, out=tmp_path / "run", epochs=1, width=4, depth=3, block=(8, 8, 8), verbose=0)
    assert {"scores1", "scores0"} <= {layer.path for layer in convscope.explain(run.folder).layers}


LONG = (42, 12, 10)
BRIGHT, DARK = (36, 6, 4), (4, 5, 6)


@pytest.fixture(scope="module")
def long_scan(tmp_path_factory):
    """Much longer than the window, with a ball near each end and nothing in the middle."""
    values = np.random.default_rng(7).normal(100, 8, LONG)
    for middle, level in ((BRIGHT, 220), (DARK, 20)):
        values[np.square(np.indices(LONG) - np.array(middle)[:, None, None, None]).sum(axis=0) <= 5] = level
    return write_nifti(tmp_path_factory.mktemp("long") / "long.nii.gz", values.astype(np.float32), AFFINE)


def shown_window(seen):
    """Where the window begins that a note says is shown, and the strongest position that it says."""
    (note,) = [each for each in seen.notes if "is shown" in each]
    ends, spot = re.search(r"positions (.*) is shown.* at \((.*)\), of all 24 windows", note).groups()
    return [int(each.partition(" to ")[0]) for each in ends.split(", ")], [
        int(each) for each in spot.split(", ")
    ]


@pytest.mark.parametrize(("target", "middle"), [("bright", BRIGHT), ("dark", DARK)])
@pytest.mark.parametrize("method", ["maps", "saliency"])
def test_of_a_scan_larger_than_the_window_the_one_of_the_strongest_position_is_shown(
    run, long_scan, target, middle, method
):
    seen = convscope.look(run.folder, [str(long_scan)], method=method, target=target)
    start, spot = shown_window(seen)
    place = np.array([LONG[0] - 1 - middle[0], *middle[1:]])  # axes of the file run to the left
    assert np.abs(np.array(spot) - place).max() <= 2
    assert all(first <= at < first + 8 for first, at in zip(start, place, strict=True))
    assert f"'{target}'" in next(note for note in seen.notes if "is shown" in note)
    assert not any("in its middle" in note for note in seen.notes)
    if method == "maps":
        represent = MaskedVolumeRepresentation.from_json(run.representation())
        grid = represent.on_grid(read_inputs([str(long_scan)]).load(0))
        part = grid[tuple(slice(first, first + 8) for first in start)]
        (shown,) = [values for name, values in seen.arrays.items() if name.startswith("input/")]
        np.testing.assert_array_equal(shown[0], part)


def test_a_channel_that_is_asked_for_chooses_the_window(run, long_scan):
    given = {"method": "position", "layers": ["down1_1_conv"]}
    values = {}
    for channel in range(3):
        seen = convscope.look(run.folder, [str(long_scan)], channel=channel, **given)
        note = next(each for each in seen.notes if "is shown" in each)
        assert f"channel {channel} of down1_1_conv" in note
        values[channel] = float(re.search(r", (\S+) at \(", note)[1])
        (about,) = seen.about["inputs"].values()
        assert about["value"] >= values[channel] - 1e-2 * abs(values[channel])
    assert len(set(values.values())) == 3


def test_a_position_that_is_given_is_one_of_the_window_in_the_middle(run, long_scan):
    seen = convscope.look(run.folder, [str(long_scan)], method="saliency", at=(3, 4, 4))
    assert any("in its middle" in note for note in seen.notes)
    with pytest.raises(UsageError, match="has channels 0 to"):
        convscope.look(run.folder, [str(long_scan)], method="position", layers=["down1_1_conv"], channel=99)


def test_places_of_the_window_in_mm_are_those_of_the_scan(run, long_scan):
    seen = convscope.look(
        run.folder, [str(long_scan)], method="maps", target="bright", layers=["down1_1_conv"]
    )
    start, _ = shown_window(seen)
    texts = [each.get_text() for each in seen.figures()[0].axes[0].texts]
    (axial,) = [text for text in texts if text.startswith("axial, z")]
    at, mm = re.fullmatch(r"axial, z (\d+)(?: of 8)?, (\S+) mm", axial).groups()
    assert float(mm) == pytest.approx(AFFINE[2, 3] + 2.0 * (start[2] + int(at)))
