"""Features on disk are opened as they were written, and what is none is refused."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import convscope
from convscope.errors import DataError, RunError, UsageError
from convscope.features.manifest import LayerColumn, Manifest, column_names
from convscope.features.part_files import METADATA_KEY, open_part
from convscope.features.zarr_store import chunk_rows
from convscope.kinds.contract.preprocessing import PixelSteps
from convscope.workflows.model_inputs.dataset import Scaled


@pytest.fixture(scope="module")
def forms(small_model, pictures, tmp_path_factory):
    """The same features in all three forms."""
    folder = tmp_path_factory.mktemp("forms")
    options = {"layers": ["edges", "shapes"], "precision": "float32", "part_size": 48}
    return {
        "file": convscope.extract(small_model, pictures, out=folder / "x.parquet", pool="flatten", **options),
        "folder": convscope.extract(small_model, pictures, out=folder / "x", pool="flatten", **options),
        "zarr": convscope.extract(small_model, pictures, out=folder / "maps", pool="none", **options),
    }


def test_all_forms_hold_the_same(forms):
    file = forms["file"]
    assert forms["zarr"].path.name == "maps.zarr"
    for other in (forms["folder"], forms["zarr"]):
        for layer in ("edges", "shapes"):
            np.testing.assert_allclose(other.matrix(layer), file.matrix(layer), rtol=1e-4, atol=1e-5)
        for name in ("paths", "labels", "splits", "predictions"):
            assert getattr(other.columns(), name) == getattr(file.columns(), name)
        assert len(other) == len(file) == 120


@pytest.mark.parametrize("form", ["file", "folder", "zarr"])
def test_what_was_written_opens_again(forms, form):
    written = forms[form]
    opened = convscope.open_features(str(written.path))
    assert opened.metadata == written.metadata
    assert opened.layers == ("edges", "shapes")
    blocks = list(opened.blocks("shapes"))
    assert [len(block) for block in blocks] == [48, 48, 24]
    np.testing.assert_array_equal(np.concatenate(blocks), opened.matrix("shapes"))
    assert json.loads(json.dumps(opened.metadata)) == opened.metadata


def test_the_metadata_names_model_layers_settings_and_versions(forms):
    metadata = json.loads(pq.read_schema(forms["file"].path).metadata[METADATA_KEY])
    assert len(metadata["model"]["fingerprint"]) == len(metadata["data"]["fingerprint"]) == 64
    assert metadata["layers"][1] == {"layer": "shapes", "column": "shapes", "shape": [216]}
    assert (metadata["pool"], metadata["dtype"], metadata["precision"]) == ("flatten", "float32", "float32")
    assert metadata["engine"]["precision"] == "float32"
    assert {"convscope", "keras", "numpy", "pyarrow"} <= set(metadata["versions"])


def test_labels_become_numbers(forms):
    columns = forms["file"].columns()
    names = forms["file"].class_names
    assert [names[i] for i in columns.codes(names)] == columns.labels
    assert set(columns.codes(("disc",)).tolist()) == {0, -1}


def test_layers_are_found_by_path_or_by_its_end(forms):
    file = forms["file"]
    with pytest.raises(UsageError, match="has 2 layers"):
        file.matrix()
    with pytest.raises(UsageError, match="no layer 'shape'") as caught:
        file.matrix("shape")
    assert caught.value.hint == "Did you mean shapes?"


def test_what_holds_no_features_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        convscope.open_features(tmp_path / "nothing")
    with pytest.raises(DataError, match="holds no features"):
        convscope.open_features(tmp_path)
    pq.write_table(pa.table({"x": [1]}), tmp_path / "plain.parquet")
    with pytest.raises(DataError, match="holds no features"):
        convscope.open_features(tmp_path / "plain.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="damaged Parquet file"):
        convscope.open_features(tmp_path / "broken.parquet")


def test_a_damaged_part_is_named(forms, tmp_path):
    whole = (forms["file"].path).read_bytes()
    path = tmp_path / "cut.parquet"
    path.write_bytes(whole[:2000] + bytes(4000) + whole[6000:])
    features = convscope.open_features(path)
    with pytest.raises(DataError, match=r"cut\.parquet"):
        features.matrix("edges")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.pop("pool"), "has no key 'pool'"),
        (lambda c: c.update(format=99), "format 99, expected 1"),
        (lambda c: c.update(layers=[{"layer": "x"}]), r"'layers'\[0\] has no key 'column'"),
    ],
)
def test_metadata_that_cannot_be_understood_is_refused(forms, tmp_path, change, said):
    table = pq.read_table(forms["file"].path)
    content = json.loads(table.schema.metadata[METADATA_KEY])
    change(content)
    path = tmp_path / "x.parquet"
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: json.dumps(content).encode()}), path)
    with pytest.raises(RunError, match=said):
        open_part(path)


def test_columns_are_named_by_layers_as_far_as_they_can_be_told_apart():
    layers = ["path", "block/conv", "block.conv", "block"]
    assert column_names(layers, flat=False) == ["path_", "block/conv", "block.conv", "block"]
    assert column_names(layers, flat=True) == ["path_", "block.conv", "block.conv_", "block"]


def test_chunks_divide_a_part_and_stay_small():
    def rows(part_size, shape):
        column = LayerColumn("x", "x", shape)
        manifest = Manifest(
            {}, (column,), "none", "float32", "auto", True, None, {}, {"samples": 9}, part_size
        )
        return chunk_rows(manifest, column)

    assert rows(240, (46, 46, 32)) == 3
    assert rows(4096, (4,)) == 4096
    assert rows(7, (2**20,)) == 1
    assert rows(4099, (64, 64, 4)) == 1


def test_scaling_is_a_factor_and_an_offset():
    np.testing.assert_allclose(
        Scaled(PixelSteps(2 / 255, -1.0))(np.array([0, 255], np.uint8)), [-1, 1], atol=1e-6
    )
    assert Scaled()(np.array([3], np.uint8)).dtype == np.float32
