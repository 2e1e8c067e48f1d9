"""The command line, as `python -m catalog`."""

from catalog.entrypoints.cli.main import main

if __name__ == "__main__":
    main(prog_name="catalog")
