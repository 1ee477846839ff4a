"""What starts the program, as ``ratecheck`` and as ``python -m ratecheck``."""

import sys


def main() -> None:
    """Run the command line. Loading it takes a tenth of a second, in which Ctrl-C must be no traceback either."""
    try:
        from ratecheck.net.counting import ahead

        with ahead(sys.argv[1:]):
            from ratecheck.cli import main as run

            run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
