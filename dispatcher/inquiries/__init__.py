"""The register of inquiries: how one gets its number, topic, person and days, what is written about
it, what staff do with it, and what reminds them.
"""
