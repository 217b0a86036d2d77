"""Faults on purpose, in real processes on real servers, and the count of what they cost; not a part of the package."""
