"""Rings into classes, from a folder to a prediction."""

from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.tasks.classification import classification_recipe
from convscope_toy.kind import RING_CLASSIFICATION
from convscope_toy.readers import read, read_inputs
from convscope_toy.representation import RingRepresentation

RECIPE = classification_recipe(
    RING_CLASSIFICATION,
    read=read,
    read_inputs=read_inputs,
    representation=RepresentationSteps(RingRepresentation.fit, RingRepresentation.from_json),
)
