"""What is selected on the page, with all answers that its panels show of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

import numpy as np

from convscope.errors import UsageError, unknown_name
from convscope.studio.saved.asking import Answer, Asking
from convscope.studio.saved.told import (
    ToldInput,
    ToldLayer,
    ToldLayers,
    ToldMaps,
    ToldMethod,
    ToldPatches,
    ToldPrediction,
    ToldState,
)
from convscope.types import Progress

MOST_OTHERS = 16 * 2**20
"""Bytes that the maps and kernels of other layers may take."""
MOST_EXACT = 32 * 2**20
"""Bytes of the chosen layer's maps up to which they are kept as they are, beside their 256 steps."""
MOST_POSITIONS = 2**20
"""Bytes that the other positions of the chosen map may take, taken apart."""
MOST_PATCHES = 16 * 2**20
"""Bytes of the samples that excite a channel most."""
T = TypeVar("T")


@dataclass(frozen=True)
class Selection:
    """What is selected, as the address of the page says it.

    Args:
        values: By name: models `m`, sample `s`, layer `l`, channel `c`, position `at`, class `t`,
            attributions `why` and the layer `at_layer` of class activation maps, `view`; and what else panels
            have chosen.
    """

    values: Mapping[str, str]

    @classmethod
    def of(cls, address: str) -> Selection:
        """From the address of the page, or from what stands in it behind `#`.

        Example:
            >>> Selection.of("http://127.0.0.1:8765/#s=5&l=conv1&at=3,4").values["at"]
            '3,4'
        """
        return cls(dict(parse_qsl(address.rpartition("#")[2])))

    @property
    def model(self) -> str:
        """The id of the first model, without that of an epoch."""
        return self.values.get("m", "0").partition(",")[0].partition("@")[0]

    @property
    def epoch(self) -> int | None:
        """The epoch that is selected; None for the one that the run chose."""
        own = self.values.get("m", "0").partition(",")[0].partition("@")[2]
        given = own or self.values.get("e", "")
        return int(given) if given.isascii() and given.isdigit() and len(given) < 9 else None

    def given(self, name: str) -> str | None:
        """A value; None where there is none."""
        return self.values.get(name) or None

    def but(self, **changes: object) -> Selection:
        """With other values; None leaves as it is."""
        new = {name: str(value) for name, value in changes.items() if value is not None}
        return replace(self, values={**self.values, **new})

    def __str__(self) -> str:
        return f"#{urlencode(self.values, safe=',/')}"


async def collected(asking: Asking, selection: Selection, progress: Progress) -> Selection:
    """Asks for all that the panels show of a selection.

    Args:
        asking: Keeps the answers.
        selection: What is selected; what it leaves open is chosen as the page does.
        progress: Receives what is being computed.

    Returns:
        The selection with what was chosen.

    Raises:
        UsageError: There is no such model, sample or layer.
    """
    state = _good(await asking.ask("api/state"), ToldState)
    if selection.model not in [model["id"] for model in state["models"]]:
        raise UsageError(f"No model has the id '{selection.model}'.", "Leave `m` out of the selection.")
    layers = _good(await asking.ask(f"api/models/{selection.model}/layers"), ToldLayers)["layers"]
    number = model_id(state, selection)
    model = f"api/models/{number}"
    chosen = _chosen_layer(layers, selection.given("l"))
    sample = selection.given("s") or ("0" if state["data"] is not None else None)
    selection = selection.but(m=number, s=sample, l=chosen["name"], view=selection.given("view") or "inspect")
    for path in ("methods", "history"):
        await asking.ask(f"{model}/{path}")
    await asking.ask(f"{model}/layers/{chosen['id']}/kernels.npy")
    if sample is None:
        return selection
    progress(0, None, "the sample")
    facts = await _ask_sample(asking, number, sample)
    found = _good(await asking.ask(f"{model}/samples/{sample}/prediction"), ToldPrediction)
    if found["mask"]:
        await asking.ask(f"{model}/samples/{sample}/mask.npy")
    if facts["truth"] is not None and facts["truth"]["mask"]:
        await asking.ask(f"api/samples/{sample}/mask.npy", {"m": number})
    selection = await _ask_layer(asking, model, sample, chosen, selection)
    await _ask_reasons(asking, model, sample, selection, progress)
    await _ask_others(asking, model, sample, layers, chosen, progress)
    if state["data"] is not None and selection.given("c") is not None:
        progress(0, None, "what excites the channel most")
        await _ask_patches(asking, number, f"{model}/layers/{chosen['id']}", selection.values["c"])
    return selection


def model_id(state: ToldState, selection: Selection) -> str:
    """The id of the first model with the weights of the selected epoch, as the page makes it.

    Args:
        state: What `/api/state` says.
        selection: What is selected.
    """
    epochs = next(model["epochs"] for model in state["models"] if model["id"] == selection.model)
    if selection.epoch is None or not epochs:
        return selection.model
    before = [epoch for epoch in epochs if epoch <= selection.epoch]
    return f"{selection.model}@{before[-1] if before else epochs[0]}"


def _good(answer: Answer, kind: type[T]) -> T:
    """The content of an answer that a saved page cannot do without.

    Args:
        answer: In JSON.
        kind: What its address answers with.

    Raises:
        UsageError: It is a refusal.
    """
    if not answer.good:
        refusal = answer.json()
        raise UsageError(str(refusal["error"]), str(refusal["hint"]))
    found: T = json.loads(answer.content)
    return found


