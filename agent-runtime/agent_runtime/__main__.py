"""`python -m agent_runtime AGENT`: serve one agent."""

from __future__ import annotations

import argparse
import os
import sys

from pydantic import ValidationError

from agent_runtime.app import create_app
from agent_runtime.definition import UnknownAgentError, load_definition
from agent_runtime.server import serve
from agent_runtime.settings import Settings
from agent_runtime.telemetry import logs


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m agent_runtime", description="Serve one agent over HTTP. Settings are environment variables: see README.md."
    )
    parser.add_argument(
        "agent",
        nargs="?",
        default=os.environ.get("AGENT", ""),
        help="package under agents/, such as coach_companion; default: the variable AGENT",
    )
    agent = parser.parse_args().agent
    if not agent:
        parser.error("name an agent, such as coach_companion, or set AGENT")
    try:
        definition = load_definition(agent)
        settings = Settings()
        app = create_app(definition, settings)
    except UnknownAgentError as error:
        print(error, file=sys.stderr)
        return 2
    except ValidationError as error:
        print(describe(error), file=sys.stderr)
        return 2
    logs.configure({"fleet": settings.fleet, "agent": app.agent_name, "revision": settings.revision}, settings.log_level)
    serve(app)
    return 0


def describe(error: ValidationError) -> str:
    """Which settings cannot be used and why, without their values: some are secrets."""
    lines = ["These settings cannot be used:"]
    for found in error.errors(include_input=False, include_url=False, include_context=False):
        field = str(found["loc"][0]) if found["loc"] else ""
        name = "AGENT_" + field.upper() if field in Settings.model_fields else field
        lines.append(f"  {name}: {found['msg']}" if name else f"  {found['msg']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
