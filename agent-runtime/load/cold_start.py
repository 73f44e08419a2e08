"""How long a start takes on a quarter of a CPU, with and without compiled bytecode."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from load.servers import ROOT, running_app


def measure(share: float) -> dict[str, float]:
    """Seconds to the first /health, by kind of installation."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="agent-cold-") as name:
        copy = Path(name)
        for folder in ("agent_runtime", "agents"):
            shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
        libraries = next((ROOT / ".venv" / "lib").glob("python3.*")) / "site-packages"
        shutil.copytree(libraries, copy / "libraries", symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        command = [sys.executable, "-S", "-m", "agent_runtime", "test_agent"]
        values = {"PYTHONPATH": f"{copy}:{copy / 'libraries'}", "PYTHONDONTWRITEBYTECODE": "1", "AGENT_MODEL": "fake", "AGENT_DRAIN": "1"}
        with running_app(command, values, share, copy) as server:
            found["without bytecode"] = server.start_seconds
        subprocess.run([sys.executable, "-m", "compileall", "-q", copy], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with running_app(command, values, share, copy) as server:
            found["with bytecode"] = server.start_seconds
    return found
