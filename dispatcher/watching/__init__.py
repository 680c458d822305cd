"""What staff see while campaigns run: how one stands, how fast it goes, what wants a decision.

Everything here only looks. It costs the same at a million deliveries as at ten.
"""
