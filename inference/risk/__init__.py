"""From a fitted course to the risk of a grade: how sure, how well calibrated, how early."""
