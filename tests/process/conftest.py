from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import serve_over_tls


@pytest.fixture
def private_authority(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An https server whose certificate nobody knows, and the file that makes it known."""
    yield from serve_over_tls(tmp_path)
