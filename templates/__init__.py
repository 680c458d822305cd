"""The words: pure rendering of what a customer hears and reads. No network, no database."""
