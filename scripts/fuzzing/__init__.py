"""Odd replies, and the episodes that they are played in."""
