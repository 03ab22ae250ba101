"""The report as one HTML page, and the page on data quality."""
