"""Results in words: numbers, terms, tables and warnings as people read them."""
