// Asking the server. What takes a while is answered in lines of JSON, see turns.py: steps, signs of life, the end.

const FIRST_ANSWER = 120_000; // milliseconds, once an upload is there
const SLOWEST = 30; // bytes a millisecond of an upload: 100 MB may take an hour
const SILENCE = 15_000; // signs of life come every two seconds
const LOST =
  "Rechroma does not answer. Is it still running, and is the connection there? " +
  "While it runs, your work is kept: try again. If it was ended, it has forgotten all photos: choose them anew.";

/** A refusal in words for a person. `lost` says that the server could not be reached, `status` what HTTP calls it. */
export class Refused extends Error {
  constructor(line, { lost = false, status = 0 } = {}) {
    super(line);
    Object.assign(this, { lost, status });
  }
}

/** A file as the field of a form, with more fields beside it. */
export function form(field, files, more = {}) {
  const data = new FormData();
  for (const file of files) data.append(field, file, file.name);
  for (const [name, value] of Object.entries(more)) data.append(name, value);
  return data;
}

/**
 * Ask, and wait for the end.
 *
 * @param path where.
 * @param sent `json` or `form` for a POST, else it is a GET; `step` is told each step's name; `signal` ends it.
 * @returns the value of JSON that the answer holds.
 */
export async function ask(path, { json, form, step = () => {}, signal } = {}) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), FIRST_ANSWER + (form ? size(form) / SLOWEST : 0));
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE);
  };
  const body = form ?? (json && JSON.stringify(json));
  const signals = AbortSignal.any([silence.signal, ...(signal ? [signal] : [])]);
  try {
    const answer = await fetch(path, { method: body ? "POST" : "GET", body, signal: signals });
    heard();
    if (!answer.ok) throw new Refused(await answer.text(), answer);
    if (!answer.headers.get("content-type").includes("ndjson")) return await answer.json();
    return await lastLine(answer, step, heard);
  } catch (error) {
    if (error instanceof Refused || signal?.aborted) throw error;
    throw new Refused(LOST, { lost: true });
  } finally {
    clearTimeout(timer);
  }
}

function size(form) {
  return [...form.values()].reduce((sum, value) => sum + (value.size ?? 0), 0);
}

async function lastLine(answer, step, heard) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the answer ended early");
    heard();
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines.map((text) => JSON.parse(text))) {
      if (line.step) step(line.step);
      if (line.error) throw new Refused(line.error);
      if ("done" in line) return line.done;
    }
  }
}

/** Fetch a file whole before the browser saves it, so that one that breaks off is told and not kept. */
export async function download(url, name) {
  let blob;
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new Refused(await answer.text());
    blob = await answer.blob();
  } catch (error) {
    throw error instanceof Refused ? error : new Refused(LOST, { lost: true });
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
