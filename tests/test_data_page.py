"""Every layout that `docs/data.md` pictures is recognized, and read as the page says."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from made_layouts import pictures

from convscope.data.assembly import Found
from convscope.data.number_labels import assemble_numbers
from convscope.errors import DataError
from convscope.kinds.registry import choose_spec
from convscope.kinds.series.readers.table_roles import Asked
from convscope.types import no_progress

pytest.importorskip("pandas")
pytest.importorskip("soundfile")

PAGE = (Path(__file__).parents[1] / "docs" / "data.md").read_text("utf-8")
PICTURES = pictures(PAGE)
LAYOUTS = [each for each in PICTURES if "refused" not in each.found]
REFUSED = [each for each in PICTURES if "refused" in each.found]
NUMBERS = {"asked": Asked(numbers=True), "progress": no_progress}
READERS = {
    "image-classification": ("convscope.kinds.image.readers.reader:read_images", {}),
    "image-segmentation": ("convscope.kinds.image.readers.mask_reader:read_masked_images", {}),
    "image-detection": ("convscope.kinds.image.detection.reader:read_boxed_images", {}),
    "volume-segmentation": ("convscope.kinds.volume.segmentation.reader:read_masked_volumes", {}),
    "image-regression": ("convscope.kinds.image.readers.reader:find_images", {"progress": no_progress}),
    "text-classification": ("convscope.kinds.text.classification.reader:read_texts", {}),
    "text-tagging": ("convscope.kinds.text.tagging.reader:read_tagged", {}),
    "translation": ("convscope.kinds.text.translation.parallel:read_parallel", {}),
    "series-classification": ("convscope.kinds.series.readers.reader:read_series", {}),
    "series-regression": ("convscope.kinds.series.readers.reader:found_series", NUMBERS),
    "series-anomaly": ("convscope.kinds.series.anomaly.reader:read_streams", {}),
    "series-remaining-life": ("convscope.kinds.series.remaining_life.reader:read_lives", {}),
    "audio-classification": ("convscope.kinds.audio.readers.reader:read_recordings", {"want": "label"}),
    "node-classification": ("convscope.kinds.graph.node_classification.reader:read_nodes", {}),
    "link-prediction": ("convscope.kinds.graph.link_prediction.reader:read_links", {}),
    "graph-classification": ("convscope.kinds.graph.graph_classification.reader:read_whole_graphs", {}),
    "video-classification": ("convscope.kinds.video.readers.reader:read_clips", {}),
    "video-anomaly": ("convscope.kinds.video.anomaly.reader:read_scenes", {}),
    "volume-classification": ("convscope.kinds.volume.readers.reader:read_volumes", {}),
    "points-segmentation": ("convscope.kinds.points.segmentation.reader:read_scenes", {}),
    "points-detection": ("convscope.kinds.points.detection.reader:read_boxed_clouds", {}),
    "points-classification": ("convscope.kinds.points.readers.reader:read_clouds", {}),
    "speech-recognition": ("convscope.kinds.audio.readers.reader:read_recordings", {"want": "transcript"}),
}


def named(picture):
    return f"{picture.recipe} {next(iter(picture.files))}".replace("/", ".")


def read(recipe, path):
    place, options = READERS[recipe]
    module, _, name = place.partition(":")
    found = getattr(import_module(module), name)(path, **options)
    return assemble_numbers(found, 0) if isinstance(found, Found) else found


@pytest.mark.parametrize("picture", LAYOUTS, ids=named)
def test_a_layout_is_recognized_and_read_as_pictured(tmp_path, picture):
    path = picture.build(tmp_path)
    spec, why = choose_spec(path)
    assert spec.name == picture.recipe, why
    splits = read(spec.name, path)
    if "classes" in picture.found:
        assert ", ".join(splits.class_names) == picture.found["classes"]
    if "splits" in picture.found:
        wanted = picture.found["splits"].split(", ")
        if splits.pool is not None:
            assert sorted(splits.pool.given) == sorted(wanted)
        assert all(len(splits[name]) for name in wanted)
    if "groups" in picture.found:
        kept = [line for line in splits.decisions if line.endswith("a group stays in one split")]
        assert any(picture.found["groups"] in line for line in kept), (splits.decisions, splits.warnings)
    for part in picture.found.get("left-out", "").split(", "):
        assert part in repr((splits.skipped, splits.decisions, splits.warnings))


@pytest.mark.parametrize("picture", REFUSED, ids=named)
def test_what_is_pictured_as_refused_is_refused_with_what_to_do(tmp_path, picture):
    path = picture.build(tmp_path)
    with pytest.raises(DataError) as caught:
        read(picture.recipe if picture.recipe in READERS else choose_spec(path)[0].name, path)
    assert picture.found["refused"] in f"{caught.value.message} {caught.value.hint}"


def test_every_recipe_has_a_picture():
    assert {each.recipe for each in LAYOUTS} == set(READERS)
    assert len(re.findall(r"^```layout", PAGE, re.MULTILINE)) == len(PICTURES) > 40
