"""Conversations, kept outside of the task that serves them."""
