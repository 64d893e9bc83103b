"""New samples through the same model and settings have the features that they would have had on disk."""

import numpy as np
import pytest

import convscope
from convscope.errors import RunError, UsageError
from convscope.features.query import query


@pytest.mark.parametrize("options", [{}, {"pool": "max", "dtype": "float16"}, {"preprocess": "-1..1"}])
def test_a_sample_again_has_the_same_features(model_file, pictures, tmp_path, options):
    features = convscope.extract(
        model_file, pictures, layers=["edges", "shapes"], out=tmp_path / "out", **options
    )
    rows = [7, 100, 3]
    paths = [features.columns().paths[row] for row in rows]
    found = query(features, paths, ["shapes"])
    assert [found.dataset.name(i) for i in range(3)] == paths
    assert list(found.matrices) == ["shapes"]
    expected = features.matrix("shapes")[rows]
    np.testing.assert_allclose(found.matrices["shapes"], expected, rtol=0.02, atol=5e-3)


def test_a_run_and_an_array_can_be_asked(finished, model_file, pictures, as_inputs, tmp_path):
    features = convscope.extract(finished.folder, pictures, out=tmp_path / "run", precision="float32")
    found = query(features, features.columns().paths[:2])
    np.testing.assert_allclose(next(iter(found.matrices.values())), features.matrix()[:2], atol=1e-4)
    np.save(tmp_path / "x.npy", as_inputs(features.columns().paths[:5]))
    arrays = convscope.extract(model_file, tmp_path / "x.npy", out=tmp_path / "array", precision="float32")
    found = query(arrays, [str(tmp_path / "x.npy")])
    np.testing.assert_allclose(found.matrices["shapes"], arrays.matrix(), atol=1e-5)
    with pytest.raises(UsageError, match="came from an array"):
        query(arrays, features.columns().paths[:1])


def test_a_model_in_memory_has_to_be_given_and_to_be_the_same(small_model, model_file, pictures, tmp_path):
    features = convscope.extract(small_model, pictures / "disc", out=tmp_path / "out", precision="float32")
    path = features.columns().paths[0]
    with pytest.raises(UsageError, match="model in memory"):
        query(features, [path])
    for model in (small_model, str(model_file)):
        found = query(features, [path], model=model)
        np.testing.assert_allclose(found.matrices["shapes"], features.matrix()[:1], atol=1e-5)
    with pytest.raises(RunError, match="is not the one"):
        query(features, [path], model="compact_cnn")
