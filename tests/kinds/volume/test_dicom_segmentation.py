"""Masks of DICOM series as DICOM segmentations: they name segments and slices, and read back as they were."""

import numpy as np
import pydicom
import pytest
from made_volumes import write_dicom

from convscope.kinds.volume.readers.dicom import read_dicom
from convscope.kinds.volume.readers.dicom_seg import SEGMENTATION, write_segmentation
from convscope.kinds.volume.volume import same_grid

NAMES = ("background", "liver", "tumor")


def drawn(shape, seed=0):
    labels = np.random.default_rng(seed).integers(0, 3, shape).astype(np.uint8)
    labels[:, :, 2:4] = 0
    return labels


@pytest.mark.parametrize(
    ("shape", "more"),
    [
        ((8, 6, 7), {}),
        ((7, 5, 6), {}),
        ((8, 6, 7), {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}),
        ((8, 6, 7), {"ImageOrientationPatient": [0.8, 0.6, 0, 0, 0, -1]}),
    ],
)
def test_a_mask_reads_back_to_the_voxel(tmp_path, shape, more):
    if more:
        columns, rows = np.array(more["ImageOrientationPatient"], float).reshape(2, 3)
        normal = np.cross(columns, rows)
        more["ImagePositionPatient"] = {at: list(np.round(2.5 * at * normal, 6)) for at in range(shape[2])}
    values = np.random.default_rng(1).integers(0, 900, shape).astype(np.int16)
    folder = write_dicom(tmp_path / "scan", values, spacing=(0.5, 0.75, 2.5), **more)
    files = sorted(folder.iterdir())
    scan = read_dicom(files, "scan")
    labels = drawn(scan.shape)
    write_segmentation(tmp_path / "mask.dcm", files, scan, labels, NAMES)
    back = read_dicom([tmp_path / "mask.dcm"], "mask")
    assert same_grid(scan, back) == ""
    assert np.array_equal(back.values[..., 0], labels)


def test_it_names_segments_patient_and_slices(tmp_path):
    values = np.random.default_rng(1).integers(0, 900, (8, 6, 7)).astype(np.int16)
    folder = write_dicom(tmp_path / "scan", values, patient="p7")
    files = sorted(folder.iterdir())
    scan = read_dicom(files, "scan")
    write_segmentation(tmp_path / "mask.dcm", files, scan, drawn(scan.shape), NAMES)
    made = pydicom.dcmread(tmp_path / "mask.dcm")
    assert (made.SOPClassUID, made.Modality, made.PatientID) == (SEGMENTATION, "SEG", "p7")
    assert [each.SegmentLabel for each in made.SegmentSequence] == ["liver", "tumor"]
    assert made.ReferencedSeriesSequence[0].SeriesInstanceUID == "1.2.3"
    by_uid = {pydicom.dcmread(file).SOPInstanceUID: pydicom.dcmread(file) for file in files}
    assert made.NumberOfFrames == 12  # all of the first segment, those of the second with something inside
    for number, group in enumerate(made.PerFrameFunctionalGroupsSequence):
        source = by_uid[group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID]
        place = group.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(np.array(place, float), np.array(source.ImagePositionPatient, float))
        segment = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        at = round(float(source.ImagePositionPatient[2]) / 2)
        on_file = scan.on_source(drawn(scan.shape))[:, :, at].T
        assert np.array_equal(made.pixel_array[number], on_file == segment)


def test_planes_that_others_left_out_are_empty(tmp_path):
    values = np.zeros((8, 6, 7), np.int16)
    folder = write_dicom(tmp_path / "scan", values)
    files = sorted(folder.iterdir())
    scan = read_dicom(files, "scan")
    labels = drawn(scan.shape)
    write_segmentation(tmp_path / "mask.dcm", files, scan, labels, NAMES)
    made = pydicom.dcmread(tmp_path / "mask.dcm")
    kept = [at for at in range(made.NumberOfFrames) if made.pixel_array[at].any()]
    made.PerFrameFunctionalGroupsSequence = [made.PerFrameFunctionalGroupsSequence[at] for at in kept]
    bits = np.concatenate([made.pixel_array[at].ravel() for at in kept])
    made.NumberOfFrames, made.PixelData = len(kept), np.packbits(bits, bitorder="little").tobytes()
    made.save_as(tmp_path / "sparse.dcm")
    assert np.array_equal(read_dicom([tmp_path / "sparse.dcm"], "mask").values[..., 0], labels)


def test_predicted_masks_take_the_form_of_their_scans(tmp_path):
    from made_volumes import write_nifti

    from convscope.kinds.volume.readers.inputs import read_inputs
    from convscope.kinds.volume.segmentation.recipe import write_mask

    values = np.random.default_rng(1).integers(0, 900, (8, 6, 7)).astype(np.int16)
    scans = [write_dicom(tmp_path / "scan", values), write_nifti(tmp_path / "other.nii.gz", values)]
    samples = read_inputs([str(scan) for scan in scans])
    written = [
        write_mask(tmp_path, samples, index, drawn(samples.load(index).shape), NAMES) for index in range(2)
    ]
    assert {path.name for path in written} == {"scan_mask.dcm", "other_mask.nii.gz"}
    masks = read_inputs([str(path) for path in written])
    for index in range(2):
        mask = masks.load([masks.name(at) for at in range(2)].index(str(written[index])))
        assert np.array_equal(mask.values[..., 0], drawn(mask.shape))
