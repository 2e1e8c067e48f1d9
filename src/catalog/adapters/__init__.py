"""The driven side: a room for each technology."""
