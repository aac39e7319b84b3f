// The photo: compared by a divider, zoomed, moved, clicked and brushed, with mouse, fingers and keys.

import { find, make } from "./page.js";

const MAX_ZOOM = 12;
const ZOOM_STEP = 1.5;
const HANDLE = 24; // pixels around the divider that take hold of it
const CLICK = 5; // pixels that a click may move
const BRUSH_STEP = 0.03; // of the longer side, between points of a stroke
const MAX_STROKE = 40; // the server takes no more
const KEY_STEP = 0.01; // of a side; ten times with Shift
const STEPS = ["sending", "reading", "describing", "matching", "coloring", "writing"];

export const limit = (value, low, high) => Math.min(high, Math.max(low, value));

export class Stage {
  /** @param heard `place(x, y)` for a click, `stroke(places)` for the brush, `divide(share)` for the divider, `moved()` for the cross. */
  constructor(heard) {
    this.heard = heard;
    this.element = find("#stage");
    this.mode = "compare";
    this.size = [1, 1];
    this.points = [];
    this.pointers = new Map();
    this.share = 0.5;
    this.cross = [0.5, 0.5];
    this.fit();
    for (const kind of ["down", "move", "up", "cancel"]) {
      this.element.addEventListener(`pointer${kind}`, (event) => this[kind](event));
    }
    this.element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.element.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
    find("#zoom-in").onclick = () => this.zoomBy(ZOOM_STEP);
    find("#zoom-out").onclick = () => this.zoomBy(1 / ZOOM_STEP);
    find("#zoom-fit").onclick = () => this.fit();
  }

  /** Show a photo; pictures that are the same are not loaded again. */
  show({ before, after, width, height, points }) {
    this.size = [width, height];
    this.points = points;
    for (const [id, url] of [["#before", before], ["#after", after]]) {
      if (find(id).getAttribute("src") !== url) find(id).src = url;
    }
    this.draw();
  }

  /** Show a file of this machine while the server works on it. */
  preview(file) {
    const picture = find("#after");
    picture.onload = () => {
      this.size = [picture.naturalWidth, picture.naturalHeight];
      this.draw();
      picture.onload = null;
      URL.revokeObjectURL(picture.src);
    };
    picture.onerror = () => picture.removeAttribute("src"); // browsers show no TIFF
    for (const one of [picture, find("#before")]) one.removeAttribute("src");
    if (file) picture.src = URL.createObjectURL(file);
    this.points = [];
    this.fit();
  }

  /** Say what is waited for; null when nothing is. */
  wait(step) {
    clearTimeout(this.waiting);
    find("#wait").hidden = step === null;
    this.element.setAttribute("aria-busy", String(step !== null));
    const words = step === "waiting" ? "Others are before you" : step;
    find("#wait-step").textContent = step ? `${words[0].toUpperCase()}${words.slice(1)} …` : "";
    find("#wait-progress").value = Math.max(0, STEPS.indexOf(step));
  }

