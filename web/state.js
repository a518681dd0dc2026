/* Whether a model is loaded: one pill, fed by /status (which never wakes a model), asked gently and
 * only while the page is visible. */

import { getJson, idPath } from "./api.js";
import { el } from "./dom.js";
import { bytes, remaining } from "./format.js";

const POLL_MS = { busy: 700, loaded: 8000, other: 20000 };

/* A status reply as {kind: "loaded" | "loading" | "idle" | "failed", text}. */
export function describeState(status) {
    const state = status.state.toLowerCase();
    if (state === "loaded") {
        const parts = ["Loaded"];
        if (status.memory_bytes !== undefined) parts.push(bytes(status.memory_bytes));
        if (status.unload_in_s !== undefined && !status.requests_active)
            parts.push("unloads in " + remaining(status.unload_in_s));
        return { kind: "loaded", text: parts.join(" · ") };
    }
    if (state === "loading") return { kind: "loading", text: "Loading…" };
    if (state === "loadable") return { kind: "idle", text: "Not loaded yet" };
    if (state === "toobig") return { kind: "failed", text: "Too big for the memory budget" };
    return { kind: "failed", text: status.error ?? "Failed to load" };
}

export function readStatus(id) {
    return getJson("/status/" + idPath(id));
}

/* Shows the state of a model in a pill and keeps it fresh. setBusy(true) while a request runs: a
 * model that was not loaded is then loading. */
export class StatePill {
    #id;
    #text = el("span", { class: "pill-text" });
    #status = null;
    #readAt = 0;
    #busy = false;
    #timer = 0;

    constructor(id) {
        this.#id = id;
        this.node = el(
            "span",
            { class: "pill", role: "status", "aria-label": "Model state" },
            el("span", { class: "dot", "aria-hidden": "true" }),
            this.#text,
        );
        document.addEventListener("visibilitychange", () => this.#schedule(0));
        setInterval(() => this.#draw(), 1000);
        this.#schedule(0);
    }

    setBusy(busy) {
        this.#busy = busy;
        this.#draw();
        this.#schedule(busy ? POLL_MS.busy : 0);
    }

    #schedule(delay) {
        clearTimeout(this.#timer);
        if (document.visibilityState === "visible")
            this.#timer = setTimeout(() => this.#poll(), delay);
    }

    async #poll() {
        try {
            this.#status = await readStatus(this.#id);
        } catch {
            this.#status = null; // the next request says what is wrong
        }
        this.#readAt = Date.now();
        this.#draw();
        const loaded = this.#status?.state.toLowerCase() === "loaded";
        this.#schedule(this.#busy ? POLL_MS.busy : loaded ? POLL_MS.loaded : POLL_MS.other);
    }

    #draw() {
        if (document.visibilityState !== "visible") return;
        const shown = this.#status
            ? describeState(this.#aged())
            : { kind: "unknown", text: "State unknown" };
        const loading = this.#busy && shown.kind === "idle";
        const text = loading ? "Loading…" : shown.text;
        this.node.dataset.kind = loading ? "loading" : shown.kind;
        if (this.#text.textContent !== text) this.#text.textContent = text;
    }

    /* The last status with its countdown moved to now. */
    #aged() {
        const age = (Date.now() - this.#readAt) / 1000;
        const left = this.#status.unload_in_s;
        return left === undefined
            ? this.#status
            : { ...this.#status, unload_in_s: Math.max(0, left - age) };
    }
}
