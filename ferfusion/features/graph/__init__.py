"""Graphs of utterances and what can be measured of them."""
