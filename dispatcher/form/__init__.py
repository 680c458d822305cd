"""The form of the site: a page, what a visitor filled in, and the inquiry that becomes of it."""
