"""Load tests: `python -m load`."""
