"""Measurements of how fast the book trains: `make bench` runs `benchmarks/speed.py`."""
