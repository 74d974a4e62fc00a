"""The mutants by the promise that each takes away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant
from dev.mutants.table.bounds import BOUNDS
from dev.mutants.table.callers import CALLERS
from dev.mutants.table.consent import CONSENT
from dev.mutants.table.files import FILES
from dev.mutants.table.gates import GATES
from dev.mutants.table.lanes import LANES
from dev.mutants.table.past import PAST
from dev.mutants.table.plans import PLANS
from dev.mutants.table.results import RESULTS
from dev.mutants.table.secrets import SECRETS
from dev.mutants.table.settings_files import SETTINGS_FILES
from dev.mutants.table.stores import STORES

__all__ = ["TABLE"]

TABLE: Final[Mapping[str, tuple[Mutant, ...]]] = {
    **RESULTS,
    **SECRETS,
    **GATES,
    **CONSENT,
    **STORES,
    **PAST,
    **PLANS,
    **BOUNDS,
    **CALLERS,
    **FILES,
    **SETTINGS_FILES,
    **LANES,
}
"""Promise -> the mutants that break it, each in another place or another way."""
