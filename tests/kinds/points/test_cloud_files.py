"""Every form of point clouds as files hold it, and what happens to those that are damaged or odd."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_clouds import OBJ, OFF, STL, las, pack_lzf, pcd, ply, shape, write_clouds, write_xyz

from convscope.errors import DataError, UsageError
from convscope.kinds.points.readers.forms import READERS, read_cloud, read_labels
from convscope.kinds.points.readers.ply_pcd import unpack_lzf
from convscope.kinds.points.readers.reader import read_clouds, read_inputs
from convscope.kinds.points.readers.text import numbers_of

pytest.importorskip("laspy")

PLACES = shape("ball", 0, 20)
COLUMNS = {
    "x": PLACES[:, 0],
    "y": PLACES[:, 1].astype(np.float32),
    "z": PLACES[:, 2],
    "intensity": np.arange(20, dtype=np.uint16),
}


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def opened(path, **options):
    return read_cloud(path, str(path), **options)


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_ply_of_every_byte_order_keeps_all_attributes(tmp_path, form):
    cloud = opened(written(tmp_path / "a.ply", ply(COLUMNS, form)))
    assert np.allclose(cloud.positions, PLACES, atol=1e-6)
    assert cloud.positions.dtype == np.float64
    assert (cloud.names, cloud.features[:, 0].tolist()) == (("intensity",), list(range(20)))


@pytest.mark.parametrize("form", ["ascii", "binary", "binary_compressed"])
def test_pcd_of_every_form_and_its_packed_colors(tmp_path, form):
    color = np.full(20, (10 << 16) + (20 << 8) + 30, np.uint32)
    columns = {**COLUMNS, "rgb": color if form == "ascii" else color.view(np.float32)}
    cloud = opened(written(tmp_path / "a.pcd", pcd(columns, form)))
    assert np.allclose(cloud.positions, PLACES, atol=1e-6)
    assert cloud.names == ("intensity", "red", "green", "blue")
    assert cloud.features[0].tolist() == [0, 10, 20, 30]


@given(st.binary(max_size=200))
def test_lzf_of_anything_comes_back(data):
    assert unpack_lzf(pack_lzf(data), len(data), "a") == data


def test_lzf_copies_what_came_before_also_over_itself():
    assert unpack_lzf(bytes([0, 65, 0xE0, 3, 0]), 13, "a") == b"A" * 13
    with pytest.raises(DataError, match="damaged"):
        unpack_lzf(bytes([0x20, 5]), 3, "a")


@pytest.mark.parametrize(
    ("header", "mark", "names"),
    [
        ("", " ", ("column3",)),
        ("", ",", ("column3",)),
        ("", ";", ("column3",)),
        ("", "\t", ("column3",)),
        ("X,Y,Z,Reflectance", ",", ("intensity",)),
        ("x;y;z;scalar_Intensity", ";", ("intensity",)),
        ("# x y z echo", " ", ("echo",)),
        ("//X Y Z echo", " ", ("echo",)),
        ("20", " ", ("column3",)),
    ],
)
def test_lines_of_numbers_parted_by_anything_with_names_or_without(tmp_path, header, mark, names):
    rows = [mark.join(f"{number:.8f}" for number in (*row, at + 0.5)) for at, row in enumerate(PLACES)]
    cloud = opened(written(tmp_path / "a.txt", "\n".join([header, *rows])))
    assert np.allclose(cloud.positions, PLACES, atol=1e-6)
    assert cloud.names == names
    assert cloud.features[:, 0].tolist() == [at + 0.5 for at in range(20)]


def test_decimal_commas_colors_normals_and_features_of_a_remark(tmp_path):
    cloud = opened(written(tmp_path / "a.csv", "1,5;2,5;3,5\n2,5;3,5;4,5\n"))
    assert cloud.positions.tolist() == [[1.5, 2.5, 3.5], [2.5, 3.5, 4.5]]
    cloud = opened(written(tmp_path / "a.xyz", "0 0 0 255 0 7 0 0 1\n1 2 3 4 5 6 0 1 0\n"))
    assert cloud.names == ("red", "green", "blue", "nx", "ny", "nz")
    said = "# made by a tool\n# format: x y z node_id node_label [features]\n"
    cloud = opened(written(tmp_path / "a.node_features", said + "0 0 0 1 1004 .5 7\n1 1 1 2 1200 .25 9\n"))
    assert cloud.names == ("feature1", "feature2")
    assert cloud.labels.tolist() == [1004, 1200]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1 2 3\n4 5\n", r"a.txt:2: expected 3 numbers as in the first line, received 2"),
        ("1 2 3\n4 five 6\n", r"a.txt:2: expected a number, received 'five'"),
        ("x y z\n", "expected points below the names"),
        ("", "expected points, received none"),
        ("a b\n1 2\n", "expected columns x, y and z"),
        ("1 2\n3 4\n", "expected columns x, y and z"),
        ("nan 1 2\n1 inf 2\n", "without a finite position"),
        ("1 2 3\0", "binary file"),
        ("x,y,z,z\n1,2,3,4\n", "names of columns that differ"),
        ("x y z label\n1 2 3 0.5\n", "expected whole numbers as labels of points in 'label', received 0.5"),
    ],
)
def test_text_that_is_none_is_refused_with_its_line(tmp_path, text, error):
    with pytest.raises(DataError, match=error):
        opened(written(tmp_path / "a.txt", text))


@pytest.mark.parametrize("ending", ["las", "laz"])
def test_las_and_laz_keep_scale_offset_and_classification(tmp_path, ending):
    far = PLACES + np.array([500_000.0, 5_000_000.0, 0])
    kinds, echo = np.arange(20, dtype=np.uint8) % 3, np.arange(20, dtype=np.uint16)
    cloud = opened(las(tmp_path / f"a.{ending}", far, kinds, intensity=echo))
    assert np.abs(cloud.positions - far).max() <= 0.0005 + 1e-9
    assert cloud.labels.tolist() == kinds.tolist()
    assert cloud.names[0] == "intensity"
    assert opened(las(tmp_path / f"b.{ending}", far)).labels is None


@pytest.mark.parametrize(("ending", "text"), [("off", OFF), ("obj", OBJ), ("stl", STL)])
def test_meshes_become_points_on_their_surface(tmp_path, ending, text):
    path = written(tmp_path / f"a.{ending}", text)
    cloud, again = opened(path), opened(path)
    assert len(cloud) == 4096
    assert np.array_equal(cloud.positions, again.positions)
    low, high = cloud.positions.min(axis=0), cloud.positions.max(axis=0)
    assert np.allclose(low, (0, 0, 0), atol=0.05)
    assert np.allclose(high, (2, 1, 0), atol=0.05)
    assert np.allclose(cloud.positions.mean(axis=0), (1, 0.5, 0), atol=0.05)


def test_a_ply_with_faces_is_a_mesh(tmp_path):
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    columns = {axis: corners[:, at] for at, axis in enumerate("xyz")}
    for form in ("ascii", "binary_little_endian"):
        content = ply(columns, form, faces=[(0, 1, 2), (0, 2, 3)])
        assert len(opened(written(tmp_path / "a.ply", content))) == 4096


def test_arrays_and_sweeps(tmp_path):
    np.save(tmp_path / "a.npy", np.column_stack([PLACES, np.ones(20)]))
    assert opened(tmp_path / "a.npy").names == ("column3",)
    np.savez(tmp_path / "a.npz", points=PLACES, normals=PLACES, labels=np.arange(20), odd=np.zeros(3))
    cloud = opened(tmp_path / "a.npz")
    assert (cloud.names, cloud.labels.tolist()) == (("nx", "ny", "nz"), list(range(20)))
    PLACES.astype("<f4").tofile(tmp_path / "b.bin")
    with pytest.raises(DataError, match="rows of 4 float32"):
        opened(written(tmp_path / "c.bin", b"\0" * 20))
    sweep = np.column_stack([PLACES, np.linspace(0, 1, 20)]).astype("<f4")
    sweep.tofile(tmp_path / "d.bin")
    assert np.allclose(opened(tmp_path / "d.bin").features[:, 0], np.linspace(0, 1, 20))
    with pytest.raises(DataError, match="expected an array of positions, received odd"):
        np.savez(tmp_path / "e.npz", odd=np.zeros(3))
        opened(tmp_path / "e.npz")


def test_labels_of_points_beside_a_cloud(tmp_path):
    write_xyz(tmp_path / "a.xyz", PLACES)
    written(tmp_path / "a.labels", "\n".join("12" for _ in PLACES))
    assert set(opened(tmp_path / "a.xyz").labels) == {12}
    written(tmp_path / "b.label", struct.pack("<3I", (7 << 16) + 40, 1, 2))
    assert read_labels(tmp_path / "b.label").tolist() == [40, 1, 2]
    written(tmp_path / "a.labels", "1\n2\n")
    with pytest.raises(DataError, match="expected a label for each of 20 points, received 2"):
        opened(tmp_path / "a.xyz")


def test_points_that_are_not_finite_are_left_out_and_features_mended(tmp_path):
    values = np.column_stack([PLACES, np.arange(20.0)])
    values[3, 1], values[5, 3] = np.nan, np.inf
    cloud = opened(write_xyz(tmp_path / "a.xyz", values, "x y z intensity"))
    assert len(cloud) == 19
    assert np.isfinite(cloud.features).all()
    assert [note.partition(": ")[2].partition(" are ")[0] for note in cloud.notes] == [
        "1 points without a finite position",
        "1 values of 'intensity'",
    ]


def test_what_is_odd_of_clouds_is_said_and_kept(tmp_path):
    folder = write_clouds(tmp_path / "data")
    write_xyz(folder / "ball" / "one.xyz", [[1.0, 2, 3]])
    write_xyz(folder / "ball" / "twice.xyz", np.concatenate([PLACES, PLACES]))
    write_xyz(folder / "rod" / "far.xyz", PLACES + 4e6)
    splits = read_clouds(folder)
    said = "\n".join(splits.warnings)
    assert "1 cloud whose points all lie at one place: " in said
    assert "1 cloud in which 20 points lie at the place of another" in said
    assert "1 cloud so far from their origin that float32 would blur them" in said
    assert any(line.startswith("unit: ") for line in splits.decisions)
    assert sum(map(len, (splits.train, splits.validation, splits.test))) == 27


def test_a_table_names_clouds_with_label_group_and_folds(tmp_path):
    folder = write_clouds(tmp_path / "data")
    rows = [f"{kind}/{at:02d}.xyz,{kind},p{at % 6},{at % 3}" for kind in ("ball", "rod") for at in range(12)]
    text = "\n".join(["file,label,patient,fold", *rows, "gone.xyz,ball,p1,0"])
    (folder / "labels.csv").write_text(text)
    splits = read_clouds(folder)
    used = "path from 'file', label from 'label', group from 'patient', fold from 'fold'"
    assert f"columns: {used}; all are used" in splits.decisions
    assert np.unique(splits.pool.folds).tolist() == [0, 1, 2]
    assert any("no cloud is called 'gone.xyz'" in each.reason for each in splits.skipped)
    assert len(read_inputs([str(folder / "labels.csv")])) == 24


def test_names_of_files_say_the_labels(tmp_path):
    for kind in ("chair", "table"):
        for at in range(6):
            write_xyz(tmp_path / f"{kind}_{at:04d}.xyz", shape("ball", at))
    assert read_clouds(tmp_path).class_names == ("chair", "table")
    assert read_clouds(tmp_path, label_pattern=r"(?P<label>[a-z]+)_").class_names == ("chair", "table")


def test_folders_without_clouds_and_damaged_ones_are_errors(tmp_path):
    with pytest.raises(DataError, match="expected class folders with clouds"):
        read_clouds(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.ply").write_bytes(b"no")
    with pytest.raises(DataError, match="2 of 2 clouds are not readable"):
        read_clouds(tmp_path)
    with pytest.raises(DataError, match="points-segmentation"):
        read_clouds(written(tmp_path / "a.ply", ply(COLUMNS)))


def test_a_column_that_is_asked_for_is_the_label(tmp_path):
    path = write_xyz(tmp_path / "a.xyz", np.column_stack([PLACES, np.arange(20), np.ones(20)]))
    assert opened(path, label="3").labels.tolist() == list(range(20))
    assert opened(path, label="-1").labels.tolist() == [1] * 20
    with pytest.raises((DataError, UsageError), match="expected a column 'kind' of labels"):
        opened(path, label="kind")


HEADERS = {
    "vertex": ("a.ply", "ply\nformat ascii 1.0\nend_header\n", "expected vertices"),
    "no end": ("a.ply", "ply\nformat ascii 1.0\n", "expected end_header"),
    "no format": ("a.ply", "ply\nelement vertex 1\nproperty float x\nend_header\n1\n", "expected a format"),
    "huge": ("a.ply", "ply\nformat ascii 1.0\nelement vertex 99999999999\nend_header\n", "at most"),
    "short": (
        "a.ply",
        "ply\nformat binary_little_endian 1.0\nelement vertex 9\nproperty float x\nend_header\n12",
        "truncated: expected 9 points",
    ),
    "fields": ("a.pcd", "FIELDS x y z\nSIZE 4 4\nTYPE F F F\nPOINTS 1\nDATA ascii\n1 2 3\n", "for each of 3"),
    "type": ("a.pcd", "FIELDS x\nSIZE 3\nTYPE F\nPOINTS 1\nDATA ascii\n1\n", "types I, U and F"),
    "points": ("a.pcd", "FIELDS x\nSIZE 4\nTYPE F\nPOINTS 0\nDATA ascii\n1\n", "expected 1 to"),
    "data": ("a.pcd", "FIELDS x\nSIZE 4\nTYPE F\nPOINTS 2\nDATA ascii\n1\n", "expected 2 points"),
    "none": ("a.pcd", "hello\nDATA ascii\n", "expected a header of PCD, received the line"),
    "las": ("a.las", "LASF", "LAS file"),
    "off": ("a.off", "OFF\n4 999 0\n0 0 0\n", "OFF file"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_lies_is_refused(tmp_path, name):
    file, content, error = HEADERS[name]
    with pytest.raises(DataError, match=error):
        opened(written(tmp_path / file, content))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted({*READERS} - {".laz"})), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path, ending, content):
    path = written(tmp_path / f"a{ending}", content)
    with contextlib.suppress(DataError):
        assert np.isfinite(opened(path).positions).all()


def test_numbers_of_lines_name_the_place():
    assert numbers_of(["1 2", "3 4"], 2, "a").tolist() == [[1, 2], [3, 4]]
    assert np.isnan(numbers_of(["1,,3"], 3, "a", ",")[0, 1])
