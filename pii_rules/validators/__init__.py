"""Validators that the rules name: each takes a Candidate and returns it (perhaps narrowed or rescored) or None."""
