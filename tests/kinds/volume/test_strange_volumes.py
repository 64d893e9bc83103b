"""Volumes as strangers write them: channels along an axis, numbered cases, pages and levels."""

import json

import numpy as np
import pydicom
import pytest
from made_volumes import solid, write_dicom, write_nifti
from PIL import Image, TiffImagePlugin

from convscope.errors import DataError
from convscope.kinds.registry import choose_spec
from convscope.kinds.volume.readers.files import volumes_of
from convscope.kinds.volume.readers.forms import READERS
from convscope.kinds.volume.readers.inputs import read_inputs
from convscope.kinds.volume.readers.reader import read_volumes
from convscope.kinds.volume.resampling import resampled_to
from convscope.kinds.volume.segmentation.reader import read_masked_volumes
from convscope.kinds.volume.volume import Volume

VALUES = solid("ball", 0)[:, :10, :6]


def write_cases(folder, image, label, count=6, channels=1, said=None, axis=False):
    """Scans and masks under names such as `case_{case:04d}_{channel:04d}`."""
    for case in range(count):
        values = solid("ball", case)
        mask = (values > 200).astype(np.uint8)
        mask[0, 0] = 3
        parts = [np.stack([values] * channels, 3)] if axis else [values + each for each in range(channels)]
        for channel, part in enumerate(parts):
            write_nifti(folder / "imagesTr" / image.format(case=case, channel=channel), part)
        write_nifti(folder / "labelsTr" / label.format(case=case), mask)
    if said is not None:
        (folder / "dataset.json").write_text(json.dumps(said))
    return folder


def test_modalities_along_a_fourth_axis_are_channels_in_training_and_prediction(tmp_path):
    said = {"modality": {"0": "FLAIR", "1": "T1w"}, "labels": {"0": "background", "1": "tumor", "3": "edema"}}
    folder = write_cases(tmp_path, "BRATS_{case:03d}.nii.gz", "BRATS_{case:03d}.nii.gz", 6, 2, said, True)
    splits = read_masked_volumes(folder)
    assert splits.train.samples.facts[0].channels == 2
    assert splits.reading["channel_layout"] == "axis"
    scan = str(folder / "imagesTr" / "BRATS_000.nii.gz")
    assert read_inputs([scan], channel_layout="axis").load(0).channels == 2
    with pytest.raises(DataError, match="received 2 along a fourth axis"):
        read_inputs([scan])


def test_a_single_scan_of_several_files_is_predicted_as_the_training_read_them(tmp_path):
    folder = write_cases(tmp_path, "case_{case:04d}_{channel:04d}.nii.gz", "case_{case:04d}.nii.gz", 6, 2)
    splits = read_masked_volumes(folder)
    assert splits.reading["channel_layout"] == "files"
    paths = [str(folder / "imagesTr" / f"case_0000_{channel:04d}.nii.gz") for channel in (0, 1)]
    assert [read_inputs(paths, channel_layout=how).load(0).channels for how in ("files", "none")] == [2, 1]


def test_cases_that_are_numbered_with_four_digits_are_no_channels(tmp_path):
    splits = read_masked_volumes(
        write_cases(tmp_path, "scan_{case:04d}.nii.gz", "scan_{case:04d}.nii.gz", count=6)
    )
    assert sum(len(splits[name]) for name in ("train", "validation", "test")) == 6
    assert splits.class_names == ("background", "1", "3")
    assert any("no dataset.json names them" in line for line in splits.decisions)
    keys = [f"{kind}/img_{at:04d}.nii" for kind in ("ball", "slab") for at in range(8)]
    assert len(volumes_of(tmp_path, keys).volumes) == 16


def test_what_is_to_be_ignored_is_void_and_regions_are_said(tmp_path):
    labels = {"background": 0, "whole": [1, 2], "ball": 1, "ignore": 3}
    said = {"channel_names": {"0": "CT"}, "labels": labels, "regions_class_order": [1, 2]}
    folder = write_cases(
        tmp_path, "case_{case:03d}_{channel:04d}.nii.gz", "case_{case:03d}.nii.gz", said=said
    )
    assert choose_spec(folder)[0].name == "volume-segmentation"
    splits = read_masked_volumes(folder)
    assert splits.class_names == ("background", "ball")
    assert splits.train.labels[0].void == 12
    assert "void: 3 in masks, neither learned nor judged" in splits.decisions
    assert any("regions of several (whole) are not learned" in line for line in splits.decisions)


