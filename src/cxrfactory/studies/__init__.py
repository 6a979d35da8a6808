"""The papers' studies: each is a list of steps over existing commands, and a summary against the paper's figures."""
