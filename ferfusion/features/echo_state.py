"""Echo-state networks: a large random recurrent network that is never trained, and whose states remember a sequence.

References
----------
.. [1] Jaeger: The "echo state" approach to analysing and training recurrent neural networks. GMD Report 148, 2001.
.. [2] Jaeger, Lukoševičius, Popovici, Siewert: Optimization and applications of echo state networks with
   leaky-integrator neurons. Neural Networks 20, 2007. https://doi.org/10.1016/j.neunet.2007.04.016
.. [3] Lukoševičius: A practical guide to applying echo state networks. Neural Networks: Tricks of the Trade, 2012.
   https://doi.org/10.1007/978-3-642-35289-8_36
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ferfusion.base.errors import FeatureError

__all__ = ["ReservoirWeights", "reservoir_states", "reservoir_weights"]


class ReservoirWeights(NamedTuple):
    """A reservoir. Its arrays are shared and cannot be written to.

    Parameters
    ----------
    inputs : ndarray, shape (n_inputs, n_units)
        Weight of each input at each unit.
    bias : ndarray, shape (n_units,)
        Constant input of each unit.
    origins : ndarray of int64, shape (n_units, n_connections)
        Units that each unit listens to.
    recurrent : ndarray, shape (n_units, n_connections)
        Weights of those.
    """

    inputs: np.ndarray
    bias: np.ndarray
    origins: np.ndarray
    recurrent: np.ndarray


def reservoir_states(
    frames: Any,
    *,
    n_units: int = 500,
    spectral_radius: float = 0.9,
    leak_rate: float = 0.5,
    input_scaling: float = 0.1,
    bias_scaling: float = 0.1,
    n_connections: int = 10,
    seed: int = 0,
    reverse: bool = False,
    initial: Any = None,
) -> np.ndarray:
    """States of an echo-state network [1]_ that hears a sequence of frames.

    The state is ``x[t] = (1 - leak_rate) * x[t-1] + leak_rate * tanh(W x[t-1] + V u[t] + b)`` [2]_, with random
    weights ``W``, ``V`` and ``b`` that only depend on the parameters.

    Parameters
    ----------
    frames : array-like, shape (n_frames, n_inputs)
        Finite values, of the size of 1 for the usual scaling.
    n_units : int, default=500
        Size of the state.
    spectral_radius : float, default=0.9
        Largest absolute eigenvalue of ``W``. Below 1 the state forgets how it began; the larger, the later.
    leak_rate : float, default=0.5
        How fast units follow, above 0 and up to 1; 1 is a network without leaky units.
    input_scaling, bias_scaling : float, default=0.1
        ``V`` and ``b`` are drawn evenly from plus to minus this.
    n_connections : int, default=10
        Units that each unit listens to, out of all with equal chance; all if there are fewer. A small number that
        does not grow with the network is the usual choice [3]_.
    seed : int, default=0
        Of the random weights.
    reverse : bool, default=False
        Whether the sequence is heard from its end. The states keep the order of the frames: that of frame ``t`` has
        heard ``t`` and all after it.
    initial : array-like, shape (n_units,), optional
        State before the first frame that is heard; zeros if missing.

    Returns
    -------
    ndarray, shape (n_frames, n_units)
        Between -1 and 1.

    Raises
    ------
    FeatureError
        If a parameter is out of its range, or the frames are no table of finite numbers.

    Examples
    --------
    >>> import numpy as np
    >>> reservoir_states(np.ones((100, 3)), n_units=50).shape
    (100, 50)
    """
    u = np.ascontiguousarray(frames, dtype=np.float64)
    if u.ndim != 2 or not np.isfinite(u).all():
        message = f"A reservoir needs frames of finite numbers, shape (n_frames, n_inputs), not {_described(u)}."
        raise FeatureError(message)
    if not 0.0 < leak_rate <= 1.0:
        message = f"The leak rate is above 0 and up to 1, not {leak_rate}."
        raise FeatureError(message)
    weights = reservoir_weights(
        u.shape[1],
        n_units=n_units,
        spectral_radius=spectral_radius,
        input_scaling=input_scaling,
        bias_scaling=bias_scaling,
        n_connections=n_connections,
        seed=seed,
    )
    state = np.zeros(n_units) if initial is None else np.array(initial, dtype=np.float64)
    if state.shape != (n_units,):
        message = f"The initial state has the shape {state.shape}, not ({n_units},)."
        raise FeatureError(message)
    states = np.empty((len(u), n_units))
    _listen(np.ascontiguousarray(u[::-1]) if reverse else u, *weights, float(leak_rate), state, states)
    return states[::-1].copy() if reverse else states


@lru_cache(maxsize=16)
def reservoir_weights(
    n_inputs: int,
    *,
    n_units: int = 500,
    spectral_radius: float = 0.9,
    input_scaling: float = 0.1,
    bias_scaling: float = 0.1,
    n_connections: int = 10,
    seed: int = 0,
) -> ReservoirWeights:
    """Random weights of a reservoir; the same for the same parameters, everywhere and always.

    Parameters
    ----------
    n_inputs : int
        Columns of the frames.
    n_units, spectral_radius, input_scaling, bias_scaling, n_connections, seed
        As for ``reservoir_states``.

    Returns
    -------
    ReservoirWeights

    Raises
    ------
    FeatureError
        If a parameter is out of its range.
    """
    negative = min(spectral_radius, input_scaling, bias_scaling) < 0
    if min(n_inputs, n_units, n_connections) < 1 or negative or not 0 <= seed < 2**32:
        message = (
            "A reservoir has an input, a unit and a connection at least, no scaling or spectral radius below 0, and "
            f"a seed of 32 bits, not {n_inputs=}, {n_units=}, {n_connections=}, {spectral_radius=}, {input_scaling=}, "
            f"{bias_scaling=}, {seed=}."
        )
        raise FeatureError(message)
    origins, unscaled = _recurrent(n_units, min(n_connections, n_units), seed)
    # streams of their own, so that one part does not depend on the size of another
    inputs = input_scaling * np.random.RandomState([seed, 1]).uniform(-1, 1, (n_inputs, n_units))
    bias = bias_scaling * np.random.RandomState([seed, 2]).uniform(-1, 1, n_units)
    weights = ReservoirWeights(inputs, bias, origins, spectral_radius * unscaled)
    for array in weights:
        array.setflags(write=False)
    return weights


@lru_cache(maxsize=16)
def _recurrent(n_units: int, n_connections: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Connections with a spectral radius of 1."""
    # RandomState, whose numbers NumPy has promised never to change: models are kept for longer than versions
    rng = np.random.RandomState([seed, 0])
    origins = np.array([np.sort(rng.permutation(n_units)[:n_connections]) for _ in range(n_units)])
    weights = rng.uniform(-1, 1, (n_units, n_connections))
    dense = np.zeros((n_units, n_units))
    np.put_along_axis(dense, origins, weights, axis=1)
    radius = np.abs(np.linalg.eigvals(dense)).max()
    # the last digits of eigenvalues depend on the number of threads
    return origins.astype(np.int64), weights / float(f"{radius:.9e}")


def _described(frames: np.ndarray) -> str:
    n_bad = np.count_nonzero(~np.isfinite(frames))
    return f"shape {frames.shape}" + (f" with {n_bad} values that are not finite" if n_bad else "")


@njit(cache=True, nogil=True, error_model="numpy")
def _listen(
    frames: np.ndarray,
    inputs: np.ndarray,
    bias: np.ndarray,
    origins: np.ndarray,
    recurrent: np.ndarray,
    leak_rate: float,
    state: np.ndarray,
    states: np.ndarray,
) -> None:
    """Fill the states; ``state`` is where it begins, and what is there afterwards means nothing."""
    n_units = len(bias)
    for t in range(len(frames)):
        new = states[t]
        for j in range(n_units):
            new[j] = bias[j]
        for i in range(frames.shape[1]):  # input by input: along the units, sums do not wait for each other
            for j in range(n_units):
                new[j] += frames[t, i] * inputs[i, j]
        for j in range(n_units):
            total = new[j]
            for c in range(origins.shape[1]):
                total += recurrent[j, c] * state[origins[j, c]]
            new[j] = (1.0 - leak_rate) * state[j] + leak_rate * np.tanh(total)
        for j in range(n_units):
            state[j] = new[j]
