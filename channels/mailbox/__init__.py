"""Letters in: taken from IMAP folders or from a mail server that hands them over, and read."""
