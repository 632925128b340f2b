"""Shared fixtures and the hypothesis profile of the suite."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# Two shared cores: a first example may compile a kernel, so single examples have no deadline.
settings.register_profile("suite", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
os.environ.setdefault("PYTHONHASHSEED", "0")
# Benchmarks run as scripts and import each other by plain name; tests try their harnesses.
sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
