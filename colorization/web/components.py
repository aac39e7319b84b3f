"""The parts of the page that change."""

from dataclasses import dataclass, fields
from typing import Any

import gradio as gr


@dataclass(frozen=True)
class Parts:
    """The parts of the page that handlers read or change, from top to bottom."""

    work: gr.State
    spot: gr.State
    photo: gr.File
    status: gr.HTML
    bench: gr.Row
    slider: gr.ImageSlider
    divider: gr.Slider
    overlay: gr.Checkbox
    picture: gr.Image
    left: gr.Number
    top: gr.Number
    suggest: gr.Button
    swatch_style: gr.HTML
    swatches: list[gr.Button]
    color: gr.ColorPicker
    use_color: gr.Button
    show_variants: gr.Button
    variants: gr.Gallery
    variant_works: gr.State
    undo: gr.Button
    redo: gr.Button
    restart: gr.Button
    make: gr.Button
    download: gr.DownloadButton
    gallery: gr.Gallery
    mix: gr.CheckboxGroup
    own: gr.File
    saturation: gr.Slider
    vividness: gr.Slider
    faithfulness: gr.Slider
    palette: gr.File

    def changing(self) -> list[Any]:
        """All parts, in one list."""
        parts = [getattr(self, field.name) for field in fields(self)]
        return [one for part in parts for one in (part if isinstance(part, list) else [part])]
