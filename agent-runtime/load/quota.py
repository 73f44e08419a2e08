"""Runs a process on a share of one CPU, by the kernel's control groups (version 1 or 2). Needs root."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

PERIOD_US = 100_000
ROOT = Path("/sys/fs/cgroup")


class QuotaUnavailableError(Exception):
    """This machine lets us set no CPU quota."""


@contextlib.contextmanager
def cpu_quota(share: float) -> Iterator[Path]:
    """A control group that may use `share` of one CPU; write a process id into the file this gives.

    Raises QuotaUnavailableError.
    """
    version_1 = ROOT / "cpu"
    parent = version_1 if version_1.is_dir() else ROOT
    group = parent / f"agent-runtime-{os.getpid()}"
    try:
        group.mkdir()
        _limit(group, share)
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        raise QuotaUnavailableError(str(error)) from error
    try:
        yield group / "cgroup.procs"
    finally:
        _remove(group)


def _limit(group: Path, share: float) -> None:
    """Set the quota, and a weight that lets the quota decide and not what else the machine does."""
    quota = int(PERIOD_US * share)
    if (group / "cpu.cfs_quota_us").exists():
        (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota))
        (group / "cpu.shares").write_text("262144")
    else:
        (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        (group / "cpu.weight").write_text("10000")


def _remove(group: Path) -> None:
    """A group can be removed once its last process is gone, which takes the kernel a moment."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            group.rmdir()
        except OSError:
            time.sleep(0.05)
        else:
            return
