"""The entry point in a process of its own: exit codes, and errors in one line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ferfusion.cli import main, systems


def ferfusion(*words):
    code = "from ferfusion.cli.main import run; run()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )


def test_error_in_one_line():
    done = ferfusion("systems", "baseline_erly")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: Unknown system 'baseline_erly'. Did you mean 'baseline_early'?")


def test_partly_done_and_notes(model, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    copy = tmp_path / "copy.skops"
    copy.write_bytes(model.read_bytes())
    done = ferfusion("predict", copy, tmp_path / "bad.wav")
    assert done.returncode == 3
    assert "not judged" in done.stdout
    assert done.stderr.startswith(f"note: {copy} has no sidecar")
    assert done.stderr.count("\n") == 1


def run_here(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["ferfusion", *words])
    with pytest.raises(SystemExit) as end:
        main.run()
    return end.value.code


def test_exit_codes(monkeypatch, capsys):
    assert run_here(monkeypatch, "systems", "--json") == 0
    assert run_here(monkeypatch, "systems", "nothing") == 1
    assert run_here(monkeypatch, "sistems") == 2
    assert "error: Unknown system 'nothing'" in capsys.readouterr().err


def test_interrupted(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(systems, "list_systems", interrupt)
    assert run_here(monkeypatch, "systems") == 130
    assert "interrupted; what was finished is kept" in capsys.readouterr().err
