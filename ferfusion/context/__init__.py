"""What a turn may know of its dialogue, its speaker and its like, without networks."""

from ferfusion.context.dialogue import DialogueContext, TextContext
from ferfusion.context.policies import enroll, speaker_policies
from ferfusion.context.retrieval import RetrievalClassifier
from ferfusion.context.smoothing import TransitionSmoother
from ferfusion.context.speaker import SpeakerScaler

__all__ = [
    "DialogueContext",
    "RetrievalClassifier",
    "SpeakerScaler",
    "TextContext",
    "TransitionSmoother",
    "enroll",
    "speaker_policies",
]
