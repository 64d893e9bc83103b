"""What is known about a model as a whole, from which its key points and notes are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from convscope.scope.describe.input_kind import InputKind
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.graph import Call, LayerGraph
from convscope.scope.graph.links import Links
from convscope.scope.layer_spec import Role, role_of


@dataclass(frozen=True)
class Overview:
    """A model as a whole.

    Args:
        graph: The model's calls.
        links: What makes and what uses their values.
        inputs: What each input holds.
        geometries: By path, about the first input.
        parameters: Weights of each call by path; 0 for a repeated call of the same layer, and around others.
        costs: Multiply-adds of each call by path.
        all_parameters: Weights of the model.
        trainable_parameters: Those that training changes.
        all_multiply_adds: Multiply-adds of the model; None where unknown.
        shown: Numbers of the inputs that hold data, without tables such as the edges of a graph; the first is
            the one that geometries are about.
    """

    graph: LayerGraph
    links: Links
    inputs: tuple[InputKind, ...]
    geometries: Mapping[str, Geometry]
    parameters: Mapping[str, int]
    costs: Mapping[str, int | None]
    all_parameters: int
    trainable_parameters: int
    all_multiply_adds: int | None
    shown: tuple[int, ...] = (0,)

    @property
    def input(self) -> InputKind:
        """What the first input holds that is no table."""
        return self.inputs[self.shown[0]]

    @cached_property
    def leaves(self) -> list[Call]:
        """All calls but those around others: models, composite layers, TimeDistributed."""
        around = {call.parent for call in self.graph.calls}
        return [call for call in self.graph.calls if call.kind != "group" and call.path not in around]

    def of_role(self, *roles: Role) -> list[Call]:
        """The leaves whose layers have one of some roles."""
        return [call for call in self.leaves if role_of(call.layer) in roles]


@dataclass(frozen=True)
class Note:
    """A remark that a reviewer would make.

    Args:
        topic: What it is about: `parameters`, `dropout`, `precision`, `activation`, `order`, `waste`,
            `borders`, `receptive field`, `weights`, `unused`, `frozen` or `kernels`.
        paths: The calls that it is about.
        text: The remark, with names and numbers.
    """

    topic: str
    paths: tuple[str, ...]
    text: str
