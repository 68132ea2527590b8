"""What the command line costs before it does anything: CPU seconds, memory and modules, beside Python's own start."""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

COMMANDS = (("--version",), ("--help",), ("eval", "--help"), ("runs", "--help"), ("models",))
BEGIN = "import sys; from medenv.cli import main; sys.argv[0] = 'medenv'; main()"


def run_startup(rounds: int) -> None:
    """Start each command some times and print the medians."""
    print(f"{'':16s} {'CPU s':>7s} {'MB':>6s}")
    _print("python", ["-c", "pass"], rounds)
    _print("import medenv", ["-c", "import medenv"], rounds)
    for words in COMMANDS:
        _print(" ".join(words), ["-c", BEGIN, *words], rounds)


def _print(name: str, arguments: list[str], rounds: int) -> None:
    costs = [_cost(arguments) for _ in range(rounds)]
    print(f"{name:16s} {median(seconds for seconds, _ in costs):7.2f} {median(size for _, size in costs):6.0f}")


def _cost(arguments: list[str]) -> tuple[float, float]:
    """CPU seconds, and peak memory in MB, of one start."""
    child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise ValueError(f"{' '.join(arguments)} ended with status {child.returncode}")
    size = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)  # bytes there, kilobytes elsewhere
    return used.ru_utime + used.ru_stime, size
