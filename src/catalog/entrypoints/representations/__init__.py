"""JSON representations shared by HTTP and the command line."""
