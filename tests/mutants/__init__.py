"""Small faults put into the package one at a time, which the tests must notice."""
