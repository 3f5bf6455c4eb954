"""What is known exactly of a synthesised utterance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Truth", "Utterance", "local_perturbation", "measure"]

STEP = 0.01


@dataclass(frozen=True, eq=False)
class Truth:
    """Exact facts of one utterance, taken from the glottal pulses it was made of.

    Parameters
    ----------
    times : ndarray, shape (n_frames,)
        Instants of the F0 contour in seconds, every 10 ms.
    f0 : ndarray, shape (n_frames,)
        Fundamental frequency in hertz: one over the glottal period around the instant; NaN where unvoiced.
    voiced : ndarray, shape (n_segments, 2)
        Start and end of each voiced segment in seconds: its first and its last pulse.
    pulses : tuple of ndarray
        Times of the glottal pulses of each voiced segment in seconds.
    amplitudes : tuple of ndarray
        Relative amplitudes of the same pulses.
    jitter_local : float
        Mean absolute difference of consecutive periods over the mean period, within voiced segments.
    shimmer_local : float
        The same with the amplitudes of consecutive pulses.
    duration : float
        Length of the sound in seconds.
    speech_rate : float
        Syllables a second between the beginning of the first and the end of the last syllable, pauses included.
    """

    times: np.ndarray
    f0: np.ndarray
    voiced: np.ndarray
    pulses: tuple[np.ndarray, ...]
    amplitudes: tuple[np.ndarray, ...]
    jitter_local: float
    shimmer_local: float
    duration: float
    speech_rate: float

    def padded(self, seconds: float) -> Truth:
        """Truth of the same utterance with silence before and after it.

        Parameters
        ----------
        seconds : float
            Length of the silence on each side.

        Returns
        -------
        Truth
        """
        duration = self.duration + 2 * seconds
        pulses = tuple(train + seconds for train in self.pulses)
        times, f0 = contour(pulses, duration)
        return replace(self, times=times, f0=f0, voiced=self.voiced + seconds, pulses=pulses, duration=duration)


@dataclass(frozen=True, eq=False)
class Utterance:
    """One synthesised utterance.

    Parameters
    ----------
    signal : ndarray of float32, shape (n_samples,)
        The sound, between -0.99 and 0.99.
    sampling_rate : int
        In hertz.
    truth : Truth
        What is known of it.
    """

    signal: np.ndarray
    sampling_rate: int
    truth: Truth


def local_perturbation(runs: tuple[np.ndarray, ...]) -> float:
    """Mean absolute difference of consecutive values, relative to the mean value.

    Parameters
    ----------
    runs : tuple of ndarray
        Values of each voiced segment; differences never cross from one segment to the next.

    Returns
    -------
    float
        A fraction (0.01 is 1 %); NaN if no segment has two values.

    Examples
    --------
    >>> local_perturbation((np.array([1.0, 1.5, 1.0]), np.array([0.5])))
    0.5
    """
    steps = np.concatenate([np.abs(np.diff(run)) for run in runs]) if runs else np.empty(0)
    if not steps.size:
        return float("nan")
    return float(steps.mean() / np.concatenate(runs).mean())


def contour(pulses: tuple[np.ndarray, ...], duration: float) -> tuple[np.ndarray, np.ndarray]:
    """F0 contour of pulse trains: at each instant one over the period that holds it.

    Parameters
    ----------
    pulses : tuple of ndarray
        Times of the pulses of each voiced segment in seconds.
    duration : float
        Where the contour ends, in seconds.

    Returns
    -------
    times, f0 : ndarray, shape (n_frames,)
        Seconds and hertz; NaN outside of the voiced segments.
    """
    times = np.arange(int(duration / STEP + 1e-9) + 1) * STEP
    f0 = np.full(len(times), np.nan)
    for train in pulses:
        inside = (times >= train[0]) & (times < train[-1])
        period = np.searchsorted(train, times[inside], side="right") - 1
        f0[inside] = 1.0 / np.diff(train)[period]
    return times, f0


def measure(
    pulses: tuple[np.ndarray, ...], amplitudes: tuple[np.ndarray, ...], duration: float, speech_rate: float
) -> Truth:
    """Truth of an utterance from the pulses it is made of.

    Parameters
    ----------
    pulses, amplitudes : tuple of ndarray
        Times in seconds and amplitudes of the pulses of each voiced segment, at least two in each.
    duration : float
        Length of the sound in seconds.
    speech_rate : float
        Syllables a second.

    Returns
    -------
    Truth
    """
    times, f0 = contour(pulses, duration)
    return Truth(
        times=times,
        f0=f0,
        voiced=np.array([(train[0], train[-1]) for train in pulses], dtype=float).reshape(-1, 2),
        pulses=pulses,
        amplitudes=amplitudes,
        jitter_local=local_perturbation(tuple(np.diff(train) for train in pulses)),
        shimmer_local=local_perturbation(amplitudes),
        duration=float(duration),
        speech_rate=float(speech_rate),
    )
