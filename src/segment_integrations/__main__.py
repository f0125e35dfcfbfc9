"""``python -m segment_integrations`` is the command line."""

from __future__ import annotations

from segment_integrations.cli import main

main()
