"""Read, decide, commit: the building blocks of every use case that writes.

`write`: a use case as a value, which decides, commits and retries. `staging`: many changes, each decided on top of the ones
before, until they are committed together. `commit`: change sets on their way to the store. `idempotency`: the response, stored
in the same commit.
"""
