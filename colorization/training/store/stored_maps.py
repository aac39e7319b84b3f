"""Crops of photos with the frozen encoder's maps, read at random while training.

The encoder costs more than the network that is trained, and never changes: a step that reads its
maps costs only matching, network and losses.

A folder holds ``crops.bin``, one record of fixed size a crop; ``photos.bin``, the number of the
photo that each few crops are of; ``plan.json``, what is stored; and ``store.npz``, written last:
which photos resemble which, and how frequent each color is.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from colorization.network.color_bins import NUM_BINS
from colorization.network.colorization_network import ENCODER_MAPS

CROPS, PHOTOS, PLAN, STORE = "crops.bin", "photos.bin", "plan.json", "store.npz"
AB_STRIDE = 2  # of the stored chroma


@dataclass(frozen=True)
class StoreOptions:
    """What is stored of each photo.

    Attributes:
        side: of the crops in pixels, a multiple of 32.
        crops: of each photo.
        cover: smallest share of the photo's short side in a crop.
        seed: of what is drawn.

    Raises:
        ValueError: a value is out of range.
    """

    side: int = 192
    crops: int = 3
    cover: float = 0.62
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        if self.side < 64 or self.side % 32:
            raise ValueError(f"side must be a multiple of 32 from 64, not {self.side}")
        if self.crops < 1 or not 0 < self.cover <= 1:
            values = f"{self.crops} and {self.cover:g}"
            raise ValueError(f"crops must be positive and cover within 0..1, not {values}")

    @property
    def record(self) -> np.dtype:
        """The layout of a crop in the file."""
        maps = [
            (name, np.float16, (self.side // int(name.removeprefix("stride")),) * 2 + (channels,))
            for name, channels in ENCODER_MAPS.items()
        ]
        cells = self.side // AB_STRIDE
        planes = [("luminance", np.uint8, (self.side,) * 2), ("ab", np.int8, (cells, cells, 2))]
        return np.dtype([*maps, *planes])


@dataclass(frozen=True)
class Crops:
    """Crops that were read.

    Attributes:
        maps: the encoder's standardised maps, by name.
        luminance: L, 0..100, with its tones spread.
        ab: chroma at stride 2, raw Lab units.
    """

    maps: dict[str, Float[Tensor, "batch _channels _height _width"]]
    luminance: Float[Tensor, "batch 1 side side"]
    ab: Float[Tensor, "batch 2 cells cells"]

    def take(self, rows: list[int]) -> "Crops":
        """Some of them, by their places among these."""
        maps = {name: values[rows] for name, values in self.maps.items()}
        return Crops(maps, self.luminance[rows], self.ab[rows])


class MapStore:
    """A finished store, read at random.

    Attributes:
        options: what is stored of each photo.
        like: the photos that resemble each, best first.
        prior: share of each color bin.
        key: tells stores apart.
    """

    def __init__(self, folder: Path) -> None:
        """Open a store.

        Args:
            folder: of write_store.

        Raises:
            FileNotFoundError: there is none, or it is not finished.
            ValueError: its files do not belong together.
        """
        if not (folder / STORE).is_file():
            raise FileNotFoundError(
                f"{folder}: no finished store; write it with scripts/train store"
            )
        plan = json.loads((folder / PLAN).read_text())
        self.encoder_hash: str = plan["encoder"]
        self.options = StoreOptions(**{k: plan[k] for k in ("side", "crops", "cover", "seed")})
        with np.load(folder / STORE) as arrays:
            self.like: Int[np.ndarray, "photos count"] = arrays["like"]
            self.prior: Float[Tensor, " bins"] = torch.from_numpy(arrays["prior"])
        self._record = self.options.record
        self._file = os.open(folder / CROPS, os.O_RDONLY)
        size = os.fstat(self._file).st_size
        if size != len(self) * self.options.crops * self._record.itemsize:
            raise ValueError(f"{folder}: crops.bin and store.npz do not belong together")
        if self.prior.shape != (NUM_BINS,):
            raise ValueError(f"{folder}: counts {len(self.prior)} colors, not {NUM_BINS}")
        self.key = hashlib.sha256(json.dumps(plan).encode() + self.like.tobytes()).hexdigest()[:16]

    def __len__(self) -> int:
        """How many photos."""
        return len(self.like)

    def __del__(self) -> None:
        """Close the file."""
        if hasattr(self, "_file"):
            os.close(self._file)

    def read(self, rows: Int[np.ndarray, " batch"], dtype: torch.dtype = torch.float32) -> Crops:
        """Read crops.

        Args:
            rows: numbers of crops; those of photo i are from ``i * options.crops`` on.
            dtype: of the maps.
        """
        records = np.empty(len(rows), self._record)
        size = self._record.itemsize
        view = records.view(np.uint8).reshape(len(rows), size)
        for place, row in enumerate(rows):
            os.preadv(self._file, [view[place].data], int(row) * size)
        maps = {
            name: torch.from_numpy(records[name]).to(dtype).permute(0, 3, 1, 2)
            for name in ENCODER_MAPS
        }
        luminance = torch.from_numpy(records["luminance"]).float()[:, None] / 2.55
        return Crops(maps, luminance, torch.from_numpy(records["ab"]).float().permute(0, 3, 1, 2))
