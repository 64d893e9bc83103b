"""Which call makes a value and which use it, looking through what does nothing when the model is used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from convscope.scope.graph.graph import Call, LayerGraph, Value
from convscope.scope.layer_spec import Trait, has_trait


@dataclass(frozen=True)
class Links:
    """Makers and users of the values of a graph, groups left out.

    Args:
        makers: The call that makes each value, by the value's number.
        users: The calls that take each value, by the value's number.
    """

    makers: Mapping[int, Call]
    users: Mapping[int, list[Call]]

    @classmethod
    def of(cls, graph: LayerGraph) -> Links:
        """Follows all calls of a graph; where it is not linked, there are none."""
        makers: dict[int, Call] = {}
        users: defaultdict[int, list[Call]] = defaultdict(list)
        for call in graph.calls if graph.linked else ():
            if call.kind == "group":
                continue
            for value in call.outputs:
                makers.setdefault(value.number, call)
            for value in dict.fromkeys(call.inputs):
                users[value.number].append(call)
        return cls(makers, users)

    def maker(self, value: Value, *through: Trait) -> Call | None:
        """The call behind a value that does something; None for an input of the model.

        Args:
            value: Any value.
            through: Traits of layers that are looked through besides those that only training knows.
        """
        call = self.makers.get(value.number)
        while call is not None and has_trait(call.layer, "training only", *through) and call.inputs:
            call = self.makers.get(call.inputs[0].number)
        return call

    def only_user(self, call: Call) -> Call | None:
        """The call that alone takes what this one makes."""
        if len(call.outputs) != 1:
            return None
        users = self.users.get(call.outputs[0].number, [])
        return users[0] if len(users) == 1 else None
