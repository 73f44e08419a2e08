"""`python -m bedrock_stub`: run the stub."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys

from bedrock_stub.scenario import ERRORS, STREAM_ERRORS, Scenario
from bedrock_stub.server import BedrockStub

EPILOG = """\
Point an agent at it:
  export AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://127.0.0.1:9009 AWS_ACCESS_KEY_ID=stub AWS_SECRET_ACCESS_KEY=stub
  python -m agent_runtime test_agent

The options set how every call goes. Scenarios for the next calls alone are posted to /_stub/scenarios:
  curl -X POST http://127.0.0.1:9009/_stub/scenarios -d '[{"error": "ThrottlingException"}, {"stall_after": 3}]'
What became of the calls: curl http://127.0.0.1:9009/_stub/calls
"""


def parse(arguments: list[str] | None = None) -> tuple[argparse.Namespace, Scenario]:
    parser = argparse.ArgumentParser(
        prog="python -m bedrock_stub",
        description="A local stand-in for Bedrock Runtime's Converse and ConverseStream.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9009, help="0 takes a free one")
    parser.add_argument("--text", help="the answer; by default the user's message is repeated")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="wait before the answer begins")
    parser.add_argument("--token-delay", type=float, default=0.0, metavar="SECONDS", help="wait before each word")
    parser.add_argument("--error", choices=ERRORS, help="fail before the answer")
    parser.add_argument("--hang", action="store_true", help="accept the call and never answer")
    parser.add_argument("--stream-error", choices=STREAM_ERRORS, help="fail inside the answer")
    parser.add_argument("--stream-error-after", type=int, default=1, metavar="WORDS")
    parser.add_argument("--drop-after", type=int, metavar="WORDS", help="break the connection inside the answer")
    parser.add_argument("--stall-after", type=int, metavar="WORDS", help="fall silent inside the answer")
    parser.add_argument("--tool", help="ask for this tool first")
    parser.add_argument("--tool-input", type=json.loads, default={}, metavar="JSON")
    parser.add_argument("--guardrail", action="store_true", help="let a guardrail block the answer")
    parser.add_argument("--stop-reason", default="end_turn")
    parser.add_argument("--cached-tokens", type=int, default=0, help="tokens that the prompt cache is said to have served")
    options = parser.parse_args(arguments)
    values = {name: value for name, value in vars(options).items() if name not in ("host", "port")}
    return options, Scenario.from_json(values)


async def run(options: argparse.Namespace, scenario: Scenario) -> None:
    async with BedrockStub(scenario, options.host, options.port) as stub:
        print(json.dumps({"url": stub.url}), flush=True)
        stopped = asyncio.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, stopped.set)
        await stopped.wait()


def main() -> int:
    options, scenario = parse()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(options, scenario))
    return 0


if __name__ == "__main__":
    sys.exit(main())
