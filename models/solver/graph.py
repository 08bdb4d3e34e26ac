"""Straight-line programs as graphs, and their derivatives.

A right-hand side is a small arithmetic circuit. Here it is a directed graph whose nodes are
created once each (equal subexpressions are one node), so that common subexpressions are shared
between the function and its derivatives. `Graph.gradient` is reverse-mode differentiation on that
graph; applying it twice gives what a Rosenbrock method needs for its adjoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any

import sympy

__all__ = ["Graph", "Node"]

Node = int
FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "tanh")


@dataclass
class Graph:
    """Nodes in order of creation; arguments always precede the node that uses them.

    A node is ``(op, *args)``: ``("const", value)``, ``("in", name)``, ``("add", *nodes)``,
    ``("mul", *nodes)``, ``("powi", node, integer)``, ``("pow", base, exponent, k)`` for
    ``base**(exponent + k)``, ``("slog", node)`` for a logarithm that is 0 at 0, ``("min", a, b)``,
    ``("max", a, b)``, ``("less", a, b)`` for 1 where ``a < b`` and 0 elsewhere, or a function.
    """

    nodes: list[tuple[Any, ...]] = field(default_factory=list)
    static: list[bool] = field(default_factory=list)  # depends on parameters only
    index: dict[tuple[Any, ...], Node] = field(default_factory=dict)

    def node(self, *key: Any, static: bool | None = None) -> Node:
        """Return the node with this content, created if it is new."""
        if key not in self.index:
            self.index[key] = len(self.nodes)
            self.nodes.append(key)
            if static is None:
                static = all(self.static[a] for a in self.args(len(self.nodes) - 1))
            self.static.append(static)
        return self.index[key]

    def args(self, node: Node) -> tuple[Node, ...]:
        """Nodes that ``node`` uses."""
        op, *rest = self.nodes[node]
        if op in ("const", "in"):
            return ()
        if op == "powi":
            return (rest[0],)
        if op == "pow":
            return (rest[0], rest[1])
        return tuple(rest)

    def const(self, value: float) -> Node:
        """Return the node of a number."""
        return self.node("const", float(value), static=True)

    def input(self, name: str, *, static: bool = False) -> Node:
        """Return the node of an input, by the text that the generated code uses for it."""
        return self.node("in", name, static=static)

    def value(self, node: Node) -> float | None:
        """Return the number behind a constant node, else None."""
        op, *rest = self.nodes[node]
        return float(rest[0]) if op == "const" else None

    def add(self, *args: Node) -> Node:
        """Sum, with zeros dropped and numbers folded; parameters-only terms are grouped."""
        return self._combine("add", args, 0.0)

    def mul(self, *args: Node) -> Node:
        """Product, with ones dropped and numbers folded; parameters-only factors are grouped."""
        if any(self.value(a) == 0.0 for a in args):
            return self.const(0.0)
        return self._combine("mul", args, 1.0)

    def _combine(self, op: str, args: Sequence[Node], neutral: float) -> Node:
        number = neutral
        rest: list[Node] = []
        for a in args:
            v = self.value(a)
            if v is None:
                rest.append(a)
            else:
                number = number + v if op == "add" else number * v
        sign = op == "mul" and number == -1.0  # a change of sign is not worth a constant of its own
        if number != neutral:
            rest.append(self.const(number))
        if not rest:
            return self.const(neutral)
        rest.sort()
        fixed = [a for a in rest if self.static[a] and not (sign and self.value(a) == -1.0)]
        if 1 < len(fixed) < len(rest):
            group = self.node(op, *fixed)
            rest = sorted([a for a in rest if a not in fixed] + [group])
        return rest[0] if len(rest) == 1 else self.node(op, *rest)

    def powi(self, base: Node, n: int) -> Node:
        """Integer power."""
        v = self.value(base)
        if n == 0:
            return self.const(1.0)
        if v is not None and (v != 0 or n > 0):
            return self.const(v**n)
        return base if n == 1 else self.node("powi", base, n)

    def power(self, base: Node, exponent: Node, k: int = 0) -> Node:
        """Power ``base ** (exponent + k)``; integer exponents are recognized."""
        v = self.value(exponent)
        if v is not None and float(v).is_integer():
            return self.powi(base, int(v) + k)
        return self.node("pow", base, exponent, k)

    def from_sympy(self, expression: Any, inputs: dict[Any, Node]) -> Node:
        """Enter a SymPy expression; ``inputs`` maps its symbols to nodes.

        Raises
        ------
        ValueError
            If the expression uses something the engine cannot differentiate, by name.
        """
        known: dict[Any, Node] = dict(inputs)
        for sub in sympy.postorder_traversal(expression):
            if sub not in known:
                known[sub] = self._enter(sub, known)
        return known[expression]

    def _enter(self, sub: Any, known: dict[Any, Node]) -> Node:
        if sub.is_number:
            return self.const(float(sub))
        args = [known[a] for a in sub.args]
        if sub.is_Add:
            return self.add(*args)
        if sub.is_Mul:
            return self.mul(*args)
        if sub.is_Pow:
            if sub.base == sympy.E:
                return self.node("exp", args[1])
            return self.power(*args)
        name = type(sub).__name__
        if name in ("Min", "Max"):
            return reduce(partial(self.node, name.lower()), args)
        if name in FUNCTIONS:
            return self.node(name, *args)
        raise ValueError(
            f"{sub} cannot be differentiated here; use operators and the functions of models.math"
        )

    def reachable(self, outputs: Iterable[Node], stop: frozenset[Node] = frozenset()) -> list[Node]:
        """Nodes that ``outputs`` need, in order of evaluation; ``stop`` nodes count as inputs."""
        seen: set[Node] = set()
        todo = list(outputs)
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                if node not in stop:
                    todo.extend(self.args(node))
        return sorted(seen)

    def gradient(
        self,
        outputs: Sequence[tuple[Node, Node]],
        wrt: Sequence[Node],
        stop: frozenset[Node] = frozenset(),
    ) -> list[Node]:
        """Differentiate ``sum(seed * output)`` by reverse accumulation.

        Parameters
        ----------
        outputs : sequence of (output, seed) nodes
        wrt : sequence of nodes
            Inputs, or nodes of ``stop``.
        stop : frozenset of nodes
            Nodes treated as inputs.

        Returns
        -------
        list of Node
            One derivative per entry of ``wrt``; the node of 0.0 where nothing depends on it.
        """
        order = self.reachable([o for o, _ in outputs], stop)
        active = set(wrt)
        for node in order:
            if node not in stop and any(a in active for a in self.args(node)):
                active.add(node)
        bars: dict[Node, list[Node]] = {}
        for output, seed in outputs:
            bars.setdefault(output, []).append(seed)
        done: dict[Node, Node] = {}
        for node in reversed(order):
            if node not in active or node not in bars:
                continue
            bar = done[node] = self.add(*bars[node])
            if node in stop or not self.args(node):
                continue
            for arg, part in self._local(node, bar, active):
                bars.setdefault(arg, []).append(part)
        zero = self.const(0.0)
        return [done.get(w, zero) for w in wrt]

    def _local(self, node: Node, bar: Node, active: set[Node]) -> list[tuple[Node, Node]]:
        """Contributions of ``bar``, the adjoint of ``node``, to the adjoints of its arguments."""
        op, *rest = self.nodes[node]
        if op == "add":
            return [(a, bar) for a in rest if a in active]
        if op == "mul":
            return [
                (a, self.mul(bar, *rest[:i], *rest[i + 1 :]))
                for i, a in enumerate(rest)
                if a in active
            ]
        if op == "powi":
            base, n = rest
            return [(base, self.mul(bar, self.const(n), self.powi(base, n - 1)))]
        if op == "pow":
            return self._local_pow(node, bar, active)
        if op in ("min", "max"):
            return self._local_choice(op, rest, bar, active)
        if op == "less":
            return []
        x = rest[0]
        slope = {
            "exp": lambda: node,
            "log": lambda: self.powi(x, -1),
            "slog": lambda: self.powi(x, -1),
            "sqrt": lambda: self.mul(self.const(0.5), self.powi(node, -1)),
            "sin": lambda: self.node("cos", x),
            "cos": lambda: self.mul(self.const(-1.0), self.node("sin", x)),
            "tanh": lambda: self.add(
                self.const(1.0), self.mul(self.const(-1.0), self.powi(node, 2))
            ),
        }[op]()
        return [(x, self.mul(bar, slope))]

    def _local_choice(
        self, op: str, args: Sequence[Node], bar: Node, active: set[Node]
    ) -> list[tuple[Node, Node]]:
        a, b = args
        first = self.node("less", a, b) if op == "min" else self.node("less", b, a)
        second = self.add(self.const(1.0), self.mul(self.const(-1.0), first))
        return [(x, self.mul(bar, w)) for x, w in ((a, first), (b, second)) if x in active]

    def _local_pow(self, node: Node, bar: Node, active: set[Node]) -> list[tuple[Node, Node]]:
        _, base, exponent, k = self.nodes[node]
        parts = []
        if base in active:
            total = self.add(exponent, self.const(k))
            parts.append((base, self.mul(bar, total, self.power(base, exponent, k - 1))))
        if exponent in active:
            parts.append((exponent, self.mul(bar, node, self.node("slog", base))))
        return parts
