"""`python -m distill_tui` is `distill-tui`."""

import sys

from distill_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
