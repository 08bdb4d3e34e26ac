"""From a posterior density to draws: starting points, samplers, progress."""
