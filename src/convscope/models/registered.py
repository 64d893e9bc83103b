"""Importing this registers the models that have a class of their own, so that files with them load."""

from convscope.models.ensemble import EnsembleModel
from convscope.models.speech import SpeechModel
from convscope.models.tagging import TaggingModel
from convscope.models.translation import TranslationModel

__all__ = ["EnsembleModel", "SpeechModel", "TaggingModel", "TranslationModel"]
