"""`python -m projects_mcp`."""

from __future__ import annotations

import sys

from projects_mcp.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
