"""A geometry that lenses has never heard of is one class more: every figure draws it."""

import numpy as np
import pytest
from drawn import THEMES, assert_tidy, image, named, texts

from convscope.errors import UsageError
from convscope.lenses.figures.attribution import draw_attributions
from convscope.lenses.figures.maps import draw_comparison, draw_maps
from convscope.lenses.figures.neighbors import Card, draw_neighbors
from convscope.lenses.figures.patches import draw_patches
from convscope.lenses.figures.position import draw_position
from convscope.lenses.figures.statistics import draw_statistics
from convscope.lenses.sheet.sheet import MARGIN
from convscope.lenses.sheet.theme import scale_of
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.view import PlacedPatch, Sample, View
from convscope.scope.attribution.methods import Attribution
from convscope.scope.channels.patches import Patches
from convscope.scope.channels.position import Position
from convscope.scope.channels.statistics import ChannelStatistics


class MoleculeView(View):
    """Atoms on a circle, colored by a number each: the least that a geometry has to say."""

    def __init__(self, atoms):
        self.atoms = atoms

    @property
    def positions(self):
        return (len(self.atoms),)

    def _place(self, sheet, spot, side, values, name):
        scale, count = scale_of(sheet.theme, values), len(values)
        turns = 2 * np.pi * np.arange(count) / count
        xs, ys = (spot[i] + side / 2 * (1 + 0.8 * each(turns)) for i, each in enumerate((np.cos, np.sin)))
        sheet.line([*xs, xs[0]], [*ys, ys[0]], color=sheet.theme.rule)
        for x, y, color in zip(xs, ys, scale.colors(values), strict=True):
            sheet.image(x - 4, y - 4, np.tile(color, (8, 8, 1)), name=name)
        return side

    def place_input(self, sheet, box):
        return self._place(sheet, box[:2], min(box[2:]), np.arange(len(self.atoms)), "atom")

    def thumbnail(self, sheet, box, name="input"):
        return self._place(sheet, box[:2], min(box[2:]), np.arange(len(self.atoms)), name)

    def place_overlay(self, sheet, y, overlays):
        for place, each in enumerate(overlays):
            spot = (MARGIN + 220 * place, y)
            sheet.text(*spot, each.attribution.method, width=200)
            self._place(sheet, (spot[0], y + 20), 200, each.attribution.values, "heat")
        return y + 260

    def place_patch(self, sheet, box, patch, row):
        (first, behind), *_ = patch.window
        inside = np.zeros(len(self.atoms))
        inside[int(first) : int(behind)] = 1
        return PlacedPatch(
            self._place(sheet, box[:2], box[2], inside, patch.name), ("atoms",), ("yellow: in it",)
        )


class NamedMoleculeView(MoleculeView):
    """Atoms that are written instead, so that each molecule takes a line."""

    tile = None

    @property
    def names(self):
        return tuple(self.atoms)

    def kernel_labels(self, position):
        return [self.atoms[place] for place in position.places[0]]

    def thumbnail(self, sheet, box, name="input"):
        sheet.text(box[0], box[1] + 18, "".join(self.atoms), width=box[2])
        return 25

    def place_patch(self, sheet, box, patch, row):
        return PlacedPatch(self.thumbnail(sheet, box))


ATOMS = ("C", "H", "H", "O", "N", "H")
GEOMETRIES = {"circles": MoleculeView, "names": NamedMoleculeView}


@pytest.fixture(params=GEOMETRIES)
def sample(request):
    return Sample(GEOMETRIES[request.param](ATOMS), "water.mol", "predicted toxic")


def layer(seed=0):
    return LayerMaps("conv", "What it does.", np.random.default_rng(seed).normal(0, 1, (len(ATOMS), 5)))


@pytest.mark.parametrize("theme", THEMES)
def test_maps_of_atoms_and_of_whole_molecules_are_drawn(sample, theme):
    pooled = LayerMaps("pool", "What it does.", np.arange(7.0))
    assert_tidy(draw_maps(sample, [layer(), pooled], theme=theme))
    figure = draw_maps(sample, [pooled], theme=theme)
    assert_tidy(figure)
    assert len(named(figure, "atom")) == len(ATOMS)  # nothing else shows the input


def test_several_molecules_are_compared(sample):
    assert_tidy(draw_comparison([sample, sample], [layer(0), layer(1)], channels=3))


def test_geometries_are_not_mixed_in_a_comparison():
    samples = [Sample(each(ATOMS)) for each in GEOMETRIES.values()]
    with pytest.raises(UsageError, match="one size"):
        draw_comparison(samples, [layer(), layer()])


def test_a_position_is_drawn_with_what_lies_under_its_kernel(sample):
    rng = np.random.default_rng(0)
    patch, kernel = rng.random((3, 2)).astype(np.float32), rng.normal(0, 1, (3, 2)).astype(np.float32)
    products = patch * kernel
    total = float(products.sum(dtype=np.float64))
    places = (np.array([1, 2, 3]),)
    shapes = {"map": np.full(6, total, np.float32), "inputs": np.zeros((6, 2), np.float32)}
    position = Position(
        "conv", "GraphConv", 1, (2,), patch, kernel, products, np.zeros(3, bool), total, 0.0, total, "linear",
        total, (), shapes["map"], shapes["inputs"], (0, 1), places,
    )  # fmt: skip
    figure = draw_position(position, sample)
    assert_tidy(figure)
    assert image(figure, "map").size
    assert (texts(figure).count("O") > 0) == bool(sample.view.names)


def test_an_attribution_of_atoms_is_drawn(sample):
    values = np.array([0.0, 1, 2, -3, 1, 0], np.float32)
    each = Attribution("saliency", None, "toxic", 0, 0.9, values, True, {})
    figure = draw_attributions(sample, [each, each])
    assert_tidy(figure)
    assert len(named(figure, "heat")) == 2 * len(ATOMS)
    with pytest.raises(UsageError, match="shape"):
        draw_attributions(sample, [Attribution("saliency", None, "toxic", 0, 0.9, values[1:], True, {})])


def test_what_activates_kernels_is_drawn(sample):
    values, windows = np.array([[3.0, 2.0]]), np.array([[[[0, 2]], [[1, 4]]]])
    found = Patches("conv", "GraphConv", values, np.array([[0, 1]]), np.zeros((1, 2, 1), int), windows)
    figure = draw_patches(found, {0: sample, 1: sample})
    assert_tidy(figure)
    said = texts(figure)
    assert {"3", "2", "water.mol"} <= set(said)
    assert ("yellow: in it" in said) == (sample.view.tile is not None)


def test_statistics_and_neighbors_show_molecules_small(sample):
    rng = np.random.default_rng(0)
    stats = ChannelStatistics(
        "conv", 9, rng.random(4), rng.random(4), rng.random(4), rng.random(4), np.zeros(4, bool), (),
        np.zeros((4, 2), int), rng.random((4, 2)), None, 0,
    )  # fmt: skip
    assert_tidy(draw_statistics(stats, {0: sample}))
    assert_tidy(
        draw_neighbors([(Card(sample, "toxic"), [Card(sample, "safe", ("0.1", "id 3"), other=True)])])
    )
