"""Reads plans in each of their forms."""
