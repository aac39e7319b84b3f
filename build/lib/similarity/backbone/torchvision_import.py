"""Import torchvision beside a CPU build of torch.

The registry's torchvision carries CUDA operators that cannot load beside CPU torch, and then
``import torchvision`` fails with "operator torchvision::nms does not exist" (pytorch/vision#9085).
Nothing here needs those operators, only their schemas must exist. Where they load, this module does
nothing but import.
"""

import importlib
import sys
from types import ModuleType

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_libraries: list[torch.library.Library] = []  # a library's definitions live as long as the object


def import_torchvision() -> ModuleType:
    """Import torchvision, defining the two missing operator schemas if its own cannot load.

    Raises:
        ImportError: torchvision is not installed.
        RuntimeError: torchvision fails for another reason.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    for name in [n for n in sys.modules if n == "torchvision" or n.startswith("torchvision.")]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for schema in _SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    _libraries.append(library)
    return importlib.import_module("torchvision")
