"""Large pictures are worked on strip by strip: a strip fits the caches, and each core has its own.

Divided among the cores, each of the many steps that a strip goes through would end with waiting.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

from colorization.inference.pictures.picture_arrays import STRIP_PIXELS
from similarity.backbone.precision import inference


def strips_of(height: int, width: int) -> list[slice]:
    """The rows of each strip.

    Args:
        height: of the picture.
        width: of the picture.
    """
    step = max(1, STRIP_PIXELS // width)
    return [slice(start, min(height, start + step)) for start in range(0, height, step)]


def work_on_strips(work: Callable[[slice], None], height: int, width: int) -> None:
    """Work on all rows of a picture, on as many cores as this thread computes on.

    Args:
        work: what is done to some rows; it may be doing other rows at the same time.
        height: of the picture.
        width: of the picture.
    """
    strips, cores = strips_of(height, width), torch.get_num_threads()
    if cores == 1 or len(strips) == 1:
        for rows in strips:
            work(rows)
        return
    pool = ThreadPoolExecutor(
        min(cores, len(strips)), initializer=torch.set_num_threads, initargs=(1,)
    )
    try:
        for future in [pool.submit(inference()(work), rows) for rows in strips]:
            future.result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(cores)
