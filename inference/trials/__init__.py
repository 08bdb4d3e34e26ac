"""What if: virtual trials, counterfactuals on fitted patients, and the search for a regimen."""
