"""How much memory an object takes, with all that it has computed and remembered by now."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from torch import Tensor, nn


def held_bytes(holder: object) -> int:
    """Memory of all tensors and arrays that an object holds.

    What is held twice counts once, and a view counts as the whole that it keeps in memory. Networks
    do not count: they are everybody's.

    Args:
        holder: of attributes, in which are tensors, arrays, mappings, sequences or other holders.
    """
    wholes = dict[Hashable, int]()
    seen, waiting = set[int](), [holder]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, nn.Module | str | bytes):
            continue
        seen.add(id(one))
        if isinstance(one, Tensor):
            storage = one.untyped_storage()
            wholes[storage.device, storage.data_ptr()] = storage.nbytes()
        elif isinstance(one, np.ndarray):
            while isinstance(one.base, np.ndarray):
                one = one.base
            wholes[id(one)] = one.nbytes
        elif isinstance(one, Mapping):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, Sequence):
            waiting += one
        elif hasattr(one, "__dict__"):
            waiting += vars(one).values()  # at once: another thread may be computing more
    return sum(wholes.values())
