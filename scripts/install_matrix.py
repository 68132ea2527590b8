"""Prove that medenv works however it is installed, and from wherever Python is started.

For each Python given (default: each of 3.10 to 3.14 that is on PATH or under ~/.pyenv) this copies the clone into a folder called
``medenv``, as that of a clone usually is, and installs it in each of WAYS into a fresh environment. In each of PLACES it then runs CHECKS,
and mypy for the editable one, the only one where the packages lie apart. It prints a line for each and exits with 1 if one fails. The
environments share what medenv needs, which is installed once for each Python.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
WAYS = ("editable", "plain", "wheel", "zip")
PLACES = ("clone", "parent", "elsewhere")

PLAYS = """
import medenv, gymnasium
from medenv.agents import load
from medenv.agents.models import model_list
from medenv.envs import MedAgentBenchEnv
from medenv.extras import install_command
assert len(model_list().entries) >= 15
with gymnasium.make("MedAgentBench-v0") as env:
    env.reset(seed=1)
    *_, terminated, truncated, info = env.step("FINISH([])")
    assert terminated and info["verdict"]["grader"]
load("reference")
print(install_command("local"))
"""
CHECKS = {
    "python -c": ("-c", PLAYS),
    "python -m medenv": ("-m", "medenv", "eval", "--agent", "reference", "--task", "task1_1"),
}
TYPED = """
from medenv.agents import load
from medenv.envs import MedAgentBenchEnv

reveal_type(load)
reveal_type(MedAgentBenchEnv)
"""


def pythons() -> Iterator[Path]:
    """Those of VERSIONS that are found, without a second one of a version."""
    for version in VERSIONS:
        managed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        if (found := shutil.which(f"python{version}")) is not None and runs(Path(found)):
            yield Path(found)
        elif managed:
            yield managed[-1]
        else:
            print(f"Python {version} is not here: skipped", flush=True)


def runs(python: Path) -> bool:
    """Whether this is a Python, and not something that only offers to find one."""
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


def command(*words: str | Path, cwd: Path | None = None, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command without what this process was told by variables."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    if path is not None:
        env["PYTHONPATH"] = str(path)
    done = subprocess.run(
        words, cwd=cwd, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return done


def need(*words: str | Path, cwd: Path | None = None) -> None:
    """Run a command that must succeed for the checks to mean anything.

    Raises:
        SystemExit: It fails.
    """
    done = command(*words, cwd=cwd)
    if done.returncode:
        sys.exit(
            f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )


def clone_of(source: Path, folder: Path) -> Path:
    """Copy what is tracked or new in the source, links as links, to a folder ``medenv``; return its path."""
    clone = folder / "medenv"
    clone.mkdir(parents=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=source,
        stdout=subprocess.PIPE,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (source / name).is_symlink() or (source / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, clone / name, follow_symlinks=False)
    return clone


def install(way: str, base: Path, clone: Path, folder: Path) -> tuple[Path, Path | None]:
    """Make an environment that has medenv installed in this way.

    Args:
        way: One of WAYS.
        base: The Python of an environment that has what medenv needs.
        clone: The clone.
        folder: For the environment, and what it is installed from.

    Returns:
        Its Python, and what must be on PYTHONPATH.
    """
    need(base, "-m", "venv", "--without-pip", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    inner = command(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    outer = command(base, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    Path(inner, "shared.pth").write_text(f"{outer}\n", encoding="utf-8")
    pip = (base, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-build-isolation")
    if way == "editable":
        need(*pip, "-e", clone)
    elif way == "plain":
        need(*pip, clone)
    elif way == "wheel":
        need(base, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder / "dist", clone)
        need(*pip, *(folder / "dist").glob("*.whl"))
    else:
        return python, Path(shutil.make_archive(str(folder / "sources"), "zip", clone))
    return python, None


def check(label: str, way: str, python: Path, clone: Path, path: Path | None, elsewhere: Path) -> int:
    """Run the checks of one installation in all places; how many failed."""
    failed = 0
    for place, cwd in zip(PLACES, (clone, clone.parent, elsewhere), strict=True):
        for name, words in CHECKS.items():
            done = command(python, *words, cwd=cwd, path=path)
            good = done.returncode == 0
            if name == "python -c" and good:
                in_clone = way == "editable" or place == "clone"
                good = done.stdout.strip() == (
                    f"pip install -e '{clone}[local]'" if in_clone else "pip install 'medagentbench-gym[local]'"
                )
            failed += not good
            print(f"{label} {way:8} {place:9} {name:16} {'ok' if good else 'FAILED'}", flush=True)
            if not good:
                print(f"{done.stdout[-1000:]}{done.stderr[-3000:]}", flush=True)
    return failed


def typed(label: str, python: Path, base: Path, elsewhere: Path) -> int:
    """Whether mypy finds the packages that lie beside medenv/ in the clone; 1 if not."""
    (elsewhere / "user.py").write_text(TYPED, encoding="utf-8")
    done = command(base, "-m", "mypy", "--python-executable", python, "user.py", cwd=elsewhere)
    good = done.returncode == 0 and '"Any"' not in done.stdout and "MedAgentBenchEnv" in done.stdout
    print(f"{label} editable elsewhere mypy             {'ok' if good else 'FAILED'}", flush=True)
    if not good:
        print(done.stdout + done.stderr, flush=True)
    return not good


def executable(name: str) -> Path:
    """Return the path of an interpreter that is named by its path or found on PATH."""
    found = shutil.which(name)
    if found is None:
        raise argparse.ArgumentTypeError(f"{name!r} is no program")
    return Path(found)


def main() -> None:
    """Run the matrix."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: install_matrix.py python3.12",
    )
    parser.add_argument("python", nargs="*", type=executable, help="an interpreter (default: those described above)")
    source = Path(__file__).resolve().parent.parent
    found = parser.parse_args().python or list(pythons())
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for number, python in enumerate(found):
            label = command(python, "-c", "import platform; print(platform.python_version())").stdout.strip()
            folder = Path(scratch, str(number))
            clone = clone_of(source, folder / "home")
            need(python, "-m", "venv", folder / "base")
            base = folder / "base" / "bin" / "python"
            # What medenv needs, and what builds it; medenv itself goes again.
            need(base, "-m", "pip", "install", "-q", "-U", "pip", "setuptools>=77", "wheel", "mypy", clone)
            need(base, "-m", "pip", "uninstall", "-q", "-y", "medagentbench-gym")
            elsewhere = folder / "elsewhere"
            elsewhere.mkdir()
            for way in WAYS:
                installed, path = install(way, base, clone, folder / way)
                failed += check(label, way, installed, clone, path, elsewhere)
                if way == "editable":
                    failed += typed(label, installed, base, elsewhere)
            shutil.rmtree(folder)
    print(f"{failed} failed" if failed else "all of them work", flush=True)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
