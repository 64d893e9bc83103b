"""Files of volumes: each form gives the same voxels, and what is wrong is named."""

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from made_volumes import solid, write_dicom, write_nifti
from PIL import Image

from convscope.errors import DataError
from convscope.kinds.registry import choose_spec
from convscope.kinds.volume.readers.files import volumes_of
from convscope.kinds.volume.readers.forms import READERS, form_of
from convscope.kinds.volume.readers.inputs import read_inputs
from convscope.kinds.volume.readers.masks import find_masked, is_masked
from convscope.kinds.volume.readers.reader import read_volumes
from convscope.kinds.volume.readers.sources import FileVolumes

VALUES = solid("ball", 0)[:, :10, :6]
LPS = np.diag([-0.5, -0.5, 2.0, 1.0])
LPS[:2, 3] = -10, -20


def read(path):
    form = form_of(str(path)) or "dicom"
    files = sorted(path.glob("*.dcm")) if form == "dicom" and path.is_dir() else [path]
    return READERS[form].read(files, path.name)


def write_itk(path):
    image = sitk.GetImageFromArray(np.moveaxis(VALUES, (0, 1, 2), (2, 1, 0)))
    image.SetSpacing((0.5, 0.5, 2.0))
    image.SetOrigin((10, 20, 0))
    sitk.WriteImage(image, str(path))
    return path


