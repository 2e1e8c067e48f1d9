"""Read, decide, commit: what every use case that writes is made of."""
