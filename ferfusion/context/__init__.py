"""What a turn may know of its speaker, without networks."""

from ferfusion.context.policies import speaker_policies
from ferfusion.context.speaker import SpeakerScaler

__all__ = ["SpeakerScaler", "speaker_policies"]
