import gzip
import io
import re
import struct
import zipfile

import numpy as np
import pytest
from made_pictures import picture, write
from numpy.lib import format as npy
from sklearn.datasets import load_digits

from convscope.errors import DataError
from convscope.kinds.image.readers import arrays as image_arrays
from convscope.kinds.image.readers.pixel_rows import are_pictures
from convscope.kinds.image.readers.reader import read_images
from convscope.kinds.image.readers.sources import ArrayImages
from convscope.kinds.registry import choose_spec


def fails(path, *words):
    with pytest.raises(DataError) as caught:
        read_images(path)
    for word in words:
        assert re.search(word, caught.value.message), caught.value.message


def pictures(count, seed=0, **options):
    return np.stack([picture(seed + number, **options) for number in range(count)])


def labels(count):
    return np.arange(count) % 2


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("training_data", "training_targets", "testing_data", "testing_targets"),
    ],
)
def test_npz_keys_are_known_by_their_usual_names(tmp_path, names):
    arrays = dict(zip(names, (pictures(20), labels(20), pictures(6, 50), labels(6)), strict=True))
    np.savez(tmp_path / "a.npz", **arrays)
    splits = read_images(tmp_path / "a.npz")
    assert len(splits.train) + len(splits.validation) == 20
    assert np.array_equal(splits.test.samples.load(3), picture(53))
    assert splits.test.names()[3] == f"{tmp_path}/a.npz[{names[2]}]#3"
    assert splits.test.labels.tolist() == [0, 1, 0, 1, 0, 1]


def test_medmnist_archives_are_read(tmp_path):
    arrays = {}
    for split, seed in (("train", 0), ("val", 20), ("test", 40)):
        arrays[f"{split}_images"] = pictures(8, seed, channels=3)
        arrays[f"{split}_labels"] = labels(8)[:, None].astype(np.uint8)
    np.savez_compressed(tmp_path / "pathmnist.npz", **arrays)
    splits = read_images(tmp_path / "pathmnist.npz")
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [8, 8, 8]
    assert np.array_equal(splits.validation.samples.load(1), picture(21, channels=3))


def test_the_digits_of_scikit_learn_come_back(tmp_path):
    digits = load_digits()
    np.savez_compressed(tmp_path / "digits.npz", images=digits.images / 16, labels=digits.target)
    splits = read_images(tmp_path / "digits.npz", seed=1)
    assert splits.class_names == tuple("0123456789")
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 1797
    assert abs(len(splits.test) - 180) <= 5
    for index in range(0, len(splits.test), 20):
        row = int(splits.test.names()[index].rpartition("#")[2])
        assert np.array_equal(splits.test.samples.load(index), np.rint(digits.images[row] / 16 * 255))
        assert splits.test.labels[index] == digits.target[row]


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.float32, bool])
def test_other_types_in_range_become_uint8(tmp_path, dtype):
    values = pictures(6)
    stored = (
        (values / 255).astype(dtype)
        if dtype == np.float32
        else (values > 127)
        if dtype is bool
        else values.astype(dtype)
    )
    np.savez(tmp_path / "a.npz", images=stored, labels=labels(6))
    expected = np.where(values > 127, 255, 0) if dtype is bool else values
    splits = read_images(tmp_path / "a.npz")
    row = int(splits.train.names()[0].rpartition("#")[2])
    assert np.array_equal(splits.train.samples.load(0), expected[row])


def test_fortran_order_and_text_labels_are_read(tmp_path):
    values = np.asfortranarray(pictures(6))
    np.savez(tmp_path / "a.npz", images=values, labels=np.array(["left", "right"] * 3))
    splits = read_images(tmp_path / "a.npz")
    row = int(splits.train.names()[0].rpartition("#")[2])
    assert np.array_equal(splits.train.samples.load(0), values[row])
    assert splits.class_names == ("left", "right")


