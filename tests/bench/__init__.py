"""Measurements beside peers: `python -m tests.bench`, which writes docs/performance.md."""
