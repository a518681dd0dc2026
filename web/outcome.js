/* What came of a request: the result, its JSON, what it cost; or the error. */

import { copyButton, el, icon } from "./dom.js";
import { plural, took } from "./format.js";
import { highlight } from "./highlight.js";
import { resultView } from "./results.js";
import { tabs } from "./tabs.js";

const MOST_HIGHLIGHTED = 60000; // characters; longer JSON is shown plain

const number = (headers, name) => (headers.has(name) ? Number(headers.get(name)) : null);

/* The counters a reply carries in its headers; null where it does not say. */
export function readCosts(headers, roundTripMs) {
    const seconds = number(headers, "x-compute-time");
    return {
        roundTripMs,
        computeMs: seconds === null ? null : seconds * 1000,
        tokens: number(headers, "x-compute-tokens"),
        inputTokens: number(headers, "x-input-tokens"),
        truncated: number(headers, "x-truncated-inputs") ?? 0,
        warning: headers.get("x-hf-warning")?.replace(/^[^;]*; /, "") ?? null,
    };
}

function costLine(costs) {
    const parts = [];
    if (costs.computeMs !== null) parts.push(took(costs.computeMs) + " compute");
    parts.push(took(costs.roundTripMs) + " total");
    if (costs.tokens !== null) parts.push(plural(costs.tokens, "token"));
    return el("p", { class: "costs" }, parts.join(" · "));
}

function serverWarning({ warning }) {
    if (!warning) return null;
    const text = warning[0].toUpperCase() + warning.slice(1) + ".";
    return el("p", { class: "warning-box", role: "status" }, icon("warning"), text);
}

function truncationWarning({ truncated, tokens, inputTokens }) {
    if (!truncated) return null;
    const used =
        inputTokens === null || tokens === null
            ? ""
            : " " + tokens + " of " + inputTokens + " tokens were used.";
    return el(
        "p",
        { class: "warning-box", role: "status" },
        icon("warning"),
        plural(truncated, "input") +
            (truncated === 1 ? " is" : " are") +
            " longer than the model reads, so the rest was cut off." +
            used,
    );
}

function jsonView(output) {
    const text = JSON.stringify(output, null, 2);
    const shown = text.length > MOST_HIGHLIGHTED ? text : highlight(text, "json");
    return el(
        "div",
        { class: "code-block" },
        el(
            "div",
            { class: "code-tools" },
            copyButton("Copy JSON", () => text),
        ),
        el("pre", { tabindex: 0, "aria-label": "JSON of the reply" }, el("code", {}, shown)),
    );
}

function panel(id, tab, content) {
    return el("div", { role: "tabpanel", id, "aria-labelledby": tab, tabindex: -1 }, content);
}

/* Puts a reply into `root`. The view people chose last (result or JSON) stays chosen. */
export function showReply(root, { model, task, output, inputs, costs }) {
    const view = resultView(task, output, inputs, model);
    const wanted = view === null ? "json" : (root.dataset.view ?? "result");
    const tab = (name, label) =>
        el(
            "button",
            {
                type: "button",
                role: "tab",
                id: "tab-" + name,
                "aria-controls": "view-" + name,
                hidden: name === "result" && !view,
            },
            label,
        );
    const list = el(
        "div",
        { role: "tablist", class: "tablist", "aria-label": "Views of the reply" },
        tab("result", "Result"),
        tab("json", "JSON"),
    );
    root.replaceChildren(
        truncationWarning(costs) ?? "",
        serverWarning(costs) ?? "",
        el("div", { class: "outcome-head" }, list, costLine(costs)),
        panel("view-result", "tab-result", view ?? ""),
        panel("view-json", "tab-json", jsonView(output)),
    );
    const select = tabs(list, (chosen) => {
        root.dataset.view = chosen.id.slice(4);
    });
    select(document.getElementById("tab-" + wanted));
    root.scrollIntoView({ block: "nearest" });
}
