// One open photo: its changes go to the server one after the other, and the last answer is what is shown.

import { quiet } from "./page.js";
import { ask } from "./requests.js";

export class Photo {
  /**
   * @param name of the photo, as the server gave it.
   * @param shown is called with each view, and whether more changes wait.
   * @param failed is called with what went wrong; changes that waited are dropped.
   * @param step is called with each step's name, and null when nothing is waited for.
   */
  constructor(name, { shown, failed, step }) {
    Object.assign(this, { name, shown, failed, step });
    this.changes = [];
    this.left = new AbortController();
  }

  path(what) {
    return `/api/photos/${this.name}/${what}`;
  }

  /** Send a change of what is wished for; of several moves of one slider that wait, only the last. */
  change(wish) {
    const last = this.changes.at(-1)?.json;
    if (wish.do === "set" && last?.do === "set" && last.name === wish.name) this.changes.pop();
    this.send({ path: "edits", json: wish });
  }

  /** Send anything that the server answers with a view. */
  send(request) {
    quiet();
    this.changes.push(request);
    this.work();
  }

  async work() {
    if (this.working) return;
    this.working = true;
    while (this.changes.length) {
      const { path, ...sent } = this.changes.shift();
      this.tell("step", sent.form ? "sending" : "coloring");
      try {
        const url = `${path ? this.path(path) : `/api/photos/${this.name}`}?doubt=${this.doubt ?? false}`;
        const view = await ask(url, { ...sent, step: (name) => this.tell("step", name) });
        this.tell("shown", view, this.changes.length > 0);
      } catch (error) {
        this.changes = [];
        this.tell("failed", error);
      }
    }
    this.working = false;
    this.tell("step", null);
  }

  tell(what, ...how) {
    if (!this.left.signal.aborted) this[what](...how);
  }

  /** Ask for something that is no change. */
  async ask(path, json) {
    return ask(this.path(path), { json, signal: this.left.signal });
  }

  /** Wait until all changes are answered. */
  async settled() {
    while (this.working) await new Promise((done) => setTimeout(done, 20));
  }

  /** Go away from this photo. What it was asked to change is still done, but its answers concern nobody any more. */
  leave() {
    this.left.abort();
  }
}
