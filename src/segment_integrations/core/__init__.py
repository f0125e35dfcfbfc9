"""Segment's messages and the request they belong to; knows no framework and no I/O."""
