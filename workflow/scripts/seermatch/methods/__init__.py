"""The methods section of a manuscript, written from the configuration and public tables."""