def write_tiff(path):
    pages = [Image.fromarray(np.ascontiguousarray(VALUES[:, :, at].T).astype(np.int32)) for at in range(6)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


def write_zarr(path, **attributes):
    import zarr

    array = zarr.create_array(str(path), shape=VALUES.shape, dtype=VALUES.dtype)
    array[...] = VALUES
    array.attrs.update(attributes)
    return path


FORMS = {
    "scan.nii": lambda path: write_nifti(path, VALUES, LPS),
    "scan.nii.gz": lambda path: write_nifti(path, VALUES, LPS),
    "scan.mha": write_itk,
    "scan.mhd": write_itk,
    "scan.nrrd": write_itk,
    "scan.zarr": lambda path: write_zarr(path, affine=LPS.tolist()),
    "slices": lambda path: write_dicom(path, (VALUES + 1000) // 2),
}


@pytest.mark.parametrize("name", FORMS)
def test_each_form_gives_the_same_voxels_in_one_frame(tmp_path, name):
    volume = read(FORMS[name](tmp_path / name))
    expected = (VALUES + 1000) // 2 * 2 - 1000 if name == "slices" else VALUES
    assert volume.source.orientation == "LPS"
    assert np.array_equal(volume.values[..., 0], expected[::-1, ::-1])
    np.testing.assert_allclose(volume.spacing, (0.5, 0.5, 2.0))
    np.testing.assert_allclose(volume.affine @ [11, 9, 0, 1], [-10, -20, 0, 1], atol=1e-6)
    assert np.array_equal(volume.on_source(volume.values)[..., 0], expected)


@pytest.mark.parametrize("write", [write_tiff, write_zarr])
def test_a_form_without_spacing_counts_a_voxel_as_1_and_says_so(tmp_path, write):
    volume = read(write(tmp_path / ("scan.tif" if write is write_tiff else "scan.zarr")))
    assert np.array_equal(volume.values[..., 0], VALUES)
    assert volume.spacing == (1, 1, 1)
    assert not volume.source.spaced
    assert "spacing: 1 for each axis, because" in volume.notes[0]


def test_stored_values_are_scaled_as_the_header_says(tmp_path):
    image = nibabel.Nifti1Image(VALUES, np.eye(4))
    image.header.set_slope_inter(0.5, 3)
    nibabel.save(image, tmp_path / "a.nii")
    again = np.asarray(nibabel.load(tmp_path / "a.nii").dataobj)
    np.testing.assert_allclose(read(tmp_path / "a.nii").values[..., 0], again, rtol=1e-6)


def damaged(tmp_path, name):
    path = tmp_path / f"{name}.nii"
    image = nibabel.Nifti1Image(VALUES, LPS)
    if name == "times":
        image = nibabel.Nifti1Image(np.zeros((4, 4, 4, 3), np.int16), LPS)
    nibabel.save(image, path)
    data = bytearray(path.read_bytes())
    if name in ("zooms", "sform"):
        data[80:92] = np.array([1, 0, 1], "<f4").tobytes()
        data[252:256] = bytes([0, 0, int(name == "sform"), 0])
    if name == "cut":
        data = data[: len(data) // 2]
    if name == "text":
        data = b"this is no scan at all"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("times", "expected one volume, received 3 along a fourth axis"),
        ("zooms", "expected voxels of a size above 0 mm, received 1 x 0 x 1"),
        ("cut", "truncated or damaged NIfTI file"),
        ("text", "truncated or damaged NIfTI file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, said):
    with pytest.raises(DataError, match=said):
        read(damaged(tmp_path, name))


def test_a_spacing_of_0_beside_an_sform_is_said(tmp_path):
    volume = read(damaged(tmp_path, "sform"))
    assert "the header has voxels of 1 x 0 x 1 mm; the sizes of its sform are taken" in volume.notes[0]
    assert volume.source.orientation == "LPS"


def test_two_affines_of_a_header_that_differ_are_said(tmp_path):
    image = nibabel.Nifti1Image(VALUES, LPS)
    image.set_sform(LPS, 1)
    image.set_qform(np.diag([1.0, 1, 2, 1]), 1)
    nibabel.save(image, tmp_path / "a.nii")
    volume = read(tmp_path / "a.nii")
    assert "sform and qform of the header differ by up to 20 mm; the sform is taken" in volume.notes[0]
    assert volume.source.orientation == "LPS"


def test_values_that_are_not_finite_become_the_smallest_one_and_are_counted(tmp_path):
    values = VALUES.astype(np.float32)
    values[0, 0, :2] = np.nan, np.inf
    path = write_nifti(tmp_path / "a.nii", values)
    inputs = read_inputs([str(path)])
    assert np.isfinite(inputs.load(0).values).all()
    assert "2 of 720 values are not finite" in inputs.warnings[0]
    write_nifti(path, np.full((4, 4, 4), np.nan, np.float32))
    with pytest.raises(DataError, match="expected finite values, received none"):
        read_inputs([str(path)])


def test_slices_are_sorted_by_their_places_whatever_they_are_called(tmp_path):
    order = [4, 0, 5, 2, 1, 3]
    one = read(write_dicom(tmp_path / "a", VALUES, order=order, InstanceNumber=1))
    other = read(write_dicom(tmp_path / "b", VALUES))
    assert np.array_equal(one.values, other.values)
    assert one.values.dtype == np.int32
    assert one.values.min() == VALUES.min() * 2 - 1000


def test_a_slice_that_is_missing_is_named(tmp_path):
    folder = write_dicom(tmp_path / "a", VALUES, order=[0, 1, 2, 4, 5])
    with pytest.raises(DataError, match=r"expected slices 2 mm apart, received .* which are 4 mm apart"):
        read(folder)


def test_slices_that_repeat_others_are_left_out_and_different_ones_at_one_place_refused(tmp_path):
    folder = write_dicom(tmp_path / "a", VALUES)
    copy = next(folder.glob("*.dcm"))
    (folder / "copy.dcm").write_bytes(copy.read_bytes())
    assert "1 slices repeat others" in read(folder).notes[0]
    write_dicom(tmp_path / "b", VALUES + 5, order=[2])
    (folder / "copy.dcm").write_bytes(next((tmp_path / "b").glob("*.dcm")).read_bytes())
    with pytest.raises(DataError, match="expected one slice at each place"):
        read(folder)


def test_a_tilted_gantry_keeps_its_shear(tmp_path):
    places = {at: [10.0, 20.0 + at * 0.5, at * 2.0] for at in range(6)}
    volume = read(write_dicom(tmp_path / "a", VALUES, ImagePositionPatient=places))
    assert "slices are sheared by 14 degrees" in volume.notes[0]
    np.testing.assert_allclose(volume.source.affine[:3, 2], [0, -0.5, 2.0], atol=1e-6)


def test_of_several_series_in_a_folder_the_largest_is_read_and_the_others_are_listed(tmp_path):
    write_dicom(tmp_path / "a", VALUES)
    for at, file in enumerate(write_dicom(tmp_path / "b", VALUES[:, :, :2], series="9.9").iterdir()):
        file.rename(tmp_path / "a" / f"other{at}.dcm")
    (tmp_path / "b").rmdir()
    (tmp_path / "a" / "broken.dcm").write_bytes(b"no")
    inputs = read_inputs([str(tmp_path / "a")])
    assert [inputs.name(at) for at in range(len(inputs))] == [str(tmp_path / "a")]
    assert inputs.load(0).shape == (12, 10, 6)
    reasons = " ".join(each.reason for each in inputs.skipped)
    assert "another series of 2 slices" in reasons
    assert "DICOM" in reasons


def test_a_file_of_several_frames_is_one_volume(tmp_path):
    import pydicom
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    file = next(write_dicom(tmp_path / "a", VALUES, order=[0]).iterdir())
    data = pydicom.dcmread(file)
    frames = []
    for at in (2, 0, 1):
        group, position = Dataset(), Dataset()
        position.ImagePositionPatient = [10.0, 20.0, at * 2.0]
        group.PlanePositionSequence = Sequence([position])
        frames.append(group)
    data.NumberOfFrames, data.PerFrameFunctionalGroupsSequence = 3, Sequence(frames)
    planes = [np.ascontiguousarray(VALUES[:, :, at].T) for at in (2, 0, 1)]
    data.PixelData = np.stack(planes).astype("<i2").tobytes()
    pydicom.dcmwrite(tmp_path / "many.dcm", data)
    volume = read(tmp_path / "many.dcm")
    assert np.array_equal(volume.values[..., 0], (VALUES[::-1, ::-1, :3].astype(int) * 2 - 1000))


def test_channels_are_files_whose_names_end_in_numbers_where_all_scans_have_the_same(tmp_path):
    keys = [f"{case}_{channel:04d}.nii" for case in ("a", "b") for channel in (0, 1)]
    for at, key in enumerate(keys):
        write_nifti(tmp_path / key, VALUES + at)
    found = volumes_of(tmp_path, keys)
    assert [each.key for each in found.volumes] == ["a.nii", "b.nii"]
    volume = FileVolumes(str(tmp_path), found.volumes).load(1)
    assert volume.channels == 2
    assert np.array_equal(volume.values[..., 1], VALUES + 3)
    alone = volumes_of(tmp_path, [f"scan_{at:04d}.nii" for at in range(3)])
    assert len(alone.volumes) == 3
    write_nifti(tmp_path / "b_0001.nii", VALUES, np.diag([3.0, 1, 1, 1]))
    with pytest.raises(DataError, match=r"expected the grid of .*b_0000\.nii, received voxels of"):
        FileVolumes(str(tmp_path), found.volumes).load(1)


def write_masked(folder, mask_affine=LPS):
    for case in ("one", "two"):
        write_nifti(folder / "imagesTr" / f"{case}_0000.nii.gz", VALUES, LPS)
        write_nifti(folder / "labelsTr" / f"{case}.nii.gz", (VALUES > 150).astype(np.uint8), mask_affine)
    (folder / "dataset.json").write_text('{"labels": {"background": 0, "ball": 1}}')
    return folder


def test_scans_and_masks_are_paired_by_name_and_lie_on_one_grid(tmp_path):
    folder = write_masked(tmp_path / "data")
    write_nifti(folder / "imagesTr" / "three_0000.nii.gz", VALUES, LPS)
    assert is_masked(folder)
    found = find_masked(folder)
    assert found.label_names == {0: "background", 1: "ball"}
    assert "no mask in labelsTr of that name" in found.skipped[0].reason
    volume, mask = found.load(1)
    assert np.array_equal(mask.values > 0, volume.values > 150)
    assert mask.values.dtype == np.uint8


def test_a_mask_on_another_grid_is_an_error_that_says_both_and_offers_a_way(tmp_path):
    found = find_masked(write_masked(tmp_path / "data", LPS @ np.diag([1, 1, 1.5, 1])))
    with pytest.raises(DataError, match=r"voxels of 0.5 x 0.5 x 2 mm against 0.5 x 0.5 x 3 mm") as caught:
        found.load(0)
    assert "--resample-labels" in caught.value.hint
    volume, mask = found.load(0, resample=True)
    assert mask.shape == volume.shape


def test_a_mask_that_is_a_scan_is_refused(tmp_path):
    folder = write_masked(tmp_path / "data")
    write_nifti(folder / "labelsTr" / "one.nii.gz", VALUES, LPS)
    with pytest.raises(DataError, match="expected labels as whole numbers from 0 to 255"):
        find_masked(folder).load(0)


def test_class_folders_hold_a_folder_of_slices_for_each_patient(tmp_path):
    for kind in ("ball", "slab"):
        for at in range(6):
            values = solid(kind, at)[:, :10, :6]
            write_dicom(tmp_path / kind / f"scan{at}", values, patient=f"p{at % 3}", series=f"1.{at}")
    splits = read_volumes(tmp_path)
    assert splits.class_names == ("ball", "slab")
    assert sum(len(splits[name]) for name in ("train", "validation", "test")) >= 12
    assert any("the PatientID in DICOM files" in line for line in (*splits.decisions, *splits.warnings))
    assert splits.train.samples.load(0).shape == (12, 10, 6)


def test_zarr_arrays_are_volumes_of_class_folders_and_inputs(tmp_path):
    for kind in ("ball", "slab"):
        for at in range(4):
            (tmp_path / kind).mkdir(exist_ok=True)
            write_zarr(tmp_path / kind / f"{at}.zarr", spacing=[1, 1, 3 + at])
    splits = read_volumes(tmp_path)
    assert sum(len(splits[name]) for name in ("train", "validation", "test")) >= 8
    inputs = read_inputs([str(tmp_path / "ball" / "0.zarr")])
    assert inputs.load(0).spacing == (1, 1, 3)


@pytest.mark.parametrize(
    "suffix", [".nii", ".nii.gz", ".hdr", ".dcm", ".nrrd", ".mha", ".tif", ".npz", ".zarr"]
)
def test_no_bytes_end_in_a_traceback(tmp_path, suffix):
    rng = np.random.default_rng(len(suffix))
    heads = {".dcm": b"\0" * 128 + b"DICM", ".nrrd": b"NRRD0004\n", ".tif": b"II*\0", ".npz": b"PK\3\4"}
    for at in range(12):
        path = tmp_path / f"{at}{suffix}"
        path.write_bytes(heads.get(suffix, b"") + rng.bytes(int(rng.integers(0, 600))))
        with pytest.raises(DataError):
            read_inputs([str(path)])


def test_a_long_word_in_a_header_of_nrrd_is_refused_before_itk_reads_it(tmp_path):
    head = "NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nkinds: {}\nencoding: raw\n\n"
    for number, word in enumerate(("[" * 500, "[" * 500 + ":=")):
        path = tmp_path / f"{number}.nrrd"
        path.write_bytes(head.format(word).encode() + bytes(16))
        with pytest.raises(DataError, match="line 5 of the header"):
            read_inputs([str(path)])


def test_folders_of_patients_are_no_classes(tmp_path):
    for number in range(4):
        name = f"Case_{number:03}"
        for sort in ("flair", "t1", "seg"):
            write_nifti(tmp_path / name / f"{name}_{sort}.nii.gz", solid("ball", number))
    with pytest.raises(DataError, match="as those of patients, so that no folder is a class") as caught:
        choose_spec(tmp_path)
    assert "glob('*/*flair*')" in caught.value.hint and "labelsTr/" in caught.value.hint


def test_folders_of_numbered_scans_are_classes(tmp_path):
    for kind in ("ball", "box", "cone"):
        for number in range(3):
            write_nifti(tmp_path / kind / f"scan{number}.nii.gz", solid(kind, number))
    assert choose_spec(tmp_path)[0].name == "volume-classification"
