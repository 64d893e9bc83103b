"""What the addresses of the studio answer with, as far as a saved page is chosen by it."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from convscope.types import Json


class ToldModel(TypedDict):
    """What `/api/state` says of a model, as far as it is needed here."""

    id: str
    name: str
    script: str | None
    epochs: list[int]


class ToldState(TypedDict):
    """What `/api/state` says, as far as it is needed here."""

    models: list[ToldModel]
    data: Json


class ToldLayer(TypedDict):
    """What `/api/models/{m}/layers` says of a layer, as far as it is needed here."""

    id: str
    name: str
    maps: int | None
    positions: bool
    spatial: list[int | None]
    shape: list[int | None]
    parameters: int


class ToldLayers(TypedDict):
    """What `/api/models/{m}/layers` says, as far as it is needed here."""

    layers: list[ToldLayer]


class ToldMethod(TypedDict):
    """What `/api/models/{m}/methods` says of an attribution, as far as it is needed here."""

    name: str
    usual: bool
    layer: bool


class ToldMaps(TypedDict):
    """What `maps.json` says, as far as it is needed here."""

    order: list[int]


class ToldTruth(TypedDict):
    """What `input.json` says of what is known of a sample, as far as it is needed here."""

    mask: bool


class ToldInput(TypedDict):
    """What `input.json` says, as far as it is needed here."""

    original: str | None
    media: NotRequired[str]
    truth: ToldTruth | None


class ToldPrediction(TypedDict):
    """What `/prediction` says, as far as it is needed here."""

    mask: bool


class ToldPatch(TypedDict):
    """One place that excites a channel."""

    sample: str


class ToldPatches(TypedDict):
    """What `/patches` says, as far as it is needed here."""

    patches: list[ToldPatch]
