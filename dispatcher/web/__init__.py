"""The staff's screen: pages over the same calls as the command line. No rule lives in a page."""
