"""What the documentation says is so: code runs, links lead somewhere, tables are the cards'."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "data/README.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_readme_example_runs_as_it_stands(tmp_path):
    (code,) = blocks(ROOT / "README.md", "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 16
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "UAR" in done.stdout
    assert (tmp_path / "model.skops").is_file()


def test_the_readme_names_the_two_commands_first():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert 0 < text.index("make demo") < text.index("make test") < text.index("```python")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "guide").glob("*.md")), ids=lambda page: page.stem)
def test_code_in_the_guide_is_python(page):
    for code in blocks(page, "python"):
        compile(code, str(page), "exec")


def test_commands_in_the_documentation_exist():
    from ferfusion.cli.main import app

    names = {command.name for command in (*app.registered_commands, *app.registered_groups)}
    said = {name for page in PAGES for code in blocks(page, "") for name in re.findall(r"^ferfusion (\w+)", code, re.M)}
    assert said
    assert said <= names


def test_the_page_of_cards_is_what_the_cards_say():
    done = subprocess.run([sys.executable, ROOT / "docs" / "make_cards.py", "--check"], check=False)
    assert done.returncode == 0, "run: python docs/make_cards.py"


def test_the_project_speaks_of_itself_alone():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    words = re.compile(r"/(work|root|farm)/|[.]library|issue #?\d|this session", re.IGNORECASE)
    for name in listed:
        path = ROOT / name
        if (
            path.suffix in (".py", ".md", ".cfg", ".toml", ".ipynb", ".html", ".yml")
            and path != Path(__file__).resolve()
        ):
            assert not words.search(path.read_text(encoding="utf-8")), name
