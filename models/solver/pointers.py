"""Bare pointers for compiled code.

Numba counts references to arrays atomically, at every call that passes one; inside the integrator
that took longer than the arithmetic. There, arrays are passed as pointers, which are indexed in the
same way. Whoever owns an array must `hold` it until the last use of its pointer.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc"
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def pointer(typingctx, array):
    """Pointer to the first element of a C-contiguous array of 8-byte numbers."""
    if not (isinstance(array, types.Array) and array.layout == "C"):
        return None
    signature = types.CPointer(array.dtype)(array)

    def codegen(context, builder, signature, args):
        return context.make_array(signature.args[0])(context, builder, value=args[0]).data

    return signature, codegen


@intrinsic
def at(typingctx, base, count):
    """Pointer to the element ``count`` places after ``base``."""
    if not (isinstance(base, types.CPointer) and isinstance(count, types.Integer)):
        return None
    signature = base(base, types.intp)

    def codegen(context, builder, signature, args):
        size = args[1].type(8)
        return cgutils.pointer_add(builder, args[0], builder.mul(args[1], size), args[0].type)

    return signature, codegen


@intrinsic
def hold(typingctx, array):
    """Keep ``array`` alive until here."""
    signature = types.void(array)

    def codegen(context, builder, signature, args):
        return context.get_dummy_value()

    return signature, codegen
