"""Logs, metrics and statistics. None of them ever carries what a person wrote or was told."""
