"""`python -m projects_mcp`."""

import sys

from projects_mcp.cli import main

if __name__ == "__main__":
    sys.exit(main())
