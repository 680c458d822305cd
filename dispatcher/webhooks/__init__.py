"""Telling other systems what happens: signed, once at least, and never to an address of the house.

docs/api.md tells whoever listens how to check what they hear.
"""
