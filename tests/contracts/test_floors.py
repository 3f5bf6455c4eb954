"""Architecture: floors, a light import, and dependencies that are declared where they are used."""

import ast
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

import ferfusion

ROOT = Path(__file__).parents[2]
PACKAGE = Path(ferfusion.__file__).parent
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg")
# name on the package index -> name of the module, where they differ
MODULES = {
    "scikit-learn": "sklearn",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
    "PyWavelets": "pywt",
    "praat-parselmouth": "parselmouth",
    "sentence-transformers": "sentence_transformers",
}

# functions that import the module named by their first argument
IMPORTERS = ("require", "import_onnx")


def test_each_floor_imports_only_floors_below_it():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports('setup.cfg', no_cache=True))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kept, 0 broken" in done.stdout


def test_importing_the_package_loads_nothing_heavy():
    heavy = ["torch", "opensmile", "librosa", "numba", "xgboost", "sklearn", "pandas", "matplotlib", "skops"]
    code = f"import ferfusion, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def modules_of(requirements):
    names = {re.split(r"[<>=\[]", line)[0] for line in requirements if line.strip()}
    return {MODULES.get(name, name) for name in names}


def imported_modules():
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in IMPORTERS:
                found |= {name.value.split(".")[0] for name in node.args[:1] if isinstance(name, ast.Constant)}
    return found - set(sys.stdlib_module_names) - {"ferfusion"}


def test_declared_dependencies_are_those_that_are_imported():
    lines = SETUP["options"]["install_requires"].split("\n")
    extras = [line for name, text in SETUP["options.extras_require"].items() for line in text.split("\n")]
    declared, optional = modules_of(lines), modules_of(extras)
    imported = imported_modules()
    assert declared - imported == set()
    assert imported - declared - optional == set()


def test_extras_of_the_design_are_there():
    wanted = [
        "praat",
        "deep",
        "text",
        "visual",
        "dask",
        "app",
        "audformat",
        "csd",
        "onnx",
        "explain",
        "search",
        "test",
        "docs",
        "all",
    ]
    assert sorted(SETUP["options.extras_require"]) == sorted(wanted)


# longer than 400 lines, and why
LONG: dict[str, str] = {}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_stay_small(path):
    limit = 500 if path.relative_to(PACKAGE).as_posix() in LONG else 400
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit


def test_the_tests_run_against_what_was_installed():
    """`make test` judges the wheel; who works in the sources says so by not setting the variable."""
    if os.environ.get("FERFUSION_TEST_WHEEL"):
        assert "site-packages" in str(PACKAGE)
        assert (PACKAGE / "evaluation" / "templates" / "report.html").is_file()
        indices = sorted(path.name for path in (ROOT / "ferfusion" / "corpora" / "indices").glob("*.csv"))
        assert sorted(path.name for path in (PACKAGE / "corpora" / "indices").glob("*.csv")) == indices
        assert (PACKAGE / "references.bib").is_file()
        assert (PACKAGE / "py.typed").is_file()
