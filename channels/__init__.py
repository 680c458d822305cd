"""The way out and back: one module a provider. Nothing here sees the database."""
