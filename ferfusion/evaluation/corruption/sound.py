"""Noise on waveforms. Functions on arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ferfusion.base.errors import AudioError, ProtocolError

__all__ = ["NOISES", "N_VOICES", "babble_noise", "reverberation", "white_noise"]

N_VOICES = 5  # of other speakers in babble


def white_noise(
    signal: np.ndarray,
    sampling_rate: int,
    level: float,
    rng: np.random.Generator,
    others: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Add Gaussian white noise.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Sound.
    sampling_rate : int
        In hertz; white noise does not depend on it.
    level : float
        Signal-to-noise ratio in dB: power of the whole signal, pauses included, over that of the noise.
    rng : numpy Generator
        Source of chance.
    others : sequence of ndarray
        Not used.

    Returns
    -------
    ndarray of float32, shape (n_samples,)
        The signal is as loud as before; the sum may leave the scale of -1 to 1.

    Examples
    --------
    >>> tone = np.sin(np.arange(16000) / 10)
    >>> noise = white_noise(tone, 16000, 10, np.random.default_rng(0)) - tone
    >>> round(10 * np.log10(np.mean(tone**2) / np.mean(noise**2)), 2)
    np.float64(10.0)
    """
    return _mixed(signal, rng.standard_normal(len(signal)), level)


def babble_noise(
    signal: np.ndarray,
    sampling_rate: int,
    level: float,
    rng: np.random.Generator,
    others: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Add other voices, each equally loud, from a random moment on, repeated as long as needed.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Sound.
    sampling_rate : int
        Of the signal and of the other voices, in hertz.
    level : float
        Signal-to-noise ratio in dB, as for ``white_noise``.
    rng : numpy Generator
        Source of chance.
    others : sequence of ndarray
        Recordings of other speakers, one at least.

    Returns
    -------
    ndarray of float32, shape (n_samples,)

    Raises
    ------
    ProtocolError
        If there is no other voice.
    """
    if not len(others):
        message = "Babble is made of recordings of other speakers, and there are none."
        raise ProtocolError(message)
    crowd = np.zeros(len(signal))
    for voice in others:
        turned = np.roll(np.asarray(voice, dtype=np.float64), -int(rng.integers(len(voice))))
        crowd += np.resize(turned, len(signal)) / max(_loudness(turned), 1e-12)
    return _mixed(signal, crowd, level)


def reverberation(
    signal: np.ndarray,
    sampling_rate: int,
    level: float,
    rng: np.random.Generator,
    others: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Let the sound ring on in a synthetic room.

    The room answers a click by the click itself and a tail of Gaussian noise that decays exponentially; the tail
    carries as much energy as the click. The sound keeps its length and its loudness.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        Sound.
    sampling_rate : int
        In hertz.
    level : float
        Reverberation time RT60 in seconds, after which the tail has lost 60 dB. 0 leaves the sound as it is.
    rng : numpy Generator
        Source of chance.
    others : sequence of ndarray
        Not used.

    Returns
    -------
    ndarray of float32, shape (n_samples,)

    Raises
    ------
    ProtocolError
        If the time is negative.
    """
    if not 0 <= level < np.inf:
        message = f"A reverberation time is a number of seconds from 0 on, not {level!r}."
        raise ProtocolError(message)
    sound = np.asarray(signal, dtype=np.float64)
    n = round(level * sampling_rate)
    if n < 1:
        return sound.astype(np.float32)
    from scipy.signal import fftconvolve  # takes long to import

    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(1, n + 1) / n)
    response = np.concatenate([[1.0], tail / np.sqrt((tail**2).sum())])
    wet = fftconvolve(sound, response)[: len(sound)]
    return (wet * (_loudness(sound) / max(_loudness(wet), 1e-12))).astype(np.float32)


NOISES: dict[str, Callable[..., np.ndarray]] = {
    "white": white_noise,
    "babble": babble_noise,
    "reverberation": reverberation,
}


def _mixed(signal: np.ndarray, noise: np.ndarray, level: float) -> np.ndarray:
    if np.isnan(level) or level == -np.inf:
        message = f"A signal-to-noise ratio is a number of dB, not {level!r}."
        raise ProtocolError(message)
    sound, loudness = np.asarray(signal, dtype=np.float64), _loudness(noise)
    if loudness == 0:
        message = "The noise to be added is silent where it is needed."
        raise AudioError(message)
    return (sound + noise * (_loudness(sound) / loudness) * 10 ** (-level / 20)).astype(np.float32)


def _loudness(signal: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))
