"""Swarms that search subsets of columns."""
