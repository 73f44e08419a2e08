"""The contract between the runtime and the operator that deploys it, written from the code.

`python -m agent_runtime.contract --write` renews contract.json and openapi.json; without `--write` it says whether they are fresh.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from agent_runtime import openapi
from agent_runtime.app import create_app
from agent_runtime.definition import AgentDefinition
from agent_runtime.server import FLUSH_SECONDS
from agent_runtime.settings import FAKE_MODEL, Settings, variables
from agent_runtime.telemetry.logs import LOG_FIELDS
from agent_runtime.telemetry.metrics import DIMENSION_SETS, METRICS, NAMESPACE, PROPERTIES

ROOT = Path(__file__).resolve().parent.parent
AGENT_PATH = "/coach"
# What the operator sets in the task definition; all other variables are the spec's `environment` and `secrets`.
SET_BY_THE_OPERATOR = ("AGENT_NAME", "AGENT_FLEET", "AGENT_VERSION", "AGENT_REVISION", "AGENT_IMAGE_DIGEST")


def contract_app() -> FastAPI:
    """The app whose shape is the contract; its agent answers on /coach."""
    definition = AgentDefinition(name="agent", path=AGENT_PATH, system_prompt="")
    return create_app(definition, Settings(model=FAKE_MODEL)).asgi


def contract() -> dict[str, Any]:
    defaults = Settings.model_fields
    return {
        "namespace": NAMESPACE,
        "dimensionSets": [list(names) for names in DIMENSION_SETS],
        "metrics": {name: {"unit": metric.unit, "meaning": metric.meaning} for name, metric in METRICS.items()},
        "properties": PROPERTIES,
        "endpoints": _endpoints(contract_app()),
        "port": defaults["port"].default,
        "variables": variables(),
        "variablesSetByTheOperator": list(SET_BY_THE_OPERATOR),
        "logFields": LOG_FIELDS,
        "shutdown": {
            "signal": "SIGTERM",
            "exitCode": 0,
            "drainSeconds": defaults["drain"].default,
            "flushSeconds": FLUSH_SECONDS,
            "stopTimeoutAbove": defaults["drain"].default + 5,
        },
    }


def _endpoints(app: FastAPI) -> list[dict[str, str]]:
    found = []
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            meaning = operation.get("description", operation["summary"])
            found.append({"method": method.upper(), "path": path, "operation": operation["operationId"], "meaning": meaning})
    return sorted(found, key=lambda each: each["path"])


def files() -> dict[Path, str]:
    """The generated files and what they should hold."""
    return {
        ROOT / "contract.json": json.dumps(contract(), indent=2, ensure_ascii=False) + "\n",
        ROOT / "openapi.json": openapi.text(contract_app()),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m agent_runtime.contract", description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the files")
    write = parser.parse_args().write
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if write:
            path.write_text(files()[path])
        sys.stdout.write(f"{'wrote' if write else 'stale:'} {path.name}\n")
    return 1 if stale and not write else 0


if __name__ == "__main__":
    sys.exit(main())
