"""JSON representations that HTTP and the command line share."""
