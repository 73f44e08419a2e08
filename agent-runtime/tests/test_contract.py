"""The committed contract and OpenAPI document are what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent_runtime import contract
from agent_runtime.settings import Settings, variables

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", ["contract.json", "openapi.json"])
def test_the_committed_file_is_fresh(name: str) -> None:
    files = {path.name: text for path, text in contract.files().items()}
    assert (ROOT / name).read_text() == files[name], "renew it: python -m agent_runtime.contract --write"


def test_the_command_says_whether_the_files_are_fresh() -> None:
    done = subprocess.run([sys.executable, "-m", "agent_runtime.contract"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_operator_finds_what_it_sets_and_reads() -> None:
    agreed = contract.contract()
    assert set(agreed["variablesSetByTheOperator"]) <= set(agreed["variables"])
    assert {"AWS_REGION", "AWS_BEDROCK_API_KEY", "AGENT_MODEL", "AGENT_PORT"} <= set(agreed["variables"])
    assert agreed["port"] == 8001
    assert {(each["method"], each["path"]) for each in agreed["endpoints"]} == {
        ("POST", "/coach"),
        ("POST", "/invocations"),
        ("GET", "/ping"),
        ("GET", "/health"),
        ("GET", "/ready"),
        ("GET", "/version"),
        ("GET", "/stats"),
    }
    assert agreed["shutdown"]["stopTimeoutAbove"] >= agreed["shutdown"]["drainSeconds"] + 5


def test_every_variable_has_a_meaning_and_every_setting_a_variable() -> None:
    assert all(meaning.endswith(".") for meaning in variables().values())
    assert len(variables()) >= len(Settings.model_fields)


def test_the_readme_names_every_variable() -> None:
    text = (ROOT / "README.md").read_text()
    assert [name for name in variables() if f"`{name}`" not in text] == []
