"""Importing this registers the models that have a class of their own, so that files with them load."""

from convscope.kinds.audio.speech.models import SpeechModel
from convscope.kinds.text.tagging.models import TaggingModel
from convscope.kinds.text.translation.models import TranslationModel
from convscope.models.ensemble import EnsembleModel

__all__ = ["EnsembleModel", "SpeechModel", "TaggingModel", "TranslationModel"]
