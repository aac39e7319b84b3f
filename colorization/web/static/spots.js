// Colors at places: suggestions for the place under the cross, and points that are put and taken away.

import { find, make, tell } from "./page.js";

const NEAR = 0.02; // of a side: the cross is on a point

export class Spots {
  constructor(editor) {
    this.editor = editor;
    find("#spot-color").oninput = () => (this.hasOwnColor = true);
    find("#put-color").onclick = () => this.put([this.place], find("#spot-color").value);
    find("#remove-point").onclick = () => {
      this.editor.photo.change({ do: "remove point", place: this.near() });
      this.editor.stage.element.focus();
    };
  }

  clear() {
    this.place = null;
    find("#swatches").replaceChildren();
    find("#spot-more").hidden = true;
  }

  /** Ask for likely colors of a place; one that was clicked later wins. */
  async suggest(x, y) {
    const { photo } = this.editor;
    const place = (this.place = [x, y]);
    this.hasOwnColor = false;
    this.refresh();
    find("#spot-more").hidden = false;
    try {
      const found = await photo.ask("suggestions", { x, y });
      if (this.place !== place || photo !== this.editor.photo) return;
      find("#swatches").replaceChildren(...found.map((one) => this.swatch(one)));
      find("#swatches").firstElementChild.scrollIntoView({ block: "nearest" }); // on a phone they lie below the bar
      if (!this.hasOwnColor) find("#spot-color").value = found[0].color;
    } catch (error) {
      if (photo === this.editor.photo) tell([error.message]);
    }
  }

  swatch({ color, name, share }) {
    const patch = make("i");
    patch.style.background = color;
    const words = make("span", { text: `${name}, ${Math.round(100 * share)}%` });
    const put = () => {
      find("#brush-color").value = color;
      this.put([this.place], color);
    };
    return make("button", { onclick: put }, patch, words);
  }

  put(places, color) {
    this.editor.photo?.change({ do: "put color", places, color });
  }

  /** The point that the cross is on, if any. */
  near() {
    const [x, y] = this.place ?? [-1, -1];
    const far = ([otherX, otherY]) => Math.max(Math.abs(otherX - x), Math.abs(otherY - y));
    const points = [...this.editor.view.points].sort((one, other) => far(one) - far(other));
    return points.length && far(points[0]) < NEAR ? points[0].slice(0, 2) : null;
  }

  refresh() {
    find("#remove-point").hidden = !this.near();
  }
}