def _chosen_layer(layers: list[ToldLayer], name: str | None) -> ToldLayer:
    """A layer by its name; the first one whose values can be taken apart where none is given.

    Raises:
        UsageError: There is no layer of that name.
    """
    if name is not None:
        found = [layer for layer in layers if layer["name"] == name]
        if not found:
            raise unknown_name("layer", name, (layer["name"] for layer in layers))
        return found[0]
    shown = [layer for layer in layers if layer["maps"]]
    apart = [layer for layer in shown if layer["positions"] and layer["spatial"]]
    return next(iter([*(layer for layer in apart if layer["parameters"]), *apart, *shown, *layers]))


async def _ask_sample(asking: Asking, model: str, sample: str) -> ToldInput:
    facts = _good(await asking.ask(f"api/samples/{sample}/input.json", {"m": model}), ToldInput)
    await asking.ask(f"api/samples/{sample}/input.npy", {"m": model})
    if facts["original"] and facts.get("media") != "picture":  # of pictures it shows what models see
        await asking.ask(facts["original"])
    return facts


async def _ask_layer(
    asking: Asking, model: str, sample: str, layer: ToldLayer, selection: Selection
) -> Selection:
    """The maps of the chosen layer, and one position taken apart: the strongest where none is chosen."""
    path = f"{model}/samples/{sample}/layers/{layer['id']}"
    await asking.ask(f"{path}/field")
    if not layer["maps"]:
        return selection
    about = await asking.ask(f"{path}/maps.json")
    maps = await asking.ask(f"{path}/maps.npy")
    if not (about.good and maps.good):
        return selection
    steps = maps.array()
    if 4 * steps.size <= MOST_EXACT:
        await asking.ask(f"{path}/maps.npy", {"exact": 1})
    channel = _whole(selection, "c", _good(about, ToldMaps)["order"][0])
    if channel >= len(steps):
        raise UsageError(
            f"'{layer['name']}' has {len(steps)} channels, counted from 0. Received: c={channel}."
        )
    at = selection.given("at")
    if at is None and layer["positions"]:
        at = ",".join(str(int(i)) for i in np.unravel_index(int(steps[channel].argmax()), steps.shape[1:]))
    if at is not None:
        await _ask_positions(asking, f"{path}/position", channel, at, steps.shape[1:])
    return selection.but(c=channel, at=at)


def _whole(selection: Selection, name: str, default: int) -> int:
    """A whole number of a selection.

    Raises:
        UsageError: It is none.
    """
    given = selection.given(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) < 9):
        raise UsageError(f"'{name}' of a selection is a whole number. Received: {given[:60]!r}.")
    return int(given)


async def _ask_positions(asking: Asking, path: str, channel: int, at: str, lengths: tuple[int, ...]) -> None:
    """One position taken apart, and all others of its map where they are few."""
    found = await asking.ask(path, {"channel": channel, "at": at})
    if not all(part.isascii() and part.isdigit() for part in at.split(",") if at):
        raise UsageError(f"'at' of a selection is a position such as 3,4. Received: {at[:60]!r}.")
    if found.good and len(found.content) * prod(lengths) <= MOST_POSITIONS:
        for place in np.ndindex(*lengths):
            await asking.ask(path, {"channel": channel, "at": ",".join(map(str, place))})


async def _ask_reasons(
    asking: Asking, model: str, sample: str, selection: Selection, progress: Progress
) -> None:
    known = {each["name"]: each for each in _good(await asking.ask(f"{model}/methods"), list[ToldMethod])}
    usual = [name for name, each in known.items() if each["usual"]]
    given = selection.given("why")
    wanted = usual if given is None else given.split(",")
    for number, method in enumerate(name for name in wanted if name in known):
        progress(number, len(wanted), f"attribution by {method}")
        layer = selection.given("at_layer") if known[method]["layer"] else None
        query = {"method": method, "class": selection.given("t"), "layer": layer}
        for ending in ("npy", "json"):
            await asking.ask(f"{model}/samples/{sample}/why.{ending}", query)


async def _ask_others(
    asking: Asking, model: str, sample: str, layers: list[ToldLayer], chosen: ToldLayer, progress: Progress
) -> None:
    """Maps, fields and kernels of the layers next to the chosen one, and so on while there is room."""
    place = layers.index(chosen)
    left = MOST_OTHERS
    others = sorted(
        (layer for layer in layers if layer is not chosen), key=lambda one: abs(layers.index(one) - place)
    )
    for number, layer in enumerate(others):
        left -= prod(length or 1 for length in layer["shape"]) + 4 * layer["parameters"]
        if left < 0 or not layer["maps"]:
            continue
        progress(number, len(others), f"maps of {layer['name']}")
        path = f"{model}/samples/{sample}/layers/{layer['id']}"
        for what in ("field", "maps.npy", "maps.json"):
            await asking.ask(f"{path}/{what}")
        if layer["parameters"]:
            await asking.ask(f"{model}/layers/{layer['id']}/kernels.npy")


async def _ask_patches(asking: Asking, model: str, layer: str, channel: str) -> None:
    """What excites the chosen channel most, with the samples that it is part of."""
    found = await asking.ask(f"{layer}/channels/{channel}/patches")
    before = asking.bytes
    for patch in _good(found, ToldPatches)["patches"] if found.good else ():
        if asking.bytes - before < MOST_PATCHES:
            await _ask_sample(asking, model, patch["sample"])