def test_a_mask_beside_its_scan_is_noted_where_it_is_resampled():
    scan = Volume.of(VALUES, np.diag([1.0, 1, 2, 1]), "scan", "NIfTI")
    place = np.diag([2.0, 2, 2, 1])
    place[0, 3] = 6
    mask = resampled_to(Volume.of((VALUES > 150).astype(np.uint8), place, "mask", "NIfTI"), scan)
    assert mask.shape == scan.shape
    expected = [(VALUES > 150)[(x - 6 + 1) // 2, 4, 2] if x >= 6 else 0 for x in range(12)]
    assert mask.values[:, 8, 2, 0].tolist()[::2] == expected[::2]
    assert "of the voxels of scan lie outside of this mask, and count as 0" in mask.notes[0]


def write_pages(path, planes, description):
    pages = [Image.fromarray(np.ascontiguousarray(plane).astype(np.int32)) for plane in planes]
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = description
    pages[0].save(path, save_all=True, append_images=pages[1:], tiffinfo=tags)
    return path


OME = '<OME><Pixels DimensionOrder="XYZCT" SizeC="2" SizeT="1" SizeZ="6"/></OME>'
IMAGEJ = "ImageJ=1.53\nimages=12\nchannels=2\nslices=6\nhyperstack=true\n"


@pytest.mark.parametrize(("description", "axis"), [(OME, 0), (IMAGEJ, 1)], ids=["ome", "imagej"])
def test_pages_of_several_channels_are_told_apart(tmp_path, description, axis):
    slices = np.moveaxis(VALUES, 2, 0).swapaxes(1, 2)
    planes = np.stack([slices, slices + 5], axis).reshape(-1, *slices.shape[1:])
    path = write_pages(tmp_path / "a.tif", planes, description)
    volume = READERS["tiff"].read([path], "a.tif")
    assert volume.shape == VALUES.shape
    assert np.array_equal(volume.values, np.stack([VALUES, VALUES + 5], 3))


@pytest.mark.parametrize("description", ["ImageJ=1.53\nframes=2\nslices=3\n", '{"shape": [2, 3, 12, 10]}'])
def test_pages_of_several_times_are_refused(tmp_path, description):
    path = write_pages(tmp_path / "a.tif", np.moveaxis(VALUES, 2, 0), description)
    with pytest.raises(DataError, match="several times or channels"):
        READERS["tiff"].read([path], "a.tif")


def write_ome(path, version):
    import zarr

    values = np.stack([VALUES, VALUES + 5]).transpose(0, 3, 2, 1)[None]
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)
    for level, step in (("0", 1), ("1", 2)):
        part = values[..., ::step, ::step]
        group.create_array(level, shape=part.shape, dtype=part.dtype)[...] = part
    group.create_group("labels")
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    scale = [{"type": "scale", "scale": [1, 1, 3000, 500, 500]}]
    levels = [
        {"version": version, "axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    ]
    group.attrs.update({"multiscales": levels} if version == "0.4" else {"ome": {"multiscales": levels}})
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_axes_and_scale_of_ome_zarr_are_read(tmp_path, version):
    volume = read_inputs([str(write_ome(tmp_path / "a.zarr", version))]).load(0)
    assert np.array_equal(volume.values, np.stack([VALUES, VALUES + 5], 3))
    assert volume.spacing == (0.5, 0.5, 3.0)
    assert not volume.source.spaced


def test_a_header_without_directions_or_sizes_says_so(tmp_path):
    header = "NRRD0004\ntype: short\ndimension: 3\nsizes: 12 10 6\nspacings: 1 1 3\n"
    header += "endian: little\nencoding: raw\n\n"
    (tmp_path / "a.nrrd").write_bytes(header.encode() + VALUES.astype("<i2").tobytes(order="F"))
    volume = READERS["itk"].read([tmp_path / "a.nrrd"], "a.nrrd")
    assert "left, posterior and superior are assumed" in volume.notes[0]
    assert volume.source.orientation == "LPS"
    header = (
        "NDims = 3\nBinaryData = True\nDimSize = 12 10 6\nElementSpacing = 1 0 1\nElementType = MET_SHORT\n"
    )
    (tmp_path / "a.mha").write_bytes(f"{header}ElementDataFile = LOCAL\n".encode() + bytes(1440))
    with pytest.raises(DataError, match="expected voxels of a size above 0 mm, received 1 x 0 x 1 mm"):
        READERS["itk"].read([tmp_path / "a.mha"], "a.mha")


def write_frames(folder, offsets=None):
    """One DICOM file with all slices as frames and one position."""
    (path,) = write_dicom(folder, VALUES[:, :, :1], NumberOfFrames=6).iterdir()
    data = pydicom.dcmread(path)
    data.PixelData = np.ascontiguousarray(VALUES.transpose(2, 1, 0)).astype("<i2").tobytes()
    if offsets is not None:
        data.GridFrameOffsetVector = offsets
    data.save_as(path)
    return path


def test_frames_with_one_position_lie_at_their_offsets_or_are_refused(tmp_path):
    path = write_frames(tmp_path / "dose", [3.0 * at for at in range(6)])
    volume = READERS["dicom"].read([path], "dose")
    np.testing.assert_allclose(volume.spacing, (0.5, 0.5, 3.0))
    assert np.array_equal(volume.on_source(volume.values)[..., 0], VALUES * 2 - 1000)
    with pytest.raises(DataError, match="expected a position for each frame, received one for all of them"):
        READERS["dicom"].read([write_frames(tmp_path / "one")], "one")


def test_values_of_a_header_are_not_listed_as_left_out_and_folders_that_are_files_as_classes(tmp_path):
    import SimpleITK as sitk
    import zarr

    for kind in ("ball", "slab"):
        (tmp_path / kind).mkdir()
        for at in range(4):
            image = sitk.GetImageFromArray(solid(kind, at))
            sitk.WriteImage(image, str(tmp_path / kind / f"{at}.mhd"))
            values = solid(kind, at + 9)
            array = zarr.create_array(
                str(tmp_path / kind / f"{at}.zarr"), shape=values.shape, dtype=values.dtype
            )
            array[...] = values
    splits = read_volumes(tmp_path)
    assert not splits.skipped
    assert not any("are not told apart" in line for line in splits.decisions)


@pytest.mark.parametrize("tag", [b"\x28\x00\x10\x00US", b"\x28\x00\x11\x00US", b"\x10\x00\x20\x00LO"])
def test_an_element_of_an_unknown_form_is_a_damaged_file(tmp_path, tag):
    (path,) = write_dicom(tmp_path / "ball", VALUES[:, :, :1]).iterdir()
    path.write_bytes(path.read_bytes().replace(tag, tag[:4] + b"WS", 1))
    found = volumes_of(tmp_path / "ball", [path.name])
    assert not found.volumes
    assert "truncated or damaged DICOM file (Unknown Value Representation" in found.skipped[0].reason
