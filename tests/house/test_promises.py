"""What the repository promises as a whole: no addresses in it, two commands, one licence, walls that stand."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT, python_files, source_files, tracked_files

# In pieces, so that this file does not hold what it looks for.
REGISTRY_HOSTS = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "yarn" + "pkg.com",
    "deb.debian" + ".org",
    "security.debian" + ".org",
    "crates" + ".io",
    "proxy.golang" + ".org",
)
INDEX_OPTION = re.compile(
    r"--(?:extra-)?index-" + r"url[ =]+[a-z]+:|--find-" + r"links[ =]+\S|" + r"registry\s*=\s*https?:"
)
LOCKS = {
    "uv.lock",
    "pylock.toml",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
}

#: src/ files that may be longer than 400 lines, and why.
LONG: dict[str, str] = {}

#: Licences that would bind whoever runs the service. The lesser one (LGPL) does not, and psycopg has it.
COPYLEFT = re.compile(r"(?<![A-Za-z])A?GPL|GNU (?:Affero )?General Public", re.IGNORECASE)


def make(*words: str) -> str:
    return subprocess.run(
        ["make", "--no-print-directory", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def targets() -> dict[str, str]:
    """Each public target of the Makefile and what it says of itself."""
    lines = (ROOT / "Makefile").read_text().splitlines()
    return {m[1]: m[2] for line in lines if (m := re.match(r"([a-z-]+):[^=]*?(?:## (.*))?$", line))}


def texts() -> list[tuple[str, str]]:
    """(path, content) of each tracked file that is text."""
    found = []
    for path in tracked_files():
        raw = path.read_bytes()
        if b"\0" not in raw:
            found.append((str(path.relative_to(ROOT)), raw.decode("utf-8", errors="replace")))
    return found


def test_no_file_names_a_package_registry() -> None:
    """Where packages come from is decided by whoever installs; a host name in here would decide it for them."""
    wrong = [f"{path}: {host}" for path, text in texts() for host in REGISTRY_HOSTS if host in text.lower()]
    wrong += [f"{path}: {m[0]}" for path, text in texts() if (m := INDEX_OPTION.search(text))]
    assert wrong == []


def test_no_lock_file_is_kept() -> None:
    """Lock files record the addresses that their writer fetched from."""
    assert [str(path) for path in tracked_files() if path.name in LOCKS] == []


def test_every_python_requirement_has_a_hash() -> None:
    for name in ("base", "service", "dev", "uv"):
        blocks = re.split(r"\n(?=[a-z])", (ROOT / f"requirements/{name}.txt").read_text())
        assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_each_layer_of_requirements_pins_the_same_versions() -> None:
    """What the demo verifies with (base) is what the service runs and what the tests saw."""

    def pins(name: str) -> dict[str, str]:
        return dict(
            re.findall(
                r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==(\S+)", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE
            )
        )

    dev = pins("dev")
    for name in ("base", "service", "uv"):
        assert pins(name).items() <= dev.items()


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text[:200]
    assert "Version 2.0, January 2004" in text[:200]
    assert "Apache-2.0" in (ROOT / "pyproject.toml").read_text()


def test_no_copyleft_among_what_the_service_runs_on() -> None:
    """GPL and AGPL are kept out; LGPL (psycopg) is allowed, since it asks nothing of its users' own code."""
    names = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==", (ROOT / "requirements/service.txt").read_text(), re.MULTILINE
    )
    assert len(names) > 40
    wrong = []
    for name in names:
        told = importlib.metadata.metadata(name)
        words = [told.get("License-Expression") or "", (told.get("License") or "").partition("\n")[0]]
        words += [c for c in told.get_all("Classifier") or () if c.startswith("License ::")]
        wrong += [
            f"{name}: {word}" for word in words if COPYLEFT.search(word.replace("GNU Lesser General Public", "LGPL"))
        ]
    assert wrong == []


def test_make_help_lists_every_target() -> None:
    told = make("help")
    assert {"help", "demo", "test", "run", "setup"} <= targets().keys()
    missing = [
        name
        for name, words in targets().items()
        if not words or not re.search(rf"make {name}\s+{re.escape(words)}", told)
    ]
    assert missing == []


def test_the_readme_promises_only_commands_that_exist() -> None:
    """A newcomer types what the README says, and `.ci/run` types the same."""
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / ".ci/run"]:
        if path.exists():
            named = set(re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(), re.MULTILINE))
            assert named <= targets().keys(), path
    assert {"demo", "test"} <= set(re.findall(r"^make ([a-z]+)", (ROOT / ".ci/run").read_text(), re.MULTILINE))


def test_the_rooms_import_one_way() -> None:
    """import-linter, with the contracts of pyproject.toml."""
    told = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_ruff_has_nothing_to_say() -> None:
    told = subprocess.run(
        [Path(sys.executable).with_name("ruff"), "check", "--no-cache", "--output-format=concise"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_no_source_file_is_longer_than_400_lines() -> None:
    """A file that grows past this holds two subjects."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in source_files(".py", ".html", ".css", ".js")
    }
    assert {path: length for path, length in lengths.items() if length > 400 and path not in LONG} == {}
    assert [path for path in LONG if lengths.get(path, 0) <= 400] == [], "listed as long, but it is not"


@pytest.mark.parametrize(
    "word", ["utils", "util", "helpers", "helper", "manager", "managers", "common", "misc", "policy", "policies"]
)
def test_nothing_is_called(word: str) -> None:
    """A name that says nothing collects everything."""
    parts = {part for path in tracked_files() for part in path.relative_to(ROOT).parts}
    assert [part for part in parts if word in re.split(r"[._-]", part.lower())] == []


def test_every_python_file_is_utf8_without_tabs() -> None:
    assert [str(path) for path in python_files() if "\t" in path.read_text(encoding="utf-8")] == []


def test_the_wheel_holds_everything_that_the_product_reads(tmp_path: Path) -> None:
    """An editable installation finds every file; an installed wheel finds only what package-data names."""
    build = "import sys, setuptools.build_meta as b; print(b.build_wheel(sys.argv[1]))"
    # From a copy: a build leaves folders behind, and two of them at once would meet.
    copy = tmp_path / "copy"
    for path in tracked_files():
        if path.parts[len(ROOT.parts)] in ("src", "requirements", "pyproject.toml", "README.md"):
            goal = copy / path.relative_to(ROOT)
            goal.parent.mkdir(parents=True, exist_ok=True)
            goal.write_bytes(path.read_bytes())
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", build, str(tmp_path)],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(copy / "src"))
        for path in (copy / "src").rglob("*")
        if path.is_file() and "egg-info" not in str(path)
    }
    wanted = {path for path in wanted if "__pycache__" not in path}
    assert sorted(wanted - inside) == []
