"""The command line interface. One module per command group."""
