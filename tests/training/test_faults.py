"""Exact resume: a run killed at any point and resumed ends bit-identical to an uninterrupted one."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from places import ROOT, SUPPORT
from run_comparison import check_same_run
from tiny_recipe import tiny_recipe

import kcifar


def command(*options: str, point: str = "never", count: int = 1) -> list[str]:
    return [sys.executable, str(SUPPORT / "fault.py"), point, str(count), *options]


def train(*options: str, point: str = "never", count: int = 1) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*options, point=point, count=count), capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_recipe()))
    return str(path)


# In the order of a run's life, each death a little further on than the last; counts are those of the process that dies.
DEATHS = [
    ("first-files", 1),
    ("mid-epoch", 5),
    ("checkpoint-arrays", 1),
    ("checkpoint-state", 1),
    ("checkpoint-rename", 1),
    ("after-checkpoint", 2),  # the first call is the resume's own
    ("best-model", 1),
    ("validation", 1),
    ("between-stages", 2),
    ("checkpoint-rename", 1),
    ("mid-epoch", 13),
    ("predictions", 1),
    ("test-metrics", 1),
]


def test_a_run_killed_at_every_named_point_ends_like_an_uninterrupted_one(tiny_run: kcifar.Run, recipe: str, tmp_path: Path) -> None:
    run = tmp_path / "cut"
    for point, count in DEATHS:
        done = train("--stages", recipe, "--run", str(run), "--resume", point=point, count=count)
        assert done.returncode == -signal.SIGKILL, (point, done.stdout, done.stderr)
    done = train("--run", str(run), "--resume")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    check_same_run(tiny_run.path, run)
    assert not list(run.rglob(".partial-*"))


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_says_how_to_continue_and_resumes_exactly(
    tiny_run: kcifar.Run, recipe: str, tmp_path: Path, number: int, exit_code: int
) -> None:
    run = tmp_path / "cut"
    # Shells let what they start in the background ignore SIGINT, and children inherit that.
    process = subprocess.Popen(
        command("--stages", recipe, "--run", str(run)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(run / "checkpoint" / "1", process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == exit_code, (out, err)
    assert f"continue with:\n  python -m kcifar.train --resume --run {run}\n" in out
    status = json.loads((run / "status.json").read_text())
    assert (status["state"], status["reason"]) == ("interrupted", "stopped by SIGTERM" if number == signal.SIGTERM else "stopped by Ctrl-C")
    assert train("--run", str(run), "--resume").returncode == 0
    check_same_run(tiny_run.path, run)


# In the order of a run's life; counts are those of the process that is blocked there.
BLOCKED = [("load-data", 1), ("mid-epoch", 5), ("checkpoint-rename", 1)]


def test_a_signal_ends_a_run_that_is_blocked_outside_of_python_within_five_seconds(tiny_run: kcifar.Run, recipe: str, tmp_path: Path) -> None:
    run = tmp_path / "cut"
    for point, count in BLOCKED:
        process = subprocess.Popen(
            command("--stages", recipe, "--run", str(run), "--resume", point=point, count=count),
            env=os.environ | {"BLOCK": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        assert process.stderr.readline() == "blocked\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=5)
        assert process.returncode == 143, (point, out, err)
        assert err == "stopping (Ctrl-C again ends at once)\n"
        if point == "load-data":
            assert "interrupted before training began; the same command goes on\n" in out
            assert not run.exists()
        else:
            assert f"continue with:\n  python -m kcifar.train --resume --run {run}\n" in out
            status = json.loads((run / "status.json").read_text())
            assert (status["state"], status["epoch"]) == ("interrupted", newest_epoch(run))
    assert train("--run", str(run), "--resume").returncode == 0
    check_same_run(tiny_run.path, run)
    assert not list(run.rglob(".partial-*"))


def test_a_full_disk_keeps_the_last_good_state(tiny_run: kcifar.Run, recipe: str, tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: writing fails in the middle of a file."""
    run = tmp_path / "cut"
    assert train("--stages", recipe, "--run", str(run), point="between-stages", count=2).returncode == -signal.SIGKILL
    done = subprocess.run(
        command("--run", str(run), "--resume"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "File too large" in done.stderr
    assert not list(run.rglob(".partial-*"))
    assert train("--run", str(run), "--resume").returncode == 0
    check_same_run(tiny_run.path, run)


@pytest.mark.slow
def test_ten_kills_at_random_moments_end_like_an_uninterrupted_one(tmp_path: Path) -> None:
    """The quickstart's three stages; each process is killed at a random moment of its training."""
    alone, cut = tmp_path / "alone", tmp_path / "cut"
    quickstart = str(ROOT / "stages" / "quickstart.yaml")
    assert train("--stages", quickstart, "--run", str(alone)).returncode == 0
    seconds = sum(float(value) for value in kcifar.open_run(alone).history["seconds"])
    chance = random.Random(0)
    kills = 0
    while kills < 10:
        before = newest_epoch(cut)
        process = subprocess.Popen(command("--stages", quickstart, "--run", str(cut), "--resume"), stdout=subprocess.DEVNULL)
        wait_for(cut / "status.json", process, newer_than=time.time())
        time.sleep(chance.uniform(0, seconds / 4))
        if process.poll() is None:
            process.kill()
            kills += 1
        process.wait()
        assert newest_epoch(cut) >= before
        if json.loads((cut / "status.json").read_text())["state"] == "finished":
            break
    assert kills == 10
    assert train("--run", str(cut), "--resume").returncode == 0
    check_same_run(alone, cut)


def newest_epoch(run: Path) -> int:
    return max((int(path.name) for path in (run / "checkpoint").glob("[0-9]*")), default=0)


def wait_for(path: Path, process: "subprocess.Popen[str]", newer_than: float = 0.0) -> None:
    """Wait until a file is there (and newer), or the process has ended."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if path.exists() and os.stat(path).st_mtime > newer_than:
            return
        time.sleep(0.02)
    raise TimeoutError(f"{path} did not appear")
