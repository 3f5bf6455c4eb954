"""A corpus on disk, a trained model, and a way to call commands."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ferfusion.cli.main import app
from ferfusion.corpora import make_corpus


@pytest.fixture(scope="session")
def manifest(tmp_path_factory):
    """40 synthetic recordings of 4 speakers with transcripts and action units, as files."""
    return make_corpus(n_speakers=4, n_utterances=40).write(tmp_path_factory.mktemp("corpus"))


class Answer:
    """What a command printed and how it ended."""

    def __init__(self, result):
        self.code, self.error = result.exit_code, result.exception
        self.out, self.err = result.stdout, result.stderr
        self.text = " ".join(self.out.split())

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture(scope="session")
def call():
    """Run a command in this process; errors of the library are raised, as the entry point receives them."""

    def run(*words, code=0):
        answer = Answer(CliRunner().invoke(app, [str(word) for word in words]))
        if answer.error is not None and not isinstance(answer.error, SystemExit):
            raise answer.error
        assert answer.code == code, answer.out + answer.err
        return answer

    return run


@pytest.fixture(scope="session")
def model(call, manifest, tmp_path_factory):
    """Early fusion of sound and words, trained on the manifest."""
    path = tmp_path_factory.mktemp("model") / "model.skops"
    call(
        "train", "-s", "baseline_early", "-c", manifest, "--views", "audio_egemaps,text", "-o", path, "-j", 1, "--json"
    )
    return path
