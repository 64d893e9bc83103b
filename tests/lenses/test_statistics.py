"""Statistics of channels in pictures: order, dead and duplicate channels, classes and samples."""

import numpy as np
import pytest
from drawn import assert_tidy, bar_limits, image, named, pixels, texts

from convscope.lenses.figures.statistics import draw_statistics
from convscope.lenses.sheet.theme import THEMES, Scale
from convscope.lenses.views.plain import plain_sample
from convscope.scope.channels.statistics import ChannelStatistics


def made(channels, classes=3, dead=2, **more):
    rng = np.random.default_rng(0)
    mean = rng.gamma(1.5, 0.3, channels)
    is_dead = np.arange(channels) < dead
    mean[is_dead] = 0
    known = {
        "path": "block/conv",
        "samples": 3589,
        "mean": mean,
        "spread": mean * 0.7,
        "zeros": np.where(is_dead, 1.0, rng.random(channels)),
        "largest": 3 * mean,
        "dead": is_dead,
        "duplicates": tuple((i, i + 3, 0.9951) for i in range(min(40, channels - 3))),
        "top_samples": rng.integers(0, 6, (channels, 9)),
        "top_values": -np.sort(-rng.random((channels, 9)), axis=1),
        "class_means": rng.random((classes, channels)) if classes else None,
        "nonfinite": 0,
    }
    return ChannelStatistics(**{**known, **more})


SAMPLES = [plain_sample(np.full((20, 16 + i, 1), 40 * i, np.uint8), f"{i} " + "name " * 20) for i in range(6)]


@pytest.mark.parametrize(("channels", "classes"), [(4, 0), (32, 7), (512, 2), (2048, 40)])
def test_statistics_of_any_number_of_channels_are_drawn_tidily(channels, classes):
    names = [f"a long name of class {i} " * 3 for i in range(classes)]
    stats = made(channels, classes)
    assert_tidy(draw_statistics(stats, SAMPLES, names, title="Statistics " * 30, channels=3))
    if channels in (4, 512):
        pixels(draw_statistics(stats, SAMPLES, theme="dark", channels=2))


@pytest.mark.parametrize("sample", [(30, 2), (4, 8, 8, 1), (7,)])
def test_samples_of_any_kind_are_thumbnails(sample):
    assert_tidy(draw_statistics(made(6), {2: plain_sample(np.zeros(sample), "two")}))


def test_channels_stand_by_falling_mean_and_dead_ones_are_marked():
    stats = made(12)
    figure = draw_statistics(stats)
    said = texts(figure)
    order = [str(each) for each in np.argsort(-stats.mean, kind="stable")]
    start = next(i for i in range(len(said)) if said[i : i + 12] == order)
    assert start
    assert "Dead channels: 0, 1." in said
    assert "12 channels · 3,589 samples · 2 dead · 9 duplicate pairs" in said
    assert any("0 = 3 (0.995)" in text for text in said)
    assert len(named(figure, "dead")) == 1


def test_classes_are_rows_of_deviations_with_silent_channels_last():
    stats = made(8, 3)
    figure = draw_statistics(stats, None, ["a", "b", "c"])
    relative = np.zeros((3, 8))
    alive = stats.spread > 0
    relative[:, alive] = (
        (stats.class_means - stats.class_means.mean(axis=0)) / np.where(alive, stats.spread, 1)
    )[:, alive]
    assert bar_limits(figure) == [(pytest.approx(relative.min()), pytest.approx(relative.max()))]
    drawn = image(figure, "classes")[::40, ::40]
    middle = Scale(THEMES["light"], -1, 1, "diverging").colors(np.zeros((3, 2)))
    np.testing.assert_array_equal(drawn[:, -2:], middle)
    assert drawn.shape[:2] == (3, 8)


def test_a_class_without_samples_and_a_channel_without_values_are_drawn():
    stats = made(8, 3, nonfinite=5)
    stats.class_means[1] = np.nan
    stats.mean[4] = stats.spread[4] = stats.zeros[4] = np.nan
    figure = draw_statistics(stats, SAMPLES)
    assert_tidy(figure)
    assert "5 values not finite (NaN or infinite)" in texts(figure)
    assert named(figure, "missing")


def test_the_samples_of_the_strongest_channels_are_drawn():
    stats = made(8)
    figure = draw_statistics(stats, SAMPLES, channels=2)
    drawn = [each.get_gid() for each in named(figure, "sample ")]
    strongest = np.argsort(-stats.mean)[:2]
    assert drawn == [f"sample {each}" for channel in strongest for each in stats.top_samples[channel]]
