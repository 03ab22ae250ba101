"""What SEER*Stat writes: dictionaries, field names, layouts, lines, codes and labels."""
