"""Coach Companion: a health coach for everyday habits."""

from agent_runtime.definition import AgentDefinition
from agents.coach_companion.prompt import SYSTEM_PROMPT
from agents.coach_companion.tools import body_mass_index, hydration_target, weekly_weight_goal, where_to_get_help

agent = AgentDefinition(
    name="coach-companion",
    path="/coach",
    system_prompt=SYSTEM_PROMPT,
    tools=(body_mass_index, hydration_target, weekly_weight_goal, where_to_get_help),
)
