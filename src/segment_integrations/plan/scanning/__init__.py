"""Which events source code fires, found by parsing."""
