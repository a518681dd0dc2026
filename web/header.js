/* The header of every page: memory in use, and the token's dialog. */

import { getJson, setToken, token } from "./api.js";
import { el } from "./dom.js";
import { tokenForm } from "./errors.js";
import { bytes } from "./format.js";

const MEMORY_REFRESH_MS = 15000;

function tokenDialog() {
    const forget = el(
        "button",
        { type: "button", class: "button", on: { click: () => done("") } },
        "Forget token",
    );
    const dialog = el(
        "dialog",
        { class: "dialog small-dialog", "aria-labelledby": "token-title" },
        el(
            "div",
            { class: "dialog-head" },
            el("h2", { id: "token-title" }, "Access token"),
            el("form", { method: "dialog" }, el("button", { class: "button quiet" }, "Close")),
        ),
        tokenForm(() => location.reload()),
        token() ? forget : null,
    );
    function done(value) {
        setToken(value);
        location.reload();
    }
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
}

function showMemory({ used, budget }) {
    const meter = document.getElementById("memory-meter");
    const text = document.getElementById("memory-text");
    meter.max = budget || 1;
    meter.value = used;
    text.textContent = bytes(used) + " of " + bytes(budget);
    document.getElementById("memory").hidden = false;
}

/* What /api/server says, or null when it does not answer (the page's own error says more). */
async function readServer() {
    try {
        const server = await getJson("/api/server");
        showMemory(server.memory);
        return server;
    } catch {
        return null;
    }
}

/* Fills the header and keeps it fresh while the page is visible. Resolves to the answer of
 * /api/server, or null. */
export async function startHeader() {
    const server = await readServer();
    const button = document.getElementById("token-button");
    button.hidden = !(token() || !server || server.auth_required);
    button.addEventListener("click", tokenDialog);
    setInterval(() => document.visibilityState === "visible" && readServer(), MEMORY_REFRESH_MS);
    return server;
}
