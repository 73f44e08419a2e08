"""The same agent as the SDK's documentation serves it: an agent for each request, the model with its defaults, and
nothing of the runtime. It is what the load test compares with.

Of the ways the documentation shows, this is the faster: its asynchronous call. The synchronous one, `agent(prompt)` inside
an `async def`, holds up every other request for the whole answer.
"""

from __future__ import annotations

import os

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from strands import Agent
from strands.models import BedrockModel

app = FastAPI()
model = BedrockModel(model_id="anthropic.claude-3-5-sonnet-20241022-v2:0", region_name="us-east-1")


class Question(BaseModel):
    """One message."""

    message: str


@app.post("/coach")
async def coach(question: Question) -> dict[str, str]:
    """Answer one message."""
    agent = Agent(model=model, system_prompt="You are a coach.", callback_handler=None)
    return {"reply": str(await agent.invoke_async(question.message))}


@app.get("/health")
async def health() -> dict[str, str]:
    """Tell that the process lives."""
    return {"status": "ok"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False, log_level="warning")
