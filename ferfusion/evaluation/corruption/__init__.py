"""Test rows made worse on purpose: sound with noise, transcripts with errors, views that are missing."""

from ferfusion.evaluation.corruption.missing import lost_rows, remove_at_random
from ferfusion.evaluation.corruption.plan import Corruption
from ferfusion.evaluation.corruption.sound import NOISES, babble_noise, reverberation, white_noise
from ferfusion.evaluation.corruption.transcripts import TEXT_ERRORS, asr_errors, word_errors

__all__ = [
    "NOISES",
    "TEXT_ERRORS",
    "Corruption",
    "asr_errors",
    "babble_noise",
    "lost_rows",
    "remove_at_random",
    "reverberation",
    "white_noise",
    "word_errors",
]
