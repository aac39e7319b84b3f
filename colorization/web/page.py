"""The page's layout and which event does what. Handlers are in ``desk``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from colorization.options import ColorizeOptions
from colorization.web.components import Parts
from colorization.web.edit_history import Sent
from colorization.web.handlers import LEFT, NUM_SWATCHES, TOP, Desk
from colorization.web.http_api import add_api
from colorization.web.photo_editor import Studio
from retrieval.photos.formats import SUFFIXES

STYLE_PATH, DROP_PATH, ALT_PATH = (
    Path(__file__).with_name(name) for name in ("style.css", "drop.js", "alt.js")
)
SYSTEM_FONTS = ["ui-sans-serif", "system-ui", "Segoe UI", "Roboto", "sans-serif"]
THEME = gr.themes.Soft(
    primary_hue="orange", neutral_hue="stone", font=SYSTEM_FONTS, font_mono=["ui-monospace", "monospace"]
).set(  # darker than by default, for whoever sees contrasts less well
    button_primary_background_fill="*primary_700", button_primary_background_fill_hover="*primary_800",
    block_label_text_color="*primary_800", block_title_text_color="*primary_800", body_text_color_subdued="*neutral_500",
    checkbox_label_background_fill_selected="*primary_700",
)  # fmt: skip
FILE_TYPES = sorted(SUFFIXES)
QUEUE = "studio"  # one queue for all that computes
SAVE = "() => setTimeout(() => document.querySelector('#download')?.click(), 200)"


def build_page(studio: Studio) -> gr.Blocks:
    """Lay the page out and connect it."""
    page: gr.Blocks
    with gr.Blocks(title="Rechroma", analytics_enabled=False) as page:
        gr.HTML(
            "<h1>Rechroma</h1><p>Drop a gray photo, choose references, put colors right, save.</p>",
            elem_id="title",
        )
        parts = _layout(studio.options, has_index=studio.pipeline.index is not None)
        _connect(parts, Desk(studio, parts))
        add_api(studio)
        for script_path in (DROP_PATH, ALT_PATH):
            page.load(None, js=script_path.read_text())
    page.queue(
        max_size=studio.limits.waiting,
        default_concurrency_limit=studio.limits.at_once,
        api_open=False,
    )
    return page


def _layout(options: ColorizeOptions, has_index: bool) -> Parts:
    work, spot = gr.State(None), gr.State(None)
    photo = gr.File(label="Gray photo", file_types=FILE_TYPES, height=160, elem_id="photo")
    status = gr.HTML("", elem_id="status")
    with gr.Row(visible=False, elem_id="bench") as bench:
        with gr.Column(scale=3, min_width=320), gr.Tabs():
            with gr.Tab("Compare"):
                slider = gr.ImageSlider(
                    label="Gray | color",
                    type="filepath",
                    interactive=False,
                    max_height=640,
                    buttons=["fullscreen"],
                    elem_id="slider",
                )
                divider = gr.Slider(
                    0, 100, 50, step=5, label="Divider, by keyboard", buttons=[], elem_id="divider"
                )
                overlay = gr.Checkbox(
                    False, label="Show in orange where references say little", elem_id="overlay"
                )
            with gr.Tab("Put colors"):
                picture = gr.Image(
                    label="Click a place",
                    type="filepath",
                    interactive=False,
                    buttons=["fullscreen"],
                    elem_id="picture",
                )
                with gr.Row(elem_id="place"):
                    left = gr.Number(50, label=LEFT, min_width=80, elem_id="left")
                    top = gr.Number(50, label=TOP, min_width=80, elem_id="top")
                    suggest = gr.Button("Suggest colors here", elem_id="suggest", min_width=120)
                swatch_style = gr.HTML("", elem_id="swatch-style")
                with gr.Row(elem_id="swatches"):
                    swatches = [
                        gr.Button(
                            "",
                            visible=False,
                            size="md",
                            min_width=52,
                            elem_id=f"swatch-{i}",
                            elem_classes="swatch",
                        )
                        for i in range(NUM_SWATCHES)
                    ]
                with gr.Row(elem_id="any-color"):
                    color = gr.ColorPicker("#a0522d", label="Any color", elem_id="color")
                    use_color = gr.Button("Put this color here", elem_id="use-color", min_width=120)
            with gr.Tab("Variants"):
                show_variants = gr.Button("Show variants", elem_id="show-variants")
                variants = gr.Gallery(
                    label="Click one to go on with it",
                    columns=3,
                    height="auto",
                    object_fit="contain",
                    allow_preview=False,
                    interactive=False,
                    buttons=[],
                    elem_id="variants",
                )
                variant_works = gr.State([])
        with gr.Column(scale=2, min_width=300):
            with gr.Row(elem_id="steps"):
                undo = gr.Button("Undo", elem_id="undo", size="md", min_width=70, interactive=False)
                redo = gr.Button("Redo", elem_id="redo", size="md", min_width=70, interactive=False)
                restart = gr.Button("Start over", elem_id="restart", size="md", min_width=96)
                make = gr.Button(
                    "Make the file", variant="primary", elem_id="make", size="md", min_width=240
                )
            download = gr.DownloadButton(
                "Save", visible=False, variant="primary", elem_id="download"
            )
            gallery = gr.Gallery(
                label="Recommended references" if has_index else "References", columns=3, height="auto", allow_preview=False,
                interactive=False, buttons=[], elem_id="references", visible=has_index,
            )  # fmt: skip
            mix = gr.CheckboxGroup([], label="References in use", elem_id="mix", visible=has_index)
            own = gr.File(
                label="References of your own",
                file_types=FILE_TYPES,
                file_count="multiple",
                height=160,
                elem_id="own",
            )
            # no buttons: that for the default tells nobody that it was clicked
            saturation = gr.Slider(
                0,
                2,
                options.saturation,
                step=0.05,
                label="Saturation",
                buttons=[],
                elem_id="saturation",
            )
            vividness = gr.Slider(
                0, 1, options.vividness, step=0.05, label="Vividness", info="0 careful, 1 like a new photo", buttons=[],
                elem_id="vividness",
            )  # fmt: skip
            faithfulness = gr.Slider(
                0,
                1,
                1,
                step=0.05,
                label="Faithfulness",
                info="how far references are followed",
                buttons=[],
                elem_id="faithfulness",
            )
            palette = gr.File(
                label="Palette picture", file_types=FILE_TYPES, height=160, elem_id="palette"
            )
    for dial in (divider, saturation, vividness, faithfulness):
        _let_pass(dial)
    return Parts(
        work, spot, photo, status, bench, slider, divider, overlay, picture, left, top, suggest, swatch_style, swatches, color,
        use_color, show_variants, variants, variant_works, undo, redo, restart, make, download, gallery, mix, own, saturation,
        vividness, faithfulness, palette,
    )  # fmt: skip


def _connect(parts: Parts, desk: Desk) -> None:
    """Each event, what it reads and what it may change. Those that come while others are worked on wait; sliders only the last.

    Gradio shows progress and errors on every part that may change; the status is enough.
    """
    p = parts

    def on(
        event: Any, handler: Callable[..., Any], *inputs: Any, latest_only: bool = False
    ) -> None:
        event(
            handler, list(inputs), parts.changing(), concurrency_id=QUEUE, show_progress="minimal", show_progress_on=p.status,
            api_visibility="private", trigger_mode="always_last" if latest_only else "multiple",
        )  # fmt: skip

    on(p.photo.upload, desk.open, p.photo, p.overlay)
    on(p.photo.clear, desk.close)
    on(p.gallery.select, desk.toggle, p.work, p.overlay)
    on(p.mix.input, desk.pick, p.work, p.mix, p.overlay, latest_only=True)
    on(p.own.upload, desk.bring, p.work, p.own, p.overlay)
    on(p.own.delete, desk.take_back, p.work, p.own, p.overlay)
    on(p.own.clear, desk.take_back, p.work, p.own, p.overlay)
    on(p.palette.upload, desk.palette, p.work, p.palette, p.overlay)
    on(p.palette.clear, desk.no_palette, p.work, p.overlay)
    for slider, handler in (
        (p.saturation, desk.saturate),
        (p.vividness, desk.vivify),
        (p.faithfulness, desk.follow),
    ):
        on(slider.input, handler, p.work, slider, p.overlay, latest_only=True)
    on(p.overlay.input, desk.show, p.work, p.overlay, latest_only=True)
    on(p.divider.input, desk.divide, p.divider, latest_only=True)
    on(p.picture.select, desk.click, p.work)
    on(p.suggest.click, desk.suggest, p.work, p.left, p.top)
    for i, swatch in enumerate(p.swatches):
        on(swatch.click, desk.put_swatch(i), p.work, p.spot, p.overlay)
    on(p.use_color.click, desk.put, p.work, p.left, p.top, p.color, p.overlay)
    on(p.show_variants.click, desk.show_variants, p.work)
    on(p.variants.select, desk.take_variant, p.work, p.variant_works, p.overlay)
    on(p.undo.click, desk.undo, p.work, p.overlay)
    on(p.redo.click, desk.redo, p.work, p.overlay)
    on(p.restart.click, desk.restart, p.work, p.overlay)
    p.make.click(
        desk.make, p.work, p.download, concurrency_id=QUEUE, show_progress="minimal", show_progress_on=p.status,
        api_visibility="private",
    ).success(None, js=SAVE)  # the button stays, for another try # fmt: skip


def _let_pass(dial: gr.Slider) -> None:
    """Take what was typed as far as the dial goes; Gradio refuses it, and an empty field, with a traceback."""

    def typed(value: Sent) -> Sent:
        return None if value is None else min(dial.maximum, max(dial.minimum, value))

    dial.preprocess = typed  # type: ignore[assignment, method-assign]
