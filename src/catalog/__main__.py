"""The command line, as `python -m catalog`."""

from catalog.entrypoints.cli.start import main

if __name__ == "__main__":
    main()
