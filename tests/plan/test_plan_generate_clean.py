"""One big and odd generated module, through the tools of those who will have it."""

import subprocess
import sys
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis.errors import NonInteractiveExampleWarning
from plan_generate_bench import DOCUMENTS, meaning, sent_back

from segment_integrations.plan import TrackingPlan, generate
