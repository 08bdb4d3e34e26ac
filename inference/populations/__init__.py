"""Individuals around typical values: effects, covariates, occasions, order."""