def test_keys_without_a_role_are_listed(tmp_path):
    np.savez(tmp_path / "a.npz", images=pictures(6), labels=labels(6), extra=np.zeros(3))
    assert [one.path for one in read_images(tmp_path / "a.npz").skipped] == [f"{tmp_path}/a.npz[extra]"]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": pictures(6)}, ["same splits, received images"]),
        ({"foo": pictures(6), "bar": labels(6)}, ["received foo, bar"]),
        ({"images": pictures(6), "labels": labels(5)}, ["one label for each of 6 images", r"\(5,\)"]),
        ({"images": pictures(6), "labels": np.eye(6)}, ["one label for each"]),
        ({"images": pictures(6), "labels": labels(6) * 0.5}, ["whole numbers or text, received float64"]),
        ({"images": pictures(6), "labels": labels(6) - 1}, ["#0: expected a label", "'-1'"]),
        ({"images": labels(6), "labels": labels(6)}, ["expected images of shape"]),
        ({"images": np.zeros((6, 4, 4, 2), np.uint8), "labels": labels(6)}, ["expected images of shape"]),
        ({"images": pictures(6) * 2.0, "labels": labels(6)}, ["values from 0 to 1 in an array of float64"]),
        ({"images": pictures(6) - 500.0, "labels": labels(6)}, ["values from 0 to 1"]),
        ({"images": np.full((6, 4, 4), np.nan), "labels": labels(6)}, ["values from 0 to 1"]),
        ({"images": pictures(6).astype(int) * 2, "labels": labels(6)}, ["values from 0 to 255"]),
        ({"images": pictures(6).astype(object), "labels": labels(6)}, ["objects are never unpickled"]),
        ({"images": pictures(6), "x": pictures(6), "labels": labels(6)}, ["one array for each role"]),
        (
            {
                "x_train": pictures(6),
                "y_train": labels(6),
                "x_test": pictures(6, height=9),
                "y_test": labels(6),
            },
            [r"x_test.*expected images of shape \(8, 6\)"],
        ),
    ],
)
def test_arrays_that_do_not_fit_stop(tmp_path, arrays, words):
    np.savez(tmp_path / "a.npz", **arrays)
    fails(tmp_path / "a.npz", "a.npz", *words)


def header_of(shape):
    file = io.BytesIO()
    npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_an_array_that_promises_more_than_it_holds_is_not_allocated(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header_of((10**9, 100, 100)) + bytes(1000))
        archive.writestr("labels.npy", header_of((10**9,)) + bytes(1000))
    fails(tmp_path / "a.npz", "by its header")


def test_an_archive_beyond_the_limit_is_refused_by_its_header(tmp_path, monkeypatch):
    monkeypatch.setattr(image_arrays, "MAX_BYTES", 100)
    np.savez_compressed(tmp_path / "a.npz", images=pictures(6), labels=labels(6))
    fails(tmp_path / "a.npz", "too large", "expected at most 100")


def test_a_truncated_archive_stops(tmp_path):
    np.savez(tmp_path / "a.npz", images=pictures(6), labels=labels(6))
    data = (tmp_path / "a.npz").read_bytes()
    fails(write(tmp_path / "b.npz", data[:-50]), "b.npz: truncated or damaged NumPy archive")
    fails(write(tmp_path / "c.npz", b""), "c.npz")


def idx(array):
    return (
        struct.pack(">HBB", 0, 8, array.ndim)
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.astype(np.uint8).tobytes()
    )


def idx_folder(root, packed=False, prefixes=("train", "t10k"), separator="-"):
    for prefix, count, seed in zip(prefixes, (20, 6), (0, 50), strict=False):
        for role, array, rank in (("images", pictures(count, seed), 3), ("labels", labels(count), 1)):
            data = idx(array)
            name = f"{prefix}-{role}{separator}idx{rank}-ubyte" + (".gz" if packed else "")
            write(root / name, gzip.compress(data) if packed else data)
    return root


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("separator", ["-", "."])
def test_idx_files_are_read(tmp_path, packed, separator):
    splits = read_images(idx_folder(tmp_path, packed, separator=separator))
    assert splits.layout.startswith("IDX files: t10k-images")
    assert len(splits.train) + len(splits.validation) == 20
    assert np.array_equal(splits.test.samples.load(2), picture(52))
    assert splits.test.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert isinstance(splits.test.samples, ArrayImages)


