"""Timing, worker processes, and the record of machine and versions that every result carries."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from problems import Array

PACKAGES = ("arviz", "cytobayes", "diffrax", "equinox", "httpstan", "jax", "llvmlite", "numba",
            "numpy", "numpyro", "nutpie", "pymc", "pystan", "pytensor", "scipy")  # fmt: skip
RESULT = "RESULT "
MINIMUM = 3


class Absent(Exception):
    """The engine cannot run here; the message says what is missing."""


class NotApplicable(Exception):
    """The engine has nothing to offer for this problem or number of cores."""


@dataclass
class Engine:
    """A compiled value-and-gradient at the point of a problem."""

    evaluate: Callable[[], tuple[float, Array]]
    compile_seconds: float
    steps: Callable[[], float] | None = None  # accepted and rejected, mean over subjects
    overhead: Callable[[], object] | None = None  # part of `evaluate` that is not the engine's
    note: str = ""


def seconds(call: Callable[[], object], budget: float, most: int = 500) -> tuple[float, float, int]:
    """Median and minimum duration over repeats within a budget of seconds, after a warm-up."""
    start = time.perf_counter()
    call()
    once = time.perf_counter() - start
    repeats = max(MINIMUM, min(most, int(budget / max(once, 1e-9))))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times), min(times), repeats


def confine(cores: int) -> None:
    """Restrict this process, and all threads that it will start, to some cores.

    To be called before anything is imported that starts threads.
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(allowed) > cores:
        os.sched_setaffinity(0, allowed[-cores:])
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(cores)


def cores_here() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worker(script: Path, arguments: Sequence[str], timeout: float) -> dict[str, Any]:
    """Run one measurement in its own process and return what it reports.

    A process of its own gives every engine the same start: its own compiler flags, memory and
    threads. A crash or a timeout is a result, not the end of the run.
    """
    command = [sys.executable, str(script), "--worker", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"status": "timeout", "message": f"no answer within {timeout:.0f} s"}
    finally:
        _end(process)
    for line in reversed(out.splitlines()):
        if line.startswith(RESULT):
            answer: dict[str, Any] = json.loads(line.removeprefix(RESULT))
            return answer
    errors = [text for text in err.splitlines() if "Error" in text] or ["no message"]
    return {"status": "failed", "message": f"exit code {process.returncode}: {errors[-1].strip()}"}


def _end(process: subprocess.Popen[str]) -> None:
    """End a worker with the processes that it started, also after Ctrl-C."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def report(answer: dict[str, Any]) -> None:
    """Hand a result from a worker to the process that started it."""
    print(RESULT + json.dumps(answer), flush=True)


def machine() -> dict[str, Any]:
    """Describe processor, system, interpreter, load and versions of the packages involved."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "absent"
    return {
        "processor": _processor(),
        "cores": cores_here(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_average_1min": load(),
        "date": time.strftime("%Y-%m-%d"),
        "versions": versions,
    }


def load() -> float | None:
    """Load average of the last minute: what else runs on this machine."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def need(*modules: str) -> None:
    """Raise `Absent` when a module cannot be imported."""
    missing = [m for m in modules if importlib.util.find_spec(m) is None]
    if missing:
        raise Absent("not installed: " + ", ".join(missing))


def write(path: Path, kind: str, rows: Sequence[dict[str, Any]], settings: dict[str, Any]) -> None:
    """Write results as JSON, with machine and versions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"benchmark": kind, "machine": machine(), "settings": settings, "results": list(rows)}
    path.write_text(json.dumps(content, indent=1) + "\n")
