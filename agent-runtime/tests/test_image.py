"""The image: its Dockerfile's rules, its build steps run on this machine, and its start as another user from a read-only copy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from load.quota import QuotaUnavailableError, cpu_quota
from tests.support import dockerfile
from tests.support.processes import ROOT, AppProcess, environment, launched

STAGES = dockerfile.parse((ROOT / "Dockerfile").read_text())
USER = 10001
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
ROOM = 1_500_000_000


def values(stage: int, keyword: str) -> list[str]:
    return [each.value for each in STAGES[stage] if each.keyword == keyword]


def test_the_dockerfile_is_clean_by_hadolint() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([linter, "--config", ".hadolint.yaml", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_built_in_two_stages_and_runs_as_another_user_with_labels() -> None:
    assert len(STAGES) == 2
    assert values(1, "USER") == [f"{USER}:{USER}"]
    assert values(1, "STOPSIGNAL") == ["SIGTERM"]
    assert values(1, "ENTRYPOINT") == ['["python", "-m", "agent_runtime"]']
    assert "org.opencontainers.image.version" in values(1, "LABEL")[0]
    assert values(1, "COPY") == ["--from=build /app /app"]


def test_nothing_secret_and_no_test_is_copied_into_the_image() -> None:
    copied = [source for value in values(0, "COPY") for source in value.split()[:-1]]
    assert copied == ["pyproject.toml", "uv.lock", "agent_runtime", "agents/__init__.py", "agents/${AGENT}"]
    everything = (ROOT / "Dockerfile").read_text().upper()
    assert not [word for word in ("API_KEY", "SECRET", "PASSWORD", "TOKEN") if word in everything]


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """`/app` of the image, built by the Dockerfile's own steps, owned by root and writable by nobody."""
    # In memory where there is room: writing and removing ten thousand files takes a busy disk half a minute.
    roomy = SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > ROOM
    with tempfile.TemporaryDirectory(prefix="agent-image-", dir=SHARED_MEMORY if roomy else None) as name:
        place = Path(name)
        place.chmod(0o755)
        subprocess.run([sys.executable, "-m", "venv", place / "python"], check=True)
        build = dockerfile.Build(ROOT, place, {"AGENT": "coach_companion"}, place / "python" / "bin")
        # The base image's Python may be run by anyone; of this machine's it has to be one that may.
        build.variables["UV_PYTHON"] = public_python() or sys.executable
        build.run(STAGES[0])
        assert [step.split()[0:2] for step in build.ran] == [["pip", "install"], ["uv", "sync"], ["python", "-m"]]
        for path in sorted((place / "app").rglob("*")):
            if not path.is_symlink():
                path.chmod(0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444)
        yield place / "app"


def public_python() -> str | None:
    """A Python 3.11 that any user of this machine may run."""
    for candidate in (getattr(sys, "_base_executable", sys.executable), shutil.which("python3.11", path="/usr/local/bin:/usr/bin")):
        if candidate and all(parent.stat().st_mode & 0o001 for parent in Path(candidate).resolve().parents):
            return candidate
    return None


def start_command(image: Path) -> list[str]:
    return [str(image / ".venv/bin/python"), *json.loads(values(1, "ENTRYPOINT")[0])[1:]]


def image_environment(image: Path) -> dict[str, str]:
    own = {"PATH": f"{image}/.venv/bin:/usr/bin:/bin", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "AGENT": "coach_companion"}
    return {**environment(AGENT_MODEL="fake"), **own, "HOME": "/nonexistent"}


def ask(app: AppProcess, path: str, body: dict[str, str] | None = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(app.url + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        found: dict[str, object] = json.load(response)
    return found


def test_the_image_holds_compiled_bytecode_and_no_development_tools(image: Path) -> None:
    for part in (image / "agent_runtime", image / "agents", next((image / ".venv/lib").glob("python3.11/site-packages/strands"))):
        sources = {path.stem for path in part.glob("*.py")}
        compiled = {path.name.split(".")[0] for path in (part / "__pycache__").glob("*.pyc")}
        assert sources <= compiled
    tools = {path.name for path in (image / ".venv/bin").iterdir()}
    assert not tools & {"pytest", "ruff", "mypy", "schemathesis"}
    assert not (image / "agents" / "test_agent").exists()


def test_the_app_serves_as_another_user_from_a_read_only_copy(image: Path, report: list[str]) -> None:
    switch = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 and public_python() else {}
    if os.geteuid() == 0 and not switch:
        report.append("image as another user: not run (no Python 3.11 that another user may run)")
    before = {path: path.stat().st_mtime_ns for path in image.rglob("*")}
    with launched(start_command(image), image_environment(image), image, **switch) as app:
        app.wait_until_serving()
        status = Path(f"/proc/{app.process.pid}/status").read_text()
        answer = ask(app, "/coach", {"message": "Hello, test agent!"})
        version = ask(app, "/version")
        app.terminate()
        code = app.wait(30)
    if switch:
        assert f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}" in status
    assert answer["reply"] == "(turn 1) You said: Hello, test agent!"
    assert version["agent"] == "coach-companion"
    assert code == 0
    assert {path: path.stat().st_mtime_ns for path in image.rglob("*")} == before


def test_a_cold_start_on_a_quarter_of_a_cpu_is_measured(image: Path, report: list[str]) -> None:
    try:
        with cpu_quota(0.25) as processes:
            command = ["sh", "-c", f'echo $$ > {processes}; exec "$@"', "sh", *start_command(image)]
            began = time.monotonic()
            with launched(command, image_environment(image), image) as app:
                app.wait_until_serving()
                ready = ask(app, "/ready")
                took = time.monotonic() - began
            report.append(f"cold start on 0.25 CPU (kernel quota), bytecode compiled: {took:.1f} s to the first /ready")
    except QuotaUnavailableError:
        with launched(start_command(image), image_environment(image), image) as app:
            app.wait_until_serving()
            ready = ask(app, "/ready")
        report.append("cold start on 0.25 CPU: not run (no CPU quota can be set here)")
    assert ready == {"status": "ready"}
