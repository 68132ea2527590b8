"""Searching as HAPI 7.6.0 does it: one implementation for the store and for a session's own changes.

`query` reads a request, `conditions` decide what matches, `engine` finds it, `order` sorts it, `bundle` writes the answer.
"""
