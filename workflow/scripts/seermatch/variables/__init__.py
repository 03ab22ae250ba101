"""What a study file declares: its language, variables, conditions, and how they are derived."""
