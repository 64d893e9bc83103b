"""Small volumes: balls and boxes, and the files that scanners and tools write of them."""

import json
from pathlib import Path

import nibabel
import numpy as np

SIDE = 12
PER_CLASS = 12
SHAPE = (14, 12, 10)
AFFINE = np.array([[-1.5, 0, 0, 40], [0, 1.0, 0, -20], [0, 0, 2.0, 5], [0, 0, 0, 1.0]])


def solid(kind, seed, side=SIDE):
    """A ball or a box anywhere in noise, shape (side, side, side), int16."""
    rng = np.random.default_rng([seed, len(kind)])
    middle = side / 2 + rng.uniform(-1, 1, 3)
    apart = np.abs(np.indices((side,) * 3) - middle[:, None, None, None])
    inside = np.hypot(np.hypot(*apart[:2]), apart[2]) < side / 3 if kind == "ball" else apart[0] < side / 6
    return (np.where(inside, 300, 40) + rng.normal(0, 20, inside.shape)).astype(np.int16)


def write_nifti(path, values, affine=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(
        nibabel.Nifti1Image(values, np.diag([1.0, 1.0, 2.0, 1.0]) if affine is None else affine), path
    )
    return path


def write_scans(folder: Path) -> Path:
    """A folder per class of NIfTI files, in several orientations of one anatomy."""
    for kind in ("ball", "slab"):
        for at in range(PER_CLASS):
            write_nifti(folder / kind / f"{at:02d}.nii.gz", solid(kind, at))
    return folder


def scan_with_ball(seed):
    """Noise with a bright ball at the left and a dark one at the right, and its mask."""
    rng = np.random.default_rng(seed)
    values, mask = rng.normal(100, 8, SHAPE), np.zeros(SHAPE, np.uint8)
    for number, (start, level) in enumerate(((3, 220), (9, 20)), 1):
        middle = np.array([start, 5, 5]) + rng.integers(-1, 2, 3)
        inside = np.square(np.indices(SHAPE) - middle[:, None, None, None]).sum(axis=0) <= 5
        values[inside], mask[inside] = level, number
    return values.astype(np.float32), mask


def write_masked(folder, count=16):
    """Scans with masks in the layout of the Medical Segmentation Decathlon."""
    for seed in range(count):
        values, mask = scan_with_ball(seed)
        write_nifti(folder / "imagesTr" / f"case_{seed:02d}.nii.gz", values, AFFINE)
        write_nifti(folder / "labelsTr" / f"case_{seed:02d}.nii.gz", mask, AFFINE)
    names = {"labels": {"0": "background", "1": "bright", "2": "dark"}}
    (folder / "dataset.json").write_text(json.dumps(names))
    return folder


def write_dicom(folder, values, *, order=None, series="1.2.3", spacing=(0.5, 0.5, 2.0), patient="p1", **more):
    """Slices of (columns, rows, slices) as a scanner writes them; their names say nothing of their places."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    for at in range(values.shape[2]) if order is None else order:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[series, str(at)])
        data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        data.PatientID, data.StudyInstanceUID, data.SeriesInstanceUID = patient, "1.2", series
        data.Rows, data.Columns = values.shape[1], values.shape[0]
        data.ImagePositionPatient = [10.0, 20.0, at * spacing[2]]
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.PixelSpacing = [spacing[1], spacing[0]]
        data.SliceThickness = spacing[2]
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated = data.BitsStored = 16
        data.HighBit, data.PixelRepresentation = 15, 1
        data.RescaleSlope, data.RescaleIntercept = 2, -1000
        for name, value in more.items():
            setattr(data, name, value[at] if isinstance(value, dict) else value)
        data.PixelData = np.ascontiguousarray(values[:, :, at].T).astype("<i2").tobytes()
        name = folder / f"{(at * 7919) % 997:03d}.dcm"
        pydicom.dcmwrite(name, data, enforce_file_format=True)
    return folder
