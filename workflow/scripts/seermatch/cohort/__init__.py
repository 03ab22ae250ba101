"""From records to the cohort: criteria, recodes, the merge of the exports, and data quality."""
