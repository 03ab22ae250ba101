"""Survival and competing risks: curves, tests, Cox, Fine-Gray, Firth. Arrays only."""