  /** The same, unless it is over so soon that nobody needs to be told. */
  waitSoon(step) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.wait(step), 300);
  }

  use(mode) {
    this.mode = mode;
    this.draw();
  }

  divide(share) {
    this.share = limit(share, 0, 1);
    this.draw();
  }

  fit() {
    [this.zoom, this.center] = [1, [0.5, 0.5]];
    this.draw();
  }

  /** Zoom so that what is at a place of the stage, in pixels, stays there. */
  zoomBy(factor, at = [this.element.clientWidth / 2, this.element.clientHeight / 2]) {
    const held = this.place(at);
    this.zoom = limit(this.zoom * factor, 1, MAX_ZOOM);
    const box = this.box();
    const stage = [this.element.clientWidth, this.element.clientHeight];
    this.center = [0, 1].map((i) => held[i] + (stage[i] / 2 - at[i]) / box.size[i]);
    this.draw();
  }

  pan(dx, dy) {
    const { size } = this.box();
    this.center = [this.center[0] - dx / size[0], this.center[1] - dy / size[1]];
    this.draw();
  }

  /** Where the photo lies on the stage, in pixels. */
  box() {
    const stage = [this.element.clientWidth, this.element.clientHeight];
    const scale = Math.min(stage[0] / this.size[0], stage[1] / this.size[1]) * this.zoom;
    const size = this.size.map((side) => side * scale);
    const corner = [0, 1].map((i) =>
      size[i] <= stage[i]
        ? (stage[i] - size[i]) / 2
        : limit(stage[i] / 2 - this.center[i] * size[i], stage[i] - size[i], 0),
    );
    this.center = [0, 1].map((i) => (stage[i] / 2 - corner[i]) / size[i]);
    return { size, corner, stage };
  }

  /** The place of the photo, 0..1, at a place of the stage in pixels. */
  place([x, y]) {
    const { size, corner } = this.box();
    return [(x - corner[0]) / size[0], (y - corner[1]) / size[1]];
  }

  /** Where the divider is, in pixels from the left of the stage. */
  dividerAt() {
    const { size, corner, stage } = this.box();
    const [low, high] = [Math.max(0, corner[0]), Math.min(stage[0], corner[0] + size[0])];
    return { at: low + this.share * (high - low), low, high };
  }

  draw() {
    const { size, corner } = this.box();
    const sheet = find("#sheet").style;
    [sheet.width, sheet.height] = size.map((side) => `${side}px`);
    [sheet.left, sheet.top] = corner.map((side) => `${side}px`);
    const { at } = this.dividerAt();
    find("#divider").style.left = `${at}px`;
    find("#before").style.clipPath = `inset(0 ${100 - (100 * (at - corner[0])) / size[0]}% 0 0)`;
    this.element.dataset.mode = this.mode;
    this.element.classList.toggle("zoomed", this.zoom > 1);
    find("#zoom-level").textContent = `${Math.round(100 * this.zoom)}%`;
    this.mark(this.stroke ?? []);
  }

  mark(stroke) {
    const marks = [...this.points, ...stroke].map((place) => [place, "mark"]);
    marks.push([this.cross, "mark cross"]);
    find("#marks").replaceChildren(
      ...marks.map(([[x, y], className]) => {
        const one = make("div", { className });
        [one.style.left, one.style.top] = [`${100 * x}%`, `${100 * y}%`];
        return one;
      }),
    );
  }

  at(event) {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  down(event) {
    if (event.button !== 0) return;
    this.element.setPointerCapture(event.pointerId);
    const at = this.at(event);
    this.pointers.set(event.pointerId, at);
    this.began = at;
    this.moved = this.pointers.size > 1;
    if (this.pointers.size > 1) this.doing = "pinch";
    else if (this.mode === "brush") this.doing = "brush";
    else if (this.mode === "compare" && (this.zoom === 1 || Math.abs(at[0] - this.dividerAt().at) < HANDLE)) this.doing = "divide";
    else this.doing = "pan";
    this.stroke = this.doing === "brush" && this.inside(at) ? [this.place(at)] : null;
    if (this.stroke) this.mark(this.stroke);
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const at = this.at(event);
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    this.pointers.set(event.pointerId, at);
    if (Math.hypot(at[0] - this.began[0], at[1] - this.began[1]) > CLICK) this.moved = true;
    if (this.doing === "pinch" && others.length) {
      const other = others[0][1];
      const far = (one) => Math.max(1, Math.hypot(one[0] - other[0], one[1] - other[1]));
      this.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
      this.zoomBy(far(at) / far(before), [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2]);
    } else if (this.doing === "divide" && this.moved) {
      const { low, high } = this.dividerAt();
      this.divide((at[0] - low) / (high - low));
      this.heard.divide(this.share);
    } else if (this.doing === "pan" && this.moved) this.pan(at[0] - before[0], at[1] - before[1]);
    else if (this.stroke && this.inside(at)) this.brush(this.place(at));
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    const at = this.at(event);
    if (this.stroke && this.doing === "brush") this.heard.stroke(thinned(this.stroke));
    else if (!this.moved && this.mode === "spot" && this.inside(at)) this.choose(this.place(at));
    if (!this.pointers.size) this.doing = this.stroke = null;
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
    this.doing = this.stroke = null;
    this.draw();
  }

  inside(at) {
    return this.place(at).every((share) => share >= 0 && share <= 1);
  }

  choose(place) {
    this.cross = place;
    this.draw();
    this.heard.place(...place);
  }

  brush([x, y]) {
    const longer = Math.max(...this.size);
    const [lastX, lastY] = this.stroke.at(-1);
    const far = Math.hypot((x - lastX) * this.size[0], (y - lastY) * this.size[1]) / longer;
    if (far < BRUSH_STEP) return;
    this.stroke.push([x, y]);
    this.mark(this.stroke);
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // else the page could not be scrolled past the photo
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY / 200), this.at(event));
  }

  key(event) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") this.zoomBy(ZOOM_STEP);
    else if (event.key === "-") this.zoomBy(1 / ZOOM_STEP);
    else if (event.key === "0") this.fit();
    else if (event.key in arrows) this.step(arrows[event.key], event.shiftKey);
    else if (event.key === "Enter" && this.mode === "spot") this.choose(this.cross);
    else if (event.key === "Enter" && this.mode === "brush") this.heard.stroke([this.cross]);
    else return;
    event.preventDefault();
  }

  step([x, y], far) {
    if (this.mode === "compare") {
      if (this.zoom > 1) return this.pan(-40 * x, -40 * y);
      this.divide(this.share + x * (far ? 0.1 : 0.02));
      return this.heard.divide(this.share);
    }
    const by = far ? 10 * KEY_STEP : KEY_STEP;
    this.cross = [limit(this.cross[0] + x * by, 0, 1), limit(this.cross[1] + y * by, 0, 1)];
    this.draw();
    this.heard.moved();
  }
}

/** At most as many places as the server takes, evenly spaced. */
function thinned(stroke) {
  if (stroke.length <= MAX_STROKE) return stroke;
  return Array.from({ length: MAX_STROKE }, (_, i) => stroke[Math.floor((i * stroke.length) / MAX_STROKE)]);
}
