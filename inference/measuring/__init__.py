"""How measurements scatter: errors, outcomes, censoring, assays, published arms."""
