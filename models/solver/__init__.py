"""The ODE engine: arrays in, arrays and gradients out. See ``ARCHITECTURE.md``."""

from .solve import FAILURES, CompiledModel, Solution, SolverOptions, compile_model
from .timeline import Timeline

__all__ = [
    "FAILURES",
    "CompiledModel",
    "Solution",
    "SolverOptions",
    "Timeline",
    "compile_model",
]
