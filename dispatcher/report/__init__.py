"""What came of a campaign: figures, and the same figures as a page, a workbook and plain files."""
