"""What estimators share: checks, design matrices, splines, proportions, estimates. Arrays only."""
