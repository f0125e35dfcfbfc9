"""Capture events in tests instead of sending them."""
