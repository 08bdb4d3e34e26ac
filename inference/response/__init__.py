"""From exposure to outcome: exposure metrics, non-compartmental analysis, exposure-response."""
