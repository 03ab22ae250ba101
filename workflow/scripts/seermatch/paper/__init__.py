"""A published paper's tables: read, compared with the study, and audited by themselves."""
