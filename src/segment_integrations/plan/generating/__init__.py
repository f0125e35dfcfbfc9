"""Typed events out of a plan."""
