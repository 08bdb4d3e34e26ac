"""From a traced model to the source text of its compiled functions.

The generated module holds straight-line functions of scalars (`rhs`, `vjp`, `jacobian`, ...),
followed by the integrator: the step of each method and the driver, which are ordinary functions
of this package (`driver`, `stiff`) copied into the module so that the compiler sees one unit.

All functions share one vector of constants ``c``: the parameters, then the infusion rates, then
subexpressions of parameters only (``K**n`` and the like), which `prepare` computes once per
subject instead of once per stage. Adjoints of the first three parts accumulate in ``cbar``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sympy

from ..symbolic import Trace
from .graph import Graph, Node

__all__ = ["Functions", "generate_functions"]


@dataclass(frozen=True)
class Functions:
    """Generated source and the sizes that the driver needs as literals."""

    source: str
    n_states: int
    n_parameters: int
    n_infused: int
    n_constants: int
    n_adjoint: int
    log_states: tuple[bool, ...]


class Emitter:
    """Writes nodes of a graph as statements of one function."""

    def __init__(self, graph: Graph, loads: dict[Node, str]) -> None:
        self.graph, self.loads = graph, loads

    def body(self, outputs: Iterable[Node]) -> list[str]:
        """Write the assignments that ``outputs`` need."""
        needed = self.graph.reachable(outputs, frozenset(self.loads))
        powers: dict[tuple[Node, Node], dict[int, Node]] = {}
        lines = []
        for node in needed:
            if node in self.loads:
                lines.append(f"v{node} = {self.loads[node]}")
            elif self.graph.nodes[node][0] != "const":
                lines.append(f"v{node} = {self._text(node, powers)}")
            if self.graph.nodes[node][0] == "pow" and node not in self.loads:
                _, base, exponent, k = self.graph.nodes[node]
                powers.setdefault((base, exponent), {})[k] = node
        return lines

    def name(self, node: Node) -> str:
        """Text of an operand."""
        value = self.graph.value(node)
        return f"v{node}" if value is None else f"({value!r})"

    def _text(self, node: Node, powers: dict[tuple[Node, Node], dict[int, Node]]) -> str:
        op, *rest = self.graph.nodes[node]
        if op == "in":
            return str(rest[0])
        if op in ("add", "mul"):
            return (" + " if op == "add" else " * ").join(self.name(a) for a in rest)
        if op == "powi":
            return _integer_power(self.name(rest[0]), rest[1])
        if op == "pow":
            return self._power(node, powers)
        if op == "slog":
            return f"safe_log({self.name(rest[0])})"
        if op in ("min", "max"):
            return f"{op}({self.name(rest[0])}, {self.name(rest[1])})"
        if op == "less":
            return f"1.0 if {self.name(rest[0])} < {self.name(rest[1])} else 0.0"
        return f"math.{op}({self.name(rest[0])})"

    def _power(self, node: Node, powers: dict[tuple[Node, Node], dict[int, Node]]) -> str:
        """``x**(a+k)``, by division where ``x**(a+j)`` with ``j > k`` is already there."""
        _, base, exponent, k = self.graph.nodes[node]
        x, a = self.name(base), self.name(exponent)
        total = a if k == 0 else f"({a} + ({float(k)!r}))"
        higher = {j: n for j, n in powers.get((base, exponent), {}).items() if j > k}
        if not higher:
            return f"{'power' if k >= 0 else 'slope_power'}({x}, {total})"
        j = min(higher)
        return f"lower_power({x}, {total}, {self.name(higher[j])}, {_integer_power(x, j - k)})"


def _integer_power(x: str, n: int) -> str:
    if n < 0:
        return f"1.0 / ({_integer_power(x, -n)})"
    if n > 8:
        return f"{x} ** {n}"
    return " * ".join([x] * n)


class _Program:
    """The graph of one model and the layout of its constants."""

    def __init__(self, trace: Trace, log_states: Sequence[bool], infused: Sequence[int]) -> None:
        self.graph = graph = Graph()
        self.n, self.m, self.infused = len(trace.y), len(trace.p), tuple(infused)
        self.log = tuple(log_states)
        self.t = graph.input("t")
        self.y = [graph.input(f"y{i}") for i in range(self.n)]
        self.g = [graph.input(f"g{i}") for i in range(self.n)]
        self.p = [graph.input(f"c[{j}]", static=True) for j in range(self.m)]
        self.r = [graph.input(f"c[{self.m + k}]") for k in range(len(infused))]
        self.rhs = self._enter_rhs(trace)
        self.initial = self._enter_initial(trace)
        used = graph.reachable(self.rhs)
        self.slots = sorted(
            {a for v in used if not graph.static[v] for a in graph.args(v) if self._computed(a)}
            | {v for v in self.rhs if self._computed(v)}
        )
        first = self.m + len(infused)
        self.loads = {node: f"c[{first + k}]" for k, node in enumerate(self.slots)}
        self.aux: list[Node] = []
        self.stop = frozenset(self.slots)

    def _computed(self, node: Node) -> bool:
        """Whether a node is worth computing once: of parameters only, and not just one negated."""
        graph = self.graph
        if not graph.static[node] or graph.nodes[node][0] in ("const", "in"):
            return False
        args = graph.args(node)
        negated = graph.nodes[node][0] == "mul" and any(graph.value(a) == -1.0 for a in args)
        return not (negated and len(args) == 2 and not any(self._computed(a) for a in args))

    def _enter_rhs(self, trace: Trace) -> list[Node]:
        graph = self.graph
        values = [
            graph.node("exp", y) if log else y for y, log in zip(self.y, self.log, strict=True)
        ]
        inputs = dict(zip((trace.t, *trace.y, *trace.p), (self.t, *values, *self.p), strict=True))
        out = []
        for i, expression in enumerate(trace.rhs):
            if self.log[i]:
                expression = sympy.expand(expression / trace.y[i])
            node = graph.from_sympy(sympy.sympify(expression), inputs)
            if i in self.infused:
                rate = self.r[self.infused.index(i)]
                if self.log[i]:
                    rate = graph.mul(rate, graph.powi(values[i], -1))
                node = graph.add(node, rate)
            out.append(node)
        return out

    def _enter_initial(self, trace: Trace) -> list[Node]:
        graph = self.graph
        inputs = dict(zip(trace.p, self.p, strict=True))
        values = [graph.from_sympy(sympy.sympify(e), inputs) for e in trace.initial]
        return [graph.node("log", v) if log else v for v, log in zip(values, self.log, strict=True)]

    @property
    def n_adjoint(self) -> int:
        return self.m + len(self.infused) + len(self.slots)

    def constants(self, wrt: frozenset[int]) -> list[tuple[int, Node]]:
        """Position in ``c`` and node of each constant whose adjoint is wanted."""
        graph = self.graph
        chosen = {self.p[j] for j in wrt}
        pairs = [(j, self.p[j]) for j in sorted(wrt)]
        pairs += [(self.m + k, node) for k, node in enumerate(self.r)]
        first = self.m + len(self.infused)
        for k, slot in enumerate(self.slots):
            if chosen & set(graph.reachable([slot])):
                pairs.append((first + k, slot))
        return pairs

    def lines(self, outputs: Sequence[Node]) -> tuple[list[str], Emitter]:
        """Statements for ``outputs``, with parameters-only parts moved to `prepare`."""
        graph = self.graph
        for node in graph.reachable(outputs, frozenset(self.loads)):
            if graph.static[node] and self._computed(node):
                continue
            for a in graph.args(node):
                if self._computed(a) and a not in self.loads:
                    self.loads[a] = f"c[{self.n_adjoint + len(self.aux)}]"
                    self.aux.append(a)
        emitter = Emitter(graph, self.loads)
        return emitter.body(outputs), emitter


def _function(name: str, arguments: Sequence[str], lines: Sequence[str]) -> str:
    body = "\n    ".join([*lines, ""] if lines else ["pass", ""])
    return f"@compiled\ndef {name}({', '.join(arguments)}):\n    {body}\n"


def _tuple(items: Sequence[str]) -> str:
    return f"return ({', '.join(items)},)"


def generate_functions(
    trace: Trace,
    *,
    log_states: Sequence[bool],
    infused: Sequence[int] = (),
    wrt: Iterable[int] | None = None,
    stiff: bool = True,
) -> Functions:
    """Write the model's functions as Python source for numba.

    Parameters
    ----------
    trace : Trace
        Expressions of the model.
    log_states : sequence of bool
        States that are integrated as logarithms.
    infused : sequence of int
        States that receive infusions.
    wrt : iterable of int, optional
        Parameters whose gradient is wanted; default all.
    stiff : bool
        Also write what the Rosenbrock method needs.
    """
    program = _Program(trace, log_states, infused)
    chosen = frozenset(range(program.m)) if wrt is None else frozenset(wrt)
    parts = [_rhs(program), _vjp(program, chosen)]
    if stiff:
        parts += [_jacobian(program), _curvature(program, chosen)]
    parts += [_initial(program), _initial_vjp(program, chosen)]
    parts += [_prepare(program), _fold(program, chosen)]
    return Functions(
        source="\n\n".join(parts),
        n_states=program.n,
        n_parameters=program.m,
        n_infused=len(program.infused),
        n_constants=program.n_adjoint + len(program.aux),
        n_adjoint=program.n_adjoint,
        log_states=program.log,
    )


def _scalars(letter: str, n: int) -> list[str]:
    return [f"{letter}{i}" for i in range(n)]


def _rhs(program: _Program) -> str:
    lines, emitter = program.lines(program.rhs)
    result = _tuple([emitter.name(v) for v in program.rhs])
    return _function("rhs", ["t", *_scalars("y", program.n), "c"], [*lines, result])


def _vjp(program: _Program, wrt: frozenset[int]) -> str:
    constants = program.constants(wrt)
    bars = program.graph.gradient(
        list(zip(program.rhs, program.g, strict=True)),
        [*program.y, *(node for _, node in constants)],
        program.stop,
    )
    return _accumulating(
        program, "vjp", ["t", *_scalars("y", program.n), *_scalars("g", program.n)], bars, constants
    )


def _accumulating(
    program: _Program,
    name: str,
    arguments: Sequence[str],
    bars: Sequence[Node],
    constants: Sequence[tuple[int, Node]],
) -> str:
    """Write a function that returns the adjoints of states and adds the others to ``cbar``."""
    lines, emitter = program.lines(bars)
    for (position, _), bar in zip(constants, bars[program.n :], strict=True):
        if program.graph.value(bar) != 0.0:
            lines.append(f"cbar[{position}] += {emitter.name(bar)}")
    result = _tuple([emitter.name(b) for b in bars[: program.n]])
    return _function(name, [*arguments, "c", "cbar"], [*lines, result])


def _jacobian_nodes(program: _Program) -> tuple[dict[tuple[int, int], Node], dict[int, Node]]:
    """Nonzero entries of df/dy and of df/dt."""
    graph, one = program.graph, program.graph.const(1.0)
    entries: dict[tuple[int, int], Node] = {}
    times: dict[int, Node] = {}
    for a, f in enumerate(program.rhs):
        row = graph.gradient([(f, one)], [*program.y, program.t], program.stop)
        entries |= {(a, b): v for b, v in enumerate(row[:-1]) if graph.value(v) != 0.0}
        if graph.value(row[-1]) != 0.0:
            times[a] = row[-1]
    return entries, times


def _jacobian(program: _Program) -> str:
    entries, times = _jacobian_nodes(program)
    lines, emitter = program.lines([*entries.values(), *times.values()])
    lines += [f"J[{a * program.n + b}] = {emitter.name(v)}" for (a, b), v in entries.items()]
    lines += [f"ft[{a}] = {emitter.name(v)}" for a, v in times.items()]
    return _function("jacobian", ["t", *_scalars("y", program.n), "c", "J", "ft"], lines)


def _curvature(program: _Program, wrt: frozenset[int]) -> str:
    """Adjoint of ``sum(M * df/dy) + sum(w * df/dt)`` with respect to states and constants."""
    graph = program.graph
    entries, times = _jacobian_nodes(program)
    seeds = [(v, graph.input(f"M[{a * program.n + b}]")) for (a, b), v in entries.items()]
    seeds += [(v, graph.input(f"w[{a}]")) for a, v in times.items()]
    constants = program.constants(wrt)
    bars = graph.gradient(seeds, [*program.y, *(node for _, node in constants)], program.stop)
    return _accumulating(
        program, "curvature", ["t", *_scalars("y", program.n), "M", "w"], bars, constants
    )


def _initial(program: _Program) -> str:
    emitter = Emitter(program.graph, {})
    lines = emitter.body(program.initial)
    lines += [f"y[{i}] = {emitter.name(v)}" for i, v in enumerate(program.initial)]
    return _function("initial", ["c", "y"], lines)


def _initial_vjp(program: _Program, wrt: frozenset[int]) -> str:
    graph = program.graph
    seeds = [(v, graph.input(f"ybar[{i}]")) for i, v in enumerate(program.initial)]
    positions = sorted(wrt)
    bars = graph.gradient(seeds, [program.p[j] for j in positions])
    emitter = Emitter(graph, {})
    lines = emitter.body(bars)
    for j, bar in zip(positions, bars, strict=True):
        if graph.value(bar) != 0.0:
            lines.append(f"cbar[{j}] += {emitter.name(bar)}")
    return _function("initial_vjp", ["c", "ybar", "cbar"], lines)


def _prepare(program: _Program) -> str:
    emitter = Emitter(program.graph, {})
    nodes = [*program.slots, *program.aux]
    lines = emitter.body(nodes)
    first = program.m + len(program.infused)
    lines += [f"c[{first + k}] = {emitter.name(v)}" for k, v in enumerate(nodes)]
    return _function("prepare", ["c"], lines)


def _fold(program: _Program, wrt: frozenset[int]) -> str:
    """Pass the adjoints of the computed constants on to the parameters, and clear them."""
    graph = program.graph
    first = program.m + len(program.infused)
    seeds = [(v, graph.input(f"cbar[{first + k}]")) for k, v in enumerate(program.slots)]
    positions = sorted(wrt)
    bars = graph.gradient(seeds, [program.p[j] for j in positions])
    emitter = Emitter(graph, {})
    lines = emitter.body(bars)
    for j, bar in zip(positions, bars, strict=True):
        if graph.value(bar) != 0.0:
            lines.append(f"cbar[{j}] += {emitter.name(bar)}")
    lines += [f"cbar[{first + k}] = 0.0" for k in range(len(program.slots))]
    return _function("fold", ["c", "cbar"], lines)
