"""Expressions in the order of their author, as text."""

from __future__ import annotations

import sympy

__all__ = ["flatten", "text"]


def flatten(expression: sympy.Expr) -> sympy.Expr:
    """Join nested sums and products of an unevaluated expression; nothing is reordered."""
    if not expression.args:
        return expression
    args: list[sympy.Expr] = []
    joins = expression.is_Add or expression.is_Mul
    for a in map(flatten, expression.args):
        same = joins and a.func is expression.func
        args.extend(a.args if same and not (a.is_Mul and is_fraction(a)) else (a,))
    if args == list(expression.args):
        return expression
    return expression.func(*args, evaluate=False)


def is_fraction(expression: sympy.Expr) -> bool:
    """Whether a product was written as a quotient; its factors then stay together."""
    return any(a.is_Pow and a.exp.could_extract_minus_sign() for a in expression.args)


def text(expression: sympy.Expr) -> str:
    """Write an unevaluated expression as its author did: ``k6m*MA - k6*(IL6 - IL6_0)``."""
    return str(sympy.sstr(flatten(expression), order="none", full_prec=False))