def test_one_pair_of_idx_files_gets_its_splits_drawn(tmp_path):
    splits = read_images(idx_folder(tmp_path, prefixes=("letters",)) / "letters-images-idx3-ubyte")
    assert splits.counts()["test"] == {"0": 1, "1": 1}


def test_idx_files_without_a_partner_stop(tmp_path):
    (idx_folder(tmp_path) / "t10k-labels-idx1-ubyte").unlink()
    fails(tmp_path, "expected pairs", "t10k-images")


CHANGES = {
    "cut": lambda data: data[:-3],
    "longer": lambda data: data + b"x",
    "cut in the header": lambda data: data[:7],
    "empty": lambda data: b"",
    "another type": lambda data: b"\1" + data[1:],
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_damaged_idx_files_stop(tmp_path, packed, change):
    idx_folder(tmp_path, packed)
    path = next(tmp_path.glob("train-images*"))
    data = CHANGES[change](idx(pictures(20)))
    path.write_bytes(gzip.compress(data) if packed else data)
    fails(tmp_path, "train-images")


def test_a_gzip_bomb_is_not_unpacked(tmp_path):
    idx_folder(tmp_path, packed=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(struct.pack(">HBBIII", 0, 8, 3, 20, 60_000, 60_000) + bytes(10**6)))
    (tmp_path / "t10k-images-idx3-ubyte.gz").unlink()
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    fails(tmp_path, "too large")
    path.write_bytes(gzip.compress(struct.pack(">HBBIII", 0, 8, 3, 20, 1000, 1000) + bytes(10**6)))
    fails(tmp_path, "truncated")


def flat(count, side=16, channels=1, seed=0):
    """Smooth images, shape (count, side, side, channels), uint8."""
    noise = np.random.default_rng(seed).normal(size=(count, side + 6, side + 6, channels))
    sums = np.cumsum(np.cumsum(noise, axis=1), axis=2)
    smooth = sums[:, 6:, 6:] - sums[:, :-6, 6:] - sums[:, 6:, :-6] + sums[:, :-6, :-6]
    return np.clip(smooth * 6 + 128, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_flat_images_are_read_as_squares(tmp_path, channels, planar, scaled):
    images = (
        flat(40, channels=channels) if channels == 1 else flat(40) // 2 + flat(40, channels=3, seed=1) // 4
    )
    rows = (images.transpose(0, 3, 1, 2) if planar else images).reshape(40, -1)
    path = tmp_path / "flat.npz"
    np.savez(path, x_train=rows / 255 if scaled else rows, y_train=labels(40))
    assert choose_spec(path)[0].name == "image-classification"
    splits = read_images(path)
    seen = np.concatenate([splits[name].samples.load(0)[None] for name in ("train", "test")])
    assert seen.shape[1:3] == (16, 16)
    known = {image.squeeze().tobytes() for image in images}
    assert all(image.squeeze().tobytes() in known for image in seen)
    told = "16 rows of 16 pixels" if channels == 1 else "all of red" if planar else "of each pixel together"
    assert told in "\n".join(splits.decisions)


def test_digits_up_to_16_are_as_bright_as_others(tmp_path):
    digits = load_digits()
    np.savez(tmp_path / "d.npz", data=digits.data[:200], target=digits.target[:200])
    assert choose_spec(tmp_path / "d.npz")[0].name == "image-classification"
    assert read_images(tmp_path / "d.npz").train.samples.array.max() == 255


@pytest.mark.parametrize(
    "values",
    [
        np.cumsum(np.random.default_rng(0).random((40, 256)) - 0.5, axis=1) + 100,
        np.abs(np.sin(np.arange(256) / 5.09 + np.random.default_rng(0).random((40, 1)) * 6)),
        np.random.default_rng(0).random((40, 256)),
    ],
    ids=["walks", "as periodic as rows", "noise"],
)
def test_series_and_noise_are_no_flat_images(values):
    assert not are_pictures(values)
