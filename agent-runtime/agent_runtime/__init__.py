"""The runtime of Strands agents: an HTTP API around an agent that is a path, a prompt and some tools."""

__version__ = "1.0.0"
