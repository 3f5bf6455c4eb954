"""Encoders that others trained on much speech or text: arrays in, arrays out.

Nothing is downloaded unless it is asked for. torch, transformers and sentence-transformers are imported when something
is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ferfusion.base.errors import AudioError, FeatureError, UnknownNameError
from ferfusion.base.optional import require
from ferfusion.nn.chunks import Chunk, Framing, plan_chunks
from ferfusion.nn.loading import Loaded, device_of, load_network
from ferfusion.nn.modelfiles import find_model, model_config, model_digest

__all__ = ["SAMPLING_RATE", "SPEECH_MODELS", "SpeechEncoder", "TextEncoder"]

SAMPLING_RATE = 16000
SPEECH_MODELS = ("hubert", "wav2vec2", "wavlm")
_SPEECH_FILES = ("config.json", "preprocessor_config.json", "*.safetensors", "pytorch_model*.bin")
_TEXT_FILES = ("*.json", "*.txt", "*.model", "*.safetensors", "pytorch_model*.bin")


class _Job(NamedTuple):
    """A piece of the signal of this number, and its samples."""

    signal: int
    piece: Chunk
    samples: np.ndarray


class SpeechEncoder:
    """Frames of speech by wav2vec 2.0 [1]_, HuBERT [2]_ or WavLM [3]_, one each 20 ms.

    Parameters
    ----------
    model : str
        Path of a folder in the form of transformers (``config.json`` and weights), or a name on the Hugging Face hub.
    layer : int or "mean", default=-1
        Which hidden state: 0 is the input of the first transformer layer, k the output of the k-th, -1 that of the
        last one (with the normalisation that may follow it); the mean over all of them for ``"mean"``.
    device : str, default="auto"
        ``"cpu"``, ``"cuda"``, ...; ``"auto"`` is the first GPU of NVIDIA's kind if there is one.
    chunk : float, default=20.0
        Longest piece that is worked on at once, in seconds. Longer recordings are cut; pieces do not hear each other,
        so that their frames are close to those of the whole, but not the same.
    overlap : float, default=2.0
        Seconds that neighbouring pieces share.
    batch_size : int, default=1
        Pieces at a time; more of them are faster on a GPU.
    allow_download : bool, default=False
        Whether a model that is not on this machine may be fetched from the hub.

    Notes
    -----
    A preprocessor's configuration in the folder is honoured: where it says so the recording is brought to zero mean
    and unit variance, before it is cut. Models whose convolutions are normalised over time
    (``feat_extract_norm="group"``), and WavLM, take only signals of the same length together, since padding would
    change their numbers; the others take any, with a mask.

    References
    ----------
    .. [1] Baevski et al.: wav2vec 2.0. NeurIPS 2020. https://arxiv.org/abs/2006.11477
    .. [2] Hsu et al.: HuBERT. IEEE/ACM TASLP 29, 2021. https://doi.org/10.1109/TASLP.2021.3122291
    .. [3] Chen et al.: WavLM. IEEE JSTSP 16(6), 2022. https://doi.org/10.1109/JSTSP.2022.3188113
    """

    def __init__(
        self,
        model: str,
        layer: int | str = -1,
        device: str = "auto",
        chunk: float = 20.0,
        overlap: float = 2.0,
        batch_size: int = 1,
        allow_download: bool = False,
    ) -> None:
        self.folder = find_model(
            model, allow_download=allow_download, fetch=_fetch_speech, needed_by="A speech encoder"
        )
        self.config = model_config(self.folder)
        self.layer, self.device, self.batch_size = layer, device, batch_size
        self._check()
        self.framing = Framing.of_layers(self.config["conv_kernel"], self.config["conv_stride"])
        self._size = self._frames_of(chunk)
        self._overlap = self._frames_of(overlap)
        if not 0 <= self._overlap < self._size or batch_size < 1:
            message = f"Pieces of {chunk} s with an overlap of {overlap} s, {batch_size} at a time, cannot be made."
            raise FeatureError(message)

    def _check(self) -> None:
        kind = self.config.get("model_type")
        if kind not in SPEECH_MODELS:
            raise UnknownNameError(f"kind of speech model in {self.folder}:", kind, SPEECH_MODELS)
        if self.config.get("add_adapter"):
            message = f"The model {self.folder} has an adapter behind its encoder, which is not supported."
            raise FeatureError(message)
        n = self.config["num_hidden_layers"]
        whole = isinstance(self.layer, int) and not isinstance(self.layer, bool)
        if self.layer != "mean" and not (whole and -n - 1 <= int(self.layer) <= n):
            message = f"layer is 'mean' or a number from {-n - 1} to {n} for this model, not {self.layer!r}."
            raise FeatureError(message)
        rate = model_config(self.folder, "preprocessor_config.json").get("sampling_rate", SAMPLING_RATE)
        if rate != SAMPLING_RATE:
            message = f"The model {self.folder} was made for {rate} Hz; only {SAMPLING_RATE} Hz is supported."
            raise FeatureError(message)

    def _frames_of(self, seconds: float) -> int:
        return round(seconds * SAMPLING_RATE / self.framing.step)

    @property
    def n_features(self) -> int:
        """Numbers a frame."""
        return int(self.config["hidden_size"])

    @property
    def digest(self) -> str:
        """SHA-256 of the configuration and the weights."""
        return model_digest(self.folder, _SPEECH_FILES)

    def frames(self, signals: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Hidden states of signals.

        Parameters
        ----------
        signals : sequence of ndarray, shape (n_samples,)
            At 16 kHz, full scale is 1.

        Returns
        -------
        list of ndarray of float32, shape (n_frames, n_features)
            A frame each 20 ms; a signal of n samples has ``(n - 400) // 320 + 1``. The same, but for rounding, whatever
            other signals it comes with.

        Raises
        ------
        AudioError
            If a signal is shorter than one frame (25 ms).
        FeatureError
            If the model cannot be loaded.
        MissingDependencyError
            If torch or transformers is not installed.
        """
        for signal in signals:
            if self.framing.frames(len(signal)) == 0:
                message = (
                    f"The recording of {len(signal) / SAMPLING_RATE:.3f} s is too short: one frame takes "
                    f"{self.framing.width / SAMPLING_RATE:.3f} s."
                )
                raise AudioError(message)
        torch = require("torch", needed_by="A speech encoder", install="ferfusion[deep]")
        loaded = load_network("speech", str(self.folder), self.digest, device_of(torch, self.device))
        ready = [_prepared(signal, loaded.helper) for signal in signals]
        lengths = [self.framing.frames(len(signal)) for signal in ready]
        out = [np.empty((length, self.n_features), dtype=np.float32) for length in lengths]
        jobs = [
            _Job(i, piece, self._cut(signal, piece, lengths[i]))
            for i, signal in enumerate(ready)
            for piece in plan_chunks(lengths[i], self._size, self._overlap)
        ]
        for batch in self._batches(jobs):
            with loaded.lock, torch.inference_mode():
                states = self._states(torch, loaded.network, [job.samples for job in batch])
            for (i, piece, _), state in zip(batch, states, strict=True):
                kept = state[piece.keep_first - piece.first : piece.keep_last - piece.first]
                out[i][piece.keep_first : piece.keep_last] = kept
        return out

    def _cut(self, signal: np.ndarray, piece: Chunk, n_frames: int) -> np.ndarray:
        if piece.last - piece.first == n_frames:
            return signal  # with the samples at its end that make no frame
        first = piece.first * self.framing.step
        return signal[first : first + self.framing.samples(piece.last - piece.first)]

    def _batches(self, jobs: list[_Job]) -> Iterator[list[_Job]]:
        # WavLM's mask is of a kind that torch is about to refuse
        apart = self.config.get("feat_extract_norm") == "group" or self.config["model_type"] == "wavlm"
        batch: list[_Job] = []
        for job in sorted(jobs, key=lambda job: len(job.samples)):
            full = len(batch) == self.batch_size
            if batch and (full or (apart and len(job.samples) != len(batch[0].samples))):
                yield batch
                batch = []
            batch.append(job)
        if batch:
            yield batch

    def _states(self, torch: Any, network: Any, cuts: list[np.ndarray]) -> list[np.ndarray]:
        lengths = [len(cut) for cut in cuts]
        values = torch.zeros((len(cuts), max(lengths)), dtype=torch.float32)
        mask = torch.zeros(values.shape, dtype=torch.long)
        for i, cut in enumerate(cuts):
            values[i, : len(cut)] = torch.from_numpy(np.ascontiguousarray(cut))
            mask[i, : len(cut)] = 1
        device = next(network.parameters()).device
        given = {"attention_mask": mask.to(device)} if len(set(lengths)) > 1 else {}
        out = network(values.to(device), output_hidden_states=True, return_dict=True, **given)
        # versions of transformers differ in whether the last of them is normalised
        states = [*out.hidden_states[:-1], out.last_hidden_state]
        chosen = torch.stack(states).mean(0) if self.layer == "mean" else states[int(self.layer)]
        chosen = chosen.cpu().numpy()
        return [chosen[i, : self.framing.frames(length)] for i, length in enumerate(lengths)]


