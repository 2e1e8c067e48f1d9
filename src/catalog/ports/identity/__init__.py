"""The ports of identity: where users, sessions and keys are stored, and what hashes, signs, counts and limits."""
