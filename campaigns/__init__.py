"""What is said, to whom and when: pure decisions. No network, no database, no clock of its own."""
