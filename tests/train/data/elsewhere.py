"""A stand-in for a second device: tensors that refuse to be mixed with those of the CPU, as CUDA's do.

Numbers are computed on the CPU, so that results must be equal to the bit. Like CUDA, an operation takes tensors of one
device (and single numbers of the CPU), and NumPy cannot read them.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

ELSEWHERE = torch.device("meta")  # a device that every build of torch names
MOVES = {torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default}
READS = {torch.ops.aten._local_scalar_dense.default}


class There(torch.Tensor):
    """A tensor of the stand-in; ``inner`` holds its numbers."""

    @staticmethod
    def __new__(cls, inner):
        made = torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), dtype=inner.dtype, device=ELSEWHERE
        )
        made.inner = inner
        return made

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function is torch.Tensor.__getitem__:  # torch puts the numbers of a list straight on the tensor's device
            places = args[1] if isinstance(args[1], tuple) else (args[1],)
            args = args[0], tuple(There(torch.tensor(each)) if isinstance(each, list) else each for each in places)
        with torch._C.DisableTorchFunctionSubclass():
            return function(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})

    def numpy(self, **_):
        raise TypeError("can't convert a tensor of another device to numpy; use .cpu() first")

    def tolist(self):
        return self.inner.tolist()


def run(function, args, kwargs):
    """Run an operation on the inner tensors, and wrap what it returns."""
    given = []

    def unwrap(value):
        if isinstance(value, torch.Tensor):
            given.append(value)
        return value.inner if isinstance(value, There) else value

    args, kwargs = tree_map(unwrap, args), tree_map(unwrap, kwargs)
    there = any(isinstance(each, There) for each in given)
    mixed = there and any(not isinstance(each, There) and each.ndim for each in given)
    chosen = function is torch.ops.aten.index.Tensor and isinstance(given[0], There)  # places may be on the CPU
    if mixed and not chosen and function not in MOVES:
        raise RuntimeError(f"{function}: expected all tensors to be on the same device")
    wanted = kwargs.get("device")
    if wanted is not None:
        there = torch.device(wanted) == ELSEWHERE
        kwargs["device"] = torch.device("cpu")
    found = function(*args, **kwargs)
    if function in READS or not there:
        return found
    if function is torch.ops.aten.copy_.default or function._schema.name.endswith("_"):
        return given[0]
    return tree_map(lambda value: There(value) if isinstance(value, torch.Tensor) else value, found)


class Elsewhere(TorchDispatchMode):
    """Inside the block, tensors can be made on the stand-in and moved to it and back."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})