class TextEncoder:
    """Vectors of texts by a transformer.

    Parameters
    ----------
    model : str
        Path of a folder, or a name on the Hugging Face hub. A model of sentence-transformers [1]_ (with
        ``modules.json``) is run by that package; of any other encoder like BERT the last hidden states are averaged
        over the tokens of the text.
    device : str, default="auto"
        ``"cpu"``, ``"cuda"``, ...; ``"auto"`` is the first GPU of NVIDIA's kind if there is one.
    batch_size : int, default=32
        Texts at a time.
    allow_download : bool, default=False
        Whether a model that is not on this machine may be fetched from the hub.

    Notes
    -----
    Of texts longer than the model's limit (often 256 or 512 tokens) the beginning counts.

    References
    ----------
    .. [1] Reimers, Gurevych: Sentence-BERT. EMNLP 2019. https://doi.org/10.18653/v1/D19-1410
    """

    def __init__(self, model: str, device: str = "auto", batch_size: int = 32, allow_download: bool = False) -> None:
        self.folder = find_model(
            model,
            allow_download=allow_download,
            fetch=_fetch_text,
            needed_by="A text encoder",
            install="ferfusion[text]",
        )
        self.device, self.batch_size = device, batch_size
        if batch_size < 1:
            message = f"batch_size is a number of texts, not {batch_size!r}."
            raise FeatureError(message)

    @property
    def of_sentences(self) -> bool:
        """Whether it is a model of sentence-transformers."""
        return (self.folder / "modules.json").is_file()

    @property
    def n_features(self) -> int:
        """Numbers a text."""
        if self.of_sentences:
            network = self._loaded().network
            # the name of the method differs by version
            size = getattr(network, "get_embedding_dimension", None) or network.get_sentence_embedding_dimension
            return int(size())
        return int(model_config(self.folder)["hidden_size"])

    @property
    def digest(self) -> str:
        """SHA-256 of configuration, vocabulary and weights."""
        return model_digest(self.folder, _TEXT_FILES)

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of texts.

        Parameters
        ----------
        texts : sequence of str
            In a language that the model knows.

        Returns
        -------
        ndarray of float32, shape (n_texts, n_features)
            The same, but for rounding, whatever other texts one comes with.

        Raises
        ------
        FeatureError
            If the model cannot be loaded.
        MissingDependencyError
            If sentence-transformers, or torch or transformers, is not installed.
        """
        loaded = self._loaded()
        with loaded.lock:
            if self.of_sentences:
                out = loaded.network.encode(list(texts), batch_size=self.batch_size, show_progress_bar=False)
                return np.asarray(out, dtype=np.float32)
            return self._means(loaded, list(texts))

    def _loaded(self) -> Loaded:
        if self.of_sentences:
            require("sentence_transformers", needed_by="A text encoder", install="ferfusion[text]")
        else:
            require("transformers", needed_by="A text encoder", install="ferfusion[text]")
        torch = require("torch", needed_by="A text encoder", install="ferfusion[text]")
        kind = "sentences" if self.of_sentences else "text"
        return load_network(kind, str(self.folder), self.digest, device_of(torch, self.device))

    def _means(self, loaded: Loaded, texts: list[str]) -> np.ndarray:
        torch = require("torch", needed_by="A text encoder", install="ferfusion[text]")
        out = np.empty((len(texts), self.n_features), dtype=np.float32)
        limit = self._limit(loaded.helper)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for first in range(0, len(order), self.batch_size):
            rows = order[first : first + self.batch_size]
            given = loaded.helper(
                [texts[i] for i in rows], padding=True, truncation=True, max_length=limit, return_tensors="pt"
            ).to(next(loaded.network.parameters()).device)
            with torch.inference_mode():
                states = loaded.network(**given).last_hidden_state
            weights = given["attention_mask"].unsqueeze(-1).to(states.dtype)
            out[rows] = ((states * weights).sum(1) / weights.sum(1).clamp(min=1)).cpu().numpy()
        return out

    def _limit(self, tokenizer: Any) -> int:
        # a tokenizer that knows no limit says a huge number; RoBERTa and its kin leave two positions unused
        known = tokenizer.model_max_length
        return int(known if known < 10**6 else model_config(self.folder).get("max_position_embeddings", 514) - 2)


def _prepared(signal: np.ndarray, helper: Any) -> np.ndarray:
    signal = np.ascontiguousarray(signal, dtype=np.float32)
    if helper is None:
        return signal
    return np.asarray(helper(signal, sampling_rate=SAMPLING_RATE, return_tensors="np").input_values[0], np.float32)


def _fetch_speech(model: str) -> None:
    package = require("transformers", needed_by="A speech encoder", install="ferfusion[deep]")
    package.AutoModel.from_pretrained(model)
    package.AutoFeatureExtractor.from_pretrained(model)


def _fetch_text(model: str) -> None:
    package = require("sentence_transformers", needed_by="A text encoder", install="ferfusion[text]")
    package.SentenceTransformer(model)
