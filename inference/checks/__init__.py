"""Can a fit be trusted? One diagnostic per file."""

from .convergence import Convergence, convergence

__all__ = ["Convergence", "convergence"]
