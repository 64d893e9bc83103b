"""What a features file says is checked before it is used, and every number is the one that was written."""

import contextlib
import copy
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import convscope
from convscope.errors import ConvscopeError, DataError, RunError, UsageError
from convscope.features.part_files import CHECKSUMS_KEY, METADATA_KEY, PartFile
from convscope.features.query import query
from convscope.files import locked
from convscope.workflows.load_model import open_model

LEAVES = (None, -1, 0, 10**15, 1.5, "text", [], {}, [None], [10**12], {"a": 1}, True)


def opened(path):
    """Everything that can be read of features."""
    features = convscope.open_features(path)
    columns = features.columns()
    return (
        features.metadata,
        *(getattr(columns, name) for name in ("paths", "labels", "splits", "predictions")),
        columns.ids.tobytes(),
        columns.confidences.tobytes(),
        *(features.matrix(layer).tobytes() for layer in features.layers),
    )


def rewritten(path, to, change):
    """A copy of which the metadata is another, as somebody else may have written it."""
    table = pq.read_table(path)
    content = json.loads(table.schema.metadata[METADATA_KEY])
    change(content)
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: json.dumps(content).encode()}), to)
    return to


def places(content, path=()):
    """Where every value is, the dictionaries and arrays among them."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


@pytest.fixture
def file(made, tmp_path):
    """One Parquet file of two layers, eleven samples and three parts."""
    rng = np.random.default_rng(0)
    matrices = {"a": rng.normal(size=(11, 4)), "b": rng.normal(size=(11, 2))}
    labels = [("x", "y", None)[i % 3] for i in range(11)]
    folder = made(matrices, labels, predictions=["x"] * 11).path
    parts = sorted(folder.glob("*.parquet"))
    assert len(parts) == 4
    return parts[0].parent


def test_any_other_value_is_refused_or_harmless(file, tmp_path):
    content = convscope.open_features(file).metadata
    refused = 0
    for place in places(content):
        for value in LEAVES:

            def change(found, place=place, value=value):
                for key in place[:-1]:
                    found = found[key]
                found[place[-1]] = copy.deepcopy(value)

            to = tmp_path / "other"
            shutil.rmtree(to, ignore_errors=True)
            to.mkdir()
            for part in file.iterdir():
                rewritten(part, to / part.name, change)
            try:
                opened(to)
            except ConvscopeError as error:
                refused += 1
                assert str(to) in error.message
    assert refused > 200


def test_a_key_that_is_missing_is_named_with_its_file(file, tmp_path):
    part = rewritten(file / "part-00000.parquet", tmp_path / "x.parquet", lambda c: c["data"].pop("samples"))
    with pytest.raises(RunError, match=r"x\.parquet .*'data' has no key 'samples'"):
        convscope.open_features(part)


@pytest.mark.parametrize("column", ["a", "path", "confidence"])
def test_another_value_of_a_column_is_seen(file, column):
    path = file / "part-00001.parquet"
    table = pq.read_table(path)
    other = pq.read_table(file / "part-00000.parquet")[column].slice(0, len(table))
    changed = table.set_column(table.schema.get_field_index(column), table.schema.field(column), other)
    if column == "confidence":
        changed = table.set_column(
            table.schema.get_field_index(column), table.schema.field(column), [np.float32([0.5] * len(table))]
        )
    pq.write_table(changed, path)
    with pytest.raises(DataError, match=rf"column '{column}', is damaged: the checksum of part 1 is"):
        opened(file)


def test_a_flipped_bit_is_an_error_or_changes_nothing(file):
    whole = opened(file)
    path = file / "part-00000.parquet"
    content = path.read_bytes()
    rng = np.random.default_rng(1)
    seen = 0
    for place in rng.integers(0, len(content) * 8, 600):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        try:
            assert opened(file) == whole
        except ConvscopeError:
            seen += 1
    assert seen > 300


def test_a_part_that_has_lost_its_rows_is_damaged(file, monkeypatch):
    features = convscope.open_features(file)
    monkeypatch.setattr(PartFile, "read_blocks", lambda self, column: iter([np.zeros((0, column.width))]))
    with pytest.raises(DataError, match="damaged"):
        features.matrix("a")


def test_maps_have_checksums_too(small_model, tmp_path):
    values = np.random.default_rng(2).random((7, 16, 16, 1), np.float32)
    np.save(tmp_path / "x.npy", values)
    to = convscope.extract(
        small_model, tmp_path / "x.npy", layers="edges", out=tmp_path / "m", pool="none", part_size=4
    ).path
    whole = opened(to)
    rng = np.random.default_rng(3)
    files = sorted(path for path in to.rglob("*") if path.is_file())
    for path in files:
        content = path.read_bytes()
        for place in rng.integers(0, len(content) * 8, 60):
            damaged = bytearray(content)
            damaged[place // 8] ^= 1 << (place % 8)
            path.write_bytes(damaged)
            with contextlib.suppress(ConvscopeError):
                assert opened(to) == whole
        path.write_bytes(content)
    shard = next(path for path in files if path.parts[-5:-4] == ("c",))
    shard.unlink()
    with pytest.raises(DataError, match="checksum of part"):
        opened(to)


def test_features_of_an_earlier_version_have_none(file, tmp_path):
    whole = opened(file)
    for part in file.iterdir():
        rewritten(part, part, lambda content: None)
        assert CHECKSUMS_KEY not in pq.read_schema(part).metadata
    assert opened(file) == whole


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ({"given": "os:system('touch ran')"}, "--model os:system"),
        ({"given": "evil:model"}, "--model evil:model"),
        ({"given": "gabor_bank", "code": ["evil"]}, "--model gabor_bank --code evil"),
        ({"given": "evil.keras"}, "--model evil.keras"),
        ({"given": "//host/share/evil.keras"}, "--model //host"),
        ({"given": "/nowhere/model.keras"}, "--model PATH"),
        ({"given": "/dev/zero"}, "--model PATH"),
        ({"given": None}, "--model model.keras"),
    ],
)
def test_nothing_that_a_file_names_is_imported_or_called(file, tmp_path, monkeypatch, model, hint):
    (tmp_path / "evil.py").write_text("open('ran', 'w')\ndef model(): ...\n")
    (tmp_path / "evil.keras").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    to = tmp_path / "other"
    to.mkdir()
    for part in file.iterdir():
        rewritten(part, to / part.name, lambda content: content["model"].update(model))
    np.save("x.npy", np.zeros((2, 8, 8, 1), np.float32))
    with pytest.raises(UsageError) as caught:
        query(convscope.open_features(to), ["x.npy"])
    assert hint in caught.value.hint
    assert not (tmp_path / "ran").exists()


def test_trust_and_code_are_for_a_model_that_the_user_names(small_model, model_file, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((6, 16, 16, 1), np.float32))
    features = convscope.extract(model_file, tmp_path / "x.npy", out=tmp_path / "x.parquet")
    assert len(query(features, [str(tmp_path / "x.npy")]).dataset) == 6
    with pytest.raises(UsageError, match="--trust is for a model that you name"):
        query(features, [str(tmp_path / "x.npy")], trust=True)
    assert len(query(features, [str(tmp_path / "x.npy")], model=str(model_file), trust=True).dataset) == 6


def test_two_extractions_do_not_write_one_target(small_model, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((6, 16, 16, 1), np.float32))
    with locked(tmp_path / "x.parquet"), pytest.raises(RunError, match="written by another process"):
        convscope.extract(small_model, tmp_path / "x.npy", out=tmp_path / "x.parquet")
    convscope.extract(small_model, tmp_path / "x.npy", out=tmp_path / "x.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.npy", "x.parquet"]


def test_nothing_is_left_beside_a_finished_file(small_model, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.zeros((6, 16, 16, 1), np.float32))

    def ended(path, *args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("convscope.features.parquet.shutil.rmtree", ended)
        convscope.extract(small_model, tmp_path / "x.npy", out=tmp_path / "x.parquet")
    assert (tmp_path / ".x.parquet.parts").is_dir()
    (tmp_path / ".part-7-x.parquet").write_bytes(b"half")
    convscope.extract(small_model, tmp_path / "x.npy", out=tmp_path / "x.parquet", resume=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.npy", "x.parquet"]


def test_texts_that_are_no_utf8_are_damage(file, tmp_path):
    part = file / "part-00000.parquet"
    table = pq.read_table(part)
    wrong = pa.array([b"\xce\x28"] * len(table), pa.binary()).view(pa.string())
    at = table.schema.get_field_index("path")
    metadata = {METADATA_KEY: table.schema.metadata[METADATA_KEY]}
    changed = table.set_column(at, table.schema.field(at), wrong).replace_schema_metadata(metadata)
    pq.write_table(changed, part)
    with pytest.raises(DataError, match="damaged"):
        convscope.open_features(file).columns()


def test_a_model_whose_name_is_too_long_for_a_path_is_refused():
    with pytest.raises(DataError, match="cannot be read"):
        open_model("a" * 5000)
