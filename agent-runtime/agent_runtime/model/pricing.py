"""What an answer costs by list price: an estimate for alarms and comparisons, not a bill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent_runtime.settings import Settings

MILLION = 1_000_000
# Bedrock bills a cached token that is read at a tenth of an input token, and one that is written at 1.25 times.
CACHE_READ_FACTOR = 0.1
CACHE_WRITE_FACTOR = 1.25


@dataclass(frozen=True)
class Price:
    """USD per million tokens."""

    input: float
    output: float


# https://aws.amazon.com/bedrock/pricing/ on demand; the first part that the model id contains decides.
LIST_PRICES: Mapping[str, Price] = {
    "claude-3-haiku": Price(0.25, 1.25),
    "claude-3-5-haiku": Price(0.80, 4.00),
    "claude-haiku-4-5": Price(1.00, 5.00),
    "claude-3-5-sonnet": Price(3.00, 15.00),
    "claude-3-7-sonnet": Price(3.00, 15.00),
    "claude-sonnet-4": Price(3.00, 15.00),
    "nova-micro": Price(0.035, 0.14),
    "nova-lite": Price(0.06, 0.24),
    "nova-pro": Price(0.80, 3.20),
}


def price_of(settings: Settings) -> Price:
    """The model's price; a price that the settings name wins, and an unknown model costs nothing."""
    listed = next((price for part, price in LIST_PRICES.items() if part in settings.model), Price(0.0, 0.0))
    return Price(
        input=listed.input if settings.price_input is None else settings.price_input,
        output=listed.output if settings.price_output is None else settings.price_output,
    )


@dataclass
class Usage:
    """Tokens of one invocation; `input` leaves out those that the cache served or stored."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def add(self, reported: Mapping[str, int]) -> None:
        """Add what Bedrock reports in the `metadata` event of one model call."""
        self.input += reported.get("inputTokens", 0)
        self.output += reported.get("outputTokens", 0)
        self.cache_read += reported.get("cacheReadInputTokens", 0)
        self.cache_write += reported.get("cacheWriteInputTokens", 0)

    @property
    def all_input(self) -> int:
        return self.input + self.cache_read + self.cache_write

    def cost(self, price: Price) -> float:
        """US dollars."""
        weighted = self.input + self.cache_read * CACHE_READ_FACTOR + self.cache_write * CACHE_WRITE_FACTOR
        return (weighted * price.input + self.output * price.output) / MILLION
