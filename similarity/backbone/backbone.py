"""The frozen feature network, by name: luminance in, VGG-19 activations out."""

import contextlib
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from similarity.backbone.pretrained import DEFAULT_BACKBONE, WEIGHTS_DIR, hash_weights, read_shards
from similarity.backbone.torchvision_import import import_torchvision
from similarity.backbone.vgg19 import FULL, SLIM, VGG19, VGG19Config

BACKBONES = ("vgg19-slim", "vgg19")
SHARD_BYTES = 3_900_000
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Normalisation:
    """Mean and deviation, per input channel, of luminance scaled to 0..1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


SLIM_NORMALISATION = Normalisation((0.5,), (0.25,))
IMAGENET_NORMALISATION = Normalisation(_IMAGENET_MEAN, _IMAGENET_STD)


class Backbone(nn.Module):
    """A VGG-19 that reads luminance.

    Attributes:
        name: one of BACKBONES.
        weights_hash: first 16 hexadecimal digits of the SHA-256 of the weights.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, name: str, network: VGG19, normalisation: Normalisation, weights_hash: str
    ) -> None:
        super().__init__()
        self.name, self.weights_hash = name, weights_hash
        folded = network.folded() if network.config.batch_norm else network
        self.network = folded.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for key in ("mean", "std"):
            values = torch.tensor(getattr(normalisation, key), dtype=torch.float32, device="cpu")
            self.register_buffer(key, values.view(1, -1, 1, 1), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.mean.device

    def forward(
        self, luminance: Float[Tensor, "batch 1 height width"], layers: Sequence[str]
    ) -> dict[str, Float[Tensor, "..."]]:
        """Compute activations by name, in float32.

        Args:
            luminance: L in 0..100.
            layers: see VGG19.forward; sides must be at least 16 (32 for pool5, fc6, logits).

        Returns:
            Activations by name, computed in bfloat16 where the processor has instructions for it.
        """
        x = (luminance.to(self.device) / 100.0 - self.mean) / self.std
        x = x.contiguous(memory_format=torch.channels_last)
        with autocast(self.device):
            found = self.network(x, layers)
        return {name: value.float() for name, value in found.items()}


def autocast(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Bfloat16 autocast where it is faster: on GPUs, and on processors with AVX512-BF16 or AMX."""
    fast = device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16) if fast else contextlib.nullcontext()


@contextlib.contextmanager
def inference() -> Iterator[None]:
    """Compute without gradients, in the precision and on the device chosen here, whatever the program around has set."""
    place = (
        contextlib.nullcontext()
        if torch.get_default_device().type == "cpu"
        else torch.device("cpu")
    )
    with (
        torch.inference_mode(),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False),
        place,
    ):
        yield


def load_backbone(
    name: str = DEFAULT_BACKBONE,
    weights_path: Path | str | None = None,
    device: torch.device | str = "cpu",
    weights_dir: Path = WEIGHTS_DIR,
) -> Backbone:
    """Load a backbone with its weights.

    Args:
        name: ``vgg19-slim`` (bundled) or ``vgg19`` (torchvision's ImageNet weights).
        weights_path: for ``vgg19``, a file of torchvision's layout (.pth or .safetensors) instead
            of its download.
        device: where to put it.
        weights_dir: folder of the shards of ``vgg19-slim``.

    Returns:
        The backbone, frozen.

    Raises:
        ValueError: unknown name or device, weights of another layout, or weights_path given for the
            bundled backbone.
        FileNotFoundError: weights_path does not exist, or torchvision's weights are neither cached
            nor downloadable.
    """
    place = usable_device(device)
    if name not in BACKBONES:
        raise ValueError(f"unknown backbone {name!r}; known: {', '.join(BACKBONES)}")
    if name == "vgg19-slim":
        if weights_path is not None:
            raise ValueError(
                "weights of one's own belong to the backbone vgg19; vgg19-slim brings its own"
            )
        state, normalisation = load_bundled("vgg19-slim", weights_dir), SLIM_NORMALISATION
        network = _filled(SLIM, state, weights_dir, name)
    else:
        state, normalisation = _vgg19_state(weights_path), IMAGENET_NORMALISATION
        network = _filled(FULL, state, weights_path or name)
    return Backbone(name, network, normalisation, hash_tensors(state)).to(place)


def load_torchvision_vgg19(weights_path: Path | None = None) -> VGG19:
    """Load the RGB VGG-19 of torchvision itself, for what looks at colors.

    Args:
        weights_path: a file of torchvision's layout instead of its download.

    Raises:
        ValueError, FileNotFoundError: see load_backbone.
    """
    return _filled(FULL, _vgg19_state(weights_path), weights_path or "vgg19")


def _vgg19_state(weights_path: Path | str | None) -> dict[str, Tensor]:
    return _read_state(Path(weights_path)) if weights_path else _torchvision_state()


def _filled(
    config: VGG19Config,
    state: dict[str, Tensor],
    where: Path | str,
    wanted: str = "torchvision's vgg19",
) -> VGG19:
    # without weights: drawing them at random takes longer than reading those of the file
    with torch.device("meta"):
        network = VGG19(config).float()
    try:
        network.load_state_dict(
            {k: v.to(p.dtype) for (k, v), p in _paired(state, network)}, assign=True
        )
    except (RuntimeError, KeyError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ValueError(f"{where}: not the weights of {wanted} ({cause})") from error
    return network


def usable_device(device: torch.device | str) -> torch.device:
    """The device of a name.

    Raises:
        ValueError: there is no such device on this machine.
    """
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0].split(". ")[0]
        raise ValueError(f"device {device} cannot be used here ({first})") from error
    return place


def load_bundled(stem: str, weights_dir: Path = WEIGHTS_DIR) -> dict[str, Tensor]:
    """Read the safetensors shards ``<stem>-*.safetensors`` that come with the package; errors as in read_shards."""
    return read_shards(stem, weights_dir, load_file)


def write_bundled(stem: str, state: dict[str, Tensor], weights_dir: Path) -> int:
    """Write weights as safetensors shards of less than 4 MB, convolutions in half precision, the rest as it is.

    A single tensor that is larger gets a shard of its own, above the limit.

    Returns:
        How many shards.
    """
    # batch norm and biases stay exact
    small = {k: (v.half() if v.ndim > 1 else v).contiguous() for k, v in state.items()}
    shards: list[dict[str, Tensor]] = [{}]
    for key, value in small.items():
        if shards[-1] and sum(v.nbytes for v in shards[-1].values()) + value.nbytes > SHARD_BYTES:
            shards.append({})
        shards[-1][key] = value
    weights_dir.mkdir(parents=True, exist_ok=True)
    for old in weights_dir.glob(f"{stem}-*-of-*.safetensors"):
        old.unlink()
    for i, shard in enumerate(shards, 1):
        path = weights_dir / f"{stem}-{i}-of-{len(shards)}.safetensors"
        save_file(shard, path)
        path.chmod(0o644)  # safetensors writes files that only their owner can read
    return len(shards)


def hash_tensors(state: dict[str, Tensor]) -> str:
    """First 16 hexadecimal digits of the SHA-256 over names, types and values, in name order."""
    return hash_weights((key, str(state[key].dtype), _bytes(state[key])) for key in sorted(state))


def _bytes(value: Tensor) -> bytes:
    return value.cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()


def _paired(state: dict[str, Tensor], network: VGG19) -> list[tuple[tuple[str, Tensor], Tensor]]:
    own = network.state_dict()
    missing = own.keys() ^ state.keys()
    if missing:
        raise KeyError(f"missing or unexpected: {', '.join(sorted(missing)[:3])}")
    return [((key, value), own[key]) for key, value in state.items()]


def _read_state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        state = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (SafetensorError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"{path}: not a readable weights file ({(str(error).splitlines() or [type(error).__name__])[0]})"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"{path}: holds no state dict")
    return state


def _torchvision_state() -> dict[str, Tensor]:
    import_torchvision()
    from torchvision.models import VGG19_Weights

    weights = VGG19_Weights.IMAGENET1K_V1
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=True, check_hash=True)
    except (URLError, OSError, TimeoutError) as error:
        cache = Path(torch.hub.get_dir()) / "checkpoints"
        raise FileNotFoundError(
            f"torchvision's VGG-19 weights are not in {cache} and cannot be downloaded ({error}): fetch {weights.url} on"
            " another machine and pass it with --vgg-weights FILE, or use the bundled --backbone vgg19-slim"
        ) from error
    return state
