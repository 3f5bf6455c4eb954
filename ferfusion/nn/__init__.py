"""Neural networks: what others trained, and how to run it. torch is imported only where something is computed."""

from ferfusion.nn.modelfiles import find_model, model_digest
from ferfusion.nn.pretrained import SpeechEncoder, TextEncoder

__all__ = ["SpeechEncoder", "TextEncoder", "find_model", "model_digest"]
