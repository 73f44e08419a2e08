"""The test agent: the smallest agent there is, for trying a deployment out."""

from agent_runtime.definition import AgentDefinition

agent = AgentDefinition(
    name="test-agent",
    path="/coach",
    system_prompt="You are a test agent. Greet the user and answer in one short sentence.",
)
