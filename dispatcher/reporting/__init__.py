"""Reports as staff read them on the screen: of a campaign, and over a period.

What is counted comes from `dispatcher.report` (the same figures as the printed report) and from the
registers of inquiries; what takes long is counted by a job and kept (`stored`). The same tables are
the page, the CSV file and the workbook.
"""
