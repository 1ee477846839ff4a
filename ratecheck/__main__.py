"""What starts the program, as ``ratecheck`` and as ``python -m ratecheck``."""

import sys


def main() -> None:
    """Run the command line. Loading it takes a tenth of a second, in which Ctrl-C must be no traceback either."""
    try:
        from ratecheck.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
