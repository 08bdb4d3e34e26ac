"""Compile a model: write its module, keep it in the user's cache, load it.

The module's name is the hash of its own source, so a changed model or a changed integrator can
never meet machine code that was made for another. A process that finds the module in the cache
starts with the machine code of the earlier one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
import platformdirs

from ..errors import ModelError
from ..ode import OdeModel
from ..symbolic import trace
from . import driver, events, generated, pointers, steady, steps, stiff
from .codegen import Functions, generate_functions
from .explicit import explicit_source

__all__ = ["METHODS", "load_module", "module_source"]

METHODS = ("auto", "explicit", "stiff")

_HEADER = '''"""A model compiled by cytobayes. Made by machine; changes are lost."""
import math

import numba
import numpy as np

{pointers}
FAST = {{"contract", "reassoc", "arcp", "nsz"}}
entry = numba.njit(error_model="numpy", fastmath=FAST, nogil=True, cache=True)
compiled = numba.njit(
    error_model="numpy", fastmath=FAST, no_cpython_wrapper=True, no_cfunc_wrapper=True
)  # parts of the two entries; wrapping and caching each would double the time to compile


@compiled
def power(x, a):
    """x ** a; a negative base, which only rounding can give, counts as zero."""
    if a == 1.0:
        return x
    if a == 2.0:
        return x * x
    if a == 3.0:
        return x * x * x
    if a == 4.0:
        return (x * x) * (x * x)
    if a == 0.0:
        return 1.0
    if x <= 0.0:
        return 0.0 if a > 0.0 else math.inf
    if a == 0.5:
        return math.sqrt(x)
    if a == 1.5:
        return x * math.sqrt(x)
    return x ** a


@compiled
def slope_power(x, a):
    """x ** a inside a derivative: 0 where it is infinite, at a state that is still zero."""
    return 0.0 if x <= 0.0 and a < 0.0 else power(x, a)


@compiled
def lower_power(x, a, higher, divisor):
    """x ** a from a higher power of x and the quotient of the two."""
    return higher / divisor if x > 0.0 else slope_power(x, a)


@compiled
def safe_log(x):
    """log(x), and 0 at 0, where it only multiplies powers that vanish."""
    return math.log(x) if x > 0.0 else 0.0

'''


def _wrappers(n: int, *, with_stiff: bool) -> str:
    """Array versions of the generated scalar functions."""
    y = ", ".join(f"y[{i}]" for i in range(n))
    g = ", ".join(f"g[{i}]" for i in range(n))
    out = "".join(f"out[{i}], " for i in range(n))
    always = f"""
@compiled
def rhs_into(t, y, c, out):
    {out}= rhs(t, {y}, c)


@compiled
def vjp_into(t, y, g, c, out, cbar):
    {out}= vjp(t, {y}, {g}, c, cbar)
"""
    if not with_stiff:
        return always
    return f"""{always}

@compiled
def jacobian_of(t, y, c, J, ft):
    jacobian(t, {y}, c, J, ft)


@compiled
def curvature_into(t, y, M, w, c, out, cbar):
    {out}= curvature(t, {y}, M, w, c, cbar)

"""


def _literals(functions: Functions, infused: Sequence[int], method: str) -> str:
    n = functions.n_states
    log = [bool(x) for x in functions.log_states]
    return f"""
N, M, RATES = {n}, {functions.n_parameters}, {functions.n_infused}
CONSTANTS, ADJOINTS = {functions.n_constants}, {functions.n_adjoint}
WIDTH = {2 + (6 if method == "explicit" else 9) * n}
EXPLICIT, STIFF = {method != "stiff"}, {method != "explicit"}
INFUSED = np.array({list(infused) or [0]}, dtype=np.int64)
LOG = np.array({log}, dtype=np.bool_)
SAVED = N + 2
"""


def _constants(module: ModuleType) -> str:
    """Literal constants of an integrator module, as source."""
    kept = []
    for name, value in vars(module).items():
        functions = isinstance(value, tuple) and callable(value[0])
        if name.isupper() and not functions and not hasattr(generated, name):
            kept.append(f"{name} = {value!r}")
    return "\n".join(kept)


_NO_STIFF = """
@compiled
def stiff_step(t, h, y, c, atol, rtol, tape, slot, ynew, work):
    return math.nan


@compiled
def stiff_adjoint(t, h, tape, slot, lam, c, cbar, work):
    pass
"""
_NO_STEADY = """
@compiled
def find_cycle(j, y, saved, c, timeline, tolerance, control, work):
    return NO_STEADY_STATE


@compiled
def cycle_vjp(j, y, lam, c, cbar, timeline, tolerance, control, work):
    return math.nan
"""


def _integrator(*, with_stiff: bool, with_steady: bool) -> str:
    """Source of the integrator; parts that a model does not need are replaced by stubs."""
    parts = []
    for module in (stiff, steps, steady, events, driver):
        functions = list(module.FUNCTIONS)
        if module is stiff and not with_stiff:
            functions = []
            parts.append(_NO_STIFF)
        if module is steady and not with_steady:
            functions = list(steady.BASIC)
            parts.append(_NO_STEADY)
        parts.append(_constants(module))
        parts += [f"@compiled\n{inspect.getsource(f)}" for f in functions]
    parts += [f"@entry\n{inspect.getsource(f)}" for f in driver.ENTRIES]
    return "\n\n".join(parts)


def module_source(
    model: OdeModel,
    method: str,
    infused: Sequence[str],
    wrt: Iterable[str] | None,
    *,
    with_steady: bool,
) -> str:
    """Complete source of the compiled module of ``model``."""
    if method not in METHODS:
        raise ModelError(f"method must be one of {METHODS}, got {method!r}")
    names, states = model.parameter_names, model.state_names
    positions = [states.index(s) for s in infused]
    functions = generate_functions(
        trace(model),
        log_states=[s.log for s in model.states],
        infused=positions,
        wrt=None if wrt is None else [names.index(p) for p in wrt],
        stiff=method != "explicit",
    )
    parts = [
        _HEADER.format(pointers=inspect.getsource(pointers)),
        functions.source,
        _wrappers(functions.n_states, with_stiff=method != "explicit"),
        explicit_source(functions.n_states),
        _literals(functions, positions, method),
        _integrator(with_stiff=method != "explicit", with_steady=with_steady),
    ]
    return "\n\n".join(parts)


def source_hash(source: str) -> str:
    """Hash of a module's source and of the compiler that will read it."""
    text = f"{source}\nnumba {numba.__version__}, numpy {np.__version__}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def cache_folder() -> Path:
    """Folder of compiled models: ``CYTOBAYES_CACHE`` or the user's cache folder."""
    named = os.environ.get("CYTOBAYES_CACHE")
    folder = Path(named) if named else Path(platformdirs.user_cache_dir("cytobayes")) / "models"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="cytobayes-"))


def load_module(source: str) -> ModuleType:
    """Import the module with this source, from the cache where it is there."""
    name = f"cytobayes_model_{source_hash(source)}"
    if name in sys.modules:
        return sys.modules[name]
    path = cache_folder() / f"{name}.py"
    if not path.exists():
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8"
        ) as part:
            part.write(source)
        os.replace(part.name, path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
