"""Read, decide, commit: the building blocks of every use case that writes."""
