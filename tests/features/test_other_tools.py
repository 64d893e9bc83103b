"""Other tools read what was extracted, without a word from convscope."""

import numpy as np
import pytest

import convscope


@pytest.fixture(scope="module", params=["float32", "float16"])
def extracted(request, small_model, pictures, tmp_path_factory):
    """Two layers, one of them with a name that is a path, as file and as folder."""
    folder = tmp_path_factory.mktemp("tools")
    options = {"layers": ["edges", "shapes"], "dtype": request.param, "part_size": 50}
    convscope.extract(small_model, pictures, out=folder / "x.parquet", **options)
    return convscope.extract(small_model, pictures, out=folder / "x", **options)


def agrees(features, shapes, labels):
    np.testing.assert_allclose(
        np.asarray(shapes, np.float32), features.matrix("shapes"), rtol=1e-2, atol=1e-2
    )
    assert list(labels) == features.columns().labels


def test_pandas_reads_file_and_folder(extracted):
    pandas = pytest.importorskip("pandas")
    for path in (extracted.path, extracted.path.with_suffix(".parquet")):
        frame = pandas.read_parquet(path)
        agrees(extracted, np.stack(frame["shapes"]), frame["label"])


def test_polars_reads_file_and_folder(extracted):
    polars = pytest.importorskip("polars")
    for path in (extracted.path, extracted.path.with_suffix(".parquet")):
        frame = polars.read_parquet(path)
        assert frame.schema["shapes"].shape == (6,)
        agrees(extracted, frame["shapes"].to_numpy(), frame["label"])


def test_duckdb_reads_file_and_folder(extracted):
    duckdb = pytest.importorskip("duckdb")
    for path in (extracted.path, extracted.path.with_suffix(".parquet")):
        place = path / "*.parquet" if path.is_dir() else path
        rows = duckdb.sql(f"select shapes, label from '{place}' order by id").fetchall()
        agrees(extracted, [row[0] for row in rows], [row[1] for row in rows])


def test_hugging_face_datasets_reads_file_and_folder(extracted, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    file = str(extracted.path.with_suffix(".parquet"))
    for arguments in (("parquet", None, None, file), (str(extracted.path),)):
        names = ("path", "name", "data_dir", "data_files")
        options = {name: value for name, value in zip(names, arguments, strict=False) if value}
        loaded = datasets.load_dataset(**options, cache_dir=str(tmp_path / "cache"))["train"]
        agrees(extracted, loaded["shapes"], loaded["label"])


def test_zarr_reads_whole_maps(small_model, pictures, tmp_path):
    zarr = pytest.importorskip("zarr")
    features = convscope.extract(
        small_model, pictures, layers=["edges", "shapes"], pool="none", out=tmp_path / "maps", part_size=50
    )
    group = zarr.open_group(tmp_path / "maps.zarr", mode="r")
    assert sorted(name for name, _ in group.arrays()) == ["edges", "shapes"]
    assert group["shapes"].shape == (120, 6, 6, 6)
    assert group["shapes"].shards == (50, 6, 6, 6)
    assert group["shapes"].attrs["layer"] == "shapes"
    assert group.attrs["convscope"] == features.metadata
    np.testing.assert_array_equal(group["edges"][:].reshape(120, -1), features.matrix("edges"))
