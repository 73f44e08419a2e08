"""What Coach Companion may call: plain arithmetic within safe bounds, and where to turn for help."""

from __future__ import annotations

from typing import Literal

from strands import tool

SAFE_WEEKLY_SHARE = 0.01
SAFE_WEEKLY_KG = 0.9
HEALTHY_BMI_LOW = 18.5

HELP = {
    "emergency": "Call the emergency number now: 112 in Europe, 911 in North America, 999 in the UK. Stay with someone if you can.",
    "crisis": (
        "You deserve help right now. In the US and Canada call or text 988; in the UK and Ireland call 116 123; "
        "elsewhere see findahelpline.com. In danger, call the emergency number."
    ),
    "eating": (
        "A doctor, or a local eating disorder helpline, can help; findahelpline.com lists them by country. You need not manage this alone."
    ),
    "medical": "Please ask a doctor or pharmacist who knows your history before you change anything.",
}


@tool
def body_mass_index(weight_kg: float, height_cm: float) -> str:
    """Calculate an adult's body mass index.

    Args:
        weight_kg: Weight in kilograms, 30 to 400.
        height_cm: Height in centimetres, 120 to 250.
    """
    if not (30 <= weight_kg <= 400 and 120 <= height_cm <= 250):
        return (
            "These numbers are outside of what the formula is made for. Ask for an adult's weight in kilograms and height in centimetres."
        )
    value = weight_kg / (height_cm / 100) ** 2
    return f"The body mass index is {value:.1f}. It is a rough number: it tells nothing about muscle, age or health on its own."


@tool
def hydration_target(weight_kg: float, active_minutes: int = 0) -> str:
    """Estimate how much a healthy adult drinks in a day.

    Args:
        weight_kg: Weight in kilograms, 30 to 400.
        active_minutes: Minutes of sweaty activity that day, 0 to 600.
    """
    if not (30 <= weight_kg <= 400 and 0 <= active_minutes <= 600):
        return "These numbers are outside of what the rule of thumb is made for."
    litres = min(4.0, weight_kg * 0.03 + active_minutes / 60 * 0.5)
    return f"About {litres:.1f} litres over the day, water and other drinks together. With heart or kidney trouble, ask a doctor first."


@tool
def weekly_weight_goal(weight_kg: float, height_cm: float, wanted_kg_per_week: float) -> str:
    """Check whether a wanted weekly weight loss is a sensible goal for an adult, and give one that is.

    Args:
        weight_kg: Weight in kilograms, 30 to 400.
        height_cm: Height in centimetres, 120 to 250.
        wanted_kg_per_week: Wanted loss in kilograms each week, more than 0.
    """
    if not (30 <= weight_kg <= 400 and 120 <= height_cm <= 250 and wanted_kg_per_week > 0):
        return "These numbers cannot be used. Ask for an adult's weight, height, and the loss that is wanted."
    if weight_kg / (height_cm / 100) ** 2 < HEALTHY_BMI_LOW:
        return "Losing weight is no safe goal here. Do not set one; suggest talking to a doctor."
    limit = min(SAFE_WEEKLY_KG, weight_kg * SAFE_WEEKLY_SHARE)
    if wanted_kg_per_week > limit:
        return f"That is too fast. At most {limit:.1f} kg a week is sensible; a slower pace lasts longer."
    return f"{wanted_kg_per_week:.1f} kg a week is within what is sensible (at most {limit:.1f} kg)."


@tool
def where_to_get_help(kind: Literal["emergency", "crisis", "eating", "medical"]) -> str:
    """Say where a person finds help that a coach cannot give.

    Args:
        kind: "emergency" for danger to life, "crisis" for thoughts of suicide or violence, "eating" for disordered eating,
            "medical" for all other health questions.
    """
    return HELP.get(kind, HELP["medical"])
